// The capture point where no packet can be seen: a TCP relay in front of a machine's proxy, which
// writes down every byte that passes, as tcpdump would.
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { type Clock, systemClock } from '#base/clock.ts';
import type { CaptureResult } from '../capture.ts';
import type { Segment } from '../pcap.ts';

type Place = { readonly host: string; readonly port: number };

/** Of all connections together; what is beyond counts as dropped, and then proves nothing. */
const RECORDED_BYTES_MAX = 64 << 20;

export class TcpTap implements AsyncDisposable {
  readonly #server: Server;
  readonly #target: Place;
  readonly #listen: Place;
  readonly #clock: Clock;
  readonly #sockets = new Set<Socket>();
  /** Address that it dialled from → address that it was dialled from. */
  readonly #dialledFrom = new Map<string, string>();
  #segments: Segment[] = [];
  #bytes = 0;
  #dropped = 0;

  private constructor(listen: Place, target: Place, clock: Clock) {
    this.#listen = listen;
    this.#target = target;
    this.#clock = clock;
    this.#server = createServer({ allowHalfOpen: true }, (client) => this.#relay(client));
  }

  static async start(listen: Place, target: Place, clock: Clock = systemClock): Promise<TcpTap> {
    const tap = new TcpTap(listen, target, clock);
    tap.#server.listen(listen.port, listen.host);
    await once(tap.#server, 'listening');
    return tap;
  }

  /** Begins anew. */
  clear(): void {
    this.#segments = [];
    this.#bytes = 0;
    this.#dropped = 0;
  }

  result(): CaptureResult {
    return { segments: [...this.#segments], droppedPackets: this.#dropped };
  }

  /** A log's line as it were without the tap: who dialled the tap, not where it went on from. */
  asDialled(line: string): string {
    return line.replaceAll(/\b\d+\.\d+\.\d+\.\d+:\d+\b/g, (at) => this.#dialledFrom.get(at) ?? at);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #relay(client: Socket): void {
    const server = connect({ ...this.#target, allowHalfOpen: true });
    const from = `${client.remoteAddress}:${client.remotePort}`;
    const to = `${this.#listen.host}:${this.#listen.port}`;
    server.once('connect', () => {
      this.#dialledFrom.set(`${server.localAddress}:${server.localPort}`, from);
    });
    this.#follow(client, { from, to });
    this.#follow(server, { from: to, to: from });
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(one);
      one.pipe(other);
      one.on('error', () => other.destroy());
      one.once('close', () => {
        this.#sockets.delete(one);
        other.destroySoon();
      });
    }
  }

  /** As TCP numbers it: the opening has the number before the first byte's. */
  #follow(socket: Socket, { from, to }: Pick<Segment, 'from' | 'to'>): void {
    let sequence = 0;
    const record = (isSyn: boolean, payload: Uint8Array): void => {
      this.#bytes += payload.length;
      if (this.#bytes > RECORDED_BYTES_MAX) this.#dropped += 1;
      else this.#segments.push({ atMs: this.#clock.nowMs(), from, to, sequence, isSyn, payload });
      sequence += isSyn ? 1 : payload.length;
    };
    record(true, new Uint8Array());
    socket.on('data', (bytes: Buffer) => record(false, Uint8Array.from(bytes)));
  }
}
