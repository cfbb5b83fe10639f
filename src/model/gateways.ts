// Which workloads are gateways, which servers each of them is, and whose routes it has.
//
// A workload is a gateway when it says so itself: annotation `inject.istio.io/templates: gateway`,
// as Istio's gateways have it, or label `gateway.networking.k8s.io/gateway-name`. That a Gateway
// selects it is not enough: whoever may write a Gateway could take every workload's proxy away.
// A gateway has explicit tables and captures nothing. Gateways select gateway workloads of all
// namespaces by label, as in Istio; an empty selector selects all of them. One that names services
// of its namespace instead is for the gateway workloads behind these.
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
  /** Of TLS, servers of all kinds share a port: they are told apart by name. */
  readonly kind: 'http' | 'tls' | 'tcp';
  /** The oldest Gateway's first. At least one. */
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
  /** Are the ports of Gateways those of this service, to be mapped to its workloads' own? */
  readonly isTranslated: (service: MeshService) => boolean;
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
  const bySelector = graph.index('Gateways by selector', gateways, (gateway) => {
    const { selector, services, namespace } = gateway;
    return (
      services?.map((host) => serviceGroup(`${namespace}/${host}`)) ?? [groupByLabel(selector)]
    );
  });
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
      const served = membersOf(model.inbound.servicesOf, key);
      const groups = [...groupsByLabel(labels), ...served.map(serviceGroup)];
      const selected = [...new Set(groups.flatMap((group) => membersOf(bySelector, group)))]
        .flatMap((gateway) => gateways.get(gateway) ?? [])
        .filter(({ selector, services }) => services !== undefined || hasLabels(labels, selector));
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

const serviceGroup = (key: string): string => `service ${key}`;

/** A server's port as clients know it → the workload's own. */
type PortMapping = (gateway: Gateway, port: number) => readonly number[];

/**
 * As the oldest service has it that maps the port; unknown to every service: the same. A Gateway
 * that names its services is for all ports that these map it to, and for no other.
 */
function portMapping(workload: string, model: Model): PortMapping {
  const { services, inbound } = model;
  const serving = membersOf(inbound.servicesOf, workload)
    .flatMap((key) => services.get(key) ?? [])
    .toSorted(compareServiceAge)
    .flatMap((service) => {
      const served = inbound.servedBy.get(service.key)?.get(workload) ?? [];
      return served.map((one) => ({ ...one, service }));
    });
  return ({ services: named, namespace }, port) => {
    const own = serving.filter(({ servicePort }) => servicePort === port);
    if (named === undefined) {
      const translated = own.find(({ service }) => model.isTranslated(service));
      return [translated?.port ?? port];
    }
    const behind = own.filter(
      ({ service }) => service.namespace === namespace && named.includes(service.host),
    );
    return [...new Set(behind.map((one) => one.port))];
  };
}

const PORT_KINDS: Readonly<Record<GatewayServer['kind'], GatewayPort['kind'] | undefined>> = {
  http: 'http',
  https: 'tls',
  tls: 'tls',
  passthrough: 'tls',
  'auto-passthrough': 'tls',
  tcp: 'tcp',
  unsupported: undefined,
};

/** Servers that cannot share a port with older ones are left out: a port is of one kind. */
function mergePorts(
  oldestFirst: readonly Gateway[],
  ownPorts: PortMapping,
): readonly GatewayPort[] {
  const ports = new Map<string, GatewayPort>();
  for (const gateway of oldestFirst) {
    const { namespace, name, servers } = gateway;
    for (const [index, { kind: of, bind, port: number }] of servers.entries()) {
      const kind = PORT_KINDS[of];
      if (kind === undefined) continue;
      for (const port of ownPorts(gateway, number)) {
        const key = `${bind} ${port}`;
        const before = ports.get(key)?.servers ?? [];
        const isShared = kind !== 'tcp' && ports.get(key)?.kind === kind;
        if (before.length > 0 && !isShared) continue;
        const server = { gateway: `${namespace}/${name}`, index };
        ports.set(key, { port, bind, kind, servers: [...before, server] });
      }
    }
  }
  return [...ports.values()].toSorted(
    (a, b) => a.port - b.port || (a.bind < b.bind ? -1 : 1), // no two have both alike
  );
}
