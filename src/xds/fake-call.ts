// A gRPC call without a network, for tests of what runs on one: the test is the client.
import type { GrpcCall } from '#grpc/call.ts';
import { GrpcStatus } from '#grpc/status.ts';
import type { GrpcOutcome } from '#grpc/status.ts';

const ignore = (): void => undefined;

export class FakeCall implements GrpcCall {
  onMessage: (message: Uint8Array) => void = ignore;
  onEnd: () => void = ignore;
  onDrain: () => void = ignore;
  onClose: () => void = ignore;
  readonly path = '/fake';
  readonly metadata = {};
  readonly peer = undefined;
  readonly remoteAddress: string;
  /** What the other side has sent, each message in one piece; the test takes from it. */
  readonly sent: Uint8Array[] = [];
  outcome: GrpcOutcome | undefined;
  #isFull = false;

  constructor(remoteAddress = 'fake') {
    this.remoteAddress = remoteAddress;
  }

  get queuedBytes(): number {
    return this.#isFull ? this.sent.reduce((sum, { length }) => sum + length, 0) : 0;
  }

  /** The reader stops, or starts, reading. */
  set isFull(isFull: boolean) {
    const isDrained = this.#isFull && !isFull;
    this.#isFull = isFull;
    if (isDrained) this.onDrain();
  }

  send(...parts: readonly Uint8Array[]): boolean {
    if (this.outcome) return false;
    this.sent.push(Buffer.concat(parts));
    return !this.#isFull;
  }

  limitMessages(): void {}

  pause(): void {}

  resume(): void {}

  end(code: GrpcOutcome['code'] = GrpcStatus.ok, message = ''): void {
    if (this.outcome) return;
    this.outcome = { code, message };
    this.onClose();
  }

  /** The client goes away. */
  disconnect(): void {
    this.end(GrpcStatus.cancelled, 'the client has gone');
  }
}
