// The agent's way to the control plane: one connection over mutual TLS that all streams share. A
// renewed certificate is used for the next connection; streams that are open keep theirs.
import { isIP } from 'node:net';
import { connectGrpc, type GrpcChannel, type GrpcChannelOptions } from '#grpc/client.ts';
import type { ControlPlaneConfig } from './config.ts';
import type { HostPort } from './settings.ts';

/** PEM texts. */
export type Credentials = {
  readonly keyPem: string;
  readonly chainPem: string;
  readonly rootsPem: string;
};

export type Dial = (options: GrpcChannelOptions) => GrpcChannel;

/** A share in a connection; `release` must follow, once. */
export type Lease = { readonly channel: GrpcChannel; release(): void };

/** What istiod's certificate carries wherever it runs. */
const SERVER_NAME = 'istiod.istio-system.svc';

/**
 * The name that the server's certificate must carry: ISTIOD_SAN, else the host dialled. An IP
 * address or a load balancer's name is in no such certificate, so for an address it is istiod's
 * own name.
 */
export function serverNameOf(target: HostPort, config: ControlPlaneConfig): string {
  return config.serverName ?? (isIP(target.host) === 0 ? target.host : SERVER_NAME);
}

type Connection = { readonly channel: GrpcChannel; leases: number };

export class ControlPlane implements AsyncDisposable {
  readonly #config: ControlPlaneConfig;
  readonly #dial: Dial;
  #credentials: Credentials | undefined;
  #current: Connection | undefined;
  readonly #open = new Set<Connection>();
  readonly #closing = new Set<Promise<void>>();

  constructor(config: ControlPlaneConfig, dial: Dial = connectGrpc) {
    this.#config = config;
    this.#dial = dial;
  }

  /** From now on new leases are of a connection with these. */
  setCredentials(credentials: Credentials): void {
    this.#credentials = credentials;
    const former = this.#current;
    this.#current = undefined;
    if (former?.leases === 0) this.#close(former);
  }

  /** @returns undefined while the agent has no certificate */
  lease(): Lease | undefined {
    if (!this.#credentials) return undefined;
    this.#current ??= this.#connect(this.#credentials);
    const connection = this.#current;
    connection.leases += 1;
    return { channel: connection.channel, release: () => this.#release(connection) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const connection of this.#open) this.#close(connection);
    await Promise.all(this.#closing);
  }

  #connect({ keyPem, chainPem, rootsPem }: Credentials): Connection {
    const { xds } = this.#config;
    const channel = this.#dial({
      target: xds,
      tls: {
        ca: rootsPem,
        serverName: serverNameOf(xds, this.#config),
        cert: chainPem,
        key: keyPem,
      },
    });
    const connection = { channel, leases: 0 };
    this.#open.add(connection);
    return connection;
  }

  #release(connection: Connection): void {
    connection.leases -= 1;
    if (connection.leases === 0 && connection !== this.#current) this.#close(connection);
  }

  #close(connection: Connection): void {
    if (!this.#open.delete(connection)) return;
    const closed = connection.channel.close();
    this.#closing.add(closed);
    void closed.then(() => this.#closing.delete(closed));
  }
}
