// Who a peer is, in the words of Istio's metrics: asked by agents, so that both ends of a call,
// which ask by the same name, are answered alike.
import type { MessageInitShape } from '@bufbuild/protobuf';
import { parsePeerName } from '#base/peer-name.ts';
import type { WorkloadFactsSchema } from '#gen/isthmus/v1/agent_pb.js';
import type { Mesh } from '#model/mesh.ts';
import type { Workload } from '#model/workload.ts';
import { workloadName } from './identity-metadata.ts';

/** The answer for a peer that is no workload of the mesh; the asker is told when that changes. */
export const UNKNOWN_PEER: MessageInitShape<typeof WorkloadFactsSchema> = { known: false };

/** The workload that a peer's name (`base/peer-name.ts`) means. */
export function workloadOfPeer(mesh: Mesh, name: string): Workload | undefined {
  const peer = parsePeerName(name);
  if (peer === undefined) return undefined;
  if (peer.kind === 'address') return mesh.workloadsAt(peer.address)[0];
  const { trustDomain, trustDomainAliases } = mesh.config();
  const isOurs = [trustDomain, ...trustDomainAliases].includes(peer.identity.trustDomain);
  return isOurs ? mesh.workloadOf(peer.identity) : undefined;
}

/**
 * As Istio's labels of workloads (pkg/model/proxy.go, `pilot/pkg/model/context.go`): canonical
 * names from their own labels, then Kubernetes' recommended ones, then `app` and `version`.
 */
export function buildWorkloadFacts(
  workload: Workload,
  clusterId: string,
): MessageInitShape<typeof WorkloadFactsSchema> {
  const { namespace, labels } = workload;
  const name = workloadName(workload);
  const { app = '', version = '' } = labels;
  return {
    known: true,
    workload: name,
    namespace,
    app,
    version,
    canonicalService:
      labels['service.istio.io/canonical-name'] || labels['app.kubernetes.io/name'] || app || name,
    canonicalRevision:
      labels['service.istio.io/canonical-revision'] ||
      labels['app.kubernetes.io/version'] ||
      version ||
      'latest',
    cluster: clusterId,
  };
}
