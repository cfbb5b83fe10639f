import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { metadataOf, TestServer } from '../../../test/fakes/api-core.ts';
import type { JsonObject } from '../object.ts';
import { listAt, objectAt, objectsAt, stringAt } from '../object.ts';
import { scheduleProblem } from './cron-schedule.ts';

const APPS = '/apis/apps/v1/namespaces/default';
const BATCH = '/apis/batch/v1/namespaces/default';
const CORE = '/api/v1/namespaces/default';
const MERGE = { 'content-type': 'application/merge-patch+json' };
const TABLE = { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json' };

const template = (spec: object = {}) => ({
  metadata: { labels: { app: 'a' } },
  spec: { containers: [{ name: 'c', image: 'i:1' }], ...spec },
});
const SELECTOR = { matchLabels: { app: 'a' } };
const named = (spec: object, name = 'a') => ({ metadata: { name }, spec });
const stateful = (more: object = {}) =>
  named({ selector: SELECTOR, serviceName: 'a', template: template(), ...more });
const daemon = (more: object = {}) => named({ selector: SELECTOR, template: template(), ...more });
const job = (more: object = {}) =>
  named({ template: template({ restartPolicy: 'Never' }), ...more });
const cron = (more: object = {}) =>
  named({ schedule: '*/5 * * * *', jobTemplate: { spec: job().spec }, ...more });

/** The spec without the pods' template, which has the defaults of every template. */
function specOf(object: JsonObject): JsonObject {
  const { template: _, ...spec } = objectAt(object, 'spec');
  return spec;
}

const restartPolicyOf = (spec: JsonObject): string =>
  stringAt(objectAt(objectAt(spec, 'template'), 'spec'), 'restartPolicy');

describe('what Kubernetes fills in', () => {
  test('a StatefulSet: order, strategy, claims', async () => {
    await using server = await TestServer.start();
    const claim = { metadata: { name: 'data' }, spec: { accessModes: ['ReadWriteOnce'] } };
    const created = await server.create(
      `${APPS}/statefulsets`,
      stateful({
        volumeClaimTemplates: [claim],
        template: template({
          containers: [
            { name: 'c', image: 'i:1', volumeMounts: [{ name: 'data', mountPath: '/data' }] },
          ],
        }),
      }),
    );
    assert.deepEqual(specOf(created), {
      replicas: 1,
      selector: SELECTOR,
      serviceName: 'a',
      podManagementPolicy: 'OrderedReady',
      revisionHistoryLimit: 10,
      updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 0 } },
      persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
      volumeClaimTemplates: [
        {
          apiVersion: 'v1',
          kind: 'PersistentVolumeClaim',
          metadata: { name: 'data' },
          spec: { accessModes: ['ReadWriteOnce'], volumeMode: 'Filesystem' },
          status: { phase: 'Pending' },
        },
      ],
    });
    assert.equal(restartPolicyOf(objectAt(created, 'spec')), 'Always');
  });

  test('a DaemonSet: its strategy', async () => {
    await using server = await TestServer.start();
    assert.deepEqual(specOf(await server.create(`${APPS}/daemonsets`, daemon())), {
      selector: SELECTOR,
      revisionHistoryLimit: 10,
      updateStrategy: {
        type: 'RollingUpdate',
        rollingUpdate: { maxUnavailable: 1, maxSurge: 0 },
      },
    });
  });

  test('a ReplicationController: the labels of its pods', async () => {
    await using server = await TestServer.start();
    const path = `${CORE}/replicationcontrollers`;
    const created = await server.create(path, named({ template: template() }));
    assert.deepEqual(specOf(created), { replicas: 1, selector: { app: 'a' } });
    assert.deepEqual(metadataOf(created)['labels'], { app: 'a' });
    const scale = await server.get(`${path}/a/scale`);
    assert.deepEqual(scale['status'], { replicas: 0, selector: 'app=a' });
  });

  test('a Job: how often, and labels by which its own pods are found', async () => {
    await using server = await TestServer.start();
    const created = await server.create(`${BATCH}/jobs`, job());
    const uid = stringAt(metadataOf(created), 'uid');
    assert.deepEqual(specOf(created), {
      parallelism: 1,
      completions: 1,
      backoffLimit: 6,
      completionMode: 'NonIndexed',
      suspend: false,
      manualSelector: false,
      podReplacementPolicy: 'TerminatingOrFailed',
      selector: { matchLabels: { 'batch.kubernetes.io/controller-uid': uid } },
    });
    const { metadata } = Object(objectAt(created, 'spec')['template']);
    assert.deepEqual(metadata.labels, {
      app: 'a',
      'batch.kubernetes.io/controller-uid': uid,
      'batch.kubernetes.io/job-name': 'a',
      'controller-uid': uid,
      'job-name': 'a',
    });
    const parallel = await server.create(`${BATCH}/jobs`, {
      ...job({ parallelism: 3 }),
      metadata: { name: 'b' },
    });
    assert.equal(specOf(parallel)['completions'], undefined);
  });

  test('a CronJob: what is kept, and a template of Jobs', async () => {
    await using server = await TestServer.start();
    const { jobTemplate, ...spec } = specOf(await server.create(`${BATCH}/cronjobs`, cron()));
    assert.deepEqual(spec, {
      schedule: '*/5 * * * *',
      concurrencyPolicy: 'Allow',
      suspend: false,
      successfulJobsHistoryLimit: 3,
      failedJobsHistoryLimit: 1,
    });
    assert.equal(restartPolicyOf(objectAt(Object(jobTemplate), 'spec')), 'Never');
  });
});

const REFUSED: readonly (readonly [path: string, body: object, why: RegExp])[] = [
  [`${APPS}/statefulsets`, stateful({ selector: {} }), /empty selector is invalid for statefulset/],
  [
    `${APPS}/statefulsets`,
    stateful({ podManagementPolicy: 'Any' }),
    /spec\.podManagementPolicy: Unsupported value: "Any"/,
  ],
  [
    `${APPS}/statefulsets`,
    stateful({ updateStrategy: { type: 'OnDelete', rollingUpdate: { partition: 1 } } }),
    /only allowed for updateStrategy 'RollingUpdate'/,
  ],
  [
    `${APPS}/daemonsets`,
    daemon({ selector: { matchLabels: { app: 'b' } } }),
    /`selector` does not match template `labels`/,
  ],
  [
    `${APPS}/daemonsets`,
    daemon({ template: template({ restartPolicy: 'Never' }) }),
    /spec\.template\.spec\.restartPolicy: Unsupported value: "Never"/,
  ],
  [`${APPS}/statefulsets`, stateful({ serviceName: 'A_B' }), /spec\.serviceName: Invalid value/],
  [
    `${APPS}/daemonsets`,
    daemon({ template: template({ activeDeadlineSeconds: 9 }) }),
    /activeDeadlineSeconds in DaemonSet is not Supported/,
  ],
  [`${BATCH}/jobs`, job({ selector: SELECTOR }), /`selector` not auto-generated/],
  [`${BATCH}/cronjobs`, cron({ timeZone: 'Local' }), /timeZone must be an explicit time zone/],
  [
    `${CORE}/replicationcontrollers`,
    named({ selector: { app: 'b' }, template: template() }),
    /`selector` does not match template `labels`/,
  ],
  [
    `${BATCH}/jobs`,
    job({ template: template() }),
    /restartPolicy: Required value: valid values: "OnFailure", "Never"/,
  ],
  [`${BATCH}/jobs`, job({ backoffLimit: -1 }), /spec\.backoffLimit: Invalid value: -1/],
  [`${BATCH}/cronjobs`, cron({ schedule: 'soon' }), /expected exactly 5 fields, found 1: \[soon\]/],
  [`${BATCH}/cronjobs`, cron({ timeZone: 'Mars/Olympus' }), /unknown time zone Mars\/Olympus/],
  [
    `${BATCH}/cronjobs`,
    { ...cron(), metadata: { name: 'a'.repeat(53) } },
    /must be no more than 52 characters/,
  ],
  [
    `${BATCH}/cronjobs`,
    cron({ jobTemplate: { spec: { template: template() } } }),
    /spec\.jobTemplate\.spec\.template\.spec\.restartPolicy: Required value/,
  ],
];

describe('what Kubernetes refuses', () => {
  for (const [path, body, why] of REFUSED) {
    test(String(why), async () => {
      await using server = await TestServer.start();
      assert.match(await server.refused(422, 'POST', path, { body }), why);
    });
  }

  test('what was decided when they were made', async () => {
    await using server = await TestServer.start();
    await server.create(`${APPS}/statefulsets`, stateful());
    await server.create(`${APPS}/daemonsets`, daemon());
    await server.create(`${BATCH}/jobs`, job());
    const changes: readonly (readonly [path: string, spec: object, why: RegExp])[] = [
      [`${APPS}/statefulsets/a`, { serviceName: 'b' }, /updates to statefulset spec for fields/],
      [
        `${APPS}/daemonsets/a`,
        { selector: { matchLabels: { app: 'a', b: 'c' } } },
        /spec\.selector: Invalid value: .*field is immutable/,
      ],
      [
        `${BATCH}/jobs/a`,
        { template: { spec: { activeDeadlineSeconds: 9 } } },
        /spec\.template: Invalid value: .*field is immutable/,
      ],
    ];
    for (const [path, spec, why] of changes) {
      const call = { body: { spec }, headers: MERGE };
      assert.match(await server.refused(422, 'PATCH', path, call), why);
    }
    const grown = { body: { spec: { replicas: 3 } }, headers: MERGE };
    const after = await server.ok('PATCH', `${APPS}/statefulsets/a`, grown);
    assert.equal(metadataOf(after)['generation'], 2);
  });
});

test('schedules are those of cron', () => {
  for (const good of ['0 4 * * mon-fri', '@hourly', '@every 1h30m', '1,2-4/2 */6 1 JAN 0']) {
    assert.equal(scheduleProblem(good), undefined, good);
  }
  for (const bad of [
    '60 * * * *',
    '* 24 * * *',
    '* * 0 * *',
    '5-1 * * * *',
    '*/0 * * * *',
    '* * * * 7',
    '1-2-3 * * * *',
    '@sometimes',
    'TZ=UTC 0 * * * *',
    '',
  ]) {
    assert.notEqual(scheduleProblem(bad), undefined, bad);
  }
});

describe('kubectl get', () => {
  const rows: readonly (readonly [path: string, body: object, status: object, cells: unknown[]])[] =
    [
      [
        `${APPS}/statefulsets`,
        stateful({ replicas: 3 }),
        { replicas: 3, readyReplicas: 2 },
        ['a', '2/3', '61s', 'c', 'i:1'],
      ],
      [
        `${APPS}/daemonsets`,
        daemon({ template: template({ nodeSelector: { disk: 'ssd' } }) }),
        { desiredNumberScheduled: 4, currentNumberScheduled: 3, numberReady: 2 },
        ['a', 4, 3, 2, 0, 0, 'disk=ssd', '61s', 'c', 'i:1', 'app=a'],
      ],
      [
        `${CORE}/replicationcontrollers`,
        named({ replicas: 2, template: template() }),
        { replicas: 2, readyReplicas: 1 },
        ['a', 2, 2, 1, '61s', 'c', 'i:1', 'app=a'],
      ],
      [
        `${BATCH}/jobs`,
        job({ manualSelector: true, selector: SELECTOR }),
        { succeeded: 1, startTime: '2026-11-22T12:00:01Z', completionTime: '2026-11-22T12:00:41Z' },
        ['a', 'Running', '1/1', '40s', '61s', 'c', 'i:1', 'app=a'],
      ],
      [
        `${BATCH}/cronjobs`,
        cron({ timeZone: 'Europe/Berlin' }),
        { lastScheduleTime: '2026-11-22T12:01:00Z', active: [{ name: 'a-1' }] },
        ['a', '*/5 * * * *', 'Europe/Berlin', 'False', 1, '1s', '61s', 'c', 'i:1', '<none>'],
      ],
    ];
  for (const [path, body, status, cells] of rows) {
    test(path.slice(path.lastIndexOf('/') + 1), async () => {
      await using server = await TestServer.start();
      await server.create(path, body);
      await server.ok('PATCH', `${path}/a/status`, { body: { status }, headers: MERGE });
      server.clock.advance(61_000);
      const table = await server.ok('GET', path, { headers: TABLE });
      assert.deepEqual(
        objectsAt(table, 'rows').map((row) => listAt(row, 'cells')),
        [cells],
      );
    });
  }
});
