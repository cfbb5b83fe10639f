// The Node object and its heartbeat, as the API has them. Pure.
import { timestamp } from '#kube/event-recorder.ts';
import type { KubeObject } from '#kube/objects.ts';

export const LEASE_NAMESPACE = 'kube-node-lease';
/** Kubernetes' largest number of Pods on a node by default. */
const PODS_MAX = '110';

export type NodeFacts = {
  readonly name: string;
  readonly address: string;
  readonly kubeletPort: number;
  readonly podCidr: string;
  readonly region: string;
  readonly zone: string;
  readonly cpus: number;
  readonly memoryBytes: number;
  /** As `uname` has them. */
  readonly kernel: string;
  readonly architecture: string;
};

export const capacityOf = ({ cpus, memoryBytes }: Pick<NodeFacts, 'cpus' | 'memoryBytes'>) => ({
  cpu: String(cpus),
  memory: `${Math.floor(memoryBytes / 1024)}Ki`,
  pods: PODS_MAX,
});

export function nodeObject(facts: NodeFacts): KubeObject {
  const { name, podCidr, region, zone, architecture } = facts;
  return {
    metadata: {
      name,
      labels: {
        'kubernetes.io/arch': architecture,
        'kubernetes.io/hostname': name,
        'kubernetes.io/os': 'linux',
        'topology.kubernetes.io/region': region,
        'topology.kubernetes.io/zone': zone,
      },
    },
    spec: { podCIDR: podCidr, podCIDRs: [podCidr] },
  };
}

/** @param sinceMs since when the node has been ready */
export function nodeStatus(
  facts: NodeFacts,
  times: { readonly nowMs: number; readonly sinceMs: number },
): Readonly<Record<string, unknown>> {
  const { name, address, kubeletPort, kernel, architecture } = facts;
  const capacity = capacityOf(facts);
  const condition = (type: string, status: string, reason: string, message: string) => ({
    type,
    status,
    reason,
    message,
    lastHeartbeatTime: timestamp(times.nowMs),
    lastTransitionTime: timestamp(times.sinceMs),
  });
  return {
    addresses: [
      { type: 'InternalIP', address },
      { type: 'Hostname', address: name },
    ],
    capacity,
    allocatable: capacity,
    daemonEndpoints: { kubeletEndpoint: { Port: kubeletPort } },
    conditions: [
      condition(
        'MemoryPressure',
        'False',
        'KubeletHasSufficientMemory',
        'limits of memory are not enforced in the lab',
      ),
      condition('DiskPressure', 'False', 'KubeletHasNoDiskPressure', 'not measured in the lab'),
      condition('PIDPressure', 'False', 'KubeletHasSufficientPID', 'not measured in the lab'),
      condition('Ready', 'True', 'KubeletReady', "the lab's node runs Pods as processes"),
    ],
    nodeInfo: {
      architecture,
      operatingSystem: 'linux',
      osImage: "Isthmus lab (the machine's own programs)",
      kernelVersion: kernel,
      kubeletVersion: 'v1.34.0',
      kubeProxyVersion: '',
      containerRuntimeVersion: 'lab://1',
      machineID: name,
      systemUUID: name,
      bootID: '',
    },
  };
}

export function leaseObject(
  name: string,
  times: { readonly nowMs: number; readonly leaseMs: number },
): KubeObject {
  return {
    metadata: { namespace: LEASE_NAMESPACE, name },
    spec: leaseSpec(name, times),
  };
}

/** Three heartbeats may be missed. */
export const leaseSpec = (
  name: string,
  { nowMs, leaseMs }: { readonly nowMs: number; readonly leaseMs: number },
) => ({
  holderIdentity: name,
  leaseDurationSeconds: Math.max(1, Math.round((leaseMs * 4) / 1000)),
  renewTime: new Date(nowMs).toISOString().replace('Z', '000Z'),
});
