// The kinds that have a template of pods, in the groups apps and batch. Deployments and ReplicaSets
// are carried out by the cluster's controllers; the others are kept only.
import type { KubeObject } from '../object.ts';
import { numberAt, objectAt } from '../object.ts';
import type { SelectableFields } from '../selectors/field-selector.ts';
import type { BuiltInKind } from './define.ts';
import { CRON_JOB, JOB } from './job.ts';
import type { Behaviour, ScalePaths } from './kind.ts';
import { DAEMON_SET, STATEFUL_SET } from './workload-sets.ts';
import { DEPLOYMENT, REPLICA_SET } from './workload.ts';

export const WORKLOAD_SCALE: ScalePaths = {
  specReplicas: 'spec.replicas',
  statusReplicas: 'status.replicas',
  labelSelector: undefined,
};

const inStatus = (field: string) => (object: KubeObject) =>
  String(numberAt(objectAt(object, 'status'), field) ?? 0);

export const REPLICAS_FIELD: SelectableFields = new Map([
  ['status.replicas', inStatus('replicas')],
]);

const JOB_FIELDS: SelectableFields = new Map([['status.successful', inStatus('succeeded')]]);

type Workload = Pick<BuiltInKind, 'kind' | 'plural' | 'short' | 'fields' | 'scale'> & {
  readonly behaviour: Behaviour;
};

const workload = (group: 'apps' | 'batch', built: Workload): BuiltInKind => ({
  ...built,
  api: `${group}/v1`,
  type: `${group}.${built.kind}`,
  categories: ['all'],
  hasStatus: true,
  hasGeneration: true,
});

export const WORKLOAD_KINDS: readonly BuiltInKind[] = [
  workload('apps', {
    kind: 'Deployment',
    plural: 'deployments',
    short: ['deploy'],
    scale: WORKLOAD_SCALE,
    behaviour: DEPLOYMENT,
  }),
  workload('apps', {
    kind: 'ReplicaSet',
    plural: 'replicasets',
    short: ['rs'],
    scale: WORKLOAD_SCALE,
    fields: REPLICAS_FIELD,
    behaviour: REPLICA_SET,
  }),
  workload('apps', {
    kind: 'StatefulSet',
    plural: 'statefulsets',
    short: ['sts'],
    scale: WORKLOAD_SCALE,
    behaviour: STATEFUL_SET,
  }),
  workload('apps', {
    kind: 'DaemonSet',
    plural: 'daemonsets',
    short: ['ds'],
    behaviour: DAEMON_SET,
  }),
  workload('batch', { kind: 'Job', plural: 'jobs', fields: JOB_FIELDS, behaviour: JOB }),
  workload('batch', {
    kind: 'CronJob',
    plural: 'cronjobs',
    short: ['cj'],
    behaviour: CRON_JOB,
  }),
];
