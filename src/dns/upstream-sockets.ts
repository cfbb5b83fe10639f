// The sockets towards the resolvers of before. One fresh socket for each question: the kernel picks
// an unguessable port, and drops what comes from anybody but the server that was asked.
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { on, once } from 'node:events';
import { connect, isIPv6, type Socket } from 'node:net';
import { canonicalIp } from '#base/ip.ts';
import { isReplyTo } from './exchange.ts';
import type { Upstream } from './resolv-conf.ts';
import { FrameReader, frame } from './tcp-frames.ts';

/**
 * Own ends of the open sockets. A query that comes *from* one of them is our own: the capture rules
 * have sent back what we sent out.
 */
export class OwnEnds {
  readonly #ends = new Set<string>();

  has(address: string, port: number): boolean {
    return this.#ends.has(endKey(address, port));
  }

  add(address: string, port: number): Disposable {
    const key = endKey(address, port);
    this.#ends.add(key);
    return { [Symbol.dispose]: () => void this.#ends.delete(key) };
  }
}

const endKey = (address: string, port: number): string =>
  `${canonicalIp(address.split('%')[0] ?? '') ?? address}|${port}`;

/** Local ports for the sockets, so that capture rules can know them; undefined: the kernel's. */
export type PortRange = { readonly first: number; readonly last: number };

export type SocketOptions = {
  readonly ownEnds: OwnEnds;
  readonly sourcePorts: PortRange | undefined;
  /** From 0 (inclusive) to 1 (exclusive), unguessable. */
  readonly random: () => number;
};

/** How often a taken port of the range is replaced by another. */
const PORT_ATTEMPTS = 8;

/** Asks by UDP. What is not the reply to this query is ignored, as a forged one would be. */
export async function askByUdp(
  query: Uint8Array,
  upstream: Upstream,
  options: SocketOptions & { readonly signal: AbortSignal },
): Promise<Uint8Array> {
  const { signal, ownEnds } = options;
  const socket = createSocket(isIPv6(upstream.address) ? 'udp6' : 'udp4');
  try {
    await bindInRange(socket, options);
    const connected = once(socket, 'connect', { signal });
    socket.connect(upstream.port, upstream.address);
    await connected;
    const { address, port } = socket.address();
    using _ = ownEnds.add(address, port);
    const arriving = on(socket, 'message', { signal }); // a failure to send is an event, thrown here
    socket.send(query);
    for await (const received of arriving) {
      const message: unknown = received[0];
      if (message instanceof Uint8Array && isReplyTo(query, message)) return message;
    }
    throw new Error('the socket was closed');
  } finally {
    socket.close();
  }
}

async function bindInRange(socket: UdpSocket, { sourcePorts, random }: SocketOptions) {
  if (!sourcePorts) return;
  for (let attempt = 1; ; attempt += 1) {
    try {
      const bound = once(socket, 'listening');
      socket.bind({ port: pick(sourcePorts, random), exclusive: true });
      await bound;
      return;
    } catch (error) {
      if (attempt === PORT_ATTEMPTS) throw error;
    }
  }
}

const pick = ({ first, last }: PortRange, random: () => number): number =>
  first + Math.floor(random() * (last - first + 1));

/**
 * The replies to one query by TCP: one, or for a zone transfer as many as come until the server
 * closes. The connection ends with the iteration.
 */
export async function* repliesByTcp(
  query: Uint8Array,
  upstream: Upstream,
  options: SocketOptions & { readonly signal: AbortSignal },
): AsyncGenerator<Uint8Array, void> {
  const { ownEnds } = options;
  const socket = await connectInRange(upstream, options);
  try {
    using _ = ownEnds.add(socket.localAddress ?? '', socket.localPort ?? 0);
    socket.write(frame(query));
    const frames = new FrameReader();
    for await (const chunk of socket as AsyncIterable<Uint8Array>) {
      for (const message of frames.push(chunk)) {
        if (isReplyTo(query, message)) yield message;
      }
    }
  } finally {
    socket.destroy();
  }
}

async function connectInRange(
  { address: host, port }: Upstream,
  { sourcePorts, random, signal }: SocketOptions & { readonly signal: AbortSignal },
): Promise<Socket> {
  for (let attempt = 1; ; attempt += 1) {
    const localPort = sourcePorts && { localPort: pick(sourcePorts, random) };
    const socket = connect({ host, port, noDelay: true, signal, ...localPort });
    socket.on('error', () => undefined); // also told to whoever waits; an abort may come in between
    try {
      await once(socket, 'connect', { signal });
      return socket;
    } catch (error) {
      socket.destroy();
      const isPortTaken = /^EADDR(INUSE|NOTAVAIL)$/.test(String(codeOf(error)));
      if (!sourcePorts || !isPortTaken || attempt === PORT_ATTEMPTS) throw error;
    }
  }
}

/** The one reply to a query by TCP. */
export async function askByTcp(
  query: Uint8Array,
  upstream: Upstream,
  options: SocketOptions & { readonly signal: AbortSignal },
): Promise<Uint8Array> {
  for await (const reply of repliesByTcp(query, upstream, options)) return reply;
  throw new Error('the resolver closed the connection without a reply');
}

const codeOf = (error: unknown): unknown =>
  error instanceof Error && 'code' in error ? error.code : undefined;
