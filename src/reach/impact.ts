// What an edit of policies would do to the calls that were seen: each is judged by the rules of
// before and of after, compiled and read as the data plane does.
import type { TalkedTo } from '#api/history.ts';
import type { FlowImpact, PolicyImpact } from '#api/policies.ts';
import { spiffeIdOf } from '#base/workload-identity.ts';
import type { MtlsMode } from '#istio/peerauthentication/peer-authentication.ts';
import type { Mesh } from '#model/mesh.ts';
import type { Workload } from '#model/workload.ts';
import { workloadName } from '#resolve/identity-metadata.ts';
import { takesMeshTls } from '#resolve/mtls-mode.ts';
import { compile, decide } from './authorize.ts';
import type { CompiledPolicies, Decision } from './authorize.ts';
import type { PolicySet } from './policy-set.ts';
import { portPolicies } from './port-policies.ts';
import type { CallFacts } from './rbac-truth.ts';
import { identityOf } from './proxy-identity.ts';

/** Who called whom. */
export type SeenCall = Pick<
  TalkedTo,
  'from' | 'to' | 'port' | 'clientIdentity' | 'serverIdentity' | 'protocol' | 'lastSeenMs'
> & {
  readonly bytes: number;
  readonly openConnections: number;
};

export type Impact = Pick<PolicyImpact, 'refused' | 'allowed' | 'unchanged' | 'untold'>;

/** Instances of one end that are looked at: beyond, they are told as the others are. */
const INSTANCES_MAX = 16;
const ROWS_MAX = 1000;

export function impactOf(
  mesh: Mesh,
  sets: { readonly before: PolicySet; readonly after: PolicySet },
  calls: Iterable<SeenCall>,
): Impact {
  const judging = impactSteps(mesh, sets, calls);
  for (;;) {
    const step = judging.next();
    if (step.done) return step.value;
  }
}

/** Calls that are judged before others get their turn: a few milliseconds. */
const TURN_CALLS = 50;

/** The same, a little at a time: for whoever has other things to do meanwhile. */
export function* impactSteps(
  mesh: Mesh,
  sets: { readonly before: PolicySet; readonly after: PolicySet },
  calls: Iterable<SeenCall>,
): Generator<void, Impact, void> {
  const impact: Record<keyof Impact, FlowImpact[]> = {
    refused: [],
    allowed: [],
    unchanged: [],
    untold: [],
  };
  const judge = judgeOf(mesh, sets);
  let count = 0;
  for (const call of calls) {
    const found = judge(call);
    impact[found.effect].push({ ...rowOf(call), before: found.before, after: found.after });
    count += 1;
    if (count % TURN_CALLS === 0) yield;
  }
  const sorted = (rows: readonly FlowImpact[]): readonly FlowImpact[] =>
    rows.toSorted((a, b) => b.bytes - a.bytes).slice(0, ROWS_MAX);
  const { refused, allowed, unchanged, untold } = impact;
  return {
    refused: sorted(refused),
    allowed: sorted(allowed),
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

type Judged = {
  readonly effect: keyof Impact;
  readonly before: string;
  readonly after: string;
};

function judgeOf(
  mesh: Mesh,
  { before, after }: { readonly before: PolicySet; readonly after: PolicySet },
): (call: SeenCall) => Judged {
  const byNode = instancesByNode(mesh);
  const texts = new Map<string, string>();
  const [was, is] = [compiler(mesh, before, texts), compiler(mesh, after, texts)];
  return (call) => {
    const servers = (byNode.get(call.to) ?? []).slice(0, INSTANCES_MAX);
    const clients = (byNode.get(call.from) ?? []).slice(0, INSTANCES_MAX);
    const judged = servers.flatMap((server) =>
      (clients.length > 0 ? clients : [undefined]).map((client) => {
        const asked = { mesh, server, client, call };
        return judgeOne(judgement(was, asked, before), judgement(is, asked, before));
      }),
    );
    const [first, ...others] = judged;
    if (first === undefined) {
      const reason = 'its server is no workload of the mesh';
      return { effect: 'unchanged', before: reason, after: reason };
    }
    const other = others.find(({ effect }) => effect !== first.effect);
    return other
      ? { ...other, effect: 'untold', after: `${other.after}, for some instances` }
      : first;
  };
}

/** What decides about calls that were seen, each by the first instances of its ends. */
export function deciderOf(mesh: Mesh, set: PolicySet): (call: SeenCall) => Decision {
  const byNode = instancesByNode(mesh);
  const compiled = compiler(mesh, set);
  return (call) => {
    const [server] = byNode.get(call.to) ?? [];
    const [client] = byNode.get(call.from) ?? [];
    if (server) return judgement(compiled, { mesh, server, client, call }, set);
    const reason = 'its server is no workload of the mesh';
    return { verdict: 'unknown', reason, rule: undefined, action: 'none' };
  };
}

function instancesByNode(mesh: Mesh): ReadonlyMap<string, readonly Workload[]> {
  const all = [...mesh.workloads.entries()].map(([, workload]) => workload);
  return Map.groupBy(all, (one) => `wl:${one.namespace}/${workloadName(one)}`);
}

/** With what was decided by, so that "cannot tell" twice by the same rules is no change. */
type Judgement = Decision & { readonly rules: string };

function judgeOne(before: Judgement, after: Judgement): Judged {
  const texts = { before: before.reason, after: after.reason };
  if (before.rules === after.rules) return { effect: 'unchanged', ...texts };
  if (before.verdict === 'unknown' || after.verdict === 'unknown') {
    return { effect: 'untold', ...texts };
  }
  if (before.verdict === after.verdict) return { effect: 'unchanged', ...texts };
  return { effect: after.verdict === 'refused' ? 'refused' : 'allowed', ...texts };
}

type Asked = {
  readonly mesh: Mesh;
  readonly server: Workload;
  /** undefined: the client is no workload of the mesh (any more). */
  readonly client: Workload | undefined;
  readonly call: SeenCall;
};

/** What a set of policies is to one port of a workload: made once for all calls to it. */
type Compiled = CompiledPolicies & {
  readonly mode: MtlsMode;
  /** All that decides: equal texts are one and the same, so that comparing them costs nothing. */
  readonly all: string;
};
type Compiler = {
  readonly set: PolicySet;
  readonly of: (server: Workload, port: number, seen: 'tcp' | 'http') => Compiled;
};

function compiler(mesh: Mesh, set: PolicySet, texts = new Map<string, string>()): Compiler {
  const known = new Map<string, Compiled>();
  return {
    set,
    of: (server, port, seen) => {
      const key = `${server.key} ${port} ${seen}`;
      const before = known.get(key);
      if (before) return before;
      const authorization = set.authorization(server);
      const policies = compile(portPolicies(mesh, server, { port, authorization, seen }));
      const mode = set.mtlsMode(server, port);
      const text = `${mode} ${set.tokens(server)} ${policies.text}`;
      const all = texts.get(text) ?? text;
      texts.set(text, all);
      const compiled = { ...policies, mode, all };
      known.set(key, compiled);
      return compiled;
    },
  };
}

/** @param then the policies under which the call was seen */
function judgement({ set, of }: Compiler, asked: Asked, then: PolicySet): Judgement {
  const { server, call } = asked;
  if (server.tlsMode !== 'istio') {
    const reason = 'no proxy stands before the server: no policy is asked';
    return { verdict: 'allowed', reason, rule: undefined, action: 'none', rules: '' };
  }
  const compiled = of(server, call.port, call.protocol === 'tcp' ? 'tcp' : 'http');
  const { mode, all: rules } = compiled;
  const principal = principalUnder(set, asked, then);
  if (mode === 'STRICT' && principal === '') {
    const reason = 'DENY: the server takes mutual TLS only (STRICT)';
    return { verdict: 'refused', reason, rule: undefined, action: 'none', rules };
  }
  return { ...decide(compiled, factsOf(asked, principal)), rules };
}

/**
 * Whom the server would see: a client with a sidecar goes by what the server takes, so that a
 * change of mode may give it an identity, or take it away.
 */
function principalUnder(set: PolicySet, asked: Asked, then: PolicySet): string | undefined {
  const { mesh, server, client, call } = asked;
  const seen = seenPrincipal(call);
  const hasSidecar = client?.tlsMode === 'istio';
  if (!hasSidecar) return seen;
  if (!takesMeshTls(set.mtlsMode(server, call.port), call.port)) return '';
  const own = spiffeIdOf(identityOf(mesh, client));
  if (seen !== '') return seen ?? own;
  // in plaintext though it might have been otherwise: by a rule of the client's, which stays
  const wasTaken = takesMeshTls(then.mtlsMode(server, call.port), call.port);
  return wasTaken ? '' : own;
}

/** Neither end's identity: it was plaintext. The server's alone: the client's was not recorded. */
function seenPrincipal({ clientIdentity, serverIdentity }: SeenCall): string | undefined {
  if (clientIdentity !== '') return clientIdentity;
  return serverIdentity === '' ? '' : undefined;
}

function factsOf({ server, client, call }: Asked, principal: string | undefined): CallFacts {
  const address = /^ip:(.+)$/.exec(call.from)?.[1];
  return {
    principal,
    sourceAddress: client?.addresses[0] ?? address,
    destinationAddress: server.addresses[0],
    destinationPort: call.port,
    // which name a client called it by is not recorded
    sni: principal === '' ? '' : undefined,
  };
}
