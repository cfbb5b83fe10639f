// Columns of workloads, leases, roles, definitions and webhooks.
import type { JsonObject, KubeObject } from '../object.ts';
import { numberAt, objectAt, objectsAt, stringAt } from '../object.ts';
import { AGE, column, CREATED_AT, NAME, renderSelector, wide } from './column.ts';
import type { Column } from './column.ts';

const spec = (object: KubeObject): JsonObject => objectAt(object, 'spec');

function number(name: string, part: 'spec' | 'status', field: string): Column {
  const cell = (object: KubeObject) => numberAt(objectAt(object, part), field) ?? 0;
  return { ...column(name, cell), type: 'integer' };
}

function containersOf(object: KubeObject): readonly JsonObject[] {
  return objectsAt(objectAt(objectAt(spec(object), 'template'), 'spec'), 'containers');
}

const TEMPLATE_COLUMNS: readonly Column[] = [
  wide('Containers', (object) => listOf(containersOf(object), 'name')),
  wide('Images', (object) => listOf(containersOf(object), 'image')),
  wide('Selector', (object) => renderSelector(objectAt(spec(object), 'selector'))),
];

function listOf(items: readonly JsonObject[], field: string): string {
  return items.map((item) => stringAt(item, field)).join(',');
}

export const DEPLOYMENT_COLUMNS: readonly Column[] = [
  NAME,
  column('Ready', (deployment) => {
    const ready = numberAt(objectAt(deployment, 'status'), 'readyReplicas') ?? 0;
    return `${ready}/${numberAt(spec(deployment), 'replicas') ?? 1}`;
  }),
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
