import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { metadataOf, TestServer } from '../../../test/fakes/api-core.ts';
import { TokenSigner } from '../auth/jwt.ts';
import { ISSUER } from '../auth/service-account-token.ts';
import { objectAt, stringAt } from '../object.ts';
import type { JsonObject } from '../object.ts';

const ACCOUNTS = '/api/v1/namespaces/default/serviceaccounts';
const PODS = '/api/v1/namespaces/default/pods';
const REVIEWS = '/apis/authentication.k8s.io/v1/tokenreviews';

const account = (name: string) => ({ metadata: { name } });
const pod = (name: string, serviceAccountName = 'a') => ({
  metadata: { name },
  spec: { serviceAccountName, nodeName: 'n', containers: [{ name: 'c', image: 'i' }] },
});

async function withAccount(): Promise<TestServer> {
  const server = await TestServer.start();
  await server.create(ACCOUNTS, account('a'));
  return server;
}

async function request(server: TestServer, spec: object = {}, name = 'a'): Promise<string> {
  const answer = await server.ok('POST', `${ACCOUNTS}/${name}/token`, { body: { spec } });
  return stringAt(objectAt(answer, 'status'), 'token');
}

async function review(server: TestServer, token: string, ...audiences: string[]) {
  const body = { spec: { token, audiences } };
  return objectAt(await server.ok('POST', REVIEWS, { body }), 'status');
}

const INVALID = { user: {}, error: 'invalid bearer token' };

test('a token says who it is for, and is reviewed as such', async () => {
  await using server = await withAccount();
  const answer = await server.ok('POST', `${ACCOUNTS}/a/token`, {
    body: { spec: { audiences: ['mesh', 'x'], expirationSeconds: 600 } },
  });
  const status = objectAt(answer, 'status');
  assert.equal(status['expirationTimestamp'], '2026-11-22T12:10:00Z');
  const token = stringAt(status, 'token');
  const claims = server.signer.open(token);
  assert.equal(claims?.['iss'], ISSUER);
  assert.equal(claims['sub'], 'system:serviceaccount:default:a');
  assert.deepEqual(claims['aud'], ['mesh', 'x']);
  assert.equal(Number(claims['exp']) - Number(claims['iat']), 600);
  const reviewed = await review(server, token, 'mesh', 'other');
  assert.equal(reviewed['authenticated'], true);
  assert.deepEqual(reviewed['audiences'], ['mesh']);
  const user = objectAt(reviewed, 'user');
  assert.equal(user['username'], 'system:serviceaccount:default:a');
  assert.deepEqual(user['groups'], [
    'system:serviceaccounts',
    'system:serviceaccounts:default',
    'system:authenticated',
  ]);
});

test('a token for another audience is not good', async () => {
  await using server = await withAccount();
  const token = await request(server, { audiences: ['mesh'] });
  assert.deepEqual(await review(server, token, 'other'), INVALID);
  assert.deepEqual(await review(server, token), INVALID, 'nor for the API server itself');
  await server.refused(401, 'GET', '/api', { token });
});

test('a token ends with its time', async () => {
  await using server = await withAccount();
  const token = await request(server, { audiences: ['mesh'], expirationSeconds: 600 });
  server.clock.advance(599_000);
  assert.equal((await review(server, token, 'mesh'))['authenticated'], true);
  server.clock.advance(1_000);
  assert.deepEqual(await review(server, token, 'mesh'), INVALID);
});

test('a token ends with its account, even if another of that name follows', async () => {
  await using server = await withAccount();
  const token = await request(server, { audiences: ['mesh'] });
  await server.ok('DELETE', `${ACCOUNTS}/a`);
  assert.deepEqual(await review(server, token, 'mesh'), INVALID);
  await server.create(ACCOUNTS, account('a'));
  assert.deepEqual(await review(server, token, 'mesh'), INVALID);
});

test('a token bound to a pod names it, and ends with it', async () => {
  await using server = await withAccount();
  const { uid } = metadataOf(await server.create(PODS, pod('p')));
  const boundObjectRef = { kind: 'Pod', apiVersion: 'v1', name: 'p', uid };
  const token = await request(server, { audiences: ['mesh'], boundObjectRef });
  const kubernetes = objectAt(server.signer.open(token), 'kubernetes.io');
  assert.deepEqual(kubernetes['pod'], { name: 'p', uid });
  assert.deepEqual(kubernetes['node'], { name: 'n' });
  const { extra } = Object(objectAt(await review(server, token, 'mesh'), 'user'));
  assert.deepEqual(extra['authentication.kubernetes.io/pod-name'], ['p']);
  assert.deepEqual(extra['authentication.kubernetes.io/pod-uid'], [uid]);
  await server.ok('DELETE', `${PODS}/p`);
  assert.equal((await review(server, token, 'mesh'))['authenticated'], true, 'while it ends');
  await server.ok('DELETE', `${PODS}/p`, { body: { gracePeriodSeconds: 0 } });
  assert.deepEqual(await review(server, token, 'mesh'), INVALID);
  await server.create(PODS, pod('p'));
  assert.deepEqual(await review(server, token, 'mesh'), INVALID, 'nor for its successor');
});

test('a token bound to a secret ends with it', async () => {
  await using server = await withAccount();
  const secrets = '/api/v1/namespaces/default/secrets';
  await server.create(secrets, account('s'));
  const token = await request(server, {
    audiences: ['mesh'],
    boundObjectRef: { kind: 'Secret', apiVersion: 'v1', name: 's' },
  });
  assert.equal((await review(server, token, 'mesh'))['authenticated'], true);
  await server.ok('DELETE', `${secrets}/s`);
  assert.deepEqual(await review(server, token, 'mesh'), INVALID);
});

type Refusal = readonly [what: string, code: number, spec: object, message: RegExp];

const REFUSALS: readonly Refusal[] = [
  [
    'too short a life',
    422,
    { expirationSeconds: 599 },
    /may not specify a duration less than 10 minutes/,
  ],
  [
    'too long a life',
    422,
    { expirationSeconds: 2 ** 33 },
    /may not specify a duration larger than 2\^32/,
  ],
  ['no such pod', 404, { boundObjectRef: { kind: 'Pod', name: 'x' } }, /pods "x" not found/],
  [
    'another pod of that name',
    409,
    { boundObjectRef: { kind: 'Pod', name: 'p', uid: 'x' } },
    /does not match the UID in record/,
  ],
  [
    "another account's pod",
    422,
    { boundObjectRef: { kind: 'Pod', name: 'q' } },
    /different serviceaccount name/,
  ],
  [
    'no such kind of binding',
    422,
    { boundObjectRef: { kind: 'ConfigMap', name: 'p' } },
    /only Pod and Secret/,
  ],
];

for (const [what, code, spec, message] of REFUSALS) {
  test(`no token for ${what}`, async () => {
    await using server = await withAccount();
    await server.create(PODS, pod('p'));
    await server.create(ACCOUNTS, account('other'));
    await server.create(PODS, pod('q', 'other'));
    assert.match(
      await server.refused(code, 'POST', `${ACCOUNTS}/a/token`, { body: { spec } }),
      message,
    );
  });
}

test('no token for an account that is not there', async () => {
  await using server = await withAccount();
  const said = await server.refused(404, 'POST', `${ACCOUNTS}/b/token`, { body: { spec: {} } });
  assert.equal(said, 'serviceaccounts "b" not found');
});

test('only what this server signed counts', async () => {
  await using server = await withAccount();
  const token = await request(server, { audiences: ['mesh'] });
  const [header = '', claims = '', signature = ''] = token.split('.');
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const foreign = new TokenSigner(privateKey).sign(server.signer.open(token) ?? {});
  const encode = (value: JsonObject) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const unsigned = `${encode({ alg: 'none' })}.${claims}.`;
  const symmetric = `${encode({ alg: 'HS256', kid: 'x' })}.${claims}.${signature}`;
  const altered = `${header}.${encode({ ...server.signer.open(token), sub: 'x' })}.${signature}`;
  const broken = [
    foreign,
    unsigned,
    symmetric,
    altered,
    '',
    'a',
    'a.b.c',
    `${token}.x`,
    'x'.repeat(9_000),
  ];
  for (const bad of broken) assert.deepEqual(await review(server, bad, 'mesh'), INVALID, bad);
});

test('a token for the API server authenticates requests, and may do what its account may', async () => {
  await using server = await withAccount();
  const token = await request(server);
  assert.equal((await server.call('GET', '/api', { token })).status, 200);
  assert.equal(
    await server.refused(403, 'GET', '/api/v1/namespaces/default/secrets', { token }),
    'secrets is forbidden: User "system:serviceaccount:default:a" cannot list resource "secrets" in API group "" in the namespace "default"',
  );
  const keys = await server.get('/openid/v1/jwks');
  assert.equal(JSON.stringify(keys).includes('"d"'), false, 'the private part stays here');
});
