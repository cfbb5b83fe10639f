// networking.istio.io EnvoyFilter: the single source of the kind.
import { ENVOY_FILTER } from '#kube/resources.ts';
import type { Kind } from '../kind.ts';
import { istioStatus, labelsSelector, port, uint32 } from '../kind-parts.ts';
import { targetRef } from '../policy-target.ts';
import { object } from '../schema/object-schema.ts';
import { anything, int32, list, map, string, word } from '../schema/schema.ts';
import type { Static } from '../schema/schema.ts';

const filter = object({ name: string(), subFilter: object({ name: string() }) });

const listener = object({
  portNumber: uint32(),
  portName: string(),
  filterChain: object({
    name: string(),
    sni: string(),
    transportProtocol: string(),
    applicationProtocols: string(),
    filter,
    destinationPort: uint32(),
  }),
  listenerFilter: string(),
  name: string(),
});

const routeConfiguration = object({
  portNumber: uint32(),
  portName: string(),
  gateway: string(),
  vhost: object({
    name: string(),
    domainName: string(),
    route: object({
      name: string(),
      action: word(['ANY', 'ROUTE', 'REDIRECT', 'DIRECT_RESPONSE']),
    }),
  }),
  name: string(),
});

const cluster = object({
  portNumber: uint32(),
  service: string(),
  subset: string(),
  name: string(),
});

const waypoint = object({ portNumber: port(), filter, route: object({ name: string() }) });

const match = object(
  {
    context: word(['ANY', 'SIDECAR_INBOUND', 'SIDECAR_OUTBOUND', 'GATEWAY', 'WAYPOINT']),
    proxy: object({ proxyVersion: string(), metadata: map(string()) }),
    listener,
    routeConfiguration,
    cluster,
    waypoint,
  },
  {
    oneOf: ['listener', 'routeConfiguration', 'cluster', 'waypoint'],
    rules: [
      {
        cel: 'has(self.context) ? ((self.context == "WAYPOINT") ? has(self.waypoint) : !has(self.waypoint)) : !has(self.waypoint)',
        message: 'only support waypointMatch when context is WAYPOINT',
        holds: (self) => (self.context === 'WAYPOINT') === (self.waypoint !== undefined),
      },
    ],
  },
);

const configPatch = object({
  applyTo: word([
    'INVALID',
    'LISTENER',
    'FILTER_CHAIN',
    'NETWORK_FILTER',
    'HTTP_FILTER',
    'ROUTE_CONFIGURATION',
    'VIRTUAL_HOST',
    'HTTP_ROUTE',
    'CLUSTER',
    'EXTENSION_CONFIG',
    'BOOTSTRAP',
    'LISTENER_FILTER',
  ]),
  match,
  patch: object({
    operation: word([
      'INVALID',
      'MERGE',
      'ADD',
      'REMOVE',
      'INSERT_BEFORE',
      'INSERT_AFTER',
      'INSERT_FIRST',
      'REPLACE',
      'MERGE_AND_REPLACE_LIST',
    ]),
    value: anything(),
    filterClass: word(['UNSPECIFIED', 'AUTHN', 'AUTHZ', 'STATS']),
  }),
});

export const envoyFilterSpec = object(
  {
    workloadSelector: labelsSelector(),
    targetRefs: list(targetRef, { itemsMax: 16 }),
    configPatches: list(configPatch),
    priority: int32(),
  },
  {
    rules: [
      {
        cel: '(has(self.workloadSelector) ? 1 : 0) + (has(self.targetRefs) ? 1 : 0) <= 1',
        message: 'only one of targetRefs or workloadSelector can be set',
        holds: ({ workloadSelector, targetRefs }) =>
          workloadSelector === undefined || targetRefs === undefined,
      },
    ],
  },
);

export type EnvoyFilterSpec = Static<typeof envoyFilterSpec>;
export type ConfigPatch = Static<typeof configPatch>;
export type FilterMatch = Static<typeof filter>;

export const envoyFilterKind: Kind<EnvoyFilterSpec> = {
  type: ENVOY_FILTER,
  singular: 'envoyfilter',
  shortNames: [],
  categories: ['istio-io', 'networking-istio-io'],
  versions: ['v1alpha3'],
  columns: [],
  spec: envoyFilterSpec,
  isSpecRequired: false,
  status: istioStatus(),
};
