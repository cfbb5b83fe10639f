// What an edit of policies would do to the calls that were seen: each is judged in the mesh as it
// is and as it would be, by what proxies are given then.
import type { TalkedTo } from '#api/history.ts';
import type { FlowImpact, PolicyImpact } from '#api/policies.ts';
import type { Mesh } from '#model/mesh.ts';
import type { Workload } from '#model/workload.ts';
import type { HostLookup } from '#resolve/host-lookup.ts';
import { workloadName } from '#resolve/identity-metadata.ts';
import { CallWays } from './call-way.ts';
import { Judge } from './judge.ts';
import type { Judgement } from './judge.ts';
import type { World } from './walk.ts';

/** Who called whom. */
export type SeenCall = Pick<
  TalkedTo,
  | 'from'
  | 'to'
  | 'port'
  | 'clientIdentity'
  | 'serverIdentity'
  | 'protocol'
  | 'lastSeenMs'
  | 'service'
> & {
  readonly bytes: number;
  readonly openConnections: number;
};

export type Impact = Pick<PolicyImpact, Effect>;

type Effect = 'refused' | 'allowed' | 'moved' | 'unchanged' | 'untold';

/** Instances of one end that are looked at: beyond, they are told as the others are. */
const INSTANCES_MAX = 16;
const ROWS_MAX = 1000;
/** Calls that are judged, or ways worked out, before others get their turn: some milliseconds. */
const TURN = { calls: 50, ways: 2 } as const;

/** Of one call, by the instances of its ends. */
type Judgements = ReadonlyMap<string, Judgement>;

export type Judged = readonly Judgements[];

/** A mesh in which changes are tried. */
export type Trial = World & { readonly serviceOf: HostLookup };

/**
 * Judges calls in the mesh as it is at the moment, a little at a time; nobody may change it until
 * this has ended.
 *
 * @param options.before how they were judged in the state under which they were seen; absent: this
 * is it
 * @param options.texts one for all states that are compared
 */
export function* judgeCalls(
  { mesh, catalog, serviceOf }: Trial,
  calls: readonly SeenCall[],
  options: {
    readonly before?: Judged;
    readonly texts: Map<string, string>;
    /** Of others it is known that their clients do as they were seen to do. */
    readonly isLedAnew: (client: Workload, call: SeenCall) => boolean;
  },
): Generator<void, Judged, void> {
  const { before, texts, isLedAnew } = options;
  const judge = new Judge(mesh, texts);
  const state = before === undefined ? 'before' : 'after';
  const ways = new CallWays({ mesh, catalog }, { serviceOf, state });
  const byNode = instancesByNode(mesh);
  const judged: Judgements[] = [];
  let turn = { calls: 0, ways: 0 };
  try {
    for (const [index, call] of calls.entries()) {
      const judgements = new Map<string, Judgement>();
      judged.push(judgements);
      const servers = (byNode.get(call.to) ?? []).slice(0, INSTANCES_MAX);
      const isGone = servers.length === 0 && call.to.startsWith('wl:');
      const pairs = isGone ? [] : pairsOf(byNode.get(call.from), servers);
      for (const [client, server] of pairs) {
        const key = `${client?.key ?? ''} ${server?.key ?? ''}`;
        const isLed = client?.tlsMode === 'istio' && isLedAnew(client, call);
        const way = isLed ? ways.of(client, calledOf(call, server)) : undefined;
        const spoken = before?.[index]?.get(key)?.tls;
        const judgement = judge.of({ call, client, server, servers, way, spoken });
        if (judgement) judgements.set(key, judgement);
      }
      if (judged.length - turn.calls < TURN.calls && ways.size - turn.ways < TURN.ways) continue;
      turn = { calls: judged.length, ways: ways.size };
      yield;
    }
  } finally {
    ways.end(); // also when nobody waits for the rest
  }
  return judged;
}

/** All of few; of many each with the first of the other end, which shows whether they differ. */
function pairsOf(
  clients: readonly Workload[] = [],
  servers: readonly Workload[],
): readonly (readonly [Workload | undefined, Workload | undefined])[] {
  const froms = clients.length === 0 ? [undefined] : clients.slice(0, INSTANCES_MAX);
  const tos = servers.length === 0 ? [undefined] : servers;
  if (froms.length * tos.length <= INSTANCES_MAX) {
    return froms.flatMap((from) => tos.map((to) => [from, to] as const));
  }
  const [first] = tos;
  return [
    ...froms.map((from) => [from, first] as const),
    ...tos.slice(1).map((to) => [froms[0], to] as const),
  ];
}

function calledOf({ to, port, protocol, service }: SeenCall, server: Workload | undefined) {
  const [, form, name = ''] = /^(host|ip):(.+)$/.exec(to) ?? [];
  return {
    host: service === '' && form === 'host' ? name : service,
    port,
    isHttp: protocol !== 'tcp',
    server,
    address: form === 'ip' ? name : '',
  };
}

/** What was judged twice, as an answer. */
export function compared(calls: readonly SeenCall[], before: Judged, after: Judged): Impact {
  const impact: Record<Effect, FlowImpact[]> = {
    refused: [],
    allowed: [],
    moved: [],
    unchanged: [],
    untold: [],
  };
  for (const [index, call] of calls.entries()) {
    const found = comparedCall(before[index] ?? new Map(), after[index] ?? new Map());
    impact[found.effect].push({ ...rowOf(call), before: found.before, after: found.after });
  }
  const sorted = (rows: readonly FlowImpact[]): readonly FlowImpact[] =>
    rows.toSorted((a, b) => b.bytes - a.bytes).slice(0, ROWS_MAX);
  const { refused, allowed, moved, unchanged, untold } = impact;
  return {
    refused: sorted(refused),
    allowed: sorted(allowed),
    moved: sorted(moved),
    unchanged: sorted(unchanged),
    untold: sorted(untold),
  };
}

const rowOf = (call: SeenCall): Omit<FlowImpact, 'before' | 'after'> => ({
  from: call.from,
  to: call.to,
  port: call.port,
  clientIdentity: call.clientIdentity,
  bytes: call.bytes,
  lastSeenMs: call.lastSeenMs,
  openConnections: call.openConnections,
});

type Compared = { readonly effect: Effect; readonly before: string; readonly after: string };

/** Where instances differ nobody can tell which of them will be met. */
function comparedCall(before: Judgements, after: Judgements): Compared {
  const found = [...after].flatMap(([pair, is]) => {
    const was = before.get(pair) ?? [...before.values()][0];
    return was ? [comparedOne(was, is)] : [];
  });
  const [first, ...others] = found;
  if (first === undefined) {
    const reason = 'nobody of its ends is known any more';
    return { effect: 'unchanged', before: reason, after: reason };
  }
  const other = others.find(({ effect }) => effect !== first.effect);
  return other
    ? { ...other, effect: 'untold', after: `${other.after}, for some instances` }
    : first;
}

const TOKENS = 'other tokens are believed: whether its requests bring some is not recorded';

function comparedOne(before: Judgement, after: Judgement): Compared {
  const texts = { before: before.reason, after: after.reason };
  if (before.rules === after.rules) return { effect: 'unchanged', ...texts };
  if (before.verdict === 'unknown' || after.verdict === 'unknown') {
    return { effect: 'untold', ...texts };
  }
  const isSamePlace = before.verdict !== 'moved' && after.verdict !== 'moved';
  if (after.verdict === 'refused' && before.verdict !== 'refused') {
    return { effect: 'refused', ...texts };
  }
  if (!isSamePlace) return { effect: 'moved', ...texts };
  if (before.verdict === after.verdict) {
    const isAsked = after.verdict === 'allowed' && before.tokens !== after.tokens;
    return isAsked
      ? { effect: 'untold', ...texts, after: TOKENS }
      : { effect: 'unchanged', ...texts };
  }
  return { effect: 'allowed', ...texts };
}

/** What decided about a call that was seen: by the first instances of its ends, as it was seen. */
export function deciderOf(mesh: Mesh): (call: SeenCall) => Judgement | undefined {
  const byNode = instancesByNode(mesh);
  const judge = new Judge(mesh);
  return (call) => {
    const servers = byNode.get(call.to) ?? [];
    const [server] = servers;
    const [client] = byNode.get(call.from) ?? [];
    return judge.of({ call, client, server, servers, way: undefined, spoken: undefined });
  };
}

/** What becomes of a call like one that is open, by the policies as they are. */
export function sessionJudge(mesh: Mesh) {
  const judge = new Judge(mesh);
  return ({ server, client, call }: SeenSession): Pick<Judgement, 'verdict'> => {
    const asked = { call, client, server, servers: [server], way: undefined, spoken: undefined };
    return judge.of(asked) ?? { verdict: 'unknown' };
  };
}

export type SeenSession = {
  readonly server: Workload;
  /** undefined: the client is no workload of the mesh (any more). */
  readonly client: Workload | undefined;
  readonly call: SeenCall;
};

function instancesByNode(mesh: Mesh): ReadonlyMap<string, readonly Workload[]> {
  const all = [...mesh.workloads.entries()].map(([, workload]) => workload);
  return Map.groupBy(all, (one) => `wl:${one.namespace}/${workloadName(one)}`);
}
