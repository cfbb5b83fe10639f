// Columns of Jobs and CronJobs.
import type { JsonObject, KubeObject } from '../object.ts';
import { listAt, numberAt, objectAt, objectsAt, stringAt } from '../object.ts';
import { AGE, column, NAME, renderAge, renderDuration } from './column.ts';
import type { Column } from './column.ts';
import { templateColumns } from './workloads.ts';

const spec = (object: KubeObject): JsonObject => objectAt(object, 'spec');
const status = (object: KubeObject): JsonObject => objectAt(object, 'status');

export const JOB_COLUMNS: readonly Column[] = [
  NAME,
  column('Status', jobStatus),
  column('Completions', completions),
  column('Duration', jobDuration),
  AGE,
  ...templateColumns(spec),
];

/** Conditions in the order in which they count, with what a deletion is between them. */
function jobStatus(job: KubeObject): string {
  const conditions = objectsAt(status(job), 'conditions');
  const isTrue = (type: string): boolean =>
    conditions.some((one) => one['type'] === type && one['status'] === 'True');
  const ended = ['Complete', 'Failed'].find(isTrue);
  if (ended !== undefined) return ended;
  if (job.metadata.deletionTimestamp !== undefined) return 'Terminating';
  return ['Suspended', 'FailureTarget', 'SuccessCriteriaMet'].find(isTrue) ?? 'Running';
}

function completions(job: KubeObject): string {
  const succeeded = numberAt(status(job), 'succeeded') ?? 0;
  const wanted = numberAt(spec(job), 'completions');
  if (wanted !== undefined) return `${succeeded}/${wanted}`;
  const parallelism = numberAt(spec(job), 'parallelism') ?? 0;
  return parallelism > 1 ? `${succeeded}/1 of ${parallelism}` : `${succeeded}/1`;
}

function jobDuration(job: KubeObject, nowMs: number): string {
  const begun = Date.parse(stringAt(status(job), 'startTime'));
  if (Number.isNaN(begun)) return '';
  const ended = Date.parse(stringAt(status(job), 'completionTime'));
  return renderDuration(((Number.isNaN(ended) ? nowMs : ended) - begun) / 1000);
}

export const CRON_JOB_COLUMNS: readonly Column[] = [
  NAME,
  column('Schedule', (job) => stringAt(spec(job), 'schedule')),
  column('Timezone', (job) => stringAt(spec(job), 'timeZone') || '<none>'),
  column('Suspend', (job) => suspended(spec(job)['suspend'])),
  { ...column('Active', (job) => listAt(status(job), 'active').length), type: 'integer' },
  column('Last Schedule', (job, nowMs) => {
    const last = status(job)['lastScheduleTime'];
    return last === undefined ? '<none>' : renderAge(last, nowMs);
  }),
  AGE,
  ...templateColumns((job) => objectAt(objectAt(spec(job), 'jobTemplate'), 'spec')),
];

function suspended(value: JsonObject[string]): string {
  if (typeof value !== 'boolean') return '<unset>';
  return value ? 'True' : 'False';
}
