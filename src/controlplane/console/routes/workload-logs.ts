// The end of a workload's logs, and what is written from then on, as server-sent events: through
// the agents of its instances, Pods and VMs alike.
import type { LogLine, LogSource } from '#api/workload.ts';
import type { Clock } from '#base/clock.ts';
import { isAbort } from '#base/tasks.ts';
import { AgentRequestError, type AgentSessions } from '../../agents/agents.ts';
import { numberParameter } from '../parameters.ts';
import { ApiRefusal, badRequest, STREAMED, type ApiAnswer, type ApiCall } from '../route.ts';

const SOURCES: readonly LogSource[] = ['access', 'proxy', 'agent', 'app'];
const LINES_DEFAULT = 200;
const LINES_MAX = 1_000;
/** Followed at once; of a larger workload those that attend first. */
const INSTANCES_MAX = 20;
/** What a browser reads too slowly is left out. */
const WAITING_MAX = 2_000;

type Tail = { readonly source: LogSource; readonly lines: number; readonly follow: boolean };

export async function streamLogs(
  parts: { readonly agents: AgentSessions; readonly clock: Clock },
  call: ApiCall,
  keys: readonly string[],
): Promise<ApiAnswer> {
  const { agents } = parts;
  const tail = readTail(call);
  const attending = keys.filter((key) => agents.session(key));
  if (attending.length === 0) throw silent(keys);
  const readable = attending
    .filter((key) => agents.session(key)?.logSources.includes(tail.source))
    .slice(0, INSTANCES_MAX);
  if (readable.length === 0 && tail.source === 'app') throw noAppLog();
  const stream = call.stream();
  const queue: LogLine[] = [];
  let wake = Promise.withResolvers<void>();
  const put = (line: LogLine): void => {
    queue.push(line);
    if (queue.length > WAITING_MAX) queue.shift();
    wake.resolve();
  };
  const left = new Set(readable);
  const readers = readable.map(async (key) => {
    await readTailOf(agents, key, { tail, by: call.user.username, signal: stream.ended, put });
    left.delete(key);
    wake.resolve();
  });
  stream.ended.addEventListener('abort', () => wake.resolve(), { once: true });
  while (!stream.ended.aborted && (left.size > 0 || queue.length > 0)) {
    const line = queue.shift();
    if (line === undefined) {
      wake = Promise.withResolvers();
      if (queue.length === 0 && left.size > 0 && !stream.ended.aborted) await wake.promise;
      continue;
    }
    if (!stream.send({ type: 'line', json: JSON.stringify(line) })) await stream.drained();
  }
  await Promise.all(readers);
  stream.end();
  return STREAMED;
}

function readTail({ query }: ApiCall): Tail {
  const word = query.get('source') ?? 'access';
  const source = SOURCES.find((one) => one === word);
  if (!source) throw badRequest(`source must be one of ${SOURCES.join(', ')}`);
  const lines = numberParameter(query, 'lines', { max: LINES_MAX }) ?? LINES_DEFAULT;
  return { source, lines, follow: query.get('follow') === '1' };
}

/** What goes wrong with one of several instances is a line of its own. */
async function readTailOf(
  agents: AgentSessions,
  key: string,
  context: {
    readonly tail: Tail;
    readonly by: string;
    readonly signal: AbortSignal;
    readonly put: (line: LogLine) => void;
  },
): Promise<void> {
  const { tail, by, signal, put } = context;
  const { source } = tail;
  try {
    const answers = agents.ask<'log_tail'>(key, { kind: 'log_tail', ...tail }, { signal, by });
    for await (const { atMs, text } of answers) put({ instance: key, source, atMs, text });
  } catch (error) {
    if (signal.aborted && isAbort(error, signal)) return;
    if (!(error instanceof AgentRequestError)) throw error;
    put({ instance: key, source, atMs: null, text: `(${error.message})` });
  }
}

const noAppLog = (): ApiRefusal =>
  new ApiRefusal(400, {
    code: 'bad-request',
    message: 'nobody there has said which log is the application’s own',
    remedy:
      'on the VM: ISTHMUS_APP_LOG in sidecar.env, then restart the agent; of a Pod: kubectl logs',
  });

/** Nobody can be asked about it. */
export const silent = (keys: readonly string[]): ApiRefusal =>
  new ApiRefusal(503, {
    code: 'agent-silent',
    message:
      keys.length === 0
        ? 'the mesh knows no instance of that workload'
        : `no agent of ${keys.slice(0, 3).join(', ')} attends`,
    remedy: 'see that `isthmus agent` runs there, and that it is not older than the control plane',
  });
