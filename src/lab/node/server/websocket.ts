// The server's side of a WebSocket on a socket that Node has upgraded: handshake, messages, the
// closing of both sides. RFC 6455.
import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import {
  CLOSE,
  encodeClose,
  encodeFrame,
  type Frame,
  FrameDecoder,
  FrameError,
  OPCODE,
  PAYLOAD_BYTES_MAX,
} from './websocket-frames.ts';

const HANDSHAKE_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** Answers an upgrade request with a refusal, in plain HTTP. */
export function refuseUpgrade(socket: Duplex, status: number, reason: string, text: string): void {
  const body = `${text}\n`;
  socket.end(
    `HTTP/1.1 ${status} ${reason}\r\nContent-Type: text/plain\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}

/** Why a request is no WebSocket handshake that we take; undefined when it is one. */
export function handshakeProblem({ headers, method }: IncomingMessage): string | undefined {
  if (method !== 'GET') return `a WebSocket begins with GET, not ${method}`;
  if (headers.upgrade?.toLowerCase() !== 'websocket') return 'only WebSocket is spoken here';
  if (headers['sec-websocket-version'] !== '13') return 'only version 13 is spoken here';
  return headers['sec-websocket-key'] === undefined ? 'Sec-WebSocket-Key is missing' : undefined;
}

/** The first of the client's subprotocols that we know. */
export function chooseProtocol(
  { headers }: IncomingMessage,
  known: readonly string[],
): string | undefined {
  const offered = (headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
  return offered.find((name) => known.includes(name));
}

export class WebSocket {
  readonly #socket: Duplex;
  readonly #decoder = new FrameDecoder();
  readonly #closed = Promise.withResolvers<void>();
  #parts: Buffer[] = [];
  #partsBytes = 0;
  #isClosing = false;
  #drained: PromiseWithResolvers<void> | undefined;
  /** Called with each message, in order. */
  onMessage: (message: Buffer) => void = () => undefined;

  private constructor(socket: Duplex) {
    this.#socket = socket;
    socket.on('data', (bytes: Buffer) => this.#take(bytes));
    socket.on('drain', () => this.#release());
    socket.on('end', () => socket.end());
    socket.on('error', () => undefined); // `close` follows
    socket.on('close', () => {
      this.#release();
      this.#closed.resolve();
    });
  }

  /** Completes the handshake that `handshakeProblem` had nothing against. */
  static accept(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    protocol: string,
  ): WebSocket {
    const key = request.headers['sec-websocket-key'] ?? '';
    const accept = createHash('sha1').update(`${key}${HANDSHAKE_GUID}`).digest('base64');
    socket.write(
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
        `Sec-WebSocket-Accept: ${accept}\r\nSec-WebSocket-Protocol: ${protocol}\r\n\r\n`,
    );
    if (head.length > 0) socket.unshift(head);
    return new WebSocket(socket);
  }

  /** Resolves when the connection is gone. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  get isClosed(): boolean {
    return this.#socket.destroyed;
  }

  /** Sends a binary message. @returns when there is room for the next one */
  async send(message: Uint8Array): Promise<void> {
    if (this.#isClosing || this.#socket.destroyed) return;
    if (this.#socket.write(encodeFrame(OPCODE.binary, message))) return;
    this.#drained ??= Promise.withResolvers();
    await this.#drained.promise;
  }

  /** No message is taken until `resume`. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Says goodbye; the connection is gone when the client has said so, too. */
  close(code: number = CLOSE.normal): void {
    if (this.#isClosing || this.#socket.destroyed) return;
    this.#isClosing = true;
    this.#socket.write(encodeClose(code));
    this.#socket.resume();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #release(): void {
    this.#drained?.resolve();
    this.#drained = undefined;
  }

  #take(bytes: Buffer): void {
    try {
      for (const frame of this.#decoder.add(bytes)) this.#accept(frame);
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.close(error.code);
      this.#socket.end();
    }
  }

  #accept({ opcode, isFinal, payload }: Frame): void {
    switch (opcode) {
      case OPCODE.ping:
        this.#socket.write(encodeFrame(OPCODE.pong, payload));
        return;
      case OPCODE.pong:
        return;
      case OPCODE.close:
        this.close();
        this.#socket.end();
        return;
      case OPCODE.text:
      case OPCODE.binary:
      case OPCODE.continuation:
        this.#collect(payload, isFinal);
        return;
      default:
        throw new FrameError(CLOSE.protocolError, `there is no opcode ${opcode}`);
    }
  }

  #collect(payload: Buffer, isFinal: boolean): void {
    this.#parts.push(payload);
    this.#partsBytes += payload.length;
    if (this.#partsBytes > PAYLOAD_BYTES_MAX) {
      throw new FrameError(CLOSE.tooBig, 'a message is too big');
    }
    if (!isFinal) return;
    const message = this.#parts.length === 1 ? payload : Buffer.concat(this.#parts);
    this.#parts = [];
    this.#partsBytes = 0;
    if (!this.#isClosing) this.onMessage(message);
  }
}
