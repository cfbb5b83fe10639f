// Frames of the WebSocket protocol, RFC 6455 §5: a decoder of what a client sends and an encoder of
// what a server sends. Pure but for the bytes that the decoder keeps.

export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

export type Frame = {
  readonly opcode: number;
  readonly isFinal: boolean;
  readonly payload: Buffer;
};

/** Close codes of §7.4.1. */
export const CLOSE = { normal: 1000, protocolError: 1002, tooBig: 1009 } as const;

/** The client broke the protocol; the code says how. */
export class FrameError extends Error {
  override readonly name = 'FrameError';
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/** Far over what kubectl sends at once (32 KiB). */
export const PAYLOAD_BYTES_MAX = 4 << 20;
const CONTROL_PAYLOAD_MAX = 125;
const MASK_BYTES = 4;

export class FrameDecoder {
  #rest: Buffer = Buffer.alloc(0);

  /**
   * Takes bytes and returns the frames that are complete now.
   *
   * @throws FrameError
   */
  add(bytes: Buffer): Frame[] {
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    const frames: Frame[] = [];
    for (;;) {
      const frame = this.#next();
      if (!frame) return frames;
      frames.push(frame);
    }
  }

  #next(): Frame | undefined {
    const buffer = this.#rest;
    const [first, second] = buffer;
    if (first === undefined || second === undefined) return undefined;
    if ((first & 0x70) !== 0) throw new FrameError(CLOSE.protocolError, 'reserved bits are set');
    if ((second & 0x80) === 0) throw new FrameError(CLOSE.protocolError, 'a frame is not masked');
    const opcode = first & 0x0f;
    const isFinal = (first & 0x80) !== 0;
    const length = lengthOf(buffer, second & 0x7f);
    if (!length) return undefined;
    if (length.bytes > PAYLOAD_BYTES_MAX) throw new FrameError(CLOSE.tooBig, 'a frame is too big');
    if (opcode >= OPCODE.close && (!isFinal || length.bytes > CONTROL_PAYLOAD_MAX)) {
      throw new FrameError(CLOSE.protocolError, 'a control frame is in pieces or too long');
    }
    const start = length.headerBytes + MASK_BYTES;
    const end = start + length.bytes;
    if (buffer.length < end) return undefined;
    const payload = Buffer.from(buffer.subarray(start, end));
    for (let index = 0; index < payload.length; index += 1) {
      const mask = buffer[length.headerBytes + (index % MASK_BYTES)] ?? 0;
      payload[index] = (payload[index] ?? 0) ^ mask;
    }
    this.#rest = buffer.subarray(end);
    return { opcode, isFinal, payload };
  }
}

/** The payload's length and where the mask begins; undefined when that has not all come yet. */
function lengthOf(
  buffer: Buffer,
  short: number,
): { readonly bytes: number; readonly headerBytes: number } | undefined {
  if (short < 126) return { bytes: short, headerBytes: 2 };
  if (short === 126) {
    return buffer.length < 4 ? undefined : { bytes: buffer.readUInt16BE(2), headerBytes: 4 };
  }
  return buffer.length < 10
    ? undefined
    : { bytes: Number(buffer.readBigUInt64BE(2)), headerBytes: 10 };
}

/** One whole frame, not masked, as servers send them. */
export function encodeFrame(opcode: number, payload: Uint8Array): Buffer {
  const { length } = payload;
  const header = Buffer.alloc(length < 126 ? 2 : length < 0x1_0000 ? 4 : 10);
  header[0] = 0x80 | opcode;
  if (length < 126) header[1] = length;
  else if (length < 0x1_0000) {
    header[1] = 126;
    header.writeUInt16BE(length, 2);
  } else {
    header[1] = 127;
    header.writeBigUInt64BE(BigInt(length), 2);
  }
  return Buffer.concat([header, payload]);
}

export function encodeClose(code: number): Buffer {
  const payload = Buffer.alloc(2);
  payload.writeUInt16BE(code);
  return encodeFrame(OPCODE.close, payload);
}
