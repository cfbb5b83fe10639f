// Which policies decide about calls to a port of a workload, and how: what
// `resolve/make-inbound.ts` puts into its filter chains.
import type { Mesh } from '#model/mesh.ts';
import type { WorkloadAuthorization } from '#model/mesh.ts';
import type { InboundPort, Workload } from '#model/workload.ts';
import { authorizerOf } from '#resolve/authorizer.ts';
import { inboundContent } from '#resolve/first-speaker.ts';
import { trustDomainsOf } from '#resolve/tls.ts';
import type { PortPolicies } from './authorize.ts';
import { hostLookup } from './hosts.ts';

/** @param options.authorization instead of what the mesh has for the workload */
export function portPolicies(
  mesh: Mesh,
  workload: Workload,
  options: {
    readonly port: number;
    readonly authorization?: WorkloadAuthorization;
    /** As seen in traffic, where a port does not say. */
    readonly seen?: 'tcp' | 'http';
  },
): PortPolicies {
  const { port, authorization: all = mesh.authorization(workload) } = options;
  const served = mesh.inboundPorts(workload.key).find((one) => one.port === port);
  const content = served ? contentOf(mesh, workload, served) : 'tcp';
  const layer = content === 'auto' ? (options.seen ?? 'tcp') : content;
  const authorizer = authorizerOf({ mesh, serviceOf: hostLookup(mesh) }, workload, all);
  // an authorizer over HTTP is asked about requests only
  const isUnasked = layer === 'tcp' && authorizer?.settings.protocol === 'http';
  const hasChains = served !== undefined || mesh.mtlsPorts(workload).includes(port);
  return {
    authorization: isUnasked ? { ...all, custom: [] } : all,
    hasAuthorizer: authorizer !== undefined,
    layer,
    port: hasChains ? port : 'passthrough',
    trustDomains: trustDomainsOf(mesh.config()),
  };
}

const contentOf = (mesh: Mesh, workload: Workload, served: InboundPort) =>
  inboundContent(served, mesh.mtlsMode(workload, served.port));
