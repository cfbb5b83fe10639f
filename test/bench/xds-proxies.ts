// Simulated proxies in a process of their own: each has its connection over mutual TLS, Envoy's
// stream (listeners, inbound clusters, the destinations it uses and their endpoints) and its
// agent's. The parent commands by messages; see `ProxiesCommand`.
import type { GrpcClientCall } from '#grpc/call.ts';
import { connectGrpc } from '#grpc/client.ts';
import type { GrpcChannel } from '#grpc/client.ts';
import { DELTA_ADS_PATH } from '#xds/server.ts';
import { CLUSTER_TYPE, ENDPOINTS_TYPE, LISTENER_TYPE } from '#xds/type-urls.ts';
import { monotonicMs } from './process.ts';
import { decodeResponse, encodeRequest, endpointsNameOf } from './xds-wire.ts';
import type { Response } from './xds-wire.ts';

export type ProxySpec = {
  readonly cert: string;
  /** Clusters that its application has used. */
  readonly destinations: readonly string[];
};

export type ProxiesCommand =
  | {
      readonly kind: 'connect';
      readonly host: string;
      readonly port: number;
      readonly ca: string;
      readonly serverName: string;
      /** One key serves them all: making a thousand is no part of the measurement. */
      readonly key: string;
      readonly proxies: readonly ProxySpec[];
    }
  /** Tells when the next version of these endpoints has reached everybody that holds them. */
  | { readonly kind: 'await-endpoints'; readonly name: string }
  | { readonly kind: 'count' }
  | { readonly kind: 'disconnect' };

export type ProxiesReport =
  | { readonly kind: 'connected'; readonly payloadBytes: number }
  | { readonly kind: 'awaiting'; readonly holders: number }
  /** When it arrived at each, on the monotonic clock that all processes share. */
  | { readonly kind: 'arrived'; readonly atMs: readonly number[]; readonly payloadBytes: number }
  | { readonly kind: 'counted'; readonly payloadBytes: number }
  | { readonly kind: 'disconnected' };

const MESH_ADDRESSES_TYPE = 'type.googleapis.com/isthmus.v1.MeshAddresses';

class SimulatedProxy {
  readonly #channel: GrpcChannel;
  readonly #destinations: readonly string[];
  readonly #onEndpoints: (name: string) => void;
  /** What it asked for and has not got yet: `<type> <name>`. */
  readonly #missing = new Set<string>();
  readonly #endpoints = new Set<string>();
  readonly #complete = Promise.withResolvers<void>();
  payloadBytes = 0;

  constructor(
    channel: GrpcChannel,
    options: {
      readonly destinations: readonly string[];
      readonly onEndpoints: (name: string) => void;
    },
  ) {
    this.#channel = channel;
    this.#destinations = options.destinations;
    this.#onEndpoints = options.onEndpoints;
  }

  holds(endpoints: string): boolean {
    return this.#endpoints.has(endpoints);
  }

  /** Resolves when everything asked for is there. */
  connect(): Promise<void> {
    const envoy = this.#open();
    const agent = this.#open();
    const wildcard = [`${CLUSTER_TYPE} *`, `${LISTENER_TYPE} *`];
    for (const thing of wildcard) this.#missing.add(thing);
    this.#ask(envoy, CLUSTER_TYPE, this.#destinations, ['*']);
    envoy.send(encodeRequest({ typeUrl: LISTENER_TYPE }));
    this.#ask(agent, MESH_ADDRESSES_TYPE, ['mesh']);
    return this.#complete.promise;
  }

  async disconnect(): Promise<void> {
    await this.#channel.close();
  }

  #open(): GrpcClientCall {
    const call = this.#channel.stream(DELTA_ADS_PATH);
    call.onMessage = (message) => {
      this.payloadBytes += message.length;
      this.#receive(call, decodeResponse(message));
    };
    call.onClose = ({ code, message }) => {
      this.#complete.reject(new Error(`stream ended with ${code}: ${message}`));
    };
    return call;
  }

  #ask(
    call: GrpcClientCall,
    typeUrl: string,
    names: readonly string[],
    extra: readonly string[] = [],
  ): void {
    for (const name of names) this.#missing.add(`${typeUrl} ${name}`);
    call.send(encodeRequest({ typeUrl, subscribe: [...extra, ...names] }));
  }

  #receive(call: GrpcClientCall, { typeUrl, nonce, resources }: Response): void {
    const wanted: string[] = [];
    this.#missing.delete(`${typeUrl} *`);
    for (const { name, value } of resources) {
      this.#missing.delete(`${typeUrl} ${name}`);
      if (typeUrl === ENDPOINTS_TYPE) this.#onEndpoints(name);
      if (typeUrl !== CLUSTER_TYPE) continue;
      const endpoints = endpointsNameOf(value);
      if (endpoints === undefined || this.#endpoints.has(endpoints)) continue;
      this.#endpoints.add(endpoints);
      wanted.push(endpoints);
    }
    if (wanted.length > 0) this.#ask(call, ENDPOINTS_TYPE, wanted);
    call.send(encodeRequest({ typeUrl, nonce }));
    if (this.#missing.size === 0) this.#complete.resolve();
  }
}

class Proxies {
  #proxies: SimulatedProxy[] = [];
  #awaited = '';
  #arrivals: number[] = [];
  #holders = 0;

  async run(command: ProxiesCommand): Promise<void> {
    switch (command.kind) {
      case 'connect':
        await this.#connect(command);
        return report({ kind: 'connected', payloadBytes: this.#payloadBytes() });
      case 'await-endpoints':
        this.#awaited = command.name;
        this.#arrivals = [];
        this.#holders = this.#proxies.filter((proxy) => proxy.holds(command.name)).length;
        return report({ kind: 'awaiting', holders: this.#holders });
      case 'count':
        return report({ kind: 'counted', payloadBytes: this.#payloadBytes() });
      case 'disconnect':
        await Promise.all(this.#proxies.map((proxy) => proxy.disconnect()));
        this.#proxies = [];
        return report({ kind: 'disconnected' });
    }
  }

  async #connect(command: Extract<ProxiesCommand, { kind: 'connect' }>): Promise<void> {
    const { host, port, ca, serverName, key } = command;
    this.#proxies = command.proxies.map(({ cert, destinations }) => {
      const channel = connectGrpc({
        target: { host, port },
        tls: { ca, serverName, cert, key },
        connectTimeoutMs: 120_000,
      });
      return new SimulatedProxy(channel, {
        destinations,
        onEndpoints: (name) => this.#arrive(name),
      });
    });
    await Promise.all(this.#proxies.map((proxy) => proxy.connect()));
  }

  #arrive(name: string): void {
    if (name !== this.#awaited) return;
    this.#arrivals.push(monotonicMs());
    if (this.#arrivals.length < this.#holders) return;
    this.#awaited = '';
    report({ kind: 'arrived', atMs: this.#arrivals, payloadBytes: this.#payloadBytes() });
  }

  #payloadBytes(): number {
    return this.#proxies.reduce((sum, { payloadBytes }) => sum + payloadBytes, 0);
  }
}

function report(message: ProxiesReport): void {
  process.send?.(message);
}

if (process.send) {
  const proxies = new Proxies();
  process.on('message', (command: ProxiesCommand) => {
    void proxies.run(command);
  });
  process.on('disconnect', () => process.exit());
}
