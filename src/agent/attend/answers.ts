// What the agent does for a request of the control plane: it looks, and changes nothing, but that
// it ends connections to the workload which the control plane names.
import type { Clock } from '#base/clock.ts';
import type { AgentOrder, LogTailRequest } from '#gen/isthmus/v1/attend_pb.js';
import { PROBE } from '../capture/addresses.ts';
import type { CaptureKeeper } from '../capture/keeper.ts';
import type { Nft } from '../capture/nft.ts';
import { probeCapture } from '../capture/probe.ts';
import type { AgentConfig } from '../config.ts';
import type { EnvoyAdmin } from '../envoy/admin.ts';
import { agentFiles } from '../paths.ts';
import { tailAppLog } from './app-log.ts';
import { parseStats, partsOf, withoutSecrets } from './config-dump.ts';
import { askName } from './dns-query.ts';
import { endSessions } from './end-sessions.ts';
import type { LogRing } from './log-ring.ts';
import { LINES_MAX, readLine, tailFile, type TailedLine } from './log-tail.ts';
import type { Answer, Answerer } from './orders.ts';
import { listeningSockets } from './sockets.ts';
import { probeTcp, PROBE_TIMEOUT_MS } from './tcp-probe.ts';

export type AnswerParts = {
  readonly config: AgentConfig;
  readonly admin: EnvoyAdmin;
  readonly capture: Pick<CaptureKeeper, 'status'>;
  readonly nft: Pick<Nft, 'apply'>;
  readonly clock: Clock;
  readonly random: () => number;
  /** Undefined: the agent's own log is kept nowhere. */
  readonly logLines: LogRing | undefined;
};

const RESOURCE = /^[a-z_]{0,64}$/;
const FILTER_LENGTH_MAX = 500;
/** Lines of one message. */
const LINES_PER_ANSWER = 100;

export function createAnswerer(parts: AnswerParts): Answerer {
  return async function* answer(order: AgentOrder, signal: AbortSignal) {
    if (order.configDump) yield* dumpConfig(parts, order.configDump.resource, signal);
    else if (order.stats) yield* readStats(parts, order.stats.filter);
    else if (order.logTail) yield* tailLog(parts, order.logTail, signal);
    else if (order.dnsQuery) yield { dns: await resolve(parts, order.dnsQuery, signal) };
    else if (order.tcpProbe) yield { probe: await probe(parts, order.tcpProbe, signal) };
    else if (order.captureCheck) yield { capture: await checkCapture(parts, signal) };
    else if (order.endSessions) {
      const { config, nft } = parts;
      yield {
        ending: await endSessions(order.endSessions, { capture: config.capture, nft }, signal),
      };
    } else if (order.sockets) {
      const { sockets, isCut } = await listeningSockets();
      yield { sockets: { sockets: [...sockets], isCut } };
    } else throw new Error('this agent does not know the request: it is older');
  };
}

async function* dumpConfig(
  { admin }: AnswerParts,
  resource: string,
  signal: AbortSignal,
): AsyncGenerator<Answer> {
  if (!RESOURCE.test(resource)) throw new Error('that is no part of a configuration');
  const answer = await admin.configDump(resource, signal);
  if (answer?.status !== 200) throw new Error('Envoy does not answer');
  if (answer.isCut) throw new Error('the configuration is too long: ask for a part of it');
  const text = withoutSecrets(answer.body);
  if (text === undefined) throw new Error('Envoy answered no JSON');
  for (const chunk of partsOf(text)) yield { chunk };
}

async function* readStats({ admin }: AnswerParts, filter: string): AsyncGenerator<Answer> {
  if (filter.length > FILTER_LENGTH_MAX) throw new Error('the filter is too long');
  const answer = await admin.stats(filter);
  if (answer?.status !== 200) throw new Error('Envoy does not answer, or refuses the filter');
  yield { stats: [...parseStats(answer.body)] };
}

async function* tailLog(
  parts: AnswerParts,
  { source, lines, follow }: LogTailRequest,
  signal: AbortSignal,
): AsyncGenerator<Answer> {
  for await (const some of linesOf(parts, source, { lines, follow, signal })) {
    for (let start = 0; start < some.length; start += LINES_PER_ANSWER) {
      yield { lines: some.slice(start, start + LINES_PER_ANSWER).map(lineAnswer) };
    }
  }
}

type Tail = { readonly lines: number; readonly follow: boolean; readonly signal: AbortSignal };

function linesOf(
  { config, clock, logLines }: AnswerParts,
  source: string,
  tail: Tail,
): AsyncIterable<readonly TailedLine[]> {
  const { accessLog, errorLog } = agentFiles(config.paths);
  const options = { clock, signal: tail.signal };
  if (source === 'access') return tailFile(accessLog, tail, options);
  if (source === 'proxy') return tailFile(errorLog, tail, options);
  if (source === 'agent' && logLines) return tailRing(logLines, tail);
  if (source === 'app' && config.appLog) return tailAppLog(config.appLog, tail, clock);
  if (source === 'app') {
    throw new Error(`nobody has said which log is the application's: set ISTHMUS_APP_LOG there`);
  }
  throw new Error(`this agent has no log of the source "${source.slice(0, 20)}"`);
}

async function* tailRing(
  ring: LogRing,
  { lines, follow, signal }: Tail,
): AsyncGenerator<readonly TailedLine[], void, undefined> {
  const waiting: string[] = [];
  let wake = (): void => undefined;
  const stop = ring.follow((line) => {
    waiting.push(line);
    if (waiting.length > LINES_MAX) waiting.shift();
    wake();
  });
  const onAbort = (): void => wake();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    yield ring.last(Math.min(lines, LINES_MAX)).map(readLine);
    if (!follow) return;
    for (;;) {
      signal.throwIfAborted();
      const some = waiting.splice(0);
      if (some.length > 0) yield some.map(readLine);
      else await new Promise<void>((resolve) => (wake = resolve));
    }
  } finally {
    stop();
    signal.removeEventListener('abort', onAbort);
  }
}

const lineAnswer = ({ atMs, text }: TailedLine) => ({
  atMs: BigInt(Math.round(atMs ?? 0)),
  text,
});

async function resolve(
  { config, clock }: AnswerParts,
  { name, via }: { readonly name: string; readonly via: string },
  signal: AbortSignal,
) {
  const port = config.dns?.port;
  if (via === 'proxy' && port === undefined) {
    return { addresses: [], problem: 'the agent has no DNS proxy', durationMs: 0 };
  }
  const way =
    via === 'proxy' && port !== undefined
      ? ({ kind: 'proxy', port } as const)
      : ({ kind: 'system' } as const);
  const found = await askName({ name, via: way }, { clock, signal });
  return { ...found, addresses: [...found.addresses] };
}

async function probe(
  { clock, random }: AnswerParts,
  request: NonNullable<AgentOrder['tcpProbe']>,
  signal: AbortSignal,
) {
  const { address, port, mode, expect, timeoutMs } = request;
  const { application, ...finding } = await probeTcp(
    {
      address,
      port,
      mode: mode === 'direct' ? 'direct' : 'captured',
      expect: expect === 'postgres' || expect === 'http' ? expect : undefined,
      timeoutMs: Math.min(timeoutMs || PROBE_TIMEOUT_MS.default, PROBE_TIMEOUT_MS.max),
    },
    { clock, random, signal },
  );
  const { kind = '', detail = '' } = application ?? {};
  return { ...finding, application: kind, detail };
}

async function checkCapture({ capture, config, clock }: AnswerParts, signal: AbortSignal) {
  const status = capture.status();
  if (config.capture.mode === 'NONE') return { state: 'off', reason: '' };
  if (status.kind === 'failed') return { state: 'failed', reason: status.reason };
  const outcome = await probeCapture(PROBE, { clock, signal });
  if (outcome.kind === 'captured') return { state: 'verified', reason: '' };
  const state = status.kind === 'waiting' ? 'waiting' : 'failed';
  return { state, reason: outcome.reason };
}
