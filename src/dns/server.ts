// The agent's DNS proxy: listens by UDP and TCP on the loopback, where the capture rules send what
// was meant for the machine's resolvers.
import { createSocket, type RemoteInfo, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { randomInt } from 'node:crypto';
import { isIPv6 } from 'node:net';
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { OperatorError } from '#base/operator-error.ts';
import type { NameSource } from './name-table.ts';
import type { Upstream } from './resolv-conf.ts';
import { Resolver, type DnsCounts, type ResolverLimits } from './resolver.ts';
import { TcpListener, type TcpLimits } from './tcp-listener.ts';
import { UPSTREAM_TIMES } from './upstream.ts';
import { OwnEnds, type PortRange } from './upstream-sockets.ts';
import type { ZoneConfig } from './zone.ts';

/** Where the proxy listens, by UDP and TCP alike. */
export type Endpoint = { readonly address: string; readonly port: number };

export type DnsLimits = ResolverLimits & TcpLimits;

export const DNS_LIMITS: DnsLimits = {
  inFlightMax: 1024,
  learnMs: 1000,
  times: UPSTREAM_TIMES,
  connectionsMax: 128,
  pipelinedMax: 16,
  idleMs: 10_000,
};

export type DnsServerOptions = {
  /** Port 0 takes a free one. An IPv6 address is passed over on a machine without IPv6. */
  readonly listen: readonly Endpoint[];
  readonly zone: ZoneConfig;
  /** What is known of names, and how to learn of one that is not. */
  readonly names: NameSource;
  /** The resolvers of before. One of our own endpoints among them is left out. */
  readonly upstreams: readonly Upstream[];
  readonly clock: Clock;
  readonly log: Logger;
  readonly limits?: Partial<DnsLimits>;
  /** Local ports of the queries to the resolvers, for capture rules that must let them pass. */
  readonly sourcePorts?: PortRange;
  /** From 0 (inclusive) to 1 (exclusive), unguessable: message ids depend on it. */
  readonly random?: () => number;
};

/** A free UDP port may be taken for TCP: how often another one is tried. */
const FREE_PORT_ATTEMPTS = 8;
const RANDOM_RANGE = 2 ** 32;

type Bound = { readonly udp: UdpSocket; readonly tcp: TcpListener };

/** @throws OperatorError ADDRESS_IN_USE, CONFIG_INVALID when there is no address to listen on */
export async function startDnsServer(options: DnsServerOptions): Promise<DnsServer> {
  const server = new DnsServer(options);
  try {
    for (const endpoint of options.listen) await server.bind(endpoint);
    server.update(options);
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw error;
  }
  if (server.endpoints.length > 0) return server;
  throw new OperatorError('CONFIG_INVALID', 'the DNS proxy has no address to listen on', {
    remedy: 'name an address that this machine has, such as 127.0.0.1:15053',
  });
}

export class DnsServer implements AsyncDisposable {
  readonly #options: DnsServerOptions;
  readonly #limits: DnsLimits;
  readonly #lifetime = new AbortController();
  readonly #resolver: Resolver;
  readonly #bound: Bound[] = [];
  readonly #running = new Set<Promise<void>>();

  constructor(options: DnsServerOptions) {
    const { sourcePorts, random = () => randomInt(RANDOM_RANGE) / RANDOM_RANGE } = options;
    this.#options = options;
    this.#limits = { ...DNS_LIMITS, ...options.limits };
    this.#resolver = new Resolver({
      ...options,
      limits: this.#limits,
      sockets: { ownEnds: new OwnEnds(), sourcePorts, random },
      signal: this.#lifetime.signal,
    });
  }

  get endpoints(): Endpoint[] {
    return this.#bound.map(({ udp }) => endpointOf(udp));
  }

  get counts(): DnsCounts {
    return this.#resolver.counts;
  }

  /** Queries being worked on. */
  get inFlight(): number {
    return this.#resolver.inFlight;
  }

  /** Takes a changed resolv.conf into account, from the next query on. */
  update(changed: Pick<DnsServerOptions, 'zone' | 'upstreams'>): void {
    const own = new Set(this.endpoints.map(({ address, port }) => `${address}|${port}`));
    const upstreams = changed.upstreams.filter(({ address, port }) => {
      const isOwn = own.has(`${address}|${port}`);
      if (isOwn)
        this.#options.log.warn('left out a resolver that is this proxy', { address, port });
      return !isOwn;
    });
    this.#resolver.update({ zone: changed.zone, upstreams });
  }

  /** Listens on one more endpoint, by UDP and TCP on the same port. */
  async bind(endpoint: Endpoint): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        this.#bound.push(await this.#bindBoth(endpoint));
        return;
      } catch (error) {
        const code = codeOf(error);
        const isLast = endpoint.port !== 0 || attempt === FREE_PORT_ATTEMPTS;
        if (code === 'EADDRINUSE' && !isLast) continue;
        if (isIPv6(endpoint.address) && (code === 'EADDRNOTAVAIL' || code === 'EAFNOSUPPORT')) {
          this.#options.log.info('no IPv6 here, so no DNS on it', { address: endpoint.address });
          return;
        }
        throw bindFailure(endpoint, error);
      }
    }
  }

  async #bindBoth({ address, port }: Endpoint): Promise<Bound> {
    const udp = isIPv6(address)
      ? createSocket({ type: 'udp6', ipv6Only: true })
      : createSocket('udp4');
    const { clock, log } = this.#options;
    const replies = this.#resolver.replies.bind(this.#resolver);
    const tcp = new TcpListener({ limits: this.#limits, clock, log, replies });
    try {
      const isUdpBound = once(udp, 'listening');
      udp.bind({ address, port, exclusive: true });
      await isUdpBound;
      const isTcpBound = once(tcp.server, 'listening');
      tcp.server.listen({ host: address, port: udp.address().port, ipv6Only: true });
      await isTcpBound;
    } catch (error) {
      udp.close();
      await tcp[Symbol.asyncDispose]();
      throw error;
    }
    udp.on('message', (bytes, peer) => this.#track(this.#serveUdp(udp, bytes, peer)));
    udp.on('error', ({ message }) => log.warn('DNS socket failed', { message }));
    return { udp, tcp };
  }

  async #serveUdp(udp: UdpSocket, bytes: Uint8Array, peer: RemoteInfo): Promise<void> {
    for await (const reply of this.#resolver.replies({ bytes, transport: 'udp', from: peer })) {
      if (this.#lifetime.signal.aborted) return;
      udp.send(reply, peer.port, peer.address, () => undefined); // lost: the client asks again
    }
  }

  /** Keeps the work in sight until it ends. A failure here is a bug; names must go on resolving. */
  #track(work: Promise<void>): void {
    const task = work
      .catch((error: unknown) => {
        const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
        this.#options.log.error('answering a DNS query failed', { detail });
      })
      .finally(() => this.#running.delete(task));
    this.#running.add(task);
  }

  /** Stops listening, ends what is being asked, and returns when nothing is left. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#lifetime.abort(new Error('the DNS proxy is stopping'));
    await Promise.all(
      this.#bound.splice(0).map(async ({ udp, tcp }) => {
        udp.close();
        await tcp[Symbol.asyncDispose]();
      }),
    );
    await Promise.all(this.#running);
  }
}

function endpointOf(udp: UdpSocket): Endpoint {
  const { address, port } = udp.address();
  return { address, port };
}

function bindFailure({ address, port }: Endpoint, cause: unknown): unknown {
  const where = `${isIPv6(address) ? `[${address}]` : address}:${port}`;
  const code = codeOf(cause);
  if (code === 'EADDRINUSE') {
    const remedy = `see who has it with: ss -lnptu 'sport = ${port}'; then free it or choose another`;
    return new OperatorError('ADDRESS_IN_USE', `DNS port ${where} is taken`, { remedy, cause });
  }
  if (code === 'EADDRNOTAVAIL' || code === 'EACCES') {
    const remedy = 'listen on an address of this machine; ports below 1024 need root';
    return new OperatorError('CONFIG_INVALID', `cannot listen on ${where}`, { remedy, cause });
  }
  return cause;
}

const codeOf = (error: unknown): unknown =>
  error instanceof Error && 'code' in error ? error.code : undefined;
