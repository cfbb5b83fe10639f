// Who asks for what: the key under which proxies of one class share a resource. What a proxy may
// see follows from its certificate alone, so the class is made of that and nothing it says.
import type { WorkloadIdentity } from '#base/workload-identity.ts';
import { certificateNameOf } from '#base/workload-identity.ts';
import type { ResourceKey } from '#xds/catalog.ts';
import { clientKey } from './client.ts';
import type { Client } from './client.ts';
import {
  INBOUND_PASSTHROUGH,
  parseInboundName,
  parseOutboundListenerName,
  parseOutboundSni,
  parseSidecarRoutesName,
  TYPE_URL,
} from './names.ts';

export type Demand = {
  readonly typeUrl: string;
  readonly name: string;
  readonly proxy: WorkloadIdentity;
  /** What the proxy was as a client when it asked: when it comes to be another, it asks anew. */
  readonly client: Client;
};

/** For the names that a wildcard subscription stands for. */
export type WildcardDemand = {
  readonly typeUrl: string;
  readonly proxy: WorkloadIdentity;
};

/** A wildcard of this type stands for one name, `clientKey` of what the proxy is as a client. */
export const CLIENT_CLASS = 'client';

/** Type, class and name, which nothing follows. */
export const demandKey = (demand: Demand): ResourceKey =>
  `${shortType(demand.typeUrl)} ${proxyClass(demand)} =${demand.name}`;

export const wildcardKey = ({ typeUrl, proxy }: WildcardDemand): ResourceKey =>
  `${shortType(typeUrl)} ${workloadClass(proxy)} *`;

const shortType = (typeUrl: string): string =>
  typeUrl.slice(typeUrl.lastIndexOf('/') + 1).replaceAll(' ', '');

/**
 * - the same for everybody: who a peer is; a sidecar's route table, which only has a number
 * - a namespace's: mesh addresses, host names
 * - a client's: clusters, endpoints, virtual hosts, the listeners of sidecars for ports and
 *   destinations, which say what is logged
 * - a workload's own: its other listeners, inbound clusters and policies, what it hands on by name
 *   (virtualOutbound is one recipe, or two, for everybody); a gateway's listeners and route tables
 *   (its replicas share the recipe)
 */
function proxyClass({ typeUrl, name, proxy, client }: Demand): string {
  switch (typeUrl) {
    case TYPE_URL.workloadFacts:
      return EVERYBODY;
    case TYPE_URL.routes:
      return parseSidecarRoutesName(name) === undefined ? workloadClass(proxy) : EVERYBODY;
    case TYPE_URL.meshAddresses:
    case TYPE_URL.hostAddresses:
      return proxy.namespace;
    case TYPE_URL.listener:
      return client.isSidecar && parseOutboundListenerName(name) !== undefined
        ? clientKey(client)
        : workloadClass(proxy);
    case TYPE_URL.endpoints:
    case TYPE_URL.virtualHost:
      return clientKey(client);
    case TYPE_URL.cluster:
      return isInboundCluster(name) || parseOutboundSni(name) !== undefined
        ? workloadClass(proxy)
        : clientKey(client);
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
