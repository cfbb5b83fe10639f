// The client with a real HTTPS server at its other end.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { createServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { systemClock } from '#base/clock.ts';
import { TestServer } from '../../../test/fakes/api-core.ts';
import { issueKeyPair, openAuthority } from '../pki/authority.ts';
import { createWebhookClient } from './webhook-client.ts';

const NAMES = ['localhost', 'hook.default.svc'];

async function serve(t: TestContext, listener: RequestListener) {
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-webhook-'));
  const making = { nowMs: systemClock.nowMs(), randomBytes };
  const authority = openAuthority(folder, making);
  rmSync(folder, { recursive: true });
  const subject = { commonName: 'hook', organizations: [], names: NAMES };
  const { certificatePem: cert, keyPem: key } = issueKeyPair(authority, subject, making);
  const server = createServer({ cert, key }, listener).listen(0, '127.0.0.1');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  return { port, authorityPem: authority.certificatePem };
}

async function clientFor(t: TestContext) {
  const server = await TestServer.start();
  const client = createWebhookClient({ store: server.store, clock: systemClock, random: () => 0 });
  t.after(async () => {
    client[Symbol.dispose]();
    await server[Symbol.asyncDispose]();
  });
  return { server, client };
}

const echo: RequestListener = (request, response) => {
  request.setEncoding('utf8').on('data', (text: string) => {
    response.end(
      JSON.stringify({ path: request.url, host: request.headers.host, got: JSON.parse(text) }),
    );
  });
};

test('a webhook is asked by its URL, and known by its authority', async (t) => {
  const { port, authorityPem } = await serve(t, echo);
  const { client } = await clientFor(t);
  const url = `https://localhost:${port}/mutate?x=y`;
  const answer = await client.ask({ kind: 'url', url, authorityPem }, { q: 1 }, 5_000);
  assert.deepEqual(answer, { path: '/mutate?x=y', host: `localhost:${port}`, got: { q: 1 } });
  const strangers = { kind: 'url', url, authorityPem: '' } as const;
  await assert.rejects(client.ask(strangers, {}, 5_000), /self-signed|unable to verify/);
});

test('a webhook is asked at an endpoint of its Service, under its name', async (t) => {
  const { port, authorityPem } = await serve(t, echo);
  const { server, client } = await clientFor(t);
  const target = {
    kind: 'service',
    namespace: 'default',
    name: 'hook',
    path: '/check',
    port: 443,
    authorityPem,
  } as const;
  await assert.rejects(client.ask(target, {}, 5_000), /service "hook" not found/);
  await server.create('/api/v1/namespaces/default/services', {
    metadata: { name: 'hook' },
    spec: { ports: [{ name: 'https', port: 443 }] },
  });
  await assert.rejects(client.ask(target, {}, 5_000), /no endpoints available for service "hook"/);
  // An EndpointSlice may not hold a loopback address, so this one is put into the store itself.
  const slice = {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: 'hook-1',
      namespace: 'default',
      labels: { 'kubernetes.io/service-name': 'hook' },
    },
    addressType: 'IPv4',
    ports: [{ name: 'https', port }],
    endpoints: [
      { addresses: ['192.0.2.1'], conditions: { ready: false } },
      { addresses: ['127.0.0.1'], conditions: { ready: true } },
    ],
  };
  const resource = 'endpointslices.discovery.k8s.io';
  server.store.create({ resource, namespace: 'default', name: 'hook-1' }, slice);
  const answer = await client.ask(target, { q: 2 }, 5_000);
  assert.deepEqual(answer, { path: '/check', host: 'hook.default.svc', got: { q: 2 } });
});

test('an answer that is late, broken or an error is none', async (t) => {
  const { port, authorityPem } = await serve(t, (request, response) => {
    if (request.url === '/broken') response.end('no JSON');
    else if (request.url === '/error') response.writeHead(503).end('try later');
    // any other path is never answered
  });
  const { client } = await clientFor(t);
  const ask = (path: string, timeoutMs = 5_000) => {
    const url = `https://localhost:${port}${path}`;
    return client.ask({ kind: 'url', url, authorityPem }, {}, timeoutMs);
  };
  await assert.rejects(ask('/broken'), /not valid JSON/);
  await assert.rejects(ask('/error'), /it answered 503: try later/);
  await assert.rejects(ask('/late', 50), /took longer than 50 ms/);
  const nobody = { kind: 'url', url: 'https://localhost:1/', authorityPem } as const;
  await assert.rejects(client.ask(nobody, {}, 5_000), /ECONNREFUSED/);
});
