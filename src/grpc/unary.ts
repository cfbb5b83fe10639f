// Methods with one request and one response, written as async functions.
import { systemClock, withDeadline } from '#base/clock.ts';
import type { Clock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import type { Logger } from '#base/log.ts';
import { OperatorError } from '#base/operator-error.ts';
import type { GrpcCall, GrpcHandler } from './call.ts';
import { GrpcStatus, GrpcStatusError } from './status.ts';
import type { GrpcOutcome } from './status.ts';

/**
 * @param signal aborted when the caller is gone or the time is over
 * @returns the encoded response
 * @throws GrpcStatusError is the call's outcome; an OperatorError becomes UNAVAILABLE; anything
 *   else is a bug: the caller gets a bare INTERNAL, the log gets the stack
 */
export type UnaryMethod = (
  request: Uint8Array,
  call: Pick<GrpcCall, 'metadata' | 'peer' | 'remoteAddress'>,
  signal: AbortSignal,
) => Promise<Uint8Array>;

/** Including the time until the request has arrived. */
const LIMIT_MS = 30_000;
/** Certificate requests and the like; strangers may call, so that they cannot make us hold much. */
const REQUEST_BYTES_MAX = 64 << 10;

export function unaryHandler(
  method: UnaryMethod,
  options: {
    readonly limitMs?: number;
    readonly requestBytesMax?: number;
    readonly clock?: Clock;
    readonly log?: Logger;
  } = {},
): GrpcHandler {
  const { limitMs = LIMIT_MS, requestBytesMax = REQUEST_BYTES_MAX } = options;
  const { clock = systemClock, log = silentLogger } = options;
  return (call) => {
    call.limitMessages(requestBytesMax);
    const gone = new AbortController();
    call.onClose = () => gone.abort();
    const deadline = { what: call.path, limitMs, clock, parent: gone.signal };
    const work = async (signal: AbortSignal): Promise<Uint8Array> =>
      method(await receiveRequest(call, signal), call, signal);
    void withDeadline(deadline, work).then(
      (response) => {
        call.send(response);
        call.end();
      },
      (error: unknown) => {
        if (gone.signal.aborted) return;
        const { code, message } = outcomeOf(error);
        if (code === GrpcStatus.internal) log.error('method failed', describeBug(call.path, error));
        call.end(code, message);
      },
    );
  };
}

function receiveRequest(call: GrpcCall, signal: AbortSignal): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const refuse = (message: string): void =>
      reject(new GrpcStatusError(GrpcStatus.invalidArgument, message));
    let request: Uint8Array | undefined;
    call.onMessage = (message) => {
      if (request) refuse('more than one request');
      request = message;
    };
    call.onEnd = () => (request ? resolve(request) : refuse('no request'));
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

function outcomeOf(error: unknown): GrpcOutcome {
  if (error instanceof GrpcStatusError) return error;
  if (error instanceof OperatorError) {
    return { code: GrpcStatus.unavailable, message: `${error.message}; ${error.remedy}` };
  }
  if (error instanceof DOMException && error.name === 'TimeoutError') {
    return { code: GrpcStatus.deadlineExceeded, message: error.message };
  }
  return { code: GrpcStatus.internal, message: 'internal error' };
}

function describeBug(path: string, error: unknown): { path: string; error: string } {
  return { path, error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
}
