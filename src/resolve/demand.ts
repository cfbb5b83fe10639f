// Who asks for what: the key under which proxies of one class share a resource. What a proxy may
// see follows from its certificate alone, so the class is made of that and nothing it says.
import type { WorkloadIdentity } from '#base/workload-identity.ts';
import { certificateNameOf } from '#base/workload-identity.ts';
import type { ResourceKey } from '#xds/catalog.ts';
import {
  INBOUND_PASSTHROUGH,
  parseInboundName,
  parseSidecarRoutesName,
  TYPE_URL,
} from './names.ts';

export type Demand = {
  readonly typeUrl: string;
  /** undefined: the names that a wildcard subscription stands for. */
  readonly name: string | undefined;
  readonly proxy: WorkloadIdentity;
};

/** Type, class and name, of which only the name (the last) can hold a space. */
export function demandKey({ typeUrl, name, proxy }: Demand): ResourceKey {
  const type = typeUrl.slice(typeUrl.lastIndexOf('/') + 1).replaceAll(' ', '');
  if (name === undefined) return `${type} ${workloadClass(proxy)} *`;
  return `${type} ${proxyClass(typeUrl, name, proxy)} =${name}`;
}

/**
 * - the same for everybody: who a peer is; a sidecar's route table, which only has a number
 * - by what a namespace may see: clusters by destination, endpoints, virtual hosts, mesh addresses,
 *   host names
 * - a workload's own: its listeners, inbound clusters and policies (virtualOutbound is one recipe, or
 *   two, for everybody); a gateway's listeners and route tables, whose replicas share the recipe
 */
function proxyClass(typeUrl: string, name: string, proxy: WorkloadIdentity): string {
  switch (typeUrl) {
    case TYPE_URL.endpoints:
    case TYPE_URL.meshAddresses:
    case TYPE_URL.hostAddresses:
    case TYPE_URL.virtualHost:
      return proxy.namespace;
    case TYPE_URL.routes:
      return parseSidecarRoutesName(name) === undefined ? workloadClass(proxy) : EVERYBODY;
    case TYPE_URL.workloadFacts:
      return EVERYBODY;
    case TYPE_URL.cluster:
      return isInboundCluster(name) ? workloadClass(proxy) : proxy.namespace;
    default:
      return workloadClass(proxy);
  }
}

/** No namespace has such a name. */
const EVERYBODY = '-';

export const isInboundCluster = (name: string): boolean =>
  name === INBOUND_PASSTHROUGH || parseInboundName(name) !== undefined;

function workloadClass({ trustDomain, namespace, serviceAccount, workload }: WorkloadIdentity) {
  const holder = workload ? `${workload.kind}/${certificateNameOf(workload.name)}` : '-';
  return `${trustDomain}/${namespace}/${serviceAccount}/${holder}`;
}
