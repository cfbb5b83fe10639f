// Asks a container once whether it is well: over HTTP or TCP from the node, or by a program in it.
// Answers are in kubelet's words, because they go into Events.
import { request as httpRequest, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import { withDeadline } from '#base/clock.ts';
import type { Clock } from '#base/clock.ts';
import type { ProbeAction } from '../pod/spec.ts';

export type Answer = {
  readonly isOk: boolean;
  /** Why not. */
  readonly problem: string;
};

export type ProbeTarget = {
  readonly podIp: string;
  /** Ports by the names that the container gives them. */
  readonly ports: readonly { readonly name: string; readonly port: number }[];
  /** Runs a program in the container. */
  readonly exec: (
    command: readonly string[],
    signal: AbortSignal,
  ) => Promise<{ readonly exitCode: number; readonly output: string }>;
};

const OK: Answer = { isOk: true, problem: '' };
const PROBLEM_LENGTH_MAX = 400;

export async function askProbe(
  action: ProbeAction,
  target: ProbeTarget,
  options: { readonly timeoutMs: number; readonly clock: Clock; readonly signal: AbortSignal },
): Promise<Answer> {
  const { timeoutMs: limitMs, clock, signal: parent } = options;
  try {
    return await withDeadline({ what: 'probe', limitMs, clock, parent }, async (signal) => {
      try {
        return await ask(action, target, signal);
      } catch (error) {
        signal.throwIfAborted(); // the reason says more than Node's own AbortError
        throw error;
      }
    });
  } catch (error) {
    parent.throwIfAborted();
    return failed(describe(action, target, error, limitMs));
  }
}

const failed = (problem: string): Answer => ({
  isOk: false,
  problem: problem.slice(0, PROBLEM_LENGTH_MAX),
});

function ask(action: ProbeAction, target: ProbeTarget, signal: AbortSignal): Promise<Answer> {
  switch (action.kind) {
    case 'http':
      return askHttp(action, target, signal);
    case 'tcp':
      return askTcp(action, target, signal);
    case 'exec':
      return askProgram(action.command, target, signal);
    default:
      return Promise.resolve(failed(`the lab node has no ${action.what} probes`));
  }
}

type HttpAction = Extract<ProbeAction, { kind: 'http' }>;
type TcpAction = Extract<ProbeAction, { kind: 'tcp' }>;

/** 200 to 399 is well; redirects are not followed, certificates not checked, as kubelet does. */
function askHttp(action: HttpAction, target: ProbeTarget, signal: AbortSignal): Promise<Answer> {
  const port = portOf(action, target);
  if (port === undefined) return Promise.resolve(failed(unknownPort(action.port)));
  const options: RequestOptions = {
    host: action.host || target.podIp,
    port,
    path: action.path,
    agent: false,
    signal,
    headers: {
      'user-agent': 'kube-probe/1.34',
      accept: '*/*',
      connection: 'close',
      ...Object.fromEntries(action.headers.map(({ name, value }) => [name.toLowerCase(), value])),
    },
  };
  return new Promise((resolve, reject) => {
    const outgoing =
      action.scheme === 'HTTPS'
        ? httpsRequest({ ...options, rejectUnauthorized: false })
        : httpRequest(options);
    outgoing.on('error', reject);
    outgoing.on('response', (response) => {
      const code = response.statusCode ?? 0;
      response.on('error', () => undefined); // the answer was in its first line
      response.destroy();
      const isOk = code >= 200 && code < 400;
      resolve(isOk ? OK : failed(`HTTP probe failed with statuscode: ${code}`));
    });
    outgoing.end();
  });
}

function askTcp(action: TcpAction, target: ProbeTarget, signal: AbortSignal): Promise<Answer> {
  const port = portOf(action, target);
  if (port === undefined) return Promise.resolve(failed(unknownPort(action.port)));
  return new Promise((resolve, reject) => {
    const socket = connect({ host: action.host || target.podIp, port, signal });
    socket.on('error', reject);
    socket.on('connect', () => {
      socket.destroy();
      resolve(OK);
    });
  });
}

async function askProgram(
  command: readonly string[],
  target: ProbeTarget,
  signal: AbortSignal,
): Promise<Answer> {
  const { exitCode, output } = await target.exec(command, signal);
  return exitCode === 0 ? OK : failed(output.trim() || `the command ended with status ${exitCode}`);
}

function portOf({ port }: HttpAction | TcpAction, { ports }: ProbeTarget): number | undefined {
  return typeof port === 'number' ? port : ports.find(({ name }) => name === port)?.port;
}

const unknownPort = (name: number | string): string => `couldn't find port named "${name}"`;

function describe(
  action: ProbeAction,
  target: ProbeTarget,
  error: unknown,
  limitMs: number,
): string {
  const isLate = error instanceof DOMException && error.name === 'TimeoutError';
  if (action.kind === 'exec') {
    const command = action.command.join(' ');
    return isLate ? `command timed out: "${command}" after ${limitMs / 1000}s` : String(error);
  }
  if (action.kind === 'unsupported') return String(error);
  const at = `${action.host || target.podIp}:${portOf(action, target)}`;
  const why = isLate ? 'i/o timeout' : reasonOf(error);
  const dial = `dial tcp ${at}: ${why}`;
  if (action.kind === 'tcp') return dial;
  const late = 'context deadline exceeded (Client.Timeout exceeded while awaiting headers)';
  return `Get "${action.scheme.toLowerCase()}://${at}${action.path}": ${isLate ? late : dial}`;
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connect: connection refused',
  EHOSTUNREACH: 'connect: no route to host',
  ENETUNREACH: 'connect: network is unreachable',
  ECONNRESET: 'read: connection reset by peer',
};

function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return REASONS[code] ?? (error instanceof Error ? error.message : String(error));
}
