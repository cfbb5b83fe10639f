import assert from 'node:assert/strict';
import { test } from 'node:test';
import { metadataOf, TestServer, versionOf } from '../../../test/fakes/api-core.ts';
import { listAt, objectAt, objectsAt } from '../object.ts';

const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';
const SERVICES = '/api/v1/namespaces/default/services';
const PODS = '/api/v1/namespaces/default/pods';

const named = (name: string, rest: object = {}) => ({ metadata: { name }, ...rest });
const service = (name: string, spec: object = {}) =>
  named(name, { spec: { ports: [{ port: 80 }], ...spec } });
const pod = (name: string, spec: object = {}) =>
  named(name, { spec: { containers: [{ name: 'c', image: 'i:1' }], ...spec } });

test('create sets what the server owns and nothing a client says about it', async () => {
  await using server = await TestServer.start();
  const created = await server.create(CONFIG_MAPS, {
    metadata: {
      name: 'a',
      uid: 'mine',
      creationTimestamp: '1999-01-01T00:00:00Z',
      deletionTimestamp: '1999-01-01T00:00:00Z',
      generation: 9,
    },
    data: { k: 'v' },
  });
  const { uid, resourceVersion, managedFields, ...metadata } = metadataOf(created);
  assert.deepEqual(metadata, {
    name: 'a',
    namespace: 'default',
    creationTimestamp: '2026-11-22T12:00:00Z',
  });
  assert.deepEqual(managedFields, [
    {
      manager: 'tester',
      operation: 'Update',
      apiVersion: 'v1',
      time: '2026-11-22T12:00:00Z',
      fieldsType: 'FieldsV1',
      fieldsV1: { 'f:data': { 'f:k': {} } },
    },
  ]);
  assert.match(
    JSON.stringify(uid),
    /^"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"$/,
  );
  assert.equal(String(server.store.revision), resourceVersion);
  assert.deepEqual(await server.get(`${CONFIG_MAPS}/a`), created);
});

test('generateName makes a name that is free', async () => {
  await using server = await TestServer.start();
  const names = new Set<unknown>();
  for (let round = 0; round < 20; round += 1) {
    const created = await server.create(CONFIG_MAPS, { metadata: { generateName: 'a-' } });
    const { name } = metadataOf(created);
    assert.match(JSON.stringify(name), /^"a-[bcdfghjklmnpqrstvwxz2456789]{5}"$/);
    names.add(name);
  }
  assert.equal(names.size, 20);
});

type Refusal = readonly [
  what: string,
  code: number,
  message: string | RegExp,
  method: string,
  path: string,
  body?: object | string,
];

const REFUSALS: readonly Refusal[] = [
  ['what is there', 409, 'configmaps "there" already exists', 'POST', CONFIG_MAPS, named('there')],
  [
    'no namespace',
    404,
    'namespaces "nons" not found',
    'POST',
    '/api/v1/namespaces/nons/configmaps',
    named('a'),
  ],
  ['no object', 404, 'configmaps "a" not found', 'GET', `${CONFIG_MAPS}/a`],
  [
    'no object in a group',
    404,
    'deployments.apps "a" not found',
    'GET',
    '/apis/apps/v1/namespaces/default/deployments/a',
  ],
  [
    'no resource',
    404,
    'the server could not find the requested resource: this API server does not serve bogus',
    'GET',
    '/api/v1/bogus',
  ],
  [
    'a namespaced name without namespace',
    404,
    'the server could not find the requested resource',
    'GET',
    '/api/v1/configmaps/a',
  ],
  [
    'create over all namespaces',
    405,
    'the server does not allow this method on the requested resource',
    'POST',
    '/api/v1/configmaps',
    named('a'),
  ],
  [
    'another namespace in the body',
    400,
    'the namespace of the provided object does not match the namespace sent on the request',
    'POST',
    CONFIG_MAPS,
    { metadata: { name: 'a', namespace: 'x' } },
  ],
  [
    'another name in the body',
    400,
    'the name of the object (b) does not match the name on the URL (there)',
    'PUT',
    `${CONFIG_MAPS}/there`,
    named('b'),
  ],
  [
    'a version on create',
    400,
    'resourceVersion should not be set on objects to be created',
    'POST',
    CONFIG_MAPS,
    { metadata: { name: 'a', resourceVersion: '1' } },
  ],
  [
    'another kind',
    400,
    /does not match the expected API version/,
    'POST',
    CONFIG_MAPS,
    { kind: 'Secret', apiVersion: 'v1' },
  ],
  ['no JSON', 400, /^the body is not JSON/, 'POST', CONFIG_MAPS, '{"a":'],
  ['a list', 400, /not an object/, 'POST', CONFIG_MAPS, '[]'],
  ['a prototype', 400, 'no field may be named __proto__', 'POST', CONFIG_MAPS, '{"__proto__":{}}'],
  [
    'depth',
    400,
    /nested more than 200 levels/,
    'POST',
    CONFIG_MAPS,
    `{"data":${'['.repeat(300)}${']'.repeat(300)}}`,
  ],
  [
    'a bad name',
    422,
    /^ConfigMap "A" is invalid: metadata.name: Invalid value: "A": a lowercase RFC 1123 subdomain/,
    'POST',
    CONFIG_MAPS,
    named('A'),
  ],
  [
    'no name',
    422,
    'ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required',
    'POST',
    CONFIG_MAPS,
    {},
  ],
  [
    'a bad label',
    422,
    /metadata.labels: Invalid value: "-x": a valid label must be an empty string or/,
    'POST',
    CONFIG_MAPS,
    { metadata: { name: 'a', labels: { k: '-x' } } },
  ],
  [
    'a bare finalizer',
    422,
    /neither a standard finalizer name nor is it fully qualified/,
    'POST',
    CONFIG_MAPS,
    { metadata: { name: 'a', finalizers: ['x'] } },
  ],
  [
    'a wrong type',
    400,
    'ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal number into Go struct field ConfigMap.data of type string',
    'POST',
    CONFIG_MAPS,
    named('a', { data: { k: 1 } }),
  ],
  [
    'a wrong method',
    405,
    /does not allow this method/,
    'POST',
    `${CONFIG_MAPS}/there`,
    named('there'),
  ],
  [
    'a wrong patch type',
    415,
    /^the body of the request was in an unknown format/,
    'PATCH',
    `${CONFIG_MAPS}/there`,
    {},
  ],
];

for (const [what, code, message, method, path, body] of REFUSALS) {
  test(`refused: ${what}`, async () => {
    await using server = await TestServer.start();
    await server.create(CONFIG_MAPS, named('there'));
    const before = server.store.revision;
    const said = await server.refused(code, method, path, body === undefined ? {} : { body });
    if (typeof message === 'string') assert.equal(said, message);
    else assert.match(said, message);
    assert.equal(server.store.revision, before, 'a refusal writes nothing');
  });
}

test('unknown fields: strict refuses, warn drops and says so, ignore drops', async () => {
  await using server = await TestServer.start();
  const body = { metadata: { name: 'a', bogus: 1 }, data: {}, extra: 1 };
  const refused = await server.refused(400, 'POST', CONFIG_MAPS, {
    body,
    query: { fieldValidation: 'Strict' },
  });
  assert.equal(
    refused,
    'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: unknown field "metadata.bogus", unknown field "extra"',
  );
  const warned = await server.call('POST', CONFIG_MAPS, { body });
  assert.equal(warned.status, 201);
  assert.deepEqual(warned.headers['warning'], [
    '299 - "unknown field \\"metadata.bogus\\""',
    '299 - "unknown field \\"extra\\""',
  ]);
  assert.equal(warned.body['extra'], undefined);
  const ignored = await server.call('POST', CONFIG_MAPS, {
    body: { ...body, metadata: { name: 'b', bogus: 1 } },
    query: { fieldValidation: 'Ignore' },
  });
  assert.equal(ignored.headers['warning'], undefined);
});

test('a write against an old version conflicts; without a version it does not', async () => {
  await using server = await TestServer.start();
  const first = await server.create(CONFIG_MAPS, named('a', { data: { v: '1' } }));
  const second = await server.ok('PUT', `${CONFIG_MAPS}/a`, {
    body: { ...first, data: { v: '2' } },
  });
  assert.notEqual(versionOf(second), versionOf(first));
  const message = await server.refused(409, 'PUT', `${CONFIG_MAPS}/a`, {
    body: { ...first, data: { v: '3' } },
  });
  assert.match(
    message,
    /^Operation cannot be fulfilled on configmaps "a": the object has been mod/,
  );
  await server.ok('PUT', `${CONFIG_MAPS}/a`, { body: named('a', { data: { v: '4' } }) });
  await server.refused(409, 'PUT', `${CONFIG_MAPS}/a`, {
    body: { metadata: { name: 'a', uid: 'other' } },
  });
});

test('a write that changes nothing keeps the version', async () => {
  await using server = await TestServer.start();
  const created = await server.create(SERVICES, service('a'));
  const again = await server.ok('PUT', `${SERVICES}/a`, { body: service('a') });
  assert.deepEqual(again, created);
  const patched = await server.ok('PATCH', `${SERVICES}/a`, {
    body: { spec: { type: 'ClusterIP' }, metadata: { labels: {} } },
    headers: { 'content-type': 'application/merge-patch+json' },
  });
  assert.equal(versionOf(patched), versionOf(created));
});

test('the generation rises with the spec, not with metadata or status', async () => {
  await using server = await TestServer.start();
  const patch = (path: string, body: object) =>
    server.ok('PATCH', path, {
      body,
      headers: { 'content-type': 'application/merge-patch+json' },
    });
  const generation = async () => metadataOf(await server.get(`${PODS}/a`))['generation'];
  await server.create(PODS, pod('a'));
  assert.equal(await generation(), 1);
  await patch(`${PODS}/a`, { metadata: { labels: { a: 'b' } } });
  await patch(`${PODS}/a/status`, { status: { podIP: '10.0.0.1' } });
  assert.equal(await generation(), 1);
  await patch(`${PODS}/a`, { spec: { activeDeadlineSeconds: 9 } });
  assert.equal(await generation(), 2);
});

test('status and spec are written by their own resource only', async () => {
  await using server = await TestServer.start();
  const created = await server.create(PODS, { ...pod('a'), status: { podIP: '1.1.1.1' } });
  assert.deepEqual(created['status'], { phase: 'Pending', qosClass: 'BestEffort' });
  const body = {
    ...created,
    metadata: { ...metadataOf(created), labels: { ignored: 'yes' } },
    spec: { nodeName: 'ignored' },
    status: { podIP: '10.0.0.1' },
  };
  const updated = await server.ok('PUT', `${PODS}/a/status`, { body });
  assert.deepEqual(updated['status'], { podIP: '10.0.0.1' });
  assert.deepEqual(updated['spec'], created['spec']);
  assert.equal(metadataOf(updated)['labels'], undefined);
  const main = await server.ok('PUT', `${PODS}/a`, {
    body: { ...pod('a'), status: { podIP: '10.9.9.9' } },
  });
  assert.deepEqual(main['status'], { podIP: '10.0.0.1' });
});

test('a dry run says what would be, and leaves all as it is', async () => {
  await using server = await TestServer.start();
  const before = server.store.revision;
  const query = { dryRun: 'All' };
  const created = await server.ok('POST', SERVICES, { body: service('a'), query });
  assert.notEqual(objectAt(created, 'spec')['clusterIP'], undefined);
  assert.equal(versionOf(created), '');
  await server.create(CONFIG_MAPS, named('b'));
  await server.ok('DELETE', `${CONFIG_MAPS}/b`, { query });
  await server.ok('PUT', `${CONFIG_MAPS}/b`, { query, body: named('b', { data: { a: 'b' } }) });
  assert.equal((await server.get(`${CONFIG_MAPS}/b`))['data'], undefined);
  assert.equal(server.store.revision, before + 1);
});

test('secrets fold stringData into data and keep their type', async () => {
  await using server = await TestServer.start();
  const path = '/api/v1/namespaces/default/secrets';
  const secret = await server.create(
    path,
    named('a', { stringData: { k: 'hi' }, data: { l: 'aGk=' } }),
  );
  assert.deepEqual(secret['data'], { k: 'aGk=', l: 'aGk=' });
  assert.equal(secret['stringData'], undefined);
  assert.equal(secret['type'], 'Opaque');
  await server.refused(422, 'PUT', `${path}/a`, { body: named('a', { type: 'other' }) });
  await server.refused(422, 'POST', path, { body: named('b', { type: 'kubernetes.io/tls' }) });
});

test('pods get the defaults of Kubernetes', async () => {
  await using server = await TestServer.start();
  const created = await server.create(
    PODS,
    pod('a', {
      containers: [
        {
          name: 'c',
          image: 'r.io:5000/i',
          ports: [{ containerPort: 80 }],
          readinessProbe: { httpGet: { port: 80 } },
        },
      ],
    }),
  );
  const spec = objectAt(created, 'spec');
  assert.equal(spec['restartPolicy'], 'Always');
  assert.equal(spec['serviceAccountName'], 'default');
  const [container] = objectsAt(spec, 'containers');
  assert.equal(container?.['imagePullPolicy'], 'Always');
  assert.deepEqual(container?.['ports'], [{ containerPort: 80, protocol: 'TCP' }]);
  assert.deepEqual(container?.['readinessProbe'], {
    httpGet: { path: '/', port: 80, scheme: 'HTTP' },
    timeoutSeconds: 1,
    periodSeconds: 10,
    successThreshold: 1,
    failureThreshold: 3,
  });
  assert.match(
    await server.refused(422, 'PUT', `${PODS}/a`, { body: pod('a', { hostNetwork: true }) }),
    /pod updates may not change fields other than/,
  );
});

test('a Status names kind, causes and fields as kubectl prints them', async () => {
  await using server = await TestServer.start();
  const { body } = await server.call('POST', SERVICES, {
    body: service('a', { type: 'X', ports: [] }),
  });
  assert.deepEqual(body, {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message:
      'Service "a" is invalid: [spec.type: Unsupported value: "X": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort", spec.ports: Required value]',
    reason: 'Invalid',
    details: {
      name: 'a',
      kind: 'Service',
      causes: [
        {
          reason: 'FieldValueNotSupported',
          message:
            'Unsupported value: "X": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"',
          field: 'spec.type',
        },
        { reason: 'FieldValueRequired', message: 'Required value', field: 'spec.ports' },
      ],
    },
    code: 422,
  });
  assert.equal(listAt(objectAt(body, 'details'), 'causes').length, 2);
});
