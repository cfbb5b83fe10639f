// The kinds that the server has without any definition, in kubectl's order of preference.
import type { KubeObject } from '../object.ts';
import { objectAt, stringAt } from '../object.ts';
import type { SelectableFields } from '../selectors/field-selector.ts';
import { CONFIG_MAP, SECRET } from './config.ts';
import { defineKind } from './define.ts';
import type { BuiltInKind } from './define.ts';
import { definitionBehaviour } from './definition.ts';
import { ENDPOINT_SLICE } from './endpoint-slice.ts';
import type { Kind } from './kind.ts';
import { NAMESPACE } from './namespace.ts';
import { POD, POD_FIELDS } from './pod.ts';
import { WEBHOOK_KINDS } from '../admission/kinds.ts';
import { RBAC_KINDS } from '../rbac/kinds.ts';
import type { ServiceAddresses } from './service-addresses.ts';
import { serviceBehaviour } from './service.ts';
import { REPLICAS_FIELD, WORKLOAD_KINDS, WORKLOAD_SCALE } from './workload-kinds.ts';
import { REPLICATION_CONTROLLER } from './workload-sets.ts';

const involved = (field: string) => (event: KubeObject) =>
  stringAt(objectAt(event, 'involvedObject'), field);
const own = (field: string) => (object: KubeObject) => stringAt(object, field);

const EVENT_FIELDS: SelectableFields = new Map([
  ...['kind', 'namespace', 'name', 'uid', 'apiVersion', 'resourceVersion', 'fieldPath'].map(
    (field) => [`involvedObject.${field}`, involved(field)] as const,
  ),
  ['reason', own('reason')],
  ['reportingComponent', own('reportingComponent')],
  ['source', (event) => stringAt(objectAt(event, 'source'), 'component')],
  ['type', own('type')],
]);

const NAMESPACE_FIELDS: SelectableFields = new Map([
  ['status.phase', (object) => stringAt(objectAt(object, 'status'), 'phase')],
]);

const NODE_FIELDS: SelectableFields = new Map([
  ['spec.unschedulable', (node) => String(objectAt(node, 'spec')['unschedulable'] === true)],
]);

const SERVICE_FIELDS: SelectableFields = new Map([
  ['spec.clusterIP', (service) => stringAt(objectAt(service, 'spec'), 'clusterIP')],
  ['spec.type', (service) => stringAt(objectAt(service, 'spec'), 'type')],
]);

const SECRET_FIELDS: SelectableFields = new Map([['type', own('type')]]);

export type BuiltInParts = {
  readonly addresses: ServiceAddresses;
  /** The time as it stands in objects. */
  readonly now: () => string;
};

export function builtInKinds({ addresses, now }: BuiltInParts): readonly Kind[] {
  const kinds = [...coreKinds(addresses), ...OTHER_KINDS, ...RBAC_KINDS, ...WEBHOOK_KINDS].map(
    (built) => defineKind(built),
  );
  const ownGroups = new Set([...kinds.map(({ group }) => group), 'apiextensions.k8s.io']);
  const definitions = defineKind({
    api: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    plural: 'customresourcedefinitions',
    type: 'crd.CustomResourceDefinition',
    short: ['crd', 'crds'],
    categories: ['api-extensions'],
    scope: 'Cluster',
    hasStatus: true,
    hasGeneration: true,
    behaviour: definitionBehaviour({ ownGroups, now }),
  });
  return [...kinds, definitions];
}

function coreKinds(addresses: ServiceAddresses): readonly BuiltInKind[] {
  const core = (built: Omit<BuiltInKind, 'api' | 'type'>): BuiltInKind => ({
    ...built,
    api: 'v1',
    type: `core.${built.kind}`,
  });
  return [
    core({ kind: 'ConfigMap', plural: 'configmaps', short: ['cm'], behaviour: CONFIG_MAP }),
    core({ kind: 'Endpoints', plural: 'endpoints', short: ['ep'] }),
    core({ kind: 'Event', plural: 'events', short: ['ev'], fields: EVENT_FIELDS }),
    core({
      kind: 'Namespace',
      plural: 'namespaces',
      short: ['ns'],
      scope: 'Cluster',
      hasStatus: true,
      nameRule: 'label',
      fields: NAMESPACE_FIELDS,
      behaviour: NAMESPACE,
    }),
    core({
      kind: 'Node',
      plural: 'nodes',
      short: ['no'],
      scope: 'Cluster',
      hasStatus: true,
      fields: NODE_FIELDS,
    }),
    core({
      kind: 'Pod',
      plural: 'pods',
      short: ['po'],
      categories: ['all'],
      hasStatus: true,
      hasGeneration: true,
      fields: POD_FIELDS,
      behaviour: POD,
    }),
    core({
      kind: 'ReplicationController',
      plural: 'replicationcontrollers',
      short: ['rc'],
      categories: ['all'],
      hasStatus: true,
      hasGeneration: true,
      scale: WORKLOAD_SCALE,
      fields: REPLICAS_FIELD,
      behaviour: REPLICATION_CONTROLLER,
    }),
    core({ kind: 'Secret', plural: 'secrets', fields: SECRET_FIELDS, behaviour: SECRET }),
    core({ kind: 'ServiceAccount', plural: 'serviceaccounts', short: ['sa'] }),
    core({
      kind: 'Service',
      plural: 'services',
      short: ['svc'],
      categories: ['all'],
      hasStatus: true,
      nameRule: 'service-label',
      fields: SERVICE_FIELDS,
      behaviour: serviceBehaviour(addresses),
    }),
  ];
}

const OTHER_KINDS: readonly BuiltInKind[] = [
  ...WORKLOAD_KINDS,
  {
    api: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    plural: 'endpointslices',
    type: 'discovery.EndpointSlice',
    hasGeneration: true,
    behaviour: ENDPOINT_SLICE,
  },
  {
    api: 'coordination.k8s.io/v1',
    kind: 'Lease',
    plural: 'leases',
    type: 'coordination.Lease',
  },
];
