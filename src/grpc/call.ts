// One gRPC call as its two ends see it: bytes in, bytes out, byte-exact back-pressure.
import type { X509Certificate } from 'node:crypto';
import type { GrpcCode, GrpcOutcome } from './status.ts';

/** Metadata (HTTP/2 headers) by lower-case name. */
export type GrpcMetadata = Readonly<Record<string, string | string[] | undefined>>;

/** What both ends of a call can do. Callbacks may be replaced; they run one at a time. */
export interface MessageChannel {
  /** One whole message. A view of the network's buffer: copy what is kept for long. */
  onMessage: (message: Uint8Array) => void;
  /** The other side has sent its last message. */
  onEnd: () => void;
  /** The queue that made `send` return false is empty. */
  onDrain: () => void;
  /**
   * Sends one message made of `parts`, without copying them: they must not change afterwards, and
   * may be shared among calls. After the call's end it does nothing.
   *
   * @returns false: the message is queued, but send no more before `onDrain`
   */
  send(...parts: readonly Uint8Array[]): boolean;
  /** Bytes handed to `send` that the connection has not taken yet. */
  readonly queuedBytes: number;
  /** Stops reading, so that flow control holds the other side back. What has already arrived (up
   * to one network read) is still delivered. */
  pause(): void;
  resume(): void;
}

/** A call as the server sees it. */
export interface GrpcCall extends MessageChannel {
  /** `/package.Service/Method` */
  readonly path: string;
  readonly metadata: GrpcMetadata;
  /**
   * The client's certificate, present only if it was verified against the server's CA and is in
   * its validity now. The session ends when that certificate expires.
   */
  readonly peer: X509Certificate | undefined;
  /** `10.24.2.23:40190`, or `unix`: for logs, never for decisions. */
  readonly remoteAddress: string;
  /** Messages larger than this end the call: for methods that need less than the server allows. */
  limitMessages(bytesMax: number): void;
  /** Called once, when nothing more follows: after `end`, a cancellation, a lost connection. */
  onClose: () => void;
  /** Ends the call with a status (OK if none is given), after what was sent. Once is enough. */
  end(code?: GrpcCode, message?: string): void;
}

/** Runs when a call arrives, before its first message: it must set the callbacks at once. */
export type GrpcHandler = (call: GrpcCall) => void;

/** A call as the client sees it. */
export interface GrpcClientCall extends MessageChannel {
  /** Called once with how the call ended; a lost connection is UNAVAILABLE. */
  onClose: (outcome: GrpcOutcome) => void;
  /** Says that no more messages follow; the server may still answer. */
  halfClose(): void;
  /** Gives the call up. `onClose` follows with CANCELLED, unless the call had ended before. */
  cancel(): void;
}
