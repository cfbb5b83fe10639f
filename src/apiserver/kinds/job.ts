// Jobs and CronJobs: pods that are to end. They are kept, as for any client that reads or writes
// them; nothing here runs them.
import { fieldOf } from '../field-path.ts';
import type { DraftMeta, JsonObject, KubeObject, ObjectMeta } from '../object.ts';
import { isSameJson, objectAt, stringAt, withFallbacks } from '../object.ts';
import type { Violation } from '../violation.ts';
import { invalid, required } from '../violation.ts';
import { scheduleProblem } from './cron-schedule.ts';
import type { Behaviour } from './kind.ts';
import {
  labelLikeItsPods,
  mismatch,
  specWithTemplate,
  templateLabels,
  validateAmount,
  validateChoice,
  validateFixed,
  validateTemplate,
} from './workload.ts';

const BACKOFF_LIMIT = 6;
/** With a limit for each index the limit of all is none. */
const INT32_MAX = 2_147_483_647;
/** The Jobs' own names add eleven characters, and become labels. */
const CRON_JOB_NAME_MAX = 52;
const CONTROLLER = 'batch.kubernetes.io/controller-uid';
const CONCURRENCY = ['Allow', 'Forbid', 'Replace'];
const MODES = ['NonIndexed', 'Indexed'];
const REPLACEMENTS = ['Failed', 'TerminatingOrFailed'];

export const JOB: Behaviour = {
  defaults(draft) {
    const spec = specWithTemplate(objectAt(draft, 'spec'));
    const isOne = spec['completions'] === undefined && spec['parallelism'] === undefined;
    const hasPolicy = spec['podFailurePolicy'] !== undefined;
    draft['spec'] = withFallbacks(spec, {
      ...(isOne && { completions: 1 }),
      parallelism: 1,
      backoffLimit: spec['backoffLimitPerIndex'] === undefined ? BACKOFF_LIMIT : INT32_MAX,
      completionMode: 'NonIndexed',
      suspend: false,
      manualSelector: false,
      podReplacementPolicy: hasPolicy ? 'Failed' : 'TerminatingOrFailed',
    });
    labelLikeItsPods(draft, templateLabels(spec));
  },
  prepareCreate(draft) {
    const spec = objectAt(draft, 'spec');
    const isLabelled = isSameJson(draft.metadata.labels, templateLabels(spec));
    draft['spec'] = withOwnLabels(spec, draft.metadata);
    if (isLabelled) draft.metadata.labels = templateLabels(objectAt(draft, 'spec'));
  },
  validate(object) {
    const spec = objectAt(object, 'spec');
    return [...validateJobSpec(spec, 'spec'), ...validateSelector(spec, object.metadata)];
  },
  validateUpdate: validateJobUpdate,
};

export const CRON_JOB: Behaviour = {
  defaults(draft) {
    const spec = objectAt(draft, 'spec');
    const template = objectAt(spec, 'jobTemplate');
    draft['spec'] = {
      ...withFallbacks(spec, {
        concurrencyPolicy: 'Allow',
        suspend: false,
        successfulJobsHistoryLimit: 3,
        failedJobsHistoryLimit: 1,
      }),
      jobTemplate: {
        metadata: objectAt(template, 'metadata'),
        spec: specWithTemplate(objectAt(template, 'spec')),
      },
    };
  },
  validate({ metadata, ...object }) {
    const spec = objectAt(object, 'spec');
    const why = `must be no more than ${CRON_JOB_NAME_MAX} characters`;
    const isLong = metadata.name.length > CRON_JOB_NAME_MAX;
    return [
      ...(isLong ? [invalid('metadata.name', metadata.name, why)] : []),
      ...validateSchedule(spec),
      ...validateChoice('spec.concurrencyPolicy', stringAt(spec, 'concurrencyPolicy'), CONCURRENCY),
      ...validateAmounts(spec, 'spec', [
        'startingDeadlineSeconds',
        'successfulJobsHistoryLimit',
        'failedJobsHistoryLimit',
      ]),
      ...validateJobSpec(objectAt(objectAt(spec, 'jobTemplate'), 'spec'), 'spec.jobTemplate.spec'),
    ];
  },
};

function validateSelector(spec: JsonObject, { uid = '' }: ObjectMeta): Violation[] {
  const { selector } = spec;
  if (selector === undefined) return [required('spec.selector')];
  const labels = templateLabels(spec);
  const selected = Object.entries(objectAt(objectAt(spec, 'selector'), 'matchLabels'));
  const isOwn = spec['manualSelector'] === true || isSameJson(selector, ownSelector(uid));
  return [
    ...(isOwn ? [] : [invalid('spec.selector', selector, '`selector` not auto-generated')]),
    ...(selected.every(([key, value]) => labels[key] === value) ? [] : [mismatch(labels)]),
  ];
}

const ownSelector = (uid: string): JsonObject => ({ matchLabels: { [CONTROLLER]: uid } });

/** A Job's pods are found by its uid, unless whoever makes it says how. */
function withOwnLabels(spec: JsonObject, { name, uid = '' }: DraftMeta): JsonObject {
  if (spec['manualSelector'] === true) return spec;
  const template = objectAt(spec, 'template');
  const metadata = objectAt(template, 'metadata');
  const labels = {
    ...objectAt(metadata, 'labels'),
    [CONTROLLER]: uid,
    'batch.kubernetes.io/job-name': name,
    'controller-uid': uid,
    'job-name': name,
  };
  return {
    ...spec,
    selector: spec['selector'] ?? ownSelector(uid),
    template: { ...template, metadata: { ...metadata, labels } },
  };
}

const AMOUNTS = [
  'parallelism',
  'completions',
  'activeDeadlineSeconds',
  'backoffLimit',
  'backoffLimitPerIndex',
  'maxFailedIndexes',
  'ttlSecondsAfterFinished',
];

function validateJobSpec(spec: JsonObject, path: string): Violation[] {
  const policyPath = fieldOf(path, 'template.spec.restartPolicy');
  const policy = stringAt(objectAt(objectAt(spec, 'template'), 'spec'), 'restartPolicy');
  const ends = policy === 'OnFailure' || policy === 'Never';
  const optional = (field: string, choices: readonly string[]) =>
    spec[field] === undefined
      ? []
      : validateChoice(fieldOf(path, field), stringAt(spec, field), choices);
  return [
    ...validateAmounts(spec, path, AMOUNTS),
    ...optional('completionMode', MODES),
    ...optional('podReplacementPolicy', REPLACEMENTS),
    ...validateTemplate(spec, path),
    ...(ends ? [] : [required(policyPath, 'valid values: "OnFailure", "Never"')]),
  ];
}

function validateAmounts(spec: JsonObject, path: string, fields: readonly string[]): Violation[] {
  return fields.flatMap((field) => validateAmount(fieldOf(path, field), spec[field]));
}

/** What a Job is cannot be changed, except its template while it is suspended and has not begun. */
function validateJobUpdate(next: KubeObject, previous: KubeObject): Violation[] {
  const hasBegun = objectAt(previous, 'status')['startTime'] !== undefined;
  const isOpen = objectAt(previous, 'spec')['suspend'] === true && !hasBegun;
  const isIndexed = objectAt(next, 'spec')['completionMode'] === 'Indexed';
  const fixed = ['selector', 'completionMode', 'podFailurePolicy', 'backoffLimitPerIndex'];
  return validateFixed(
    [...fixed, ...(isIndexed ? [] : ['completions']), ...(isOpen ? [] : ['template'])],
    next,
    previous,
  );
}

function validateSchedule(spec: JsonObject): Violation[] {
  const schedule = stringAt(spec, 'schedule');
  const zone = spec['timeZone'];
  if (schedule === '') return [required('spec.schedule')];
  const problem = scheduleProblem(schedule);
  return [
    ...(problem === undefined ? [] : [invalid('spec.schedule', schedule, problem)]),
    ...(typeof zone === 'string' ? validateZone(zone) : []),
  ];
}

function validateZone(zone: string): Violation[] {
  const why = zoneProblem(zone);
  return why === undefined ? [] : [invalid('spec.timeZone', zone, why)];
}

function zoneProblem(zone: string): string | undefined {
  if (zone === '') return 'timeZone must be nil or non-empty string';
  if (zone.toLowerCase() === 'local') {
    return 'timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones';
  }
  return isTimeZone(zone) ? undefined : `unknown time zone ${zone}`;
}

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false; // a RangeError: there is no such zone
  }
}
