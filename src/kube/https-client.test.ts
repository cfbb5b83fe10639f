import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { TLSSocket } from 'node:tls';
import { systemClock, type Clock } from '#base/clock.ts';
import { OperatorError } from '#base/operator-error.ts';
import { createFakeAuthority } from '#ca/fake-authority.ts';
import type { KubeClient } from './client.ts';
import { answerJson as json, portOf, startFakeApiServer, type Answer } from './fake-api-server.ts';
import { createKubeClient } from './https-client.ts';
import type { KubeConfig } from './kubeconfig.ts';
import { CONFIG_MAP, SECRET, SERVICE } from './resources.ts';
import { isAlreadyExists, isNotFound, KubeStatusError } from './status.ts';

const nowMs = systemClock.nowMs();
const mesh = createFakeAuthority(nowMs);
const serving = mesh.server(['localhost'], ['127.0.0.1']);
const cleanups: (() => PromiseLike<void> | void)[] = [];
after(async () => {
  for (const cleanup of cleanups.toReversed()) await cleanup();
});

test('get reads one object by its path, with the token and nothing else', async () => {
  const { client, received } = await start((_, response) =>
    json(response, 200, { kind: 'Service', metadata: { name: 'a', namespace: 'b' } }),
  );
  const object = await client.get(SERVICE, { namespace: 'b', name: 'a' });
  assert.equal(object.metadata.name, 'a');
  assert.deepEqual(
    received.map(({ method, url, headers }) => [method, url, headers.authorization]),
    [['GET', '/api/v1/namespaces/b/services/a', 'Bearer secret-token']],
  );
});

test('names go into paths escaped', async () => {
  const { client, received } = await start((_, response) =>
    json(response, 404, { kind: 'Status', code: 404, reason: 'NotFound', message: 'none' }),
  );
  await assert.rejects(client.get(SERVICE, { namespace: '../x', name: 'a/b?c' }), isNotFound);
  assert.equal(received[0]?.url, '/api/v1/namespaces/..%2Fx/services/a%2Fb%3Fc');
});

test('a list carries its selection, and its pages their token', async () => {
  const { client, received } = await start((_, response, count) =>
    json(response, 200, {
      metadata: { resourceVersion: '7', continue: count === 1 ? 'next' : '' },
      items: [{ metadata: { name: `s${count}` } }],
    }),
  );
  const labelSelector = 'app=a,tier!=b';
  const first = await client.list(SERVICE, { namespace: 'n', labelSelector, limit: 1 });
  assert.equal(first.continueToken, 'next');
  const second = await client.list(SERVICE, { continueToken: 'next' });
  assert.equal(second.continueToken, undefined);
  assert.deepEqual(
    received.map(({ url }) => url),
    [
      '/api/v1/namespaces/n/services?labelSelector=app%3Da%2Ctier%21%3Db&limit=1',
      '/api/v1/services?continue=next',
    ],
  );
});

test('a list without objects may be null', async () => {
  const { client } = await start((_, response) =>
    json(response, 200, { metadata: { resourceVersion: '7' }, items: null }),
  );
  assert.deepEqual((await client.list(SERVICE)).items, []);
});

test('writes send typed bodies to the right place', async () => {
  const { client, received } = await start((_, response) =>
    json(response, 200, { metadata: { name: 'a' } }),
  );
  const object = { metadata: { name: 'a', namespace: 'n' }, data: { k: 'v' } };
  await client.create(CONFIG_MAP, object);
  await client.update(CONFIG_MAP, object);
  await client.update(SERVICE, { metadata: object.metadata }, { subresource: 'status' });
  const apply = { kind: 'apply', fieldManager: 'isthmus', isForced: true } as const;
  await client.patch(CONFIG_MAP, object.metadata, { data: {} }, apply);
  await client.remove(CONFIG_MAP, object.metadata, { preconditions: { uid: 'u' } });
  assert.deepEqual(
    received.map(({ method, url }) => `${method} ${url}`),
    [
      'POST /api/v1/namespaces/n/configmaps',
      'PUT /api/v1/namespaces/n/configmaps/a',
      'PUT /api/v1/namespaces/n/services/a/status',
      'PATCH /api/v1/namespaces/n/configmaps/a?fieldManager=isthmus&force=true',
      'DELETE /api/v1/namespaces/n/configmaps/a',
    ],
  );
  assert.deepEqual(JSON.parse(received[0]?.body ?? ''), {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    ...object,
  });
  assert.equal(received[3]?.headers['content-type'], 'application/apply-patch+yaml');
  assert.deepEqual(JSON.parse(received[4]?.body ?? '').preconditions, { uid: 'u' });
});

test('a refusal is a KubeStatusError with the Status', async () => {
  const { client } = await start((_, response) =>
    json(response, 409, {
      kind: 'Status',
      code: 409,
      reason: 'AlreadyExists',
      message: 'secrets "a" already exists',
      details: { retryAfterSeconds: 3 },
    }),
  );
  const error = await failure(client.create(SECRET, { metadata: { name: 'a', namespace: 'n' } }));
  assert(error instanceof KubeStatusError && isAlreadyExists(error));
  assert.equal(error.message, 'secrets "a" already exists');
  assert.equal(error.status.details.retryAfterSeconds, 3);
});

test('a refusal that is no Status is described', async () => {
  const { client } = await start((_, response) => {
    response.writeHead(502, { 'content-type': 'text/html' }).end('<h1>Bad\n Gateway</h1>');
  });
  const error = await failure(client.list(SERVICE));
  assert(error instanceof KubeStatusError);
  assert.equal(error.message, 'the server answered 502: <h1>Bad Gateway</h1>');
});

test('nobody listening is API_SERVER_UNREACHABLE, with the address and a remedy', async () => {
  const port = await freePort();
  const client = clientOf({ port });
  const error = await failure(client.list(SERVICE));
  assert(error instanceof OperatorError);
  assert.equal(error.code, 'API_SERVER_UNREACHABLE');
  assert.match(error.message, new RegExp(`https://127.0.0.1:${port} cannot be reached: .*REFUSED`));
  assert.match(error.remedy, /check that the API server runs/);
});

test('a server of another authority is refused, with another remedy', async () => {
  const { port } = await start((_, response) => json(response, 200, {}));
  const other = createFakeAuthority(nowMs, 'other');
  const error = await failure(clientOf({ port, caPem: other.rootPem }).list(SERVICE));
  assert(error instanceof OperatorError);
  assert.match(error.remedy, /fresh kubeconfig/);
});

test('a server of another name is refused, unless that name is configured', async () => {
  const elsewhere = mesh.server(['api.example']);
  const answer: Answer = (_, response) => json(response, 200, { metadata: { name: 'a' } });
  const { port } = await start(answer, { serving: elsewhere });
  const ref = { namespace: 'n', name: 'a' };
  const error = await failure(clientOf({ port }).get(SERVICE, ref));
  assert(error instanceof OperatorError && /fresh kubeconfig/.test(error.remedy));
  const named = clientOf({ port, serverName: 'api.example' });
  assert.equal((await named.get(SERVICE, ref)).metadata.name, 'a');
});

test('a client certificate is presented', async () => {
  const names: unknown[] = [];
  const { port } = await start((_, response) => {
    assert(response.socket instanceof TLSSocket);
    names.push(response.socket.getPeerCertificate().subject.CN);
    json(response, 200, { metadata: { name: 'a' } });
  });
  const { chainPem, keyPem } = mesh.server(['isthmusd']);
  const certificate = { certificatePem: chainPem, keyPem };
  const client = clientOf({ port, credentials: { certificate } });
  await client.get(SERVICE, { namespace: 'n', name: 'a' });
  assert.deepEqual(names, ['isthmusd']);
});

test('a token file is read again after a minute', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'isthmus-token-'));
  cleanups.push(() => rm(folder, { recursive: true }));
  const tokenFile = join(folder, 'token');
  await writeFile(tokenFile, 'one\n');
  let elapsedMs = 0;
  const clock: Clock = { ...systemClock, nowMs: () => nowMs + elapsedMs };
  const { port, received } = await start((_, response) =>
    json(response, 200, { metadata: { name: 'a' } }),
  );
  const client = clientOf({ port, credentials: { tokenFile }, clock });
  for (const [token, atMs] of [
    ['one', 0],
    ['two', 30_000],
    ['two', 61_000],
  ] as const) {
    elapsedMs = atMs;
    await writeFile(tokenFile, token);
    await client.get(SERVICE, { namespace: 'n', name: 'a' });
  }
  assert.deepEqual(
    received.map(({ headers }) => headers.authorization),
    ['Bearer one', 'Bearer one', 'Bearer two'],
  );
});

test('what is no API answer is named so', async () => {
  for (const body of ['<html>', '[]', '{"items":[]}', '{"metadata":{}}']) {
    const { client } = await start((_, response) => void response.end(body));
    const error = await failure(client.list(SERVICE));
    assert(error instanceof OperatorError && error.code === 'API_SERVER_UNREACHABLE', body);
  }
});

test('an answer that never ends is given up', async () => {
  const sleeps: (() => void)[] = [];
  const clock: Clock = {
    nowMs: () => nowMs,
    sleep: (_, signal) =>
      new Promise((resolve, reject) => {
        sleeps.push(resolve);
        signal?.addEventListener('abort', () => reject(signal.reason));
      }),
  };
  const arrived = Promise.withResolvers<void>();
  const { port } = await start((_, response) => {
    response.write('{');
    arrived.resolve();
  });
  const failing = failure(clientOf({ port, clock }).list(SERVICE));
  await arrived.promise;
  for (const wake of sleeps) wake();
  const error = await failing;
  assert(error instanceof OperatorError);
  assert.match(error.message, /GET \/api\/v1\/services took longer than 30000 ms/);
});

test('an abort rejects with its own reason, before, during and after', async () => {
  const reason = new Error('no longer wanted');
  const { client } = await start(() => undefined);
  await assert.rejects(client.list(SERVICE, { signal: AbortSignal.abort(reason) }), reason);
  const stop = new AbortController();
  const pending = failure(client.list(SERVICE, { signal: stop.signal }));
  stop.abort(reason);
  assert.equal(await pending, reason);
});

test('a kept-alive connection that the server has closed costs no failure', async () => {
  let isLast = false;
  const { client } = await start((_, response, count) => {
    if (count === 2) {
      isLast = true;
      response.socket?.destroy(); // as if it had been closed while the request was on its way
      return;
    }
    json(response, 200, { metadata: { name: `a${count}` } });
  });
  const ref = { namespace: 'n', name: 'a' };
  assert.equal((await client.get(SERVICE, ref)).metadata.name, 'a1');
  assert.equal((await client.get(SERVICE, ref)).metadata.name, 'a3');
  assert(isLast);
});

test('a token is requested for a Pod, and reviewed with its audience', async () => {
  const { client, received } = await start((request, response) => {
    if (request.url.endsWith('/token')) {
      const expirationTimestamp = '2026-11-22T20:00:00Z';
      return json(response, 201, { status: { token: 'jwt', expirationTimestamp } });
    }
    return json(response, 201, {
      status: {
        authenticated: true,
        audiences: ['istio-ca'],
        user: {
          username: 'system:serviceaccount:n:sa',
          groups: ['g'],
          extra: { 'authentication.kubernetes.io/pod-name': ['p'] },
        },
      },
    });
  });
  const issued = await client.createToken(
    { namespace: 'n', name: 'sa' },
    { audiences: ['istio-ca'], expirationSeconds: 600, boundPod: { name: 'p', uid: 'u' } },
  );
  assert.deepEqual(issued, { token: 'jwt', expiresAtMs: Date.parse('2026-11-22T20:00:00Z') });
  assert.equal(received[0]?.url, '/api/v1/namespaces/n/serviceaccounts/sa/token');
  assert.deepEqual(JSON.parse(received[0].body).spec, {
    audiences: ['istio-ca'],
    expirationSeconds: 600,
    boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: 'p', uid: 'u' },
  });
  assert.deepEqual(await client.reviewToken('jwt', { audiences: ['istio-ca'] }), {
    isAuthenticated: true,
    username: 'system:serviceaccount:n:sa',
    groups: ['g'],
    extra: { 'authentication.kubernetes.io/pod-name': ['p'] },
    audiences: ['istio-ca'],
  });
});

for (const [status, problem] of [
  [{ authenticated: false, error: 'token has expired' }, 'token has expired'],
  [{ user: {} }, 'invalid bearer token'],
  [
    { authenticated: true, user: { username: 'u' }, audiences: ['other'] },
    'token is not meant for istio-ca',
  ],
  [{ authenticated: true, user: { username: 'u' } }, 'token is not meant for istio-ca'],
] as const) {
  test(`a review that says ${JSON.stringify(status)} is: ${problem}`, async () => {
    const { client } = await start((_, response) => json(response, 201, { status }));
    assert.deepEqual(await client.reviewToken('jwt', { audiences: ['istio-ca'] }), {
      isAuthenticated: false,
      problem,
    });
  });
}

async function failure(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => assert.fail('it should have failed'),
    (error: unknown) => error,
  );
}

async function freePort(): Promise<number> {
  const server = createTcpServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const port = portOf(server);
  server.close();
  await once(server, 'close');
  return port;
}

function clientOf(
  options: Partial<KubeConfig> & { readonly port: number; readonly clock?: Clock },
): KubeClient {
  const { port, clock = systemClock, ...overrides } = options;
  const client = createKubeClient(
    {
      server: `https://127.0.0.1:${port}`,
      caPem: mesh.rootPem,
      serverName: undefined,
      credentials: { token: 'secret-token' },
      namespace: 'default',
      ...overrides,
    },
    { clock },
  );
  cleanups.push(() => client.close());
  return client;
}

async function start(answer: Answer, options: { readonly serving?: typeof serving } = {}) {
  const { chainPem: cert, keyPem: key } = options.serving ?? serving;
  const server = await startFakeApiServer({ cert, key, ca: mesh.rootPem }, answer);
  cleanups.push(() => server[Symbol.asyncDispose]());
  const { port, received } = server;
  return { port, received, client: clientOf({ port }) };
}
