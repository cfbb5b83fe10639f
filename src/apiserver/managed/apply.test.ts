import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { metadataOf, TestServer, versionOf, WIDGETS } from '../../../test/fakes/api-core.ts';
import type { JsonObject } from '../object.ts';
import { objectAt, objectsAt, stringAt } from '../object.ts';
import { difference, isSameSet, parseFieldSet, renderFieldSet, union } from './field-set.ts';

const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';
const SERVICES = '/api/v1/namespaces/default/services';
const DEPLOYMENTS = '/apis/apps/v1/namespaces/default/deployments';

type Options = { readonly manager?: string; readonly force?: boolean };

function call(body: JsonObject, { manager = 'm1', force = false }: Options) {
  return {
    body,
    query: { fieldManager: manager, force: String(force) },
    headers: { 'content-type': 'application/apply-patch+yaml' },
  };
}

const configMap = (data: JsonObject): JsonObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'a' },
  data,
});

const apply = (server: TestServer, data: JsonObject, options: Options = {}) =>
  server.ok('PATCH', `${CONFIG_MAPS}/a`, call(configMap(data), options));

const dataOf = async (server: TestServer) => (await server.get(`${CONFIG_MAPS}/a`))['data'];

function managersOf(object: JsonObject) {
  return objectsAt(metadataOf(object), 'managedFields').map(({ manager, operation, fieldsV1 }) => [
    manager,
    operation,
    fieldsV1,
  ]);
}

test('the first apply creates, and owns what it says', async () => {
  await using server = await TestServer.start();
  const created = await server.call('PATCH', `${CONFIG_MAPS}/a`, call(configMap({ a: '1' }), {}));
  assert.equal(created.status, 201);
  assert.deepEqual(objectsAt(metadataOf(created.body), 'managedFields'), [
    {
      manager: 'm1',
      operation: 'Apply',
      apiVersion: 'v1',
      time: '2026-11-22T12:00:00Z',
      fieldsType: 'FieldsV1',
      fieldsV1: { 'f:data': { 'f:a': {} } },
    },
  ]);
});

test('what is no longer said goes, what others set stays', async () => {
  await using server = await TestServer.start();
  await apply(server, { a: '1', b: '1' });
  await apply(server, { c: '1' }, { manager: 'm2' });
  await apply(server, { a: '2' });
  assert.deepEqual(await dataOf(server), { a: '2', c: '1' });
  await apply(server, {}, { manager: 'm2' });
  assert.deepEqual(await dataOf(server), { a: '2' });
});

test("another's value is a conflict, unless it is the same or it is forced", async () => {
  await using server = await TestServer.start();
  await apply(server, { a: '1', b: '1' });
  const { status, body } = await server.call(
    'PATCH',
    `${CONFIG_MAPS}/a`,
    call(configMap({ a: '2' }), { manager: 'm2' }),
  );
  assert.equal(status, 409);
  assert.equal(body['message'], 'Apply failed with 1 conflict: conflict with "m1": .data.a');
  assert.deepEqual(objectAt(body, 'details')['causes'], [
    { reason: 'FieldManagerConflict', message: 'conflict with "m1"', field: '.data.a' },
  ]);
  await apply(server, { a: '1' }, { manager: 'm2' });
  await apply(server, { b: '1' });
  assert.deepEqual(await dataOf(server), { a: '1', b: '1' }, 'm2 holds on to a');
  const forced = await apply(server, { b: '9' }, { manager: 'm2', force: true });
  assert.deepEqual(managersOf(forced), [['m2', 'Apply', { 'f:data': { 'f:b': {} } }]]);
  assert.deepEqual(await dataOf(server), { b: '9' });
});

test('applying the same again changes nothing', async () => {
  await using server = await TestServer.start();
  const first = await apply(server, { a: '1' });
  server.clock.advance(60_000);
  assert.deepEqual(await apply(server, { a: '1' }), first);
  const shared = await apply(server, { a: '1' }, { manager: 'm2' });
  assert.notEqual(versionOf(shared), versionOf(first), 'a second owner is a change');
});

test('every write moves the ownership of what it changes', async () => {
  await using server = await TestServer.start();
  await server.create(CONFIG_MAPS, { metadata: { name: 'a' }, data: { old: '1' } });
  assert.deepEqual(managersOf(await server.get(`${CONFIG_MAPS}/a`)), [
    ['tester', 'Update', { 'f:data': { 'f:old': {} } }],
  ]);
  await apply(server, { a: '1', b: '1' });
  const patched = await server.ok('PATCH', `${CONFIG_MAPS}/a`, {
    body: { data: { a: '2', b: null } },
    query: { fieldManager: 'editor' },
    headers: { 'content-type': 'application/merge-patch+json' },
  });
  assert.deepEqual(managersOf(patched), [
    ['tester', 'Update', { 'f:data': { 'f:old': {} } }],
    ['editor', 'Update', { 'f:data': { 'f:a': {} } }],
  ]);
  const { body } = await server.call('PATCH', `${CONFIG_MAPS}/a`, call(configMap({ a: '3' }), {}));
  assert.equal(
    body['message'],
    'Apply failed with 1 conflict: conflict with "editor" using v1: .data.a',
  );
});

test('lists with keys are owned item by item', async () => {
  await using server = await TestServer.start();
  const service = (...ports: JsonObject[]): JsonObject => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 's' },
    spec: { ports },
  });
  const path = `${SERVICES}/s`;
  await server.ok(
    'PATCH',
    path,
    call(service({ name: 'a', port: 80 }, { name: 'b', port: 81 }), {}),
  );
  await server.ok('PATCH', path, call(service({ name: 'c', port: 82 }), { manager: 'm2' }));
  const refused = call(service({ name: 'other', port: 80 }), { manager: 'm2' });
  assert.equal(
    await server.refused(409, 'PATCH', path, refused),
    'Apply failed with 1 conflict: conflict with "m1": .spec.ports[port=80,protocol="TCP"].name',
  );
  const less = await server.ok('PATCH', path, call(service({ name: 'b', port: 81 }), {}));
  const ports = objectsAt(objectAt(less, 'spec'), 'ports');
  assert.deepEqual(
    ports.map((port) => [port['name'], port['targetPort']]),
    [
      ['b', 81],
      ['c', 82],
    ],
  );
});

test('a container that is no longer applied goes with its defaults', async () => {
  await using server = await TestServer.start();
  const deployment = (...containers: JsonObject[]): JsonObject => ({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'd' },
    spec: {
      selector: { matchLabels: { a: 'b' } },
      template: { metadata: { labels: { a: 'b' } }, spec: { containers } },
    },
  });
  const path = `${DEPLOYMENTS}/d`;
  const [one, two] = [
    { name: 'one', image: 'i:1' },
    { name: 'two', image: 'i:1' },
  ];
  await server.ok('PATCH', path, call(deployment(one, two), {}));
  const less = await server.ok('PATCH', path, call(deployment({ ...one, image: 'i:2' }), {}));
  const template = objectAt(objectAt(less, 'spec'), 'template');
  const containers = objectsAt(objectAt(template, 'spec'), 'containers');
  assert.deepEqual(
    containers.map((container) => [container['name'], container['image']]),
    [['one', 'i:2']],
  );
  assert.equal(metadataOf(less)['generation'], 2);
});

test('custom resources: sets, maps and free parts', async () => {
  await using server = await TestServer.start();
  await server.create('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', WIDGETS);
  const path = '/apis/example.com/v1/namespaces/default/widgets/w';
  const widget = (spec: JsonObject): JsonObject => ({
    apiVersion: 'example.com/v1',
    kind: 'Widget',
    metadata: { name: 'w' },
    spec: { size: 1, ...spec },
  });
  await server.ok('PATCH', path, call(widget({ hosts: ['a', 'b'], free: { x: { y: 1 } } }), {}));
  const both = call(widget({ hosts: ['c'], free: { x: { z: 1 } } }), { manager: 'm2' });
  const merged = await server.ok('PATCH', path, both);
  assert.deepEqual(merged['spec'], {
    size: 1,
    grade: 'A',
    hosts: ['a', 'b', 'c'],
    free: { x: { y: 1, z: 1 } },
  });
  const less = await server.ok('PATCH', path, call(widget({ hosts: ['b'] }), {}));
  assert.deepEqual(objectAt(less, 'spec')['hosts'], ['b', 'c']);
  assert.deepEqual(objectAt(less, 'spec')['free'], { x: { z: 1 } });
});

test('status is applied by its own resource', async () => {
  await using server = await TestServer.start();
  const path = '/api/v1/namespaces/default/pods';
  await server.create(path, {
    metadata: { name: 'p' },
    spec: { containers: [{ name: 'c', image: 'i' }] },
  });
  const status: JsonObject = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p' },
    status: { podIP: '10.0.0.1' },
  };
  const applied = await server.ok('PATCH', `${path}/p/status`, call(status, {}));
  assert.equal(objectAt(applied, 'status')['podIP'], '10.0.0.1');
  assert.equal(objectAt(applied, 'status')['phase'], 'Pending');
  const [, entry] = objectsAt(metadataOf(applied), 'managedFields');
  assert.equal(entry?.['subresource'], 'status');
  assert.deepEqual(entry['fieldsV1'], { 'f:status': { 'f:podIP': {} } });
});

test('what a client must and must not say', async () => {
  await using server = await TestServer.start();
  const path = `${CONFIG_MAPS}/a`;
  const body = configMap({});
  const nameless = { ...call(body, {}), query: {} };
  assert.match(await server.refused(422, 'PATCH', path, nameless), /fieldManager: Required value/);
  const managed = { ...body, metadata: { name: 'a', managedFields: [{ manager: 'x' }] } };
  await server.refused(400, 'PATCH', path, call(managed, {}));
  const other = { ...body, metadata: { name: 'b' } };
  await server.refused(400, 'PATCH', path, call(other, {}));
  const old = { ...body, metadata: { name: 'a', resourceVersion: '1' } };
  await apply(server, {});
  await server.refused(409, 'PATCH', path, call(old, {}));
  const yaml = 'apiVersion: v1\nkind: ConfigMap\ndata: {from: yaml}';
  await server.ok('PATCH', path, { ...call(body, {}), body: yaml });
  assert.deepEqual(await dataOf(server), { from: 'yaml' });
});

test('kubectl may go on with what it applied on the client side, and its annotation follows', async () => {
  await using server = await TestServer.start();
  const annotation = 'kubectl.kubernetes.io/last-applied-configuration';
  const before = JSON.stringify(configMap({ a: '1' }));
  const annotated = { name: 'a', annotations: { [annotation]: before } };
  await server.create(CONFIG_MAPS, { metadata: annotated, data: { a: '1', other: '1' } });
  const applied = await apply(server, { a: '2' }, { manager: 'kubectl' });
  const text = stringAt(objectAt(metadataOf(applied), 'annotations'), annotation);
  assert.deepEqual(JSON.parse(text), configMap({ a: '2' }));
  await server.refused(
    409,
    'PATCH',
    `${CONFIG_MAPS}/a`,
    call(configMap({ other: '2' }), { manager: 'kubectl' }),
  );
});

test('what nobody is known to own belongs to before-first-apply once it is applied', async () => {
  await using server = await TestServer.start();
  await server.create(CONFIG_MAPS, { metadata: { name: 'a' }, data: { old: '1' } });
  await server.ok('PATCH', `${CONFIG_MAPS}/a`, {
    body: { metadata: { managedFields: [{}] } },
    headers: { 'content-type': 'application/merge-patch+json' },
  });
  assert.deepEqual(managersOf(await apply(server, { a: '1' })), [
    ['before-first-apply', 'Update', { 'f:data': { 'f:old': {} } }],
    ['m1', 'Apply', { 'f:data': { 'f:a': {} } }],
  ]);
});

test('a client may forget all managers', async () => {
  await using server = await TestServer.start();
  await apply(server, { a: '1' });
  const forgotten = await server.ok('PATCH', `${CONFIG_MAPS}/a`, {
    body: { metadata: { managedFields: [{}] } },
    headers: { 'content-type': 'application/merge-patch+json' },
  });
  assert.equal(metadataOf(forgotten)['managedFields'], undefined);
});

const data = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), fc.constantFrom('1', '2'));
const manager = fc.constantFrom('m1', 'm2', 'm3');

test('after any forced applies, every field has an owner, and every owner its fields', async () => {
  const applies = fc.array(fc.tuple(manager, data), { minLength: 1, maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(applies, async (steps) => {
      await using server = await TestServer.start();
      const last = new Map<string, Record<string, string>>();
      for (const [name, wanted] of steps) {
        const applied = await apply(server, wanted, { manager: name, force: true });
        last.set(name, wanted);
        const present: Record<string, string> = Object(applied['data']);
        for (const [key, value] of Object.entries(wanted)) assert.equal(present[key], value);
        // A field is there exactly as long as somebody's last word on it stands.
        for (const key of Object.keys(present)) {
          assert(
            [...last.values()].some((one) => one[key] === present[key]),
            key,
          );
        }
      }
    }),
    { numRuns: 60 },
  );
});

test('field sets read back what they wrote, and behave as sets', () => {
  const step = fc.constantFrom('f:a', 'f:b', 'k:{"n":1}', 'v:"x"');
  const { json } = fc.letrec<{ json: JsonObject }>((tie) => ({
    json: fc.oneof(
      { maxDepth: 4 },
      fc.constant({}),
      fc.dictionary(step, tie('json'), { maxKeys: 3 }),
    ),
  }));
  fc.assert(
    fc.property(json, json, (left, right) => {
      const [a, b] = [parseFieldSet(left), parseFieldSet(right)];
      assert(a && b);
      assert(isSameSet(parseFieldSet(renderFieldSet(a)) ?? b, a));
      assert(isSameSet(union(difference(a, b), union(a, b)), union(a, b)));
      assert(isSameSet(difference(union(a, b), b), difference(a, b)));
    }),
    { numRuns: 200 },
  );
});
