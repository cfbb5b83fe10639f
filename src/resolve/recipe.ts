// A recipe: what a name was found to mean, with nothing left of who asked.
import type { GatewayPort, ServerRef } from '#model/mesh.ts';
import type { MetricRule } from '#model/metric-rules.ts';
import type { ClientSecurity, ClientSettings } from './client-policy.ts';
import type { LocalityPreference } from './locality.ts';
import type {
  ChainPort,
  CollectorAddress,
  Destination,
  GatewayAddress,
  RbacKind,
} from './names.ts';
import type { AccessLogSettings, RequestTelemetry } from './telemetry.ts';

/** Some of a service's endpoints: those with all these labels. */
export type SubsetRef = {
  readonly name: string;
  /** Ordered by name. */
  readonly labels: readonly (readonly [name: string, value: string])[];
};

/** What a client gets to see of the endpoints of a service's port. */
export type EndpointView = {
  /** null: all of them. */
  readonly subset: SubsetRef | null;
  /** null: none is preferred to another. */
  readonly preference: LocalityPreference | null;
  /** The client's, whose own endpoints it reaches itself; null: every network's are. */
  readonly network: string | null;
  /** The client's, beyond which there is nobody for it; null: nodes do not matter. */
  readonly node: string | null;
  /** Those that are not ready are otherwise told as such. */
  readonly hidesUnready: boolean;
  /** A network whose endpoints are the only ones; null: all are. */
  readonly only: string | null;
};

/** Plain data with a fixed order of fields: its JSON is the key under which it is made. */
export type Recipe =
  | OutboundRecipe
  | InboundRecipe
  | ClusterRecipe
  | GatewayRecipe
  | ProxylessRecipe
  | AgentRecipe;

/** What a client of gRPC without a proxy asks for. */
export type ProxylessRecipe =
  | { readonly kind: 'proxyless-listener'; readonly host: string; readonly port: number }
  | {
      readonly kind: 'proxyless-routes';
      readonly host: string;
      readonly port: number;
      readonly content: VirtualHostContent;
    }
  | { readonly kind: 'proxyless-cluster'; readonly name: string };

type Logs = AccessLogSettings;

/** What takes a sidecar's outbound connections and requests. */
export type OutboundRecipe =
  | { readonly kind: 'virtual-outbound'; readonly hasIpv6: boolean; readonly logs: Logs }
  | (RequestTelemetry & {
      readonly kind: 'http-listener';
      readonly port: number;
      readonly hasIpv6: boolean;
    })
  | { readonly kind: 'tcp-listener'; readonly destination: Destination; readonly logs: Logs }
  | {
      readonly kind: 'tls-listener';
      readonly destination: Destination;
      readonly serverNames: readonly string[];
      readonly logs: Logs;
    }
  /** Dialled at its own address: to one cluster, or (without one) by what requests say. */
  | (RequestTelemetry & {
      readonly kind: 'explicit-outbound';
      readonly address: Destination;
      readonly cluster: string | null;
    })
  | { readonly kind: 'http-routes'; readonly port: number }
  /** Of an authority that can be nobody's. */
  | { readonly kind: 'no-virtual-host'; readonly name: string }
  | VirtualHostRecipe;

/** What a sidecar's requests to one authority meet. */
export type VirtualHostRecipe = {
  readonly kind: 'virtual-host';
  /** `<port>/<authority>`, as Envoy asked. */
  readonly name: string;
  readonly content: VirtualHostContent;
};

export type VirtualHostContent =
  /** All to the service's own cluster of the listener's port. */
  | { readonly kind: 'service'; readonly service: string; readonly namespace: string }
  /** Routes of a VirtualService, or of HTTPRoutes: those that are for the asker, in order. */
  | {
      readonly kind: 'routes';
      /** By `namespace/name`. */
      readonly virtualServices: readonly string[];
      /** Whose clients ask: destinations mean what they mean to them. */
      readonly namespace: string;
      /** Index of the VirtualService, of its route, and of its match (-1: it has none). */
      readonly parts: readonly (readonly [of: number, route: number, match: number])[];
    }
  /** Out of the mesh, to wherever the request was going. */
  | { readonly kind: 'passthrough' }
  /** 502, as nothing but the registry may be called. */
  | { readonly kind: 'blocked' };

/** A workload's own inbound side. */
export type InboundRecipe =
  | { readonly kind: 'virtual-inbound'; readonly workload: string }
  /** One port, dialled at an address of its own. */
  | {
      readonly kind: 'explicit-inbound';
      readonly workload: string;
      readonly address: Destination;
    }
  | { readonly kind: 'inbound-cluster'; readonly workload: string; readonly port: number }
  | { readonly kind: 'inbound-passthrough' }
  /** The same for every workload: to look for requests in plaintext, or not to. */
  | { readonly kind: 'http-inspection'; readonly isOn: boolean }
  | { readonly kind: 'tcp-authorizer'; readonly workload: string }
  | { readonly kind: 'http-policy'; readonly workload: string; readonly port: number }
  | {
      readonly kind: 'rbac';
      readonly workload: string;
      readonly half: RbacKind;
      readonly port: ChainPort;
    };

/** What a route leads to: a service's port, or a subset of it. */
export type DestinationRecipe = Extract<ClusterRecipe, { kind: 'table-cluster' }>;

/** Where a client's connections and requests go. */
export type ClusterRecipe =
  | {
      readonly kind: 'service-cluster';
      readonly name: string;
      readonly service: string;
      readonly port: number;
      /** Does the host mean this very service to the asker? Else its EDS name does not, either. */
      readonly ownsHost: boolean;
      readonly security: ClientSecurity;
      readonly settings: ClientSettings;
      readonly view: EndpointView;
    }
  /** Connections to a service's address, shared out among destinations by their weights. */
  | {
      readonly kind: 'split-cluster';
      readonly name: string;
      readonly service: string;
      readonly port: number;
      readonly parts: readonly { readonly weight: number; readonly of: DestinationRecipe }[];
    }
  /** One endpoint of a service, by its own address. */
  | {
      readonly kind: 'endpoint-cluster';
      readonly name: string;
      readonly service: string;
      readonly port: number;
      readonly endpoint: Destination;
      readonly security: ClientSecurity;
      readonly settings: ClientSettings;
    }
  /** A destination that means something, and that must not be spoken to as things are. */
  | { readonly kind: 'refused'; readonly name: string }
  | {
      readonly kind: 'passthrough';
      readonly name: string;
      /** Is it the address of a workload or node, if not a port that we know of? */
      readonly hasOwner: boolean;
    }
  | { readonly kind: 'tombstone'; readonly name: string }
  /** Who takes what proxies tell, by its address. */
  | { readonly kind: 'collector'; readonly collector: CollectorAddress }
  /** A service's port, or a subset of it, that routes lead to. */
  | {
      readonly kind: 'table-cluster';
      readonly name: string;
      readonly service: string;
      readonly port: number;
      /** Is it the address that the client dialled that counts? Of headless Services. */
      readonly isByClient: boolean;
      /** Does it carry connections, whatever the port's requests are in? */
      readonly isTcp: boolean;
      readonly security: ClientSecurity;
      readonly settings: ClientSettings;
      readonly view: EndpointView;
    }
  | {
      readonly kind: 'endpoints';
      readonly service: string;
      readonly port: number;
      readonly view: EndpointView;
    };

export type GatewayRecipe =
  | (RequestTelemetry & {
      readonly kind: 'gateway-listener';
      readonly namespace: string;
      readonly address: GatewayAddress;
      readonly content: GatewayPort['kind'];
      readonly servers: readonly ServerRef[];
    })
  | {
      readonly kind: 'gateway-routes';
      readonly name: string;
      readonly namespace: string;
      readonly port: number;
      readonly servers: readonly ServerRef[];
    };

/** What the agent asks for itself. */
export type AgentRecipe =
  | { readonly kind: 'mesh-addresses'; readonly namespace: string }
  | { readonly kind: 'host-addresses'; readonly name: string; readonly service: string }
  | { readonly kind: 'unknown-host'; readonly name: string }
  | { readonly kind: 'workload-facts'; readonly name: string; readonly workload: string }
  | { readonly kind: 'unknown-peer'; readonly name: string }
  | { readonly kind: 'metric-rules'; readonly rules: readonly MetricRule[] };

/**
 * Does the name mean anything? Of names that do not a proxy may have few, so that it can scan
 * addresses at little cost to us; whoever scrapes every Pod's undeclared port is no scanner.
 */
export function isKnownRecipe(recipe: Recipe): boolean {
  if (recipe.kind === 'passthrough') return recipe.hasOwner;
  if (recipe.kind === 'virtual-host') {
    return recipe.content.kind !== 'passthrough' && recipe.content.kind !== 'blocked';
  }
  return !UNKNOWN_KINDS.has(recipe.kind);
}

const UNKNOWN_KINDS: ReadonlySet<Recipe['kind']> = new Set([
  'tombstone',
  'no-virtual-host',
  'unknown-host',
  'unknown-peer',
]);
