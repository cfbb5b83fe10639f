// A sidecar's routes as an application meets them: VirtualServices of requests, of TCP and of TLS,
// in a real kernel and through a real Envoy that is told of each when it first meets it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { apply } from '#model/mesh-of.ts';
import { isInside, runInside } from './agent-namespace.ts';
import { eventually } from './envoy-process.ts';
import { callHttp1, startGreeter, startHttp1, talkTcp } from './http-peers.ts';
import { HttpWorld, redirectToEnvoy } from './http-world.ts';

const WEB = '10.96.0.1';
const DB = '10.96.0.3';

if (isInside) insideTests();
else {
  test('routes of sidecars, in namespaces of their own', { timeout: 120_000 }, async () => {
    const { status, output } = await runInside(import.meta.url);
    assert.equal(status, 0, output);
    assert.match(output, /^ℹ pass [1-9]|^# pass [1-9]/m, output);
  });
}

type Options = { readonly ip: string; readonly name: string; readonly port: number };

const service = (name: string, { ip, name: portName, port }: Options, at: number): string => `
kind: Service
metadata: { name: ${name}, namespace: shop }
spec: { clusterIP: ${ip}, ports: [{ name: ${portName}, port: ${port} }] }
---
kind: EndpointSlice
metadata: { name: ${name}-1, namespace: shop, labels: { kubernetes.io/service-name: ${name} } }
addressType: IPv4
ports: [{ name: ${portName}, port: ${at} }]
endpoints: [{ addresses: [127.0.0.1] }]`;

const virtualService = (name: string, spec: string): string => `
kind: VirtualService
metadata: { name: ${name}, namespace: shop }
spec: ${spec}`;

const BASE = `
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data: { mesh: 'enableAutoMtls: false' }`;

const to = (host: string): string => `route: [{ destination: { host: ${host} } }]`;

const WEB_ROUTES = `
  hosts: [web]
  http:
    - match: [{ uri: { prefix: /old/ } }]
      rewrite: { uri: /new/ }
      headers: { request: { set: { x-a: b } }, response: { add: { x-c: d } } }
      ${to('other')}
    - match: [{ uri: { exact: /gone } }]
      directResponse: { status: 410, body: { string: moved on } }
    - match: [{ uri: { exact: /there } }]
      redirect: { uri: /here, redirectCode: 308 }
    - match: [{ uri: { exact: /broken } }]
      fault: { abort: { httpStatus: 418, percentage: { value: 100 } } }
      ${to('web')}
    - match: [{ uri: { exact: /slow } }]
      fault: { delay: { fixedDelay: 0.01s, percentage: { value: 100 } } }
      ${to('web')}
    - match: [{ uri: { exact: /cors } }]
      corsPolicy: { allowOrigins: [{ exact: 'https://a' }], allowMethods: [GET] }
      ${to('web')}
    - match: [{ sourceNamespace: shop, headers: { x-who: { regex: 'c.*t' } } }]
      ${to('other')}
    - match: [{ uri: { exact: /missing } }]
      ${to('nobody')}
    - ${to('web')}`;

async function start(t: TestContext): Promise<HttpWorld> {
  const [web, other, one, two] = await Promise.all([
    startHttp1(t, 'web'),
    startHttp1(t, 'other'),
    startGreeter(t, 'one\n'),
    startGreeter(t, 'two\n'),
  ]);
  const objects = [
    BASE,
    service('web', { ip: WEB, name: 'http', port: 80 }, web),
    service('other', { ip: '10.96.0.2', name: 'http', port: 80 }, other),
    service('one', { ip: DB, name: 'tcp', port: 5432 }, one),
    service('two', { ip: '10.96.0.4', name: 'tcp', port: 5432 }, two),
    virtualService('web', WEB_ROUTES),
  ];
  const world = await HttpWorld.start(t, objects.join('\n---\n'));
  t.after(() => assert.deepEqual(world.rejections, [], 'Envoy takes all that it is sent'));
  return world;
}

const call = (path: string, headers: Readonly<Record<string, string>> = {}) =>
  callHttp1({ address: WEB, port: 80, host: 'web', path, headers });

function insideTests(): void {
  test('capture', redirectToEnvoy);
  test('requests go by their routes', byRoutes);
  test('a route that changes is followed by the next requests', followsChanges);
  test('connections are shared out', sharesConnections);
}

async function byRoutes(t: TestContext): Promise<void> {
  await start(t);
  const rewritten = await call('/old/x?y');
  const { heard, headers } = rewritten;
  assert.deepEqual([heard?.server, heard?.url, heard?.headers['x-a']], ['other', '/new/x?y', 'b']);
  assert.equal(headers['x-c'], 'd');
  assert.equal((await call('/gone')).status, 410);
  const redirected = await call('/there');
  assert.deepEqual([redirected.status, redirected.headers.location], [308, 'http://web/here']);
  assert.equal((await call('/broken')).status, 418);
  assert.equal((await call('/slow')).heard?.server, 'web');
  const allowed = await call('/cors', { origin: 'https://a' });
  assert.equal(allowed.headers['access-control-allow-origin'], 'https://a');
  assert.equal((await call('/', { 'x-who': 'client' })).heard?.server, 'other');
  assert.equal((await call('/', { 'x-who': 'else' })).heard?.server, 'web');
  assert.equal((await call('/missing')).status, 503, 'of a destination that there is not');
}

async function followsChanges(t: TestContext): Promise<void> {
  const world = await start(t);
  assert.equal((await call('/')).heard?.server, 'web');
  apply(world.mesh, virtualService('web', `{ hosts: [web], http: [{ ${to('other')} }] }`));
  world.settle();
  await eventually(
    'the other one answers',
    async () => (await call('/')).heard?.server === 'other',
  );
}

async function sharesConnections(t: TestContext): Promise<void> {
  const world = await start(t);
  const greeting = async (): Promise<string> =>
    (await talkTcp({ address: DB, port: 5432 }, { say: '', hear: 4 })).heard;
  assert.equal(await greeting(), 'one\n');
  const half = (host: string): string => `{ destination: { host: ${host} }, weight: 50 }`;
  const tcp = `[{ route: [${half('one')}, ${half('two')}] }]`;
  apply(world.mesh, virtualService('db', `{ hosts: [one], tcp: ${tcp} }`));
  world.settle();
  const heard = new Set<string>();
  await eventually('both are met', async () => {
    heard.add(await greeting());
    return heard.size === 2;
  });
}
