import assert from 'node:assert/strict';
import { test } from 'node:test';
import { metadataOf, TestServer, WIDGETS } from '../../../test/fakes/api-core.ts';
import type { Json, JsonObject, KubeObject } from '../object.ts';
import { listAt, objectsAt } from '../object.ts';
import { renderDuration, renderSelector } from './column.ts';
import { podStatus } from './pods.ts';

const TABLE = { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json' };

const HOUR = 3_600;
const DAY = 24 * HOUR;

const AGES: readonly (readonly [seconds: number, text: string])[] = [
  [-5, '0s'],
  [119, '119s'],
  [120, '2m'],
  [125, '2m5s'],
  [600, '10m'],
  [3 * HOUR - 1, '179m'],
  [3 * HOUR, '3h'],
  [4 * HOUR + 60, '4h1m'],
  [9 * HOUR, '9h'],
  [2 * DAY, '2d'],
  [2 * DAY + HOUR, '2d1h'],
  [30 * DAY, '30d'],
  [800 * DAY, '2y70d'],
  [4_000 * DAY, '10y'],
];

for (const [seconds, expected] of AGES) {
  test(`${seconds} seconds are "${expected}"`, () =>
    assert.equal(renderDuration(seconds), expected));
}

test('selectors are rendered as on the command line', () => {
  const expressions = [
    { key: 'a', operator: 'In', values: ['x', 'y'] },
    { key: 'b', operator: 'DoesNotExist' },
    { key: 'c', operator: 'Exists' },
  ];
  const selector = { matchLabels: { z: '1', app: 'w' }, matchExpressions: expressions };
  assert.equal(renderSelector(selector), 'app=w,z=1,a in (x,y),!b,c');
});

function pod(status: JsonObject, deletionTimestamp?: string): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p', ...(deletionTimestamp !== undefined && { deletionTimestamp }) },
    spec: { containers: [{ name: 'c' }], initContainers: [{ name: 'i' }, { name: 'j' }] },
    status,
  };
}

const container = (state: Json, ready = false) => ({ name: 'c', ready, state });

const STATES: readonly (readonly [KubeObject, string])[] = [
  [pod({ phase: 'Pending' }), 'Pending'],
  [pod({ phase: 'Failed', reason: 'Evicted' }), 'Evicted'],
  [pod({ phase: 'Running' }, '2026-01-01T00:00:00Z'), 'Terminating'],
  [
    pod({
      phase: 'Running',
      containerStatuses: [container({ waiting: { reason: 'CrashLoopBackOff' } })],
    }),
    'CrashLoopBackOff',
  ],
  [
    pod({ phase: 'Running', containerStatuses: [container({ terminated: { exitCode: 3 } })] }),
    'ExitCode:3',
  ],
  [
    pod({ phase: 'Running', containerStatuses: [container({ terminated: { signal: 9 } })] }),
    'Signal:9',
  ],
  [
    pod({
      phase: 'Running',
      containerStatuses: [
        container({ terminated: { reason: 'Completed', exitCode: 0 } }),
        container({ running: {} }, true),
      ],
    }),
    'Running',
  ],
  [
    pod({
      phase: 'Pending',
      initContainerStatuses: [
        container({ terminated: { exitCode: 0 } }),
        container({ running: {} }),
      ],
    }),
    'Init:1/2',
  ],
  [
    pod({
      phase: 'Pending',
      initContainerStatuses: [container({ waiting: { reason: 'ImagePullBackOff' } })],
    }),
    'Init:ImagePullBackOff',
  ],
];

for (const [object, expected] of STATES) {
  test(`a pod in ${JSON.stringify(object['status'])} is ${expected}`, () => {
    assert.equal(podStatus(object), expected);
  });
}

function cells(table: JsonObject): readonly (readonly Json[])[] {
  return objectsAt(table, 'rows').map((row) => listAt(row, 'cells'));
}

test('a list as a table has columns, cells and the metadata of its objects', async () => {
  await using server = await TestServer.start();
  const path = '/api/v1/namespaces/default/services';
  await server.create(path, {
    metadata: { name: 'a' },
    spec: { clusterIP: '10.96.0.7', ports: [{ port: 80 }] },
  });
  server.clock.advance(65_000);
  const table = await server.ok('GET', path, { headers: TABLE });
  assert.equal(table['kind'], 'Table');
  assert.deepEqual(cells(table), [
    ['a', 'ClusterIP', '10.96.0.7', '<none>', '80/TCP', '65s', '<none>'],
  ]);
  const names = objectsAt(table, 'columnDefinitions').map((column) => [
    column['name'],
    column['priority'],
  ]);
  assert.deepEqual(names.at(-1), ['Selector', 1]);
  const [row] = objectsAt(table, 'rows');
  const { kind, spec } = Object(row?.['object']);
  assert.deepEqual([kind, spec], ['PartialObjectMetadata', undefined]);
  const whole = await server.ok('GET', path, {
    headers: TABLE,
    query: { includeObject: 'Object' },
  });
  assert.equal(Object(objectsAt(whole, 'rows')[0]?.['object']).kind, 'Service');
  const single = await server.ok('GET', `${path}/a`, { headers: TABLE });
  assert.equal(cells(single).length, 1);
});

test("a custom resource's table has the columns of its definition", async () => {
  await using server = await TestServer.start();
  await server.create('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', WIDGETS);
  const path = '/apis/example.com/v1/namespaces/default/widgets';
  const body = {
    apiVersion: 'example.com/v1',
    kind: 'Widget',
    metadata: { name: 'w' },
    spec: { size: 3 },
  };
  await server.create(path, body);
  const table = await server.ok('GET', path, { headers: TABLE });
  assert.deepEqual(cells(table), [['w', 3]]);
});

test('a watch as tables sends the columns once', async () => {
  await using server = await TestServer.start();
  const path = '/api/v1/namespaces/default/configmaps';
  const watch = await server.watch(path, { headers: TABLE });
  for (const name of ['a', 'b'])
    await server.create(path, { metadata: { name }, data: { k: 'v' } });
  const frames = watch.take().map(({ object }) => Object(object));
  assert.deepEqual(
    frames.map(({ rows }) => rows[0].cells),
    [
      ['a', 1, '0s'],
      ['b', 1, '0s'],
    ],
  );
  assert(Array.isArray(frames[0].columnDefinitions));
  assert.equal(frames[1].columnDefinitions, null);
});

test('metadata alone can be asked for, and what there is not is refused', async () => {
  await using server = await TestServer.start();
  const path = '/api/v1/namespaces/default/configmaps';
  await server.create(path, { metadata: { name: 'a' }, data: { k: 'v' } });
  const accept = 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io';
  const list = await server.ok('GET', path, { headers: { accept } });
  assert.equal(list['kind'], 'PartialObjectMetadataList');
  const [item] = objectsAt(list, 'items');
  assert.equal(item?.['data'], undefined);
  assert.equal(metadataOf(item ?? {})['name'], 'a');
  await server.refused(406, 'GET', path, { headers: { accept: 'application/cbor' } });
  const protobuf = 'application/vnd.kubernetes.protobuf,application/json';
  assert.equal(
    (await server.ok('GET', path, { headers: { accept: protobuf } }))['kind'],
    'ConfigMapList',
  );
});
