// What the control plane sees of a machine that joins, told to its join: configuration that is
// acknowledged, capture, registration and names, health, traffic. It only looks, a few times a
// second while somebody joins, and not at all otherwise.
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { certificateNameOf } from '#base/workload-identity.ts';
import type { Mesh } from '#model/mesh.ts';
import type { MeshService } from '#model/service.ts';
import type { Joins } from '#registry/joins/joins.ts';
import { currentStep, type JoinEvent } from '#registry/joins/machine.ts';
import type { JoinRecord } from '#registry/joins/view.ts';
import type { Flows } from '#telemetry/flows/flows.ts';
import type { StreamStatus } from '#xds/status.ts';
import { shortTypeName } from '#xds/type-urls.ts';
import { AgentRequestError, askOnce, type AgentSession, type AgentSessions } from './agents.ts';

export type JoinFeedParts = {
  readonly joins: Joins;
  readonly agents: AgentSessions;
  readonly xds: { statusOf(id: string): readonly StreamStatus[] };
  readonly mesh: Mesh;
  readonly flows: Pick<Flows, 'edges'>;
  readonly clock: Clock;
  readonly log: Logger;
};

const LOOK_MS = 200;
/** While nobody joins: a fifth of the wake-ups. */
const IDLE_LOOK_MS = 1_000;
/** What machines are asked for, less often. */
const ASK_MS = 1_000;
const BY = 'system:isthmusd';

/** Runs until aborted. */
export async function runJoinFeeds(parts: JoinFeedParts, signal: AbortSignal): Promise<void> {
  const asking = new Map<string, { atMs: number; isBusy: boolean }>();
  const { joins, clock } = parts;
  for (let waitMs = IDLE_LOOK_MS; ;) {
    await clock.sleep(waitMs, signal);
    const open = joins.open().filter(({ entry }) => entry !== '');
    for (const record of open) {
      for (const event of look(parts, record)) joins.note(record.id, event);
      askSometimes(parts, record, { asking, signal });
    }
    waitMs = open.length === 0 ? IDLE_LOOK_MS : LOOK_MS;
    if (open.length === 0) asking.clear();
  }
}

export const keyOf = ({ namespace, entry }: JoinRecord): string =>
  `WorkloadEntry/${namespace}/${certificateNameOf(entry)}`;

/** What is known without asking anybody. */
export function look(
  { agents, xds, flows }: Pick<JoinFeedParts, 'agents' | 'xds' | 'flows'>,
  record: JoinRecord,
): readonly JoinEvent[] {
  const key = keyOf(record);
  const streams = xds.statusOf(key);
  const status = agents.session(key)?.status;
  return [...configuration(streams, status), ...capture(status), ...traffic(flows, record)];
}

/** Types that Envoy needs before it takes a connection. */
const NEEDED = ['lds'];
const WORDS: Readonly<Record<string, string>> = {
  cds: 'clusters',
  eds: 'endpoints',
  lds: 'listeners',
  rds: 'routes',
  ecds: 'extensions',
};

function configuration(
  streams: readonly StreamStatus[],
  status: AgentSession['status'],
): readonly JoinEvent[] {
  const step = 'configuration-accepted';
  const types = streams
    .flatMap((stream) => stream.types)
    .map((type) => ({ ...type, name: shortTypeName(type.typeUrl) }))
    .filter(({ name }) => name in WORDS);
  const [rejection] = types.flatMap(({ rejections }) => rejections);
  if (rejection) {
    return [{ kind: 'failed', step, problem: `${rejection.name}: ${rejection.message}` }];
  }
  if (types.length === 0) return [];
  const isTaken = (type: (typeof types)[number]): boolean =>
    type.acknowledgedCount === type.nameCount && type.dueCount === 0 && type.nameCount > 0;
  const evidence = types
    .map((type) => `${WORDS[type.name]} ${isTaken(type) ? '✓' : '…'}`)
    .join(' ');
  const isComplete =
    NEEDED.every((name) => types.some((type) => type.name === name && isTaken(type))) &&
    types.every((type) => type.nameCount === 0 || isTaken(type)) &&
    status?.envoy.state === 'running';
  return [{ kind: isComplete ? 'proved' : 'seen', step, evidence }];
}

function capture(status: AgentSession['status']): readonly JoinEvent[] {
  const step = 'traffic-captured';
  if (!status) return [];
  const { state, reason } = status.capture;
  if (state === 'verified') return [{ kind: 'proved', step, evidence: 'rules in place, verified' }];
  if (state === 'off') return [{ kind: 'skipped', step, evidence: 'ports are explicit here' }];
  return state === 'failed' ? [{ kind: 'failed', step, problem: reason }] : [];
}

function traffic(
  flows: Pick<Flows, 'edges'>,
  { namespace, workload, startedAtMs }: JoinRecord,
): readonly JoinEvent[] {
  const node = `wl:${namespace}/${workload}`;
  const step = 'first-encrypted-bytes';
  const edges = [...flows.edges()].filter(
    ({ to, lastSeenMs }) => to === node && lastSeenMs >= startedAtMs,
  );
  const isEncrypted = (state: string): boolean => state === 'mutual' || state === 'one-sided';
  const encrypted = edges.find(({ encryption }) => isEncrypted(encryption.state));
  if (encrypted) {
    const { encryption, from, port } = encrypted;
    const who = encryption.clientIdentity || from;
    return [
      { kind: 'proved', step, evidence: `${who} → :${port}, ${encryption.version || 'TLS'}` },
    ];
  }
  const plain = edges.find(({ encryption }) => encryption.state === 'plaintext');
  if (!plain) return [];
  const who = plain.from.replace(/^[a-z]+:/, '');
  return [{ kind: 'failed', step, problem: `${who} → :${plain.port} is in clear text` }];
}

type Asking = Map<string, { atMs: number; isBusy: boolean }>;

function askSometimes(
  parts: JoinFeedParts,
  record: JoinRecord,
  { asking, signal }: { readonly asking: Asking; readonly signal: AbortSignal },
): void {
  const { clock, log, joins } = parts;
  const state = asking.get(record.id) ?? { atMs: 0, isBusy: false };
  asking.set(record.id, state);
  const isTooEarly = state.isBusy || clock.nowMs() - state.atMs < ASK_MS;
  const isReached = currentStep(record.progress) >= CERTIFIED_STEPS;
  if (isTooEarly || !isReached || hasEnded(record)) return;
  Object.assign(state, { atMs: clock.nowMs(), isBusy: true });
  void ask(parts, record, signal)
    .then((events) => {
      for (const event of events) joins.note(record.id, event);
    })
    .catch((error: unknown) => {
      if (!signal.aborted) log.warn('a join could not be looked at', { problem: String(error) });
    })
    .finally(() => (state.isBusy = false));
}

/** From the fifth on, the machine's agent has a certificate, and attends. */
const CERTIFIED_STEPS = 4;

/** Nothing is left to ask for. */
const hasEnded = ({ progress }: JoinRecord): boolean => currentStep(progress) >= 8;

async function ask(
  parts: JoinFeedParts,
  record: JoinRecord,
  signal: AbortSignal,
): Promise<readonly JoinEvent[]> {
  const [registered, healthy] = await Promise.all([
    registration(parts, record, signal),
    health(parts, record, signal),
  ]);
  return [...registered, ...healthy];
}

async function registration(
  { mesh, agents }: JoinFeedParts,
  record: JoinRecord,
  signal: AbortSignal,
): Promise<readonly JoinEvent[]> {
  const step = 'registered';
  const key = `WorkloadEntry/${record.namespace}/${record.entry}`;
  const workload = mesh.workloads.get(key);
  if (!workload) return [];
  const service = serviceOf(mesh, workload.addresses);
  if (record.ports.length === 0)
    return [{ kind: 'proved', step, evidence: `entry ${record.entry}` }];
  if (!service) return [];
  const client = clientFor(agents, keyOf(record));
  if (!client) {
    const evidence = `${service.host}; no client attends who could be asked for the name`;
    return [{ kind: 'proved', step, evidence }];
  }
  const question = { kind: 'dns_query', name: service.host, via: 'proxy' } as const;
  const answer = await orNothing(askOnce(agents, client.key, question, { signal, by: BY }));
  if (!answer) return [];
  const found = answer.addresses.find((address) => service.addresses.includes(address));
  const who = client.key.replace(/^[^/]+\//, '');
  if (found !== undefined || (answer.addresses.length > 0 && service.isHeadless)) {
    const evidence = `${service.host} is ${found ?? answer.addresses[0]}, asked from ${who}`;
    return [{ kind: 'proved', step, evidence }];
  }
  const problem = `${service.host} does not resolve on ${who}: ${answer.problem || 'no address'}`;
  return [{ kind: 'failed', step, problem }];
}

/** The service of whose endpoints one is the machine. */
function serviceOf(mesh: Mesh, addresses: readonly string[]): MeshService | undefined {
  for (const [key, { byPort }] of mesh.endpoints.entries()) {
    for (const endpoints of byPort.values()) {
      if (endpoints.some(({ address }) => addresses.includes(address)))
        return mesh.services.get(key);
    }
  }
  return undefined;
}

/** Somebody else who attends; a Pod rather than a VM. */
function clientFor(agents: AgentSessions, own: string): AgentSession | undefined {
  const others = [...agents.sessions()].filter(({ key, status }) => key !== own && status);
  return others.find(({ key }) => key.startsWith('Pod/')) ?? others[0];
}

async function health(
  { agents }: JoinFeedParts,
  record: JoinRecord,
  signal: AbortSignal,
): Promise<readonly JoinEvent[]> {
  const step = 'healthy';
  const key = keyOf(record);
  const status = agents.session(key)?.status;
  if (!status || status.unready.length > 0) return [];
  const answer = await orNothing(askOnce(agents, key, { kind: 'sockets' }, { signal, by: BY }));
  if (!answer) return [];
  const listening = new Map(answer.sockets.map((socket) => [socket.port, socket]));
  const missing = record.ports.filter((port) => !listening.has(port));
  if (missing.length > 0 && !answer.isCut) {
    return [{ kind: 'failed', step, problem: `nothing listens on port ${missing.join(', ')}` }];
  }
  const programs = record.ports.map((port) => {
    const { program = '' } = listening.get(port) ?? {};
    return `:${port} ${program}`.trim();
  });
  const evidence = ['the proxy is ready', ...programs].join(' · ');
  return [{ kind: 'proved', step, evidence }];
}

/** An agent that cannot be asked now is asked again. */
async function orNothing<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof AgentRequestError) return undefined;
    throw error;
  }
}
