// Which workloads are gateways, which servers each of them is, and whose routes it has.
//
// A workload is a gateway when it says so itself: annotation `inject.istio.io/templates: gateway`,
// as Istio's gateways have it, or label `gateway.networking.k8s.io/gateway-name`. That a Gateway
// selects it is not enough: whoever may write a Gateway could take every workload's proxy away.
// A gateway has explicit tables and captures nothing. Gateways select gateway workloads of all
// namespaces by label, as in Istio; an empty selector selects all of them.
import type { Gateway, GatewayServer } from '#istio/gateway/gateway.ts';
import type { VirtualService } from '#istio/virtualservice/virtual-service.ts';
import { membersOf } from './collection.ts';
import type { Collection, Index } from './collection.ts';
import { equalData } from './equal.ts';
import type { Graph } from './graph.ts';
import { compareServiceAge } from './inbound.ts';
import type { InboundPorts } from './inbound.ts';
import { groupByLabel, groupsByLabel } from './selection.ts';
import { isVisibleTo, visibilityOf } from './service.ts';
import type { MeshService } from './service.ts';
import { compareAge } from './services.ts';
import { hasLabels } from './workload.ts';
import type { Workload } from './workload.ts';

/** `namespace/name` of a Gateway, and which of its servers. */
export type ServerRef = { readonly gateway: string; readonly index: number };

/** A port that a gateway workload listens on. */
export type GatewayPort = {
  /** The workload's own: what the gateway's Service maps the servers' port to. */
  readonly port: number;
  /** Empty: every address. */
  readonly bind: string;
  readonly kind: Exclude<GatewayServer['kind'], 'unsupported'>;
  /** All of one kind, the oldest Gateway's first. At least one. */
  readonly servers: readonly ServerRef[];
};

export type Gateways = {
  /** What a workload listens on as a gateway, ordered by port; undefined when it is none. */
  readonly portsOf: (workloadKey: string) => readonly GatewayPort[] | undefined;
  /** The VirtualServices of a Gateway for proxies in a namespace, the oldest first. */
  readonly virtualServicesOf: (gateway: string, namespace: string) => readonly VirtualService[];
};

type Model = {
  readonly workloads: Collection<Workload>;
  readonly services: Collection<MeshService>;
  readonly inbound: InboundPorts;
};

export function deriveGateways(
  graph: Graph,
  inputs: {
    readonly gateways: Collection<Gateway>;
    readonly virtualServices: Collection<VirtualService>;
  },
  model: Model,
): Gateways {
  const { gateways, virtualServices } = inputs;
  const bySelector = graph.index('Gateways by selector', gateways, ({ selector }) => [
    groupByLabel(selector),
  ]);
  const routers = graph.derive(
    'gateway workloads',
    model.workloads,
    ({ isGateway, labels }) => (isGateway ? labels : undefined),
    equalData,
  );
  const ports = graph.derive(
    'gateway ports',
    routers,
    (labels, key) => {
      const selected = groupsByLabel(labels)
        .flatMap((group) => membersOf(bySelector, group))
        .flatMap((gateway) => gateways.get(gateway) ?? [])
        .filter(({ selector }) => hasLabels(labels, selector));
      return mergePorts(selected.toSorted(compareAge), portMapping(key, model));
    },
    equalData,
  );
  const routes = virtualServicesInOrder(graph, virtualServices);
  return {
    portsOf: (workloadKey) => ports.get(workloadKey),
    virtualServicesOf: (gateway, namespace) =>
      (routes.get(gateway) ?? []).filter(({ exportTo, namespace: own }) =>
        isVisibleTo(exportTo.length === 0 ? 'all' : visibilityOf(exportTo, own), namespace),
      ),
  };
}

function virtualServicesInOrder(
  graph: Graph,
  virtualServices: Collection<VirtualService>,
): Collection<readonly VirtualService[]> {
  const byGateway: Index = graph.index(
    'VirtualServices by Gateway',
    virtualServices,
    (virtualService) => virtualService.gateways,
  );
  return graph.derive('VirtualServices in order', byGateway, (_, gateway) =>
    membersOf(byGateway, gateway)
      .flatMap((key) => virtualServices.get(key) ?? [])
      .toSorted(compareAge),
  );
}

/** A server's port as clients know it → the workload's own; unknown to every Service: the same. */
function portMapping(workload: string, model: Model): (port: number) => number {
  const { services, inbound } = model;
  const serving = membersOf(inbound.servicesOf, workload)
    .flatMap((key) => services.get(key) ?? [])
    .toSorted(compareServiceAge)
    .flatMap((service) => inbound.servedBy.get(service.key)?.get(workload) ?? []);
  return (port) => serving.find(({ servicePort }) => servicePort === port)?.port ?? port;
}

/** Servers that cannot share a port with older ones are left out: a port is of one kind. */
function mergePorts(
  oldestFirst: readonly Gateway[],
  ownPort: (port: number) => number,
): readonly GatewayPort[] {
  const ports = new Map<string, GatewayPort>();
  for (const { namespace, name, servers } of oldestFirst) {
    for (const [index, { kind, bind, port: number }] of servers.entries()) {
      if (kind === 'unsupported') continue;
      const port = ownPort(number);
      const key = `${bind} ${port}`;
      const before = ports.get(key)?.servers ?? [];
      const isShared = kind !== 'tcp' && ports.get(key)?.kind === kind;
      if (before.length > 0 && !isShared) continue;
      const server = { gateway: `${namespace}/${name}`, index };
      ports.set(key, { port, bind, kind, servers: [...before, server] });
    }
  }
  return [...ports.values()].toSorted(
    (a, b) => a.port - b.port || (a.bind < b.bind ? -1 : 1), // no two have both alike
  );
}
