// SPDY/3.1 frames, as far as port-forwarding has them: the client opens streams, both sides send
// data on them. Pure but for the bytes that the decoder keeps.
// https://www.ietf.org/archive/id/draft-mbelshe-httpbis-spdy-00.txt (SPDY/3, which 3.1 extends)

export type SpdyFrame =
  | {
      readonly kind: 'syn-stream';
      readonly stream: number;
      readonly isLast: boolean;
      /** Compressed: see spdy-headers.ts. */
      readonly headers: Buffer;
    }
  | {
      readonly kind: 'data';
      readonly stream: number;
      readonly isLast: boolean;
      readonly data: Buffer;
    }
  | { readonly kind: 'rst-stream'; readonly stream: number }
  | { readonly kind: 'ping'; readonly id: number }
  | { readonly kind: 'goaway' }
  /** What there is no need to act on: settings, window updates (spdystream sends none), headers. */
  | { readonly kind: 'other' };

/** The peer broke the protocol; nothing after it can be understood. */
export class SpdyError extends Error {
  override readonly name = 'SpdyError';
}

const CONTROL = 0x8000_0000;
const VERSION = 3;
const TYPE = { synStream: 1, synReply: 2, rstStream: 3, ping: 6, goaway: 7 } as const;
const FLAG_FIN = 0x01;
const HEADER_BYTES = 8;
const STREAM_MASK = 0x7fff_ffff;
/** Of one frame. kubectl copies through buffers of 32 KiB. */
const FRAME_BYTES_MAX = 1 << 20;
const RST_CANCEL = 5;

export class SpdyDecoder {
  #rest: Buffer = Buffer.alloc(0);

  /**
   * Takes bytes and returns the frames that are complete now.
   *
   * @throws SpdyError
   */
  add(bytes: Buffer): SpdyFrame[] {
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    const frames: SpdyFrame[] = [];
    while (this.#rest.length >= HEADER_BYTES) {
      const length = this.#rest.readUIntBE(5, 3);
      if (length > FRAME_BYTES_MAX) throw new SpdyError(`a frame of ${length} bytes`);
      if (this.#rest.length < HEADER_BYTES + length) break;
      frames.push(parseFrame(this.#rest.subarray(0, HEADER_BYTES + length)));
      this.#rest = this.#rest.subarray(HEADER_BYTES + length);
    }
    return frames;
  }
}

function parseFrame(frame: Buffer): SpdyFrame {
  const word = frame.readUInt32BE(0);
  const isLast = ((frame[4] ?? 0) & FLAG_FIN) !== 0;
  const body = frame.subarray(HEADER_BYTES);
  if (word < CONTROL) return { kind: 'data', stream: word, isLast, data: body };
  if (((word >>> 16) & 0x7fff) !== VERSION) throw new SpdyError('not SPDY/3');
  const type = word & 0xffff;
  const needed = type === TYPE.synStream ? 10 : type === TYPE.goaway ? 0 : 4;
  if (body.length < needed) throw new SpdyError(`a frame of type ${type} is too short`);
  switch (type) {
    case TYPE.synStream: {
      const stream = body.readUInt32BE(0) & STREAM_MASK;
      return { kind: 'syn-stream', stream, isLast, headers: body.subarray(10) };
    }
    case TYPE.rstStream:
      return { kind: 'rst-stream', stream: body.readUInt32BE(0) & STREAM_MASK };
    case TYPE.ping:
      return { kind: 'ping', id: body.readUInt32BE(0) };
    case TYPE.goaway:
      return { kind: 'goaway' };
    default:
      return { kind: 'other' };
  }
}

function control(type: number, body: Uint8Array): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt16BE(0x8000 | VERSION, 0);
  header.writeUInt16BE(type, 2);
  header.writeUIntBE(body.length, 5, 3);
  return Buffer.concat([header, body]);
}

function words(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [index, value] of values.entries()) bytes.writeUInt32BE(value, index * 4);
  return bytes;
}

/** @param headers compressed */
export const encodeSynReply = (stream: number, headers: Uint8Array): Buffer =>
  control(TYPE.synReply, Buffer.concat([words(stream), headers]));

export const encodeReset = (stream: number): Buffer =>
  control(TYPE.rstStream, words(stream, RST_CANCEL));

export const encodePing = (id: number): Buffer => control(TYPE.ping, words(id));

export function encodeData(stream: number, data: Uint8Array, isLast = false): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32BE(stream, 0);
  header[4] = isLast ? FLAG_FIN : 0;
  header.writeUIntBE(data.length, 5, 3);
  return Buffer.concat([header, data]);
}
