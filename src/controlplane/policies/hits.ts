// What each policy decided in the last day, worked out from who talked to whom. Pure.
import type { Denial } from '#api/events.ts';
import type { TalkedTo } from '#api/history.ts';
import type { KubeObject } from '#kube/objects.ts';
import type { Mesh } from '#model/mesh.ts';
import { deciderOf } from '#reach/impact.ts';
import type { Hits } from './summary.ts';
import { targetsOf } from './targets.ts';
import { nodeIdOf } from '../view/node-id.ts';

/** Hits of AuthorizationPolicies, by `namespace/name`; nothing of one that decided nothing. */
export function hitsOf(
  mesh: Mesh,
  seen: { readonly talked: readonly TalkedTo[]; readonly denials: readonly Denial[] },
): ReadonlyMap<string, { readonly allowed: number; readonly denied: number }> {
  const hits = new Map<string, { allowed: number; denied: number }>();
  const at = (key: string): { allowed: number; denied: number } => {
    const known = hits.get(key) ?? { allowed: 0, denied: 0 };
    hits.set(key, known);
    return known;
  };
  const decide = deciderOf(mesh);
  for (const one of seen.talked) {
    const { verdict, rule } = decide(seenCall(one)) ?? {};
    if (verdict === 'allowed' && rule)
      at(`${rule.namespace}/${rule.name}`).allowed += one.connections;
  }
  for (const { policy } of seen.denials) if (policy !== '') at(policy).denied += 1;
  return hits;
}

/** Calls that no rule allowed, of the workloads that an ALLOW policy closes to all others. */
export function unallowed(mesh: Mesh, object: KubeObject, denials: readonly Denial[]): number {
  const nodes = new Set(targetsOf(mesh, object).map(nodeIdOf));
  return denials.filter(({ policy, to }) => policy === '' && nodes.has(to)).length;
}

export const seenCall = (one: TalkedTo) => ({
  ...one,
  bytes: one.toServerBytes + one.toClientBytes,
  openConnections: 0,
});

export const NO_HITS: Hits = { allowed: null, denied: null };
