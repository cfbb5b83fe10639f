// Dialling from this machine, as its programs would or past the proxy, and seeing what answers.
import { once } from 'node:events';
import { connect, isIP, type Socket } from 'node:net';
import { withDeadline, type Clock } from '#base/clock.ts';
import { printable } from '#base/printable.ts';
import { isAbort } from '#base/tasks.ts';
import { PROBE_SOURCE_PORTS } from '../capture/plan.ts';
import { sessionAnswer, SSL_REQUEST, startupMessage, tlsAnswer } from './postgres-probe.ts';

export type Probe = {
  readonly address: string;
  readonly port: number;
  readonly mode: 'direct' | 'captured';
  readonly expect: 'postgres' | 'http' | undefined;
  readonly timeoutMs: number;
};

export type ProbeFinding = {
  readonly outcome: 'connected' | 'refused' | 'timed-out' | 'unreachable' | 'reset' | 'failed';
  readonly connectMs: number;
  readonly reason: string;
  readonly application?: {
    readonly kind: 'postgres' | 'http' | 'other' | 'silent' | 'closed';
    readonly detail: string;
  };
};

type Context = {
  readonly clock: Clock;
  /** 0 (inclusive) to 1 (exclusive) */
  readonly random: () => number;
  readonly signal: AbortSignal;
};

export const PROBE_TIMEOUT_MS = { default: 3_000, max: 10_000 };
/** A proxy takes every connection at once; whether it got through it shows a moment later. */
const SETTLE_MS = 500;
const DETAIL_LENGTH_MAX = 200;

/** Whatever goes wrong is a finding; only aborting the signal rejects. */
export async function probeTcp(probe: Probe, context: Context): Promise<ProbeFinding> {
  if (isIP(probe.address) === 0 || !(probe.port >= 1 && probe.port <= 65_535)) {
    return { outcome: 'failed', connectMs: 0, reason: 'that is no address and port' };
  }
  const { clock, signal: parent } = context;
  const startMs = clock.nowMs();
  const elapsed = (): number => clock.nowMs() - startMs;
  const socket = connect({
    host: probe.address,
    port: probe.port,
    ...(probe.mode === 'direct' && { localPort: directPort(context.random()) }),
  });
  socket.on('error', () => undefined); // told to whoever waits
  try {
    const limit = { what: 'connecting', limitMs: probe.timeoutMs, clock, parent };
    await withDeadline(limit, async (signal) => await once(socket, 'connect', { signal }));
    const connectMs = elapsed();
    const talk = { limitMs: Math.max(probe.timeoutMs - connectMs, SETTLE_MS), clock, parent };
    return { connectMs, ...(await converse(socket, probe, talk)) };
  } catch (error) {
    if (parent.aborted) throw parent.reason;
    return { connectMs: elapsed(), ...failureOf(error) };
  } finally {
    socket.destroy();
  }
}

/** Capture lets these through (see `planCapture`). */
const directPort = (random: number): number =>
  PROBE_SOURCE_PORTS.first +
  Math.floor(random * (PROBE_SOURCE_PORTS.last - PROBE_SOURCE_PORTS.first + 1));

type Talk = { readonly limitMs: number; readonly clock: Clock; readonly parent: AbortSignal };

const CONNECTED = { outcome: 'connected', reason: '' } as const;

async function converse(
  socket: Socket,
  { mode, expect }: Probe,
  talk: Talk,
): Promise<Omit<ProbeFinding, 'connectMs'>> {
  if (!expect && mode === 'direct') return CONNECTED;
  if (!expect) {
    const first = await firstWord(socket, { ...talk, limitMs: SETTLE_MS });
    if (first !== 'closed') return CONNECTED;
    const reason = 'the proxy took the connection and closed it: it did not get through';
    return { outcome: 'reset', reason };
  }
  socket.write(expect === 'postgres' ? SSL_REQUEST : HTTP_REQUEST);
  const first = await firstWord(socket, talk);
  if (first === 'silent') return { ...CONNECTED, application: { kind: 'silent', detail: '' } };
  if (first === 'closed') return { ...CONNECTED, application: { kind: 'closed', detail: '' } };
  const answer = expect === 'postgres' ? tlsAnswer(first) : undefined;
  if (!answer) return { ...CONNECTED, application: recognise(first) };
  const detail = answer === 'error' ? sessionAnswer(first) : await begin(socket, answer, talk);
  return { ...CONNECTED, application: { kind: 'postgres', detail } };
}

/** Without TLS a session can be begun: then PostgreSQL says if it has a line for the client. */
async function begin(socket: Socket, tls: 'offers TLS' | 'no TLS', talk: Talk): Promise<string> {
  if (tls === 'offers TLS') return tls;
  socket.write(startupMessage());
  const second = await firstWord(socket, talk);
  return typeof second === 'string' ? tls : `${tls}, ${sessionAnswer(second)}`;
}

const HTTP_REQUEST = 'HEAD / HTTP/1.1\r\nHost: probe.invalid\r\nConnection: close\r\n\r\n';

async function firstWord(socket: Socket, talk: Talk): Promise<Buffer | 'silent' | 'closed'> {
  const limit = { what: 'waiting for an answer', ...talk };
  try {
    return await withDeadline(limit, (signal) => {
      const data = once(socket, 'data', { signal }).then(([bytes]: Buffer[]) => bytes ?? 'closed');
      const closed = once(socket, 'close', { signal }).then(() => 'closed' as const);
      closed.catch(() => undefined); // the loser of the race
      data.catch(() => undefined);
      return Promise.race([data, closed]);
    });
  } catch (error) {
    if (talk.parent.aborted) throw talk.parent.reason;
    if (isTimeout(error)) return 'silent';
    return 'closed';
  }
}

function recognise(bytes: Buffer): NonNullable<ProbeFinding['application']> {
  const text = printable(bytes.toString('latin1', 0, DETAIL_LENGTH_MAX), DETAIL_LENGTH_MAX);
  const [, status] = /^(HTTP\/1\.[01] \d{3})/.exec(text) ?? [];
  if (status !== undefined) return { kind: 'http', detail: status };
  return { kind: 'other', detail: text };
}

const OUTCOMES: Readonly<Record<string, ProbeFinding['outcome']>> = {
  ECONNREFUSED: 'refused',
  ETIMEDOUT: 'timed-out',
  EHOSTUNREACH: 'unreachable',
  ENETUNREACH: 'unreachable',
  EACCES: 'unreachable',
  EPERM: 'unreachable',
  ECONNRESET: 'reset',
};

function failureOf(error: unknown): Pick<ProbeFinding, 'outcome' | 'reason'> {
  if (isTimeout(error)) return { outcome: 'timed-out', reason: 'nothing answered in time' };
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const reason = error instanceof Error ? error.message : String(error);
  return { outcome: OUTCOMES[code] ?? 'failed', reason: printable(reason, DETAIL_LENGTH_MAX) };
}

/** `once` wraps the deadline's reason. */
function isTimeout(error: unknown): boolean {
  const cause = error instanceof Error && isAbort(error, NEVER) ? error.cause : error;
  return cause instanceof DOMException && cause.name === 'TimeoutError';
}

const NEVER = new AbortController().signal;
