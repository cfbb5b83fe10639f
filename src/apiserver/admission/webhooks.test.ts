import assert from 'node:assert/strict';
import { test } from 'node:test';
import { metadataOf, TestServer, WIDGETS } from '../../../test/fakes/api-core.ts';
import type { Json, JsonObject } from '../object.ts';
import { isJsonObject, objectAt, stringAt } from '../object.ts';
import type { WebhookClient } from './webhook-client.ts';
import type { WebhookTarget } from './webhook.ts';

const CONFIGURATIONS = '/apis/admissionregistration.k8s.io/v1';
const MUTATING = `${CONFIGURATIONS}/mutatingwebhookconfigurations`;
const VALIDATING = `${CONFIGURATIONS}/validatingwebhookconfigurations`;
const PODS = '/api/v1/namespaces/default/pods';

type Respond = (request: JsonObject) => JsonObject | Error;

/** Webhooks as functions, by the path of their URL; asked questions are kept. */
class FakeWebhooks implements WebhookClient {
  readonly asked: JsonObject[] = [];
  readonly #byPath: Readonly<Record<string, Respond>>;

  constructor(byPath: Readonly<Record<string, Respond>>) {
    this.#byPath = byPath;
  }

  ask(target: WebhookTarget, question: JsonObject): Promise<Json> {
    const path = target.kind === 'url' ? new URL(target.url).pathname : target.path;
    const request = objectAt(question, 'request');
    this.asked.push(request);
    const answer = this.#byPath[path]?.(request) ?? new Error(`nobody listens at ${path}`);
    if (answer instanceof Error) return Promise.reject(answer);
    const response = { uid: request['uid'], ...answer };
    return Promise.resolve({
      apiVersion: 'admission.k8s.io/v1',
      kind: 'AdmissionReview',
      response,
    });
  }

  [Symbol.dispose](): void {}
}

const ALLOW: Respond = () => ({ allowed: true });
const patch = (...operations: JsonObject[]): JsonObject => ({
  allowed: true,
  patchType: 'JSONPatch',
  patch: Buffer.from(JSON.stringify(operations)).toString('base64'),
});

const webhook = (path: string, more: object = {}) => ({
  name: `${path.slice(1)}.webhook.example.com`,
  clientConfig: { url: `https://hook.example.com${path}` },
  rules: [{ operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods'] }],
  admissionReviewVersions: ['v1'],
  sideEffects: 'None',
  ...more,
});
const configuration = (name: string, ...webhooks: object[]) => ({ metadata: { name }, webhooks });

const pod = (name: string, labels: object = {}) => ({
  metadata: { name, labels },
  spec: { containers: [{ name: 'c', image: 'i' }] },
});

test('a mutating webhook changes the object before it is checked and stored', async () => {
  const webhooks = new FakeWebhooks({
    '/inject': () =>
      patch({
        op: 'add',
        path: '/spec/containers/-',
        value: { name: 'sidecar', image: 'proxy:1' },
      }),
  });
  await using server = await TestServer.start({ webhooks });
  await server.create(MUTATING, configuration('injector', webhook('/inject')));
  const created = await server.create(PODS, pod('p'));
  const containers = Object(objectAt(created, 'spec')).containers;
  assert.deepEqual(
    containers.map(({ name, imagePullPolicy }: Record<string, string>) => [name, imagePullPolicy]),
    [
      ['c', 'Always'],
      ['sidecar', 'IfNotPresent'],
    ],
  );
  const [request] = webhooks.asked;
  assert.deepEqual(request?.['kind'], { group: '', version: 'v1', kind: 'Pod' });
  assert.deepEqual(request['resource'], { group: '', version: 'v1', resource: 'pods' });
  const { name, namespace, operation, dryRun, oldObject } = request;
  assert.deepEqual(
    [name, namespace, operation, dryRun, oldObject],
    ['p', 'default', 'CREATE', false, null],
  );
  assert.equal(stringAt(objectAt(request, 'userInfo'), 'username'), 'admin');
  assert.equal(stringAt(objectAt(request, 'object'), 'kind'), 'Pod');
});

test('a validating webhook sees the final object, warns and refuses', async () => {
  const webhooks = new FakeWebhooks({
    '/label': () => patch({ op: 'add', path: '/metadata/labels/seen', value: 'yes' }),
    '/check': (request) => {
      const { labels } = Object(objectAt(request, 'object')).metadata;
      assert.equal(labels.seen, 'yes');
      const warnings = ['mind the gap'];
      if (labels.bad === undefined) return { allowed: true, warnings };
      return { allowed: false, warnings, status: { code: 422, message: 'it is bad' } };
    },
  });
  await using server = await TestServer.start({ webhooks });
  await server.create(MUTATING, configuration('m', webhook('/label')));
  await server.create(VALIDATING, configuration('v', webhook('/check')));
  const fine = await server.call('POST', PODS, { body: pod('fine') });
  assert.deepEqual(fine.headers['warning'], ['299 - "mind the gap"']);
  const { status, body } = await server.call('POST', PODS, { body: pod('bad', { bad: 'x' }) });
  assert.equal(status, 422);
  assert.equal(
    body['message'],
    'admission webhook "check.webhook.example.com" denied the request: it is bad',
  );
  await server.refused(404, 'GET', `${PODS}/bad`);
});

test('a webhook that is down refuses or is passed over, as its policy says', async () => {
  const down: Respond = () => new Error('connect ECONNREFUSED');
  const webhooks = new FakeWebhooks({ '/down': down });
  await using server = await TestServer.start({ webhooks });
  await server.create(
    VALIDATING,
    configuration('v', webhook('/down', { failurePolicy: 'Ignore' })),
  );
  await server.create(PODS, pod('a'));
  await server.ok('PATCH', `${VALIDATING}/v`, {
    body: [{ op: 'replace', path: '/webhooks/0/failurePolicy', value: 'Fail' }],
    headers: { 'content-type': 'application/json-patch+json' },
  });
  assert.equal(
    await server.refused(500, 'POST', PODS, { body: pod('b') }),
    'Internal error occurred: failed calling webhook "down.webhook.example.com": connect ECONNREFUSED',
  );
  await server.ok('DELETE', `${VALIDATING}/v`);
  await server.create(PODS, pod('b'));
});

const WRONG: readonly (readonly [string, JsonObject, RegExp])[] = [
  ['another uid', { uid: 'x', allowed: true }, /an answer to another question/],
  ['no list as patch', { allowed: true, patchType: 'JSONPatch', patch: 'e30=' }, /not a list/],
  ['another patch type', { allowed: true, patch: 'W10=' }, /not a JSONPatch/],
  ['a patch that fails', patch({ op: 'remove', path: '/nowhere' }), /its patch does not apply/],
  [
    'no object',
    patch({ op: 'replace', path: '/spec', value: 1 }),
    /what its patch makes is no object/,
  ],
];

for (const [what, answer, message] of WRONG) {
  test(`a webhook that answers with ${what} has failed`, async () => {
    const webhooks = new FakeWebhooks({ '/wrong': () => answer });
    await using server = await TestServer.start({ webhooks });
    await server.create(MUTATING, configuration('m', webhook('/wrong')));
    assert.match(await server.refused(500, 'POST', PODS, { body: pod('p') }), message);
  });
}

test('webhooks are asked about what their rules and selectors say, and nothing else', async () => {
  const webhooks = new FakeWebhooks({ '/x': ALLOW });
  await using server = await TestServer.start({ webhooks });
  const namespaceSelector = { matchLabels: { inject: 'yes' } };
  const objectSelector = { matchExpressions: [{ key: 'off', operator: 'DoesNotExist' }] };
  await server.create(
    VALIDATING,
    configuration('v', webhook('/x', { namespaceSelector, objectSelector })),
  );
  const asked = async (path: string, body: object) => {
    webhooks.asked.length = 0;
    await server.create(path, body);
    return webhooks.asked.length === 1;
  };
  assert(!(await asked(PODS, pod('a'))));
  await server.create('/api/v1/namespaces', { metadata: { name: 'n', labels: { inject: 'yes' } } });
  assert(await asked('/api/v1/namespaces/n/pods', pod('a')));
  assert(!(await asked('/api/v1/namespaces/n/pods', pod('b', { off: '' }))));
  assert(!(await asked('/api/v1/namespaces/n/configmaps', { metadata: { name: 'c' } })));
});

test('deletions, status and conditions on the object', async () => {
  const webhooks = new FakeWebhooks({ '/x': ALLOW });
  await using server = await TestServer.start({ webhooks });
  const rules = [
    { operations: ['DELETE'], apiGroups: ['*'], apiVersions: ['*'], resources: ['pods'] },
    { operations: ['UPDATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods/status'] },
  ];
  const expression = "(object != null ? object : oldObject).metadata.name != 'exempt'";
  const matchConditions = [{ name: 'not-exempt', expression }];
  await server.create(VALIDATING, configuration('v', webhook('/x', { rules, matchConditions })));
  for (const name of ['p', 'exempt']) await server.create(PODS, pod(name));
  const headers = { 'content-type': 'application/merge-patch+json' };
  await server.ok('PATCH', `${PODS}/p/status`, {
    body: { status: { podIP: '10.0.0.1' } },
    headers,
  });
  await server.ok('DELETE', `${PODS}/p`);
  await server.ok('DELETE', `${PODS}/exempt`);
  assert.deepEqual(
    webhooks.asked.map(({ operation, subResource, name }) => [operation, subResource, name]),
    [
      ['UPDATE', 'status', 'p'],
      ['DELETE', undefined, 'p'],
    ],
  );
  assert.equal(webhooks.asked[1]?.['object'], null);
  assert(isJsonObject(webhooks.asked[1]['oldObject']));
});

test('a webhook sees the version it knows, and its patch comes back in the other', async () => {
  const webhooks = new FakeWebhooks({
    '/x': (request) => {
      assert.equal(Object(request['object']).apiVersion, 'example.com/v1');
      assert.equal(Object(request['requestKind']).version, 'v1beta1');
      return patch({ op: 'add', path: '/spec/grade', value: 'B' });
    },
  });
  await using server = await TestServer.start({ webhooks });
  await server.create('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', WIDGETS);
  const rules = [
    { operations: ['*'], apiGroups: ['example.com'], apiVersions: ['v1'], resources: ['*'] },
  ];
  await server.create(MUTATING, configuration('m', webhook('/x', { rules })));
  const created = await server.create('/apis/example.com/v1beta1/namespaces/default/widgets', {
    apiVersion: 'example.com/v1beta1',
    kind: 'Widget',
    metadata: { name: 'w' },
    spec: { size: 1 },
  });
  assert.equal(created['apiVersion'], 'example.com/v1beta1');
  assert.deepEqual(created['spec'], { size: 1, grade: 'B' });
});

test('dry runs reach only webhooks that leave no traces', async () => {
  const webhooks = new FakeWebhooks({ '/x': ALLOW });
  await using server = await TestServer.start({ webhooks });
  await server.create(VALIDATING, configuration('v', webhook('/x')));
  await server.ok('POST', PODS, { body: pod('p'), query: { dryRun: 'All' } });
  assert.equal(webhooks.asked[0]?.['dryRun'], true);
});

test('who asked for it is called again when another webhook changed the object', async () => {
  const count = (label: string) => (request: JsonObject) => {
    const { labels } = metadataOf(objectAt(request, 'object'));
    const seen = Number(Object(labels)[label] ?? 0) + 1;
    return patch({ op: 'add', path: `/metadata/labels/${label}`, value: String(seen) });
  };
  const webhooks = new FakeWebhooks({ '/a': count('a'), '/b': count('b') });
  await using server = await TestServer.start({ webhooks });
  const again = { reinvocationPolicy: 'IfNeeded' };
  await server.create(MUTATING, configuration('m', webhook('/a', again), webhook('/b', again)));
  const created = await server.create(PODS, pod('p'));
  assert.deepEqual(metadataOf(created)['labels'], { a: '2', b: '1' });
});

const BAD: readonly (readonly [object, RegExp])[] = [
  [webhook('/x', { name: 'short' }), /three segments separated by dots/],
  [webhook('/x', { sideEffects: 'Some' }), /sideEffects: Unsupported value: "Some"/],
  [webhook('/x', { admissionReviewVersions: ['v1beta1'] }), /must include v1/],
  [webhook('/x', { timeoutSeconds: 60 }), /between 1 and 30 seconds/],
  [webhook('/x', { clientConfig: {} }), /exactly one of url or service is required/],
  [webhook('/x', { clientConfig: { url: 'http://x/' } }), /'https' is the only allowed URL scheme/],
  [webhook('/x', { rules: [{ operations: ['MAKE'] }] }), /operations: Unsupported value: "MAKE"/],
];

for (const [bad, message] of BAD) {
  test(`refused: ${message.source}`, async () => {
    await using server = await TestServer.start();
    const body = configuration('v', bad);
    assert.match(await server.refused(422, 'POST', VALIDATING, { body }), message);
  });
}
