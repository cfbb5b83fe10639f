// Which policies govern a workload: Istio's precedence, exactly.
import type { AuthorizationPolicy } from '#istio/authorizationpolicy/authorization-policy.ts';
import type { MeshConfig } from '#istio/meshconfig/mesh-config.ts';
import type {
  MtlsMode,
  PeerAuthentication,
} from '#istio/peerauthentication/peer-authentication.ts';
import { PEER_AUTHENTICATION } from '#kube/resources.ts';
import { membersOf } from './collection.ts';
import type { Collection } from './collection.ts';
import type { Graph } from './graph.ts';
import type { Inputs } from './inputs.ts';
import { isFor } from './policy-attachment.ts';
import { deriveRequestAuthentications } from './request-authentication.ts';
import type { RequestAuthentications } from './request-authentication.ts';
import { compareAge, compareText } from './services.ts';
import { deriveTelemetry } from './telemetry.ts';
import type { ProxyTelemetry } from './telemetry.ts';
import { hasLabels } from './workload.ts';
import type { Workload } from './workload.ts';

/** The policies that govern a workload, each list by namespace (root first), then name. */
export type WorkloadAuthorization = {
  readonly allow: readonly AuthorizationPolicy[];
  readonly deny: readonly AuthorizationPolicy[];
  readonly audit: readonly AuthorizationPolicy[];
  readonly custom: readonly AuthorizationPolicy[];
};

/** What a policy says of mutual TLS, whichever kind it is. */
export type MtlsPolicy = Pick<PeerAuthentication, 'mode' | 'portLevel'>;

/** The same of the kinds that PeerAuthentication has replaced, by scope. */
export type LegacyPolicies = {
  readonly ofWorkload: (workload: Workload) => MtlsPolicy | undefined;
  readonly ofNamespace: (namespace: string) => MtlsPolicy | undefined;
  readonly ofMesh: () => MtlsPolicy | undefined;
};

/** A mode, and the policy that says so; undefined: none does, and Istio's default holds. */
export type MtlsOrigin = {
  readonly mode: MtlsMode;
  /** Of the kinds that PeerAuthentication has replaced, without a name. */
  readonly by:
    | { readonly kind: string; readonly namespace: string; readonly name: string }
    | undefined;
};

/** What governs a workload, by all kinds of policy. */
export type Policies = {
  readonly mtlsMode: (workload: Workload, port: number) => MtlsMode;
  readonly mtlsOrigin: (workload: Workload, port: number) => MtlsOrigin;
  /** The ports that the workload's own policy names, declared by a service or not; sorted. */
  readonly mtlsPorts: (workload: Workload) => readonly number[];
  readonly authorization: (workload: Workload) => WorkloadAuthorization;
  readonly requestAuthentications: RequestAuthentications;
  readonly telemetry: ProxyTelemetry;
};

/**
 * @param options.rootNamespace where the policies of the whole mesh are (MeshConfig), tracked
 * @param options.config the mesh's settings, tracked
 */
export function derivePolicies(
  graph: Graph,
  inputs: Inputs,
  options: {
    readonly rootNamespace: () => string;
    readonly config: () => MeshConfig;
    readonly clusterId: string;
    readonly legacy: LegacyPolicies;
  },
): Policies {
  const { rootNamespace, legacy } = options;
  const peers = byNamespace(graph, inputs.peerAuthentications, compareAge);
  const rules = byNamespace(graph, inputs.authorizationPolicies, (a, b) =>
    compareText(a.name, b.name),
  );
  // In the root namespace, a policy with a selector is for nobody, and one without for all.
  const ofWorkload = ({ namespace, labels }: Workload): PeerAuthentication | undefined =>
    namespace === rootNamespace()
      ? undefined
      : peers
          .get(namespace)
          ?.find((policy) => !isForAll(policy) && hasLabels(labels, policy.selector));
  const mtlsOrigin = (workload: Workload, port: number): MtlsOrigin => {
    const { namespace } = workload;
    const root = rootNamespace();
    const [own, ofMesh] = [namespace, root].map((name) => peers.get(name)?.find(isForAll));
    return effective(port, [
      named(ofWorkload(workload)),
      replaced(legacy.ofWorkload(workload), { kind: 'Policy', namespace }),
      named(own),
      replaced(legacy.ofNamespace(namespace), { kind: 'Policy', namespace }),
      named(ofMesh),
      replaced(legacy.ofMesh(), { kind: 'MeshPolicy', namespace: '' }),
    ]);
  };
  return {
    requestAuthentications: deriveRequestAuthentications(graph, inputs, options),
    telemetry: deriveTelemetry(graph, inputs, options),
    mtlsOrigin,
    mtlsMode: (workload, port) => mtlsOrigin(workload, port).mode,
    mtlsPorts: (workload) => {
      const policies = [ofWorkload(workload), legacy.ofWorkload(workload)];
      const ports = new Set(policies.flatMap((policy) => [...(policy?.portLevel.keys() ?? [])]));
      return [...ports].toSorted((a, b) => a - b);
    },
    authorization: (workload) => {
      const root = rootNamespace();
      const namespaces = workload.namespace === root ? [root] : [root, workload.namespace];
      const all = namespaces
        .flatMap((namespace) => rules.get(namespace) ?? [])
        .filter((policy) => isFor(policy, workload));
      const of = (action: AuthorizationPolicy['action']): readonly AuthorizationPolicy[] =>
        all.filter((policy) => policy.action === action);
      return { allow: of('ALLOW'), deny: of('DENY'), audit: of('AUDIT'), custom: of('CUSTOM') };
    },
  };
}

/** One cell for each namespace that has policies, not one for each workload they are about. */
function byNamespace<P extends { readonly namespace: string }>(
  graph: Graph,
  policies: Collection<P>,
  compare: (a: P, b: P) => number,
): Collection<readonly P[]> {
  const { name } = policies;
  const index = graph.index(`${name} by namespace`, policies, ({ namespace }) => [namespace]);
  return graph.derive(`${name} in order`, index, (_, namespace) =>
    membersOf(index, namespace)
      .flatMap((key) => policies.get(key) ?? [])
      .toSorted(compare),
  );
}

const isForAll = ({ selector }: PeerAuthentication): boolean => Object.keys(selector).length === 0;

type Said = { readonly policy: MtlsPolicy; readonly by: NonNullable<MtlsOrigin['by']> };

function named(policy: PeerAuthentication | undefined): Said | undefined {
  if (policy === undefined) return undefined;
  const { namespace, name } = policy;
  return { policy, by: { kind: PEER_AUTHENTICATION.kind, namespace, name } };
}

const replaced = (
  policy: MtlsPolicy | undefined,
  of: { readonly kind: string; readonly namespace: string },
): Said | undefined => policy && { policy, by: { ...of, name: '' } };

/**
 * The narrowest policy with something to say decides: the workload's (for the port, then for all
 * its ports), the namespace's, the mesh's; and in each scope PeerAuthentication before the kinds
 * that it has replaced. Of each scope only the oldest is here.
 * Only a workload's policy knows ports: the schema allows them with a selector alone.
 */
function effective(port: number, narrowestFirst: readonly (Said | undefined)[]): MtlsOrigin {
  for (const said of narrowestFirst) {
    if (said === undefined) continue;
    const { policy, by } = said;
    for (const mode of [policy.portLevel.get(port), policy.mode]) {
      if (mode !== undefined && mode !== 'UNSET') return { mode, by };
    }
  }
  return { mode: 'PERMISSIVE', by: undefined };
}
