// MeshPolicy and Policy, the kinds that PeerAuthentication has replaced, in its terms: a policy for
// services becomes one for the workloads behind them, at the workloads' own ports.
import type { LegacyPolicy, LegacyTarget } from '#istio/meshpolicy/legacy-policy.ts';
import type { MtlsMode } from '#istio/peerauthentication/peer-authentication.ts';
import { membersOf } from './collection.ts';
import type { Collection } from './collection.ts';
import type { Graph } from './graph.ts';
import type { InboundPorts, Served } from './inbound.ts';
import type { Inputs } from './inputs.ts';
import type { LegacyPolicies, MtlsPolicy } from './policies.ts';
import type { MeshService } from './service.ts';
import { compareAge } from './services.ts';
import type { Workload } from './workload.ts';

type Model = {
  readonly services: Collection<MeshService>;
  readonly inbound: InboundPorts;
  /** The key of a Service of this name. */
  readonly serviceOf: (namespace: string, name: string) => string;
};

/** The group of the policies that are for the whole mesh; no namespace has such a name. */
const MESH = '*';

const NO_PORTS: ReadonlyMap<number, MtlsMode> = new Map();

export function deriveLegacyPolicies(
  graph: Graph,
  { meshPolicies, legacyPolicies }: Inputs,
  model: Model,
): LegacyPolicies {
  const ordered = (
    policies: Collection<LegacyPolicy>,
    groupOf: (policy: LegacyPolicy) => string,
  ) => {
    const index = graph.index(`${policies.name} by scope`, policies, (policy) => [groupOf(policy)]);
    return graph.derive(`${policies.name} in order`, index, (_, group) =>
      membersOf(index, group)
        .flatMap((key) => policies.get(key) ?? [])
        .toSorted(compareAge),
    );
  };
  const byNamespace = ordered(legacyPolicies, ({ namespace }) => namespace);
  const ofMesh = ordered(meshPolicies, () => MESH);
  return {
    ofWorkload: (workload) => {
      const policies = byNamespace.get(workload.namespace) ?? [];
      const targeted = policies.filter(({ targets }) => targets.length > 0);
      return targeted.length === 0 ? undefined : policyOf(workload, targeted, model);
    },
    ofNamespace: (namespace) =>
      asPolicy(byNamespace.get(namespace)?.find(({ targets }) => targets.length === 0)),
    ofMesh: () => asPolicy(ofMesh.get(MESH)?.[0]),
  };
}

const asPolicy = (policy: LegacyPolicy | undefined): MtlsPolicy | undefined =>
  policy && { mode: policy.mode, portLevel: NO_PORTS };

/** Should several policies be about a workload or one of its ports, the oldest counts. */
function policyOf(
  workload: Workload,
  oldestFirst: readonly LegacyPolicy[],
  model: Model,
): MtlsPolicy {
  let ofAll: MtlsMode | undefined;
  const portLevel = new Map<number, MtlsMode>();
  for (const { namespace, targets, mode } of oldestFirst) {
    for (const target of targets) {
      const key = model.serviceOf(namespace, target.service);
      const served = model.inbound.servedBy.get(key)?.get(workload.key);
      if (served === undefined) continue;
      if (target.ports.length === 0) ofAll ??= mode;
      for (const port of portsOf(target, served, model.services.get(key))) {
        if (!portLevel.has(port)) portLevel.set(port, mode);
      }
    }
  }
  return { mode: ofAll ?? 'UNSET', portLevel };
}

/** The workload's own ports that a target names by the service's. */
function portsOf(
  target: LegacyTarget,
  served: readonly Served[],
  service: MeshService | undefined,
): readonly number[] {
  const isNamed = ({ servicePort }: Served): boolean =>
    target.ports.some((port) =>
      typeof port === 'number'
        ? port === servicePort
        : service?.ports.some(({ number, name }) => number === servicePort && name === port),
    );
  return served.filter(isNamed).map(({ port }) => port);
}
