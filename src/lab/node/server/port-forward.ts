// `kubectl port-forward`: SPDY/3.1 in the messages of a WebSocket. For each connection the client
// opens two streams of one request: `error`, on which we say what went wrong, and `data`.
// https://github.com/kubernetes/enhancements/tree/master/keps/sig-api-machinery/4006-transition-spdy-to-websockets
import type { Socket } from 'node:net';
import { Forwarder } from './forwarder.ts';
import {
  encodeData,
  encodePing,
  encodeReset,
  encodeSynReply,
  SpdyDecoder,
  SpdyError,
  type SpdyFrame,
} from './spdy-frames.ts';
import { HeaderDecoder, HeaderEncoder } from './spdy-headers.ts';
import type { WebSocket } from './websocket.ts';

export const FORWARD_PROTOCOLS = ['SPDY/3.1+portforward.k8s.io'] as const;

/** Connections of one kubectl at a time. */
const STREAMS_MAX = 512;
const NOTHING = Buffer.alloc(0);

/** Serves one kubectl until it leaves. */
export async function servePortForward(
  socket: WebSocket,
  pod: { readonly uid: string; readonly folder: string },
): Promise<void> {
  socket.pause(); // what comes before anybody listens would be lost
  await using forwarder = await Forwarder.start(pod.uid, pod.folder);
  const session = new ForwardSession(socket, forwarder);
  const decoder = new SpdyDecoder();
  try {
    for await (const message of messagesOf(socket)) {
      for (const frame of decoder.add(message)) await session.take(frame);
    }
  } catch (error) {
    if (!(error instanceof SpdyError)) throw error;
  } finally {
    session.close();
    socket.destroy();
  }
}

/** Messages one at a time: no more are taken while one is being worked on. */
async function* messagesOf(socket: WebSocket): AsyncGenerator<Buffer, void, undefined> {
  const queue: Buffer[] = [];
  let wake = Promise.withResolvers<void>();
  socket.onMessage = (message) => {
    queue.push(message);
    socket.pause();
    wake.resolve();
  };
  while (!socket.isClosed) {
    for (let next = queue.shift(); next; next = queue.shift()) yield next;
    wake = Promise.withResolvers();
    socket.resume();
    await Promise.race([wake.promise, socket.closed]);
  }
}

type ErrorStream = { readonly stream: number; readonly requestId: string };

class ForwardSession {
  readonly #socket: WebSocket;
  readonly #forwarder: Forwarder;
  readonly #decoder = new HeaderDecoder();
  readonly #encoder = new HeaderEncoder();
  readonly #errors = new Map<string, ErrorStream>();
  /** Data streams: the connection to the Pod, once it is open. */
  readonly #connections = new Map<number, Socket>();

  constructor(socket: WebSocket, forwarder: Forwarder) {
    this.#socket = socket;
    this.#forwarder = forwarder;
  }

  /** @throws SpdyError */
  async take(frame: SpdyFrame): Promise<void> {
    switch (frame.kind) {
      case 'syn-stream':
        await this.#open(frame);
        return;
      case 'data':
        await this.#toPod(frame.stream, frame.data, frame.isLast);
        return;
      case 'rst-stream':
        this.#connections.get(frame.stream)?.destroy();
        return;
      case 'ping':
        await this.#socket.send(encodePing(frame.id));
        return;
      default: // nothing to do
    }
  }

  close(): void {
    for (const connection of this.#connections.values()) connection.destroy();
    this.#decoder.close();
    this.#encoder.close();
  }

  async #open({ stream, headers }: Extract<SpdyFrame, { kind: 'syn-stream' }>): Promise<void> {
    const named = await this.#decoder.decode(headers);
    if (this.#connections.size + this.#errors.size >= STREAMS_MAX) {
      await this.#socket.send(encodeReset(stream));
      return;
    }
    await this.#socket.send(encodeSynReply(stream, await this.#encoder.encode(new Map())));
    const requestId = named.get('requestid') ?? '';
    if (named.get('streamtype') === 'error') {
      this.#errors.set(requestId, { stream, requestId });
      return;
    }
    const error = this.#errors.get(requestId);
    this.#errors.delete(requestId);
    await this.#connect(stream, Number(named.get('port')), error);
  }

  async #connect(stream: number, port: number, error: ErrorStream | undefined): Promise<void> {
    const dialled = await this.#forwarder.dial(port);
    if (!dialled.ok) {
      const problem = `error forwarding port ${port} to the Pod: ${dialled.problem}`;
      if (error) await this.#socket.send(encodeData(error.stream, Buffer.from(problem), true));
      await this.#socket.send(encodeData(stream, NOTHING, true));
      return;
    }
    const { socket } = dialled;
    this.#connections.set(stream, socket);
    void this.#fromPod(stream, socket, error);
  }

  async #toPod(stream: number, data: Buffer, isLast: boolean): Promise<void> {
    const connection = this.#connections.get(stream);
    if (!connection || connection.destroyed) return; // an error stream, or over already
    if (data.length > 0 && !connection.write(data)) await drained(connection);
    if (isLast) connection.end();
  }

  /** Until the Pod's side ends; then both streams do. Never rejects. */
  async #fromPod(
    stream: number,
    connection: Socket,
    error: ErrorStream | undefined,
  ): Promise<void> {
    try {
      for await (const chunk of connection as AsyncIterable<Buffer>) {
        await this.#socket.send(encodeData(stream, chunk));
      }
    } catch {
      // reset by the Pod or by us: an end like any other for the client
    }
    await this.#socket.send(encodeData(stream, NOTHING, true));
    if (error) await this.#socket.send(encodeData(error.stream, NOTHING, true));
    this.#connections.delete(stream);
    connection.destroy();
  }
}

function drained(connection: Socket): Promise<void> {
  return new Promise((resolve) => {
    connection.once('drain', resolve);
    connection.once('close', () => resolve());
  });
}
