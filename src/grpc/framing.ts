// gRPC's length-prefixed messages: one byte "compressed", four bytes length, body
// (grpc/doc/PROTOCOL-HTTP2.md). Pure: bytes in, messages out.
import { GrpcStatus, GrpcStatusError } from './status.ts';

export const FRAME_HEAD_BYTES = 5;

/** The prefix of a message of `size` bytes. */
export function frameHead(size: number): Uint8Array {
  const head = new Uint8Array(FRAME_HEAD_BYTES);
  new DataView(head.buffer).setUint32(1, size);
  return head;
}

/** The first piece of memory for a message that spans chunks; grown by doubling. */
const BODY_BYTES_FIRST = 4096;

/**
 * Cuts a byte stream into messages. A message that lies whole in one chunk is a view of it; only
 * one that spans chunks is copied together. Memory for that grows as bytes arrive: neither the
 * announcement of a large message nor its delivery byte by byte costs more than twice its bytes.
 */
export class MessageReader {
  /** May be changed between messages. */
  messageBytesMax: number;
  readonly #head = new Uint8Array(FRAME_HEAD_BYTES);
  #headBytes = 0;
  #size = 0;
  #body = EMPTY;
  #bodyBytes = 0;

  constructor(options: { readonly messageBytesMax: number }) {
    this.messageBytesMax = options.messageBytesMax;
  }

  /** Has part of a message arrived, but not all of it? */
  get isInsideMessage(): boolean {
    return this.#headBytes > 0;
  }

  /**
   * The messages that are complete with this chunk, each to be used before the next is asked for.
   *
   * @throws GrpcStatusError when the peer breaks the rules; the reader is then of no more use
   */
  *read(chunk: Uint8Array): Generator<Uint8Array, void> {
    let at = 0;
    while (at < chunk.length) {
      if (this.#headBytes < FRAME_HEAD_BYTES) {
        at += this.#readHead(chunk.subarray(at));
        if (this.#headBytes < FRAME_HEAD_BYTES) return;
      }
      const part = chunk.subarray(at, at + this.#size - this.#bodyBytes);
      at += part.length;
      if (part.length === this.#size) {
        this.#reset();
        yield part;
      } else if (this.#append(part) === this.#size) {
        const message = this.#body.subarray(0, this.#size);
        this.#reset();
        yield message;
      }
    }
  }

  /** @returns how many bytes of the chunk belonged to the head */
  #readHead(chunk: Uint8Array): number {
    const part = chunk.subarray(0, FRAME_HEAD_BYTES - this.#headBytes);
    this.#head.set(part, this.#headBytes);
    this.#headBytes += part.length;
    if (this.#headBytes === FRAME_HEAD_BYTES) this.#size = this.#parseHead();
    return part.length;
  }

  #parseHead(): number {
    if (this.#head[0] !== 0) {
      throw new GrpcStatusError(GrpcStatus.unimplemented, 'compressed messages are not supported');
    }
    const size = new DataView(this.#head.buffer).getUint32(1);
    if (size > this.messageBytesMax) {
      throw new GrpcStatusError(
        GrpcStatus.resourceExhausted,
        `message of ${size} bytes is larger than ${this.messageBytesMax}`,
      );
    }
    return size;
  }

  /** @returns how many bytes of the body are there now */
  #append(part: Uint8Array): number {
    const needed = this.#bodyBytes + part.length;
    if (needed > this.#body.length) {
      const capacity = Math.max(needed, this.#body.length * 2, BODY_BYTES_FIRST);
      const body = new Uint8Array(Math.min(capacity, this.#size));
      body.set(this.#body.subarray(0, this.#bodyBytes));
      this.#body = body;
    }
    this.#body.set(part, this.#bodyBytes);
    this.#bodyBytes = needed;
    return needed;
  }

  #reset(): void {
    this.#headBytes = 0;
    this.#bodyBytes = 0;
    this.#body = EMPTY;
  }
}

/** One for all: most messages arrive whole. */
const EMPTY = new Uint8Array(0);
