// Which ports each workload serves: the endpoints of the services, seen from the other end.
import { membersOf } from './collection.ts';
import type { Collection, Index } from './collection.ts';
import { equalData } from './equal.ts';
import type { Graph } from './graph.ts';
import type { MeshService, ServiceEndpoints } from './service.ts';
import { compareText } from './services.ts';
import { portsUnder } from './sidecar-ports.ts';
import type { Sidecars } from './sidecars.ts';
import { deliveryAddressOf } from './workload.ts';
import type { InboundPort, Workload } from './workload.ts';

/** A port of a service, and at which port of its own a workload serves it. */
export type Served = { readonly servicePort: number; readonly port: number };

export type InboundPorts = {
  /** By key of the workload; nothing for one that serves no port. */
  readonly ports: Collection<readonly InboundPort[]>;
  /** By key of the service: who serves which of its ports, by key of the workload. */
  readonly servedBy: Collection<ReadonlyMap<string, readonly Served[]>>;
  /** The services that a workload serves, by its key. */
  readonly servicesOf: Index;
};

export function deriveInboundPorts(
  graph: Graph,
  model: {
    readonly services: Collection<MeshService>;
    readonly endpoints: Collection<ServiceEndpoints>;
    readonly workloads: Collection<Workload>;
    /** By Sidecar: what a workload serves instead of what services say of it. */
    readonly sidecarFor: Sidecars['sidecarFor'];
  },
): InboundPorts {
  const { services, endpoints, workloads, sidecarFor } = model;
  const byAddress = graph.index('workloads by own address', workloads, ({ namespace, addresses }) =>
    addresses.map((address) => `${namespace} ${address}`),
  );
  // An address written into an object of the same namespace means the workload that has it.
  const workloadsAt: WorkloadsAt = (namespace, address) =>
    membersOf(byAddress, `${namespace} ${address}`);
  // Without health and weight, so that their changes do not reach every workload of a service.
  const servedBy = graph.derive(
    'ports by workload',
    endpoints,
    (behind) => portsByWorkload(behind, workloadsAt),
    equalData,
  );
  const servicesOf = graph.index('services by workload', servedBy, (served) => served.keys());
  const declared = graph.derive(
    'ports that services declare',
    servicesOf,
    (_, key) => {
      const workload = workloads.get(key);
      if (workload === undefined) return undefined;
      const ports = new Map<number, InboundPort>();
      const all = membersOf(servicesOf, key).flatMap((service) => services.get(service) ?? []);
      for (const service of all.toSorted(compareServiceAge)) {
        for (const served of servedBy.get(service.key)?.get(key) ?? []) {
          const port = inboundPort(workload, service, served);
          if (port && !ports.has(served.port)) ports.set(served.port, port);
        }
      }
      return [...ports.values()].toSorted((a, b) => a.port - b.port);
    },
    equalData,
  );
  const inbound = graph.derive(
    'inbound ports',
    workloads,
    (workload, key) => {
      const ports = declared.get(key);
      const sidecar = workload.isGateway
        ? undefined
        : sidecarFor(workload.namespace, workload.labels);
      return sidecar === undefined ? ports : portsUnder(sidecar, { workload, ports: ports ?? [] });
    },
    equalData,
  );
  return { ports: inbound, servedBy, servicesOf };
}

/** Older before newer, then by key: a total order. */
export function compareServiceAge(a: MeshService, b: MeshService): number {
  return a.createdAtMs - b.createdAtMs || compareText(a.key, b.key);
}

type WorkloadsAt = (namespace: string, address: string) => readonly string[];

function portsByWorkload(
  { byPort }: ServiceEndpoints,
  workloadsAt: WorkloadsAt,
): ReadonlyMap<string, readonly Served[]> {
  const ports = new Map<string, Served[]>();
  for (const [servicePort, endpoints] of byPort) {
    for (const { workload, port, namespace, address } of endpoints) {
      if (port === 0) continue; // a socket: nothing is captured on its way there
      const keys = workload === undefined ? workloadsAt(namespace, address) : [workload];
      for (const key of keys) {
        const served = ports.get(key);
        if (served) served.push({ servicePort, port });
        else ports.set(key, [{ servicePort, port }]);
      }
    }
  }
  return ports;
}

function inboundPort(
  workload: Workload,
  { key, host, ports }: MeshService,
  { servicePort, port }: Served,
): InboundPort | undefined {
  const declared = ports.find(({ number }) => number === servicePort);
  return (
    declared && {
      port,
      protocol: declared.protocol,
      deliverAddress: deliveryAddressOf(workload),
      service: { key, host, port: servicePort, portName: declared.name },
    }
  );
}
