import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { metadataOf, TestServer, versionOf, WIDGETS } from '../../../test/fakes/api-core.ts';
import type { JsonObject } from '../object.ts';
import { objectAt, objectsAt, stringAt } from '../object.ts';

const DEFINITIONS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const WIDGETS_V1 = '/apis/example.com/v1/namespaces/default/widgets';
const WIDGETS_BETA = '/apis/example.com/v1beta1/namespaces/default/widgets';

const widget = (name: string, spec: object = { size: 1 }, version = 'v1') => ({
  apiVersion: `example.com/${version}`,
  kind: 'Widget',
  metadata: { name },
  spec,
});

async function withWidgets(): Promise<TestServer> {
  const server = await TestServer.start({ runsControllers: true });
  await server.create(DEFINITIONS, WIDGETS);
  return server;
}

test('a definition is established as soon as it is created', async () => {
  await using server = await withWidgets();
  const definition = await server.get(`${DEFINITIONS}/widgets.example.com`);
  const status = objectAt(definition, 'status');
  assert.deepEqual(
    objectsAt(status, 'conditions').map((condition) => [condition['type'], condition['status']]),
    [
      ['NamesAccepted', 'True'],
      ['Established', 'True'],
    ],
  );
  assert.deepEqual(status['storedVersions'], ['v1']);
  assert.deepEqual(objectAt(objectAt(definition, 'spec'), 'names'), {
    plural: 'widgets',
    singular: 'widget',
    kind: 'Widget',
    listKind: 'WidgetList',
    shortNames: ['wd'],
  });
});

test('objects of the kind are served at once, with defaults, in every version', async () => {
  await using server = await withWidgets();
  const created = await server.create(WIDGETS_V1, widget('a'));
  assert.deepEqual(created['spec'], { size: 1, grade: 'A' });
  assert.equal(metadataOf(created)['generation'], 1);
  const beta = await server.get(`${WIDGETS_BETA}/a`);
  assert.equal(beta['apiVersion'], 'example.com/v1beta1');
  assert.deepEqual({ ...beta, apiVersion: '' }, { ...created, apiVersion: '' });
  await server.create(WIDGETS_BETA, widget('b', { size: 2 }, 'v1beta1'));
  const list = await server.get(WIDGETS_V1);
  assert.equal(list['kind'], 'WidgetList');
  assert.deepEqual(
    objectsAt(list, 'items').map((item) => item['apiVersion']),
    ['example.com/v1', 'example.com/v1'],
  );
});

test('a custom resource says its type, and a PUT the version it replaces', async () => {
  await using server = await withWidgets();
  const { kind: _, ...typeless } = widget('a');
  await server.refused(400, 'POST', WIDGETS_V1, { body: typeless });
  await server.create(WIDGETS_V1, widget('a'));
  assert.equal(
    await server.refused(422, 'PUT', `${WIDGETS_V1}/a`, { body: widget('a') }),
    'Widget.example.com "a" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an update',
  );
});

test('wrong values and unknown fields are refused with their paths', async () => {
  await using server = await withWidgets();
  assert.equal(
    await server.refused(422, 'POST', WIDGETS_V1, { body: widget('a', { size: 33, grade: 'Z' }) }),
    'Widget.example.com "a" is invalid: [spec.size: Invalid value: 33: spec.size in body should be less than or equal to 10, spec.grade: Unsupported value: "Z": supported values: "A", "B"]',
  );
  const strict = { query: { fieldValidation: 'Strict' } };
  assert.equal(
    await server.refused(400, 'POST', WIDGETS_V1, {
      ...strict,
      body: widget('a', { size: 1, bogus: 1 }),
    }),
    'Widget in version "v1" cannot be handled as a Widget: strict decoding error: unknown field "spec.bogus"',
  );
  await server.create(WIDGETS_V1, widget('a'));
  assert.match(
    await server.refused(422, 'PATCH', `${WIDGETS_V1}/a`, {
      ...strict,
      body: { spec: { bogus: 1 } },
      headers: { 'content-type': 'application/merge-patch+json' },
    }),
    / "" is invalid: patch: Invalid value: .*strict decoding error: unknown field "spec.bogus"/,
  );
});

test('the status has a resource of its own and does not count as a generation', async () => {
  await using server = await withWidgets();
  const created = await server.create(WIDGETS_V1, { ...widget('a'), status: { phase: 'ignored' } });
  assert.equal(created['status'], undefined);
  const body = { ...created, spec: { size: 9 }, status: { phase: 'Ready' } };
  const updated = await server.ok('PUT', `${WIDGETS_V1}/a/status`, { body });
  assert.deepEqual(updated['spec'], { size: 1, grade: 'A' });
  assert.deepEqual(updated['status'], { phase: 'Ready' });
  assert.equal(metadataOf(updated)['generation'], 1);
  const wrong = { ...updated, status: { phase: 7 } };
  await server.refused(422, 'PUT', `${WIDGETS_V1}/a/status`, { body: wrong });
});

test('strategic merge is not for custom resources', async () => {
  await using server = await withWidgets();
  await server.create(WIDGETS_V1, widget('a'));
  const headers = { 'content-type': 'application/strategic-merge-patch+json' };
  await server.refused(415, 'PATCH', `${WIDGETS_V1}/a`, { body: {}, headers });
});

test('a changed definition is in force with the next request', async () => {
  await using server = await withWidgets();
  const definition = await server.get(`${DEFINITIONS}/widgets.example.com`);
  const text = JSON.stringify(definition).replace('"maximum":10', '"maximum":50');
  await server.ok('PUT', `${DEFINITIONS}/widgets.example.com`, { body: text });
  await server.create(WIDGETS_V1, widget('large', { size: 33 }));
});

test('a deleted definition takes its objects, its watches and its paths along', async () => {
  await using server = await withWidgets();
  await server.create(WIDGETS_V1, widget('a'));
  const watch = await server.watch(WIDGETS_V1);
  const definitions = await server.watch(DEFINITIONS);
  definitions.take();
  await server.ok('DELETE', `${DEFINITIONS}/widgets.example.com`);
  await server.until(() => definitions.lines.some((line) => line.includes('"DELETED"')));
  assert.deepEqual(
    watch.take().map(({ type }) => type),
    ['ADDED', 'DELETED'],
  );
  assert(watch.isEnded);
  const gone = await server.call('GET', WIDGETS_V1);
  assert.deepEqual([gone.status, gone.text], [404, '404 page not found\n']);
});

test('definitions survive a restart', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-definitions-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'db');
  {
    await using server = await TestServer.start({ path });
    await server.create(DEFINITIONS, WIDGETS);
    await server.create(WIDGETS_V1, widget('a'));
  }
  await using server = await TestServer.start({ path });
  assert.equal(versionOf(await server.get(`${WIDGETS_V1}/a`)), String(server.store.revision));
});

type Edit = readonly [what: string, from: string, to: string, message: string];

const BAD: readonly Edit[] = [
  [
    'a name that does not fit',
    '"widgets.example.com"',
    '"x.example.com"',
    'must be spec.names.plural+"."+spec.group',
  ],
  [
    'no storage version',
    '"storage":true',
    '"storage":false',
    'must have exactly one version marked as storage version',
  ],
  ['two versions of one name', '"v1beta1"', '"v1"', 'spec.versions[1].name: Duplicate value: "v1"'],
  [
    'an unknown type',
    '"type":"integer","minimum"',
    '"type":"int","minimum"',
    'properties[spec].properties[size].type: Unsupported value: "int"',
  ],
  [
    'a wrong default',
    '"default":"A"',
    '"default":"Z"',
    'Unsupported value: "Z": supported values: "A", "B"',
  ],
  ['a wrong scope', '"Namespaced"', '"Everywhere"', 'spec.scope: Unsupported value: "Everywhere"'],
];

for (const [what, from, to, message] of BAD) {
  test(`a definition is refused for ${what}`, async () => {
    await using server = await TestServer.start();
    const body = JSON.stringify(WIDGETS).replace(from, to);
    const said = await server.refused(422, 'POST', DEFINITIONS, { body });
    assert(said.includes(message), said);
  });
}

test("no definition may take over one of the server's own groups", async () => {
  await using server = await TestServer.start();
  const body = JSON.stringify(WIDGETS)
    .replaceAll('example.com', 'apps')
    .replaceAll('widgets', 'deployments');
  const said = await server.refused(422, 'POST', DEFINITIONS, { body });
  assert.match(said, /spec\.group: Forbidden: is a group of the server itself/);
  const list = await server.get('/apis/apps/v1/namespaces/default/deployments');
  assert.equal(list['kind'], 'DeploymentList');
});

test('discovery tells of every kind in both forms', async () => {
  await using server = await withWidgets();
  const legacy = await server.get('/apis/example.com/v1');
  const names = objectsAt(legacy, 'resources').map((resource) => stringAt(resource, 'name'));
  assert.deepEqual(names, ['widgets', 'widgets/status']);
  const group: JsonObject = await server.get('/apis/example.com');
  assert.equal(objectAt(group, 'preferredVersion')['version'], 'v1');
  const accept =
    'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json';
  const { headers, body } = await server.call('GET', '/apis', { headers: { accept } });
  assert.match(String(headers['content-type']), /as=APIGroupDiscoveryList$/);
  const found = objectsAt(body, 'items').find((item) => metadataOf(item)['name'] === 'example.com');
  assert.deepEqual(
    objectsAt(found, 'versions').map((version) => version['version']),
    ['v1', 'v1beta1'],
  );
  const cached = { accept, 'if-none-match': String(headers['etag']) };
  assert.equal((await server.call('GET', '/apis', { headers: cached })).status, 304);
});

test('OpenAPI has a document for each group version, with what kubectl looks for', async () => {
  await using server = await withWidgets();
  const index = await server.get('/openapi/v3');
  const entry = objectAt(objectAt(index, 'paths'), 'apis/example.com/v1');
  const [path = ''] = stringAt(entry, 'serverRelativeURL').split('?');
  const document = await server.get(path);
  const patch = objectAt(
    objectAt(
      objectAt(document, 'paths'),
      '/apis/example.com/v1/namespaces/{namespace}/widgets/{name}',
    ),
    'patch',
  );
  assert.deepEqual(patch['x-kubernetes-group-version-kind'], {
    group: 'example.com',
    version: 'v1',
    kind: 'Widget',
  });
  const parameters = objectsAt(patch, 'parameters').map((one) => one['name']);
  assert(parameters.includes('fieldValidation'));
  const schemas = objectAt(objectAt(document, 'components'), 'schemas');
  assert(Object.hasOwn(schemas, 'com.example.v1.Widget'));
});
