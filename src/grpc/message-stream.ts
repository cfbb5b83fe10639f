// The half of a gRPC call that client and server share: framed messages over one HTTP/2 stream.
import type { Http2Stream } from 'node:http2';
import type { MessageChannel } from './call.ts';
import { FRAME_HEAD_BYTES, frameHead, MessageReader } from './framing.ts';
import { GrpcStatus, GrpcStatusError } from './status.ts';

/** Up to this, one write of a copy costs less than several of the originals. */
const COPIED_BYTES_MAX = 4096;

const ignore = (): void => undefined;

/** Messages in both directions. The owner adds how a call begins and how it ends. */
export class MessageStream implements MessageChannel {
  onMessage: (message: Uint8Array) => void = ignore;
  onEnd: () => void = ignore;
  onDrain: () => void = ignore;
  readonly #stream: Http2Stream;
  readonly #reader: MessageReader;
  /** From then on nothing is delivered: the call has been ended from this side. */
  #isDeaf = false;

  /**
   * @param options.onBroken the peer broke the protocol; the owner ends the call with this
   */
  constructor(
    stream: Http2Stream,
    options: {
      readonly messageBytesMax: number;
      readonly onBroken: (error: GrpcStatusError) => void;
    },
  ) {
    this.#stream = stream;
    this.#reader = new MessageReader(options);
    stream.on('data', (chunk: Uint8Array) => this.#read(chunk, options.onBroken));
    stream.on('end', () => {
      if (this.#isDeaf) return;
      if (!this.#reader.isInsideMessage) return this.onEnd();
      options.onBroken(new GrpcStatusError(GrpcStatus.internal, 'truncated message'));
    });
    stream.on('drain', () => {
      if (!this.#isDeaf) this.onDrain();
    });
  }

  send(...parts: readonly Uint8Array[]): boolean {
    const stream = this.#stream;
    if (stream.destroyed || stream.writableEnded) return false;
    let size = 0;
    for (const part of parts) size += part.length;
    if (size <= COPIED_BYTES_MAX) return stream.write(copyFramed(parts, size));
    // Corked, so that head and parts leave in one writev and the smaller ones in one DATA frame.
    stream.cork();
    let isRoomLeft = stream.write(frameHead(size));
    for (const part of parts) isRoomLeft = stream.write(part);
    stream.uncork();
    return isRoomLeft;
  }

  get queuedBytes(): number {
    return this.#stream.writableLength;
  }

  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  limitMessages(bytesMax: number): void {
    this.#reader.messageBytesMax = bytesMax;
  }

  /** Nothing more is delivered; what still arrives is dropped, so that it blocks nobody. */
  deafen(): void {
    this.#isDeaf = true;
    this.#stream.resume();
  }

  #read(chunk: Uint8Array, onBroken: (error: GrpcStatusError) => void): void {
    if (this.#isDeaf) return;
    try {
      for (const message of this.#reader.read(chunk)) {
        this.onMessage(message);
        if (this.#isDeaf) return;
      }
    } catch (error) {
      if (!(error instanceof GrpcStatusError)) throw error;
      onBroken(error);
    }
  }
}

function copyFramed(parts: readonly Uint8Array[], size: number): Uint8Array {
  const framed = Buffer.allocUnsafe(FRAME_HEAD_BYTES + size);
  framed[0] = 0;
  framed.writeUInt32BE(size, 1);
  let at = FRAME_HEAD_BYTES;
  for (const part of parts) {
    framed.set(part, at);
    at += part.length;
  }
  return framed;
}
