// DNS over TCP: each message behind its length in two bytes (RFC 1035 §4.2.2, RFC 7766). Pure.

const LENGTH_BYTES = 2;

export function frame(message: Uint8Array): Uint8Array {
  const framed = new Uint8Array(LENGTH_BYTES + message.length);
  framed[0] = message.length >>> 8;
  framed[1] = message.length & 0xff;
  framed.set(message, LENGTH_BYTES);
  return framed;
}

/** Cuts a stream into messages. Holds one unfinished message of at most 65,535 bytes. */
export class FrameReader {
  #length: number[] = [];
  #message: Uint8Array | undefined;
  #filled = 0;

  /** The messages that this chunk completes. Each byte is copied once, however they arrive. */
  push(chunk: Uint8Array): Uint8Array[] {
    const messages: Uint8Array[] = [];
    let offset = 0;
    while (offset < chunk.length) {
      if (this.#message) {
        const part = chunk.subarray(offset, offset + this.#message.length - this.#filled);
        this.#message.set(part, this.#filled);
        this.#filled += part.length;
        offset += part.length;
      } else {
        this.#length.push(chunk[offset] ?? 0);
        offset += 1;
        const [high = 0, low] = this.#length;
        if (low !== undefined) this.#message = new Uint8Array((high << 8) | low);
      }
      if (this.#message?.length === this.#filled) {
        messages.push(this.#message);
        this.#message = undefined;
        this.#length = [];
        this.#filled = 0;
      }
    }
    return messages;
  }
}
