// Whom a policy is for: Istio's rules for kinds with both a selector and targets
// (pilot/pkg/model/policyattachment.go).
import type { PolicyTargetReference } from '#istio/policy-target.ts';
import { hasLabels } from './workload.ts';
import type { Workload } from './workload.ts';

/** What of a workload decides which policies are for it. */
export type Governed = Pick<Workload, 'namespace' | 'labels'>;

/** By which a workload says which Gateway (of the Kubernetes Gateway API) it is an instance of. */
const GATEWAY_NAME = 'gateway.networking.k8s.io/gateway-name';
const GATEWAY_GROUP = 'gateway.networking.k8s.io';

export type AttachedPolicy = {
  readonly namespace: string;
  readonly selector: Readonly<Record<string, string>>;
  readonly targets: readonly PolicyTargetReference[];
};

/**
 * Of the policies of a workload's own namespace and of the root namespace, is this one for it? A
 * policy with targets is for the Gateways that it names, of its own namespace, and for nobody else;
 * Services as targets are a waypoint's, of which there are none.
 */
export function isFor({ namespace, selector, targets }: AttachedPolicy, workload: Governed) {
  if (targets.length === 0) return hasLabels(workload.labels, selector);
  const gateway = workload.labels[GATEWAY_NAME];
  return (
    namespace === workload.namespace &&
    targets.some(
      ({ group, kind, name }) => group === GATEWAY_GROUP && kind === 'Gateway' && name === gateway,
    )
  );
}
