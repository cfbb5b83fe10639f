// What the mesh is made of, and what was heard of it, as metrics: Istio's names (pilot/pkg/model,
// pilot/pkg/serviceregistry/kube) where they mean the same.
import type { Family, Sample } from '#telemetry/exposition.ts';
import {
  ENDPOINT_SLICE,
  NAMESPACE,
  NODE,
  POD,
  SERVICE,
  resourceName,
  type ResourceType,
} from '#kube/resources.ts';
import type { Mesh } from '#model/mesh.ts';
import type { ControlPlane } from './build.ts';
import { counter, gauge } from './metric-families.ts';

export function meshFamilies(mesh: Mesh): readonly Family[] {
  return [
    gauge('pilot_services', 'Services in the mesh.', mesh.services.size),
    gauge('pilot_virt_services', 'VirtualServices in force.', mesh.virtualServices.inForce.size),
    gauge(
      'pilot_eds_no_instances',
      'Ports of services that have nobody behind them.',
      portsWithoutEndpoints(mesh),
    ),
    gauge(
      'pilot_conflict_inbound_listener',
      'Ports of workloads that services declare in different protocols: the oldest service counts.',
      conflictingPorts(mesh),
    ),
    gauge('isthmus_workloads', 'Pods and WorkloadEntries in the mesh.', mesh.workloads.size),
    gauge('isthmus_rejected_objects', 'Objects not in force as written.', mesh.rejections.size),
    counter(
      'pilot_total_xds_internal_errors',
      'Computations that failed, so that what they are of stays as it was. A bug.',
      mesh.graph.failureCount,
    ),
  ];
}

/** Of services whose endpoints are known one by one. */
function portsWithoutEndpoints({ services, endpoints }: Mesh): number {
  let count = 0;
  for (const [key, { ports, resolution }] of services.entries()) {
    if (resolution !== 'static') continue;
    const byPort = endpoints.get(key)?.byPort;
    count += ports.filter(({ number }) => (byPort?.get(number) ?? []).length === 0).length;
  }
  return count;
}

function conflictingPorts({ services, endpoints }: Mesh): number {
  const declared = new Map<string, Set<string>>();
  for (const [key, { ports }] of services.entries()) {
    for (const { number, protocol } of ports) {
      for (const { workload, port } of endpoints.get(key)?.byPort.get(number) ?? []) {
        if (workload === undefined) continue;
        const place = `${workload} ${port}`;
        declared.set(place, (declared.get(place) ?? new Set()).add(protocol));
      }
    }
  }
  return [...declared.values()].filter(({ size }) => size > 1).length;
}

/** What Kubernetes itself says who is there, under Istio's names of it. */
const REGISTRY: ReadonlyMap<string, string> = new Map(
  (
    [
      [SERVICE, 'Services'],
      [ENDPOINT_SLICE, 'EndpointSlice'],
      [POD, 'Pods'],
      [NODE, 'Nodes'],
      [NAMESPACE, 'Namespaces'],
    ] as const
  ).map(([type, name]) => [resourceName(type), name]),
);

export function ingestFamilies({ events }: Pick<ControlPlane['ingest'], 'events'>): Family[] {
  const counts = [...events.counts.values()];
  const samples = (isRegistry: boolean): readonly Sample<number>[] =>
    counts
      .filter(({ type }) => REGISTRY.has(resourceName(type)) === isRegistry)
      .map(({ type, event, count }) => ({
        labels: [
          ['type', REGISTRY.get(resourceName(type)) ?? type.kind],
          ['event', event],
        ],
        value: count,
      }));
  const triggers = new Map<string, number>();
  for (const [type, count] of events.triggers) {
    const reason = reasonOf(type);
    triggers.set(reason, (triggers.get(reason) ?? 0) + count);
  }
  return [
    {
      type: 'counter',
      name: 'pilot_k8s_reg_events',
      help: 'What the Kubernetes API told of services and workloads.',
      samples: samples(true),
    },
    {
      type: 'counter',
      name: 'pilot_k8s_cfg_events',
      help: 'What the Kubernetes API told of configuration.',
      samples: samples(false),
    },
    {
      type: 'counter',
      name: 'pilot_push_triggers',
      help: 'How often something was to be computed anew, by why.',
      samples: [...triggers].map(([type, value]) => ({ labels: [['type', type]], value })),
    },
    counter(
      'pilot_inbound_updates',
      'All that the Kubernetes API told.',
      counts.reduce((sum, { count }) => sum + count, 0),
    ),
  ];
}

/** Istio's words (TriggerReason). */
function reasonOf(type: ResourceType): string {
  if (type === ENDPOINT_SLICE) return 'endpoint';
  return type === SERVICE || type === POD ? 'service' : 'config';
}
