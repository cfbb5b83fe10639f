// A WebSocket client for tests, over TLS with a client certificate, which Node's own cannot give.
import { randomBytes } from 'node:crypto';
import { request, type RequestOptions } from 'node:https';
import type { Duplex } from 'node:stream';

export type WebSocketAnswer =
  | { readonly ok: true; readonly socket: WebSocketClient }
  | { readonly ok: false; readonly status: number; readonly body: string };

/** Frames of a server: not masked, never in pieces (ours sends none). */
export class WebSocketClient {
  readonly protocol: string;
  readonly #socket: Duplex;
  readonly #messages: Buffer[] = [];
  #rest: Buffer;
  #wake = Promise.withResolvers<void>();
  closeCode: number | undefined;

  private constructor(socket: Duplex, head: Buffer, protocol: string) {
    this.protocol = protocol;
    this.#socket = socket;
    this.#rest = head;
    socket.on('data', (bytes: Buffer) => this.#take(bytes));
    socket.on('error', () => undefined); // `close` follows
    socket.on('close', () => this.#wake.resolve());
    if (head.length > 0) this.#take(Buffer.alloc(0));
  }

  static open(options: RequestOptions, protocol: string): Promise<WebSocketAnswer> {
    return new Promise((resolve, reject) => {
      const outgoing = request({
        ...options,
        headers: {
          connection: 'Upgrade',
          upgrade: 'websocket',
          'sec-websocket-version': '13',
          'sec-websocket-key': randomBytes(16).toString('base64'),
          'sec-websocket-protocol': protocol,
        },
      });
      outgoing.on('error', reject);
      outgoing.on('upgrade', ({ headers }, socket: Duplex, head: Buffer) => {
        const chosen = headers['sec-websocket-protocol'] ?? '';
        resolve({ ok: true, socket: new WebSocketClient(socket, head, chosen) });
      });
      outgoing.on('response', (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (text: string) => (body += text));
        response.on('end', () => resolve({ ok: false, status: response.statusCode ?? 0, body }));
      });
      outgoing.end();
    });
  }

  send(message: Uint8Array): void {
    this.#write(2, message);
  }

  /** Messages until the server says goodbye or the connection ends. */
  async *messages(): AsyncGenerator<Buffer, void, undefined> {
    for (;;) {
      for (let next = this.#messages.shift(); next; next = this.#messages.shift()) yield next;
      if (this.closeCode !== undefined || this.#socket.destroyed) return;
      this.#wake = Promise.withResolvers();
      await this.#wake.promise;
    }
  }

  close(): void {
    this.#socket.destroy();
  }

  #write(opcode: number, payload: Uint8Array): void {
    const mask = randomBytes(4);
    const long = payload.length < 126 ? 0 : payload.length < 65_536 ? 2 : 8;
    const header = Buffer.alloc(2 + long);
    header[0] = 0x80 | opcode;
    header[1] = 0x80 | (long === 0 ? payload.length : long === 2 ? 126 : 127);
    if (long === 2) header.writeUInt16BE(payload.length, 2);
    if (long === 8) header.writeBigUInt64BE(BigInt(payload.length), 2);
    const masked = payload.map((byte, index) => byte ^ (mask[index % 4] ?? 0));
    this.#socket.write(Buffer.concat([header, mask, masked]));
  }

  #take(bytes: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    for (;;) {
      const short = (this.#rest[1] ?? 0) & 0x7f;
      const start = short < 126 ? 2 : short === 126 ? 4 : 10;
      if (this.#rest.length < start) break;
      const length =
        short < 126
          ? short
          : short === 126
            ? this.#rest.readUInt16BE(2)
            : Number(this.#rest.readBigUInt64BE(2));
      if (this.#rest.length < start + length) break;
      const payload = this.#rest.subarray(start, start + length);
      const opcode = (this.#rest[0] ?? 0) & 0x0f;
      this.#rest = this.#rest.subarray(start + length);
      if (opcode === 8) {
        this.closeCode = payload.readUInt16BE(0);
        this.#write(8, payload);
      } else this.#messages.push(payload);
    }
    this.#wake.resolve();
  }
}
