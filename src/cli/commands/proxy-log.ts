// `isthmus proxy-config log`: the log levels of one Envoy. Only its own admin interface knows them,
// which listens on its machine's loopback: so it is asked there, or through a port-forward.
import { usageError } from '#base/flags.ts';
import { OperatorError } from '#base/operator-error.ts';
import { withDeadline } from '#base/clock.ts';
import { isRecord } from '#kube/objects.ts';
import type { Surroundings } from '../command.ts';

type LogCall = Surroundings & {
  readonly operands: readonly string[];
  readonly flags: {
    readonly admin: string;
    readonly level: string | undefined;
    readonly namespace: string | undefined;
  };
};

const LEVELS = ['trace', 'debug', 'info', 'warning', 'error', 'critical', 'off'];
const ANSWER_LIMIT_MS = 10_000;

/** @throws OperatorError USAGE, ENVOY_FAILED, NOT_FOUND when the Envoy there is another's */
export async function runProxyLog(call: LogCall): Promise<number> {
  const { operands, flags, signal, print } = call;
  const { admin, level, namespace = 'default' } = flags;
  const [name = ''] = operands;
  const change = level === undefined ? '' : `?${levelQuery(level)}`;
  const ask = (path: string, method: 'GET' | 'POST'): Promise<string> =>
    askEnvoy({ admin, path, method, name, namespace }, signal);
  assertSame(await ask('/server_info', 'GET'), { name, admin });
  print((await ask(`/logging${change}`, 'POST')).trimEnd());
  return 0;
}

/** `debug` for all loggers, `http:debug,upstream:info` for some; Envoy's own parameters. */
export function levelQuery(text: string): string {
  const parts = text.split(',').map((part) => /^(?:([a-z0-9_]{1,40}):)?([a-z]+)$/.exec(part));
  const isKnown = parts.every((part) => part && LEVELS.includes(part[2] ?? ''));
  const isMixed = parts.length > 1 && parts.some((part) => part?.[1] === undefined);
  if (!isKnown || isMixed) {
    throw usageError(
      `--level ${text} is no level`,
      `LEVEL or LOGGER:LEVEL,…: ${LEVELS.join(', ')}`,
    );
  }
  return parts[0]?.[1] === undefined ? `level=${text}` : `paths=${text}`;
}

type Question = {
  readonly admin: string;
  readonly path: string;
  readonly method: 'GET' | 'POST';
  readonly name: string;
  readonly namespace: string;
};

async function askEnvoy(question: Question, parent: AbortSignal): Promise<string> {
  const { admin, path, method, name, namespace } = question;
  const limit = { what: admin, limitMs: ANSWER_LIMIT_MS, parent };
  try {
    return await withDeadline(limit, async (signal) => {
      const response = await fetch(`${admin.replace(/\/+$/, '')}${path}`, { method, signal });
      const text = await response.text();
      if (response.status !== 200) throw new Error(`status ${response.status}: ${text.trim()}`);
      return text;
    });
  } catch (cause) {
    parent.throwIfAborted();
    const reason = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
    const problem = reason instanceof Error ? reason.message : String(reason);
    throw new OperatorError('ENVOY_FAILED', `no Envoy answers at ${admin}: ${problem}`, {
      remedy:
        `run this on the machine of ${name}; of a Pod first run ` +
        `"kubectl port-forward ${name} 15000 -n ${namespace}"`,
      cause,
    });
  }
}

/** Whose Envoy is it? A level set at a neighbour's would be looked for in vain. */
function assertSame(
  serverInfo: string,
  wanted: { readonly name: string; readonly admin: string },
): void {
  const { name, admin } = wanted;
  const id = nodeIdIn(serverInfo);
  const [, , own = ''] = id.split('~');
  const isSame = own === name || own.startsWith(`${name}.`) || own.startsWith(`${name}-`);
  if (id === '' || isSame) return;
  throw new OperatorError('NOT_FOUND', `the Envoy at ${admin} is that of ${own}, not of ${name}`, {
    remedy: 'name that one, or say with --admin where the other answers',
  });
}

function nodeIdIn(text: string): string {
  const info: unknown = JSON.parse(text);
  const node = isRecord(info) ? info['node'] : undefined;
  const id = isRecord(node) ? node['id'] : undefined;
  return typeof id === 'string' ? id : '';
}
