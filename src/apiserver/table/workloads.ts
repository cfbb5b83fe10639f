// Columns of workloads, leases, roles, definitions and webhooks.
import type { JsonObject, KubeObject } from '../object.ts';
import { numberAt, objectAt, objectsAt, stringAt } from '../object.ts';
import { AGE, column, CREATED_AT, NAME, renderLabels, renderSelector, wide } from './column.ts';
import type { Column } from './column.ts';

const spec = (object: KubeObject): JsonObject => objectAt(object, 'spec');

function number(name: string, part: 'spec' | 'status', field: string): Column {
  const cell = (object: KubeObject) => numberAt(objectAt(object, part), field) ?? 0;
  return { ...column(name, cell), type: 'integer' };
}

/** @param from the spec that the template of pods is in */
function containersOf(from: JsonObject): readonly JsonObject[] {
  return objectsAt(objectAt(objectAt(from, 'template'), 'spec'), 'containers');
}

/** What the pods are made from. @param from an object's spec that their template is in */
export function templateColumns(from: (object: KubeObject) => JsonObject): readonly Column[] {
  return [
    wide('Containers', (object) => listOf(containersOf(from(object)), 'name')),
    wide('Images', (object) => listOf(containersOf(from(object)), 'image')),
    wide('Selector', (object) => renderSelector(objectAt(from(object), 'selector'))),
  ];
}

const TEMPLATE_COLUMNS = templateColumns(spec);

function listOf(items: readonly JsonObject[], field: string): string {
  return items.map((item) => stringAt(item, field)).join(',');
}

function readyOfWanted(object: KubeObject): string {
  const ready = numberAt(objectAt(object, 'status'), 'readyReplicas') ?? 0;
  return `${ready}/${numberAt(spec(object), 'replicas') ?? 1}`;
}

export const DEPLOYMENT_COLUMNS: readonly Column[] = [
  NAME,
  column('Ready', readyOfWanted),
  number('Up-to-date', 'status', 'updatedReplicas'),
  number('Available', 'status', 'availableReplicas'),
  AGE,
  ...TEMPLATE_COLUMNS,
];

export const REPLICA_SET_COLUMNS: readonly Column[] = [
  NAME,
  number('Desired', 'spec', 'replicas'),
  number('Current', 'status', 'replicas'),
  number('Ready', 'status', 'readyReplicas'),
  AGE,
  ...TEMPLATE_COLUMNS,
];

export const REPLICATION_CONTROLLER_COLUMNS: readonly Column[] = [
  ...REPLICA_SET_COLUMNS.slice(0, -1),
  wide('Selector', (object) => renderLabels(objectAt(spec(object), 'selector'))),
];

export const STATEFUL_SET_COLUMNS: readonly Column[] = [
  NAME,
  column('Ready', readyOfWanted),
  AGE,
  ...TEMPLATE_COLUMNS.slice(0, -1),
];

export const DAEMON_SET_COLUMNS: readonly Column[] = [
  NAME,
  number('Desired', 'status', 'desiredNumberScheduled'),
  number('Current', 'status', 'currentNumberScheduled'),
  number('Ready', 'status', 'numberReady'),
  number('Up-to-date', 'status', 'updatedNumberScheduled'),
  number('Available', 'status', 'numberAvailable'),
  column('Node Selector', (set) => {
    const template = objectAt(spec(set), 'template');
    return renderLabels(objectAt(objectAt(template, 'spec'), 'nodeSelector'));
  }),
  AGE,
  ...TEMPLATE_COLUMNS,
];

export const LEASE_COLUMNS: readonly Column[] = [
  NAME,
  column('Holder', (lease) => stringAt(spec(lease), 'holderIdentity')),
  AGE,
];

export const NAME_AND_CREATION: readonly Column[] = [NAME, CREATED_AT];
export const NAME_AND_AGE: readonly Column[] = [NAME, AGE];

export const BINDING_COLUMNS: readonly Column[] = [
  NAME,
  column('Role', (binding) => {
    const reference = objectAt(binding, 'roleRef');
    return `${stringAt(reference, 'kind')}/${stringAt(reference, 'name')}`;
  }),
  AGE,
  wide('Users', (binding) => subjectsOf(binding, 'User')),
  wide('Groups', (binding) => subjectsOf(binding, 'Group')),
  wide('ServiceAccounts', (binding) => subjectsOf(binding, 'ServiceAccount')),
];

function subjectsOf(binding: KubeObject, kind: string): string {
  return objectsAt(binding, 'subjects')
    .filter((subject) => subject['kind'] === kind)
    .map((subject) => {
      const namespace = stringAt(subject, 'namespace');
      const name = stringAt(subject, 'name');
      return namespace === '' ? name : `${namespace}/${name}`;
    })
    .join(', ');
}

export const WEBHOOK_COLUMNS: readonly Column[] = [
  NAME,
  {
    ...column('Webhooks', (object) => objectsAt(object, 'webhooks').length),
    type: 'integer',
  },
  AGE,
];
