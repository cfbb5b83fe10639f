// A Pod or a WorkloadEntry: one thing that runs, has an identity, and serves ports.
import type { WorkloadKind } from '#base/workload-identity.ts';
import { NETWORK_LABEL } from '#istio/core/place.ts';
import type { Pod } from '#istio/core/pod.ts';
import type { Protocol } from '#istio/core/protocol.ts';
import type { ConnectionPool } from '#istio/destinationrule/traffic-policy.ts';
import type { TlsTermination } from '#istio/gateway/server-tls.ts';
import type { ParsedMeta } from '#istio/object.ts';
import { UNIX } from '#istio/workloadentry/schema.ts';
import { TLS_MODE } from '#istio/workloadentry/workload-entry.ts';
import type { WorkloadEntry } from '#istio/workloadentry/workload-entry.ts';
import { canonicalIp } from '#base/ip.ts';
import type { EndpointHealth, TlsMode } from './service.ts';

export type Workload = {
  /** `Pod/namespace/name` or `WorkloadEntry/namespace/name`: the key in `workloads`. */
  readonly key: string;
  readonly kind: WorkloadKind;
  readonly namespace: string;
  readonly name: string;
  /** 0 when not told. Milliseconds since the Unix epoch. */
  readonly createdAtMs: number;
  readonly labels: Readonly<Record<string, string>>;
  /** `default` for a Pod that names none; empty for a WorkloadEntry that names none. */
  readonly serviceAccount: string;
  /** Canonical IP addresses, the primary first. Empty before a Pod has one. */
  readonly addresses: readonly string[];
  /** The address of a WorkloadEntry that is a host name; empty otherwise. */
  readonly hostname: string;
  /** The address of a WorkloadEntry that is a Unix socket, `unix://…`; empty otherwise. */
  readonly socket: string;
  /** Port name → port: a Pod's container ports, a WorkloadEntry's `ports`. */
  readonly ports: ReadonlyMap<string, number>;
  /** At least 1. */
  readonly weight: number;
  /** Empty when the object does not say. */
  readonly locality: string;
  /** Empty when the object does not say. */
  readonly network: string;
  readonly health: EndpointHealth;
  readonly tlsMode: TlsMode;
  /** The node that a Pod runs on; empty otherwise. */
  readonly nodeName: string;
  /** Does it say of itself that it is a gateway, and no application with a sidecar? */
  readonly isGateway: boolean;
};

/** A port that a workload serves, and for which service. */
export type InboundPort = {
  /** The port as the workload's proxy sees it dialled. Unique in a workload. */
  readonly port: number;
  readonly protocol: Protocol;
  /** Where the proxy delivers to: a Pod's own address, 127.0.0.1 on a VM, or as a Sidecar says. */
  readonly deliverAddress: string;
  /** Where that is another than `port`. */
  readonly deliverPort?: number;
  /** Absent: no limits. */
  readonly connectionPool?: ConnectionPool;
  /** TLS of the workload's own, which ends at its proxy where mesh TLS is off. */
  readonly termination?: TlsTermination;
  /** The service that names this port: the oldest, should there be several. */
  readonly service: {
    readonly key: string;
    readonly host: string;
    readonly port: number;
    readonly portName: string;
  };
};

/** Where a VM's services listen by default; a Pod's listen on the Pod's own address. */
const LOCALHOST = '127.0.0.1';

export const deliveryAddressOf = ({
  kind,
  addresses,
}: Pick<Workload, 'kind' | 'addresses'>): string =>
  kind === 'Pod' ? (addresses[0] ?? LOCALHOST) : LOCALHOST;

export function workloadKey(kind: WorkloadKind, namespace: string, name: string): string {
  return `${kind}/${namespace}/${name}`;
}

export function workloadOfPod(pod: Pod): Workload {
  const { namespace, name, createdAtMs, labels, serviceAccount, addresses, ports } = pod;
  return {
    key: workloadKey('Pod', namespace, name),
    kind: 'Pod',
    namespace,
    name,
    createdAtMs,
    labels,
    serviceAccount,
    addresses,
    hostname: '',
    socket: '',
    ports,
    weight: 1,
    locality: (labels['istio-locality'] ?? '').replaceAll('.', '/'),
    network: labels[NETWORK_LABEL] ?? '',
    health: pod.health,
    // Injection stamps the label; without it nobody in the Pod speaks mesh TLS.
    tlsMode: labels[TLS_MODE] === 'istio' ? 'istio' : 'disabled',
    nodeName: pod.nodeName,
    isGateway: isGateway(pod),
  };
}

export function workloadOfEntry(entry: WorkloadEntry): Workload {
  const { namespace, name, createdAtMs, labels, serviceAccount } = entry;
  const { weight, locality, network } = entry;
  const ip = canonicalIp(entry.address);
  const isSocket = entry.address.startsWith(UNIX);
  return {
    key: workloadKey('WorkloadEntry', namespace, name),
    kind: 'WorkloadEntry',
    namespace,
    name,
    createdAtMs,
    labels,
    serviceAccount,
    addresses: ip === undefined ? [] : [ip],
    hostname: ip === undefined && !isSocket ? entry.address : '',
    socket: isSocket ? entry.address : '',
    ports: new Map(Object.entries(entry.ports)),
    weight,
    locality,
    network,
    health: entry.isHealthy ? 'ready' : 'unready',
    tlsMode: entry.takesMeshTls ? 'istio' : 'disabled',
    nodeName: '',
    isGateway: isGateway(entry),
  };
}

/** As Istio's gateways are marked: whoever may write the workload decides, and nobody else. */
const TEMPLATES = 'inject.istio.io/templates';
/** As those are that were made for a Gateway of the Kubernetes Gateway API. */
const GATEWAY_NAME = 'gateway.networking.k8s.io/gateway-name';

function isGateway({ labels, annotations }: Pick<ParsedMeta, 'labels' | 'annotations'>): boolean {
  const templates = (annotations[TEMPLATES] ?? '').split(',').map((name) => name.trim());
  return templates.includes('gateway') || labels[GATEWAY_NAME] !== undefined;
}

/** Are all of these labels there with these values? */
export function hasLabels(
  labels: Readonly<Record<string, string>>,
  wanted: Readonly<Record<string, string>>,
): boolean {
  return Object.entries(wanted).every(([name, value]) => labels[name] === value);
}
