// Seeing that capture works, as an application would: a connection to an address of the mesh must
// be answered by our own proxy.
import { once } from 'node:events';
import { connect } from 'node:net';
import { isAbort } from '#base/tasks.ts';
import { withDeadline, type Clock } from '#base/clock.ts';
import { reasonOf } from '../files.ts';
import type { HostPort } from '../settings.ts';

/** What the filter chain for the probe's port in `virtualOutbound` answers. */
export const PROBE_ANSWER = 'isthmus capture ok\n';

const PROBE_LIMIT_MS = 2_000;

export type ProbeOutcome =
  | { readonly kind: 'captured' }
  | { readonly kind: 'not-captured'; readonly reason: string };

/** Dials and reads; whatever goes wrong is an outcome. Aborting `signal` rejects. */
export async function probeCapture(
  target: HostPort,
  options: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<ProbeOutcome> {
  const { clock, signal: parent } = options;
  try {
    const limits = { what: 'the capture probe', limitMs: PROBE_LIMIT_MS, clock, parent };
    const answer = await withDeadline(limits, (signal) => readAnswer(target, signal));
    if (answer === PROBE_ANSWER) return { kind: 'captured' };
    return notCaptured(target, `it answered ${JSON.stringify(answer)}`);
  } catch (error) {
    if (parent.aborted && isAbort(error, parent)) throw error;
    return notCaptured(target, reasonOf(error));
  }
}

const notCaptured = ({ host, port }: HostPort, reason: string): ProbeOutcome => ({
  kind: 'not-captured',
  reason: `${host}:${port} did not reach the proxy: ${reason}`,
});

async function readAnswer({ host, port }: HostPort, signal: AbortSignal): Promise<string> {
  const socket = connect({ host, port, signal });
  try {
    let answer = '';
    socket.setEncoding('latin1').on('data', (text: string) => {
      answer += text;
      // whatever answers this much is not our proxy
      if (answer.length >= PROBE_ANSWER.length) socket.destroy();
    });
    await once(socket, 'close', { signal });
    return answer.slice(0, PROBE_ANSWER.length);
  } catch (error) {
    signal.throwIfAborted(); // says what took too long
    throw error;
  } finally {
    socket.destroy();
  }
}
