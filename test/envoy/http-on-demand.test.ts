// HTTP on demand: what an application's requests meet on their way out, in a real kernel and through
// a real Envoy, with nothing told to Envoy before somebody calls.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { NOBODYS_ROUTE } from '#base/access-log-tags.ts';
import { apply } from '#model/mesh-of.ts';
import { isInside, run, runInside } from './agent-namespace.ts';
import { eventually } from './envoy-process.ts';
import {
  callHttp1,
  callHttp2,
  startGreeter,
  startHttp1,
  startHttp2,
  talkTcp,
} from './http-peers.ts';
import { HttpWorld, redirectToEnvoy } from './http-world.ts';

const WEB = '10.96.0.1';
const GRPC = '10.96.0.2';
const RAW = '10.96.0.3';
const GREETER = '10.96.0.4';
const LATE = '10.96.0.5';
const AUTO = '10.96.0.6';
const WEB_6 = 'fd00:10::1';
const RAW_6 = 'fd00:10::2';
/** An address in the mesh's range that means nothing: a server listens on it all the same. */
const OUTSIDE = '10.77.0.1';
const OUTSIDE_PORT = 80;

if (isInside) insideTests();
else {
  test('HTTP on demand, in namespaces of its own', { timeout: 120_000 }, async () => {
    const { status, output } = await runInside(import.meta.url);
    assert.equal(status, 0, output);
    assert.match(output, /^ℹ pass [1-9]|^# pass [1-9]/m, output);
  });
}

type ServiceOptions = { readonly ip: string; readonly port: string; readonly at: number };

const service = (name: string, { ip, port, at }: ServiceOptions): string => `
kind: Service
metadata: { name: ${name}, namespace: shop }
spec: { clusterIP: "${ip}", ports: [{ ${port} }] }
---
kind: EndpointSlice
metadata: { name: ${name}-1, namespace: shop, labels: { kubernetes.io/service-name: ${name} } }
addressType: IPv4
ports: [{ name: ${/name: ([a-z]+)/.exec(port)?.[1] ?? ''}, port: ${at} }]
endpoints: [{ addresses: [127.0.0.1] }]`;

/** What it has addresses of is what its proxy listens for. */
const CLIENT_POD = `
kind: Pod
metadata: { name: client, namespace: shop }
spec: { serviceAccountName: default }
status: { podIP: 10.24.0.9, podIPs: [{ ip: 10.24.0.9 }, { ip: "fd00:24::9" }] }
---
kind: PeerAuthentication
metadata: { name: no-certificates-here, namespace: shop }
spec: { mtls: { mode: DISABLE } }`;

const config = (mode: string): string => `
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data:
  mesh: |
    enableAutoMtls: false
    outboundTrafficPolicy: { mode: ${mode} }`;

async function start(t: TestContext, mode = 'ALLOW_ANY'): Promise<HttpWorld> {
  const [web, grpc, echo, greeter, auto] = await Promise.all([
    startHttp1(t, 'web'),
    startHttp2(t, 'grpc'),
    startGreeter(t, ''),
    startGreeter(t, 'hello, I am first\n'),
    startHttp1(t, 'auto'),
  ]);
  await startHttp1(t, 'outside', { address: OUTSIDE, port: OUTSIDE_PORT });
  const objects = [
    config(mode),
    CLIENT_POD,
    service('web6', { ip: WEB_6, port: 'name: http, port: 80', at: web }),
    service('raw6', { ip: RAW_6, port: 'name: tcp, port: 80', at: echo }),
    service('web', { ip: WEB, port: 'name: http, port: 80', at: web }),
    service('api', { ip: GRPC, port: 'name: grpc, port: 9000', at: grpc }),
    service('raw', { ip: RAW, port: 'name: tcp, port: 80', at: echo }),
    service('greeter', { ip: GREETER, port: 'name: tcp, port: 9000', at: greeter }),
    service('auto', { ip: AUTO, port: 'name: db, port: 7000', at: auto }),
  ];
  const world = await HttpWorld.start(t, objects.join('\n---\n'));
  t.after(() => assert.deepEqual(world.rejections, [], 'Envoy takes all that it is sent'));
  return world;
}

function insideTests(): void {
  test('capture', redirectToEnvoy);
  test('an address outside', async () => {
    await run('ip', 'addr', 'add', `${OUTSIDE}/32`, 'dev', 'lo');
  });
  test('a service by each of its names', byEachName);
  test('a service by its address of IPv6', byIpv6);
  test('a host that nobody has, under ALLOW_ANY', passesUnknown);
  test('a host that nobody has, under REGISTRY_ONLY', blocksUnknown);
  test('HTTP/2 with prior knowledge, and gRPC', http2AndGrpc);
  test('WebSocket', webSocket);
  test('the first request has a body of 200 kB, and a slow one', largeFirstPost);
  test('what the control plane is asked, and when', countRoundTrips);
  test('known destinations outlive the control plane', controlPlaneRestarts);
  test('a service that shows up later is found', laterService);
  test('TCP on a port number where others speak HTTP', tcpBesideHttp);
  test('a port that does not say what it speaks', autoPort);
}

async function byEachName(t: TestContext): Promise<void> {
  const world = await start(t);
  const hosts = [
    'web',
    'web.shop',
    'web.shop.svc.cluster.local',
    'WEB',
    'web:80',
    WEB,
    `${WEB}:80`,
  ];
  for (const host of hosts) {
    const { status, headers, heard } = await callHttp1({ address: WEB, port: 80, host });
    assert.deepEqual([host, status, heard?.server], [host, 200, 'web']);
    assert.equal(headers['server'], 'its own', 'the answer is the server’s');
    assert.equal(heard?.headers.host, host);
    assert.match(String(heard?.headers['x-request-id']), /^[0-9a-f-]{36}$/);
  }
  const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
  const { heard } = await callHttp1({
    address: WEB,
    port: 80,
    host: 'web',
    headers: { traceparent, 'x-request-id': 'mine' },
  });
  assert.equal(heard?.headers['traceparent'], traceparent);
  assert.equal(heard?.headers['x-request-id'], 'mine');
  const lines = world.envoy.output().split('\n');
  const line = lines.find((text) => text.includes('outbound|80||web.shop.svc.cluster.local'));
  assert.match(line ?? '', /"GET \/ HTTP\/1.1" 200 - via_upstream - /);
  const entry = await eventually('the agent’s entry', () => world.accessLog[0]);
  assert.equal(entry.logName, 'isthmus-outbound-http');
  assert.equal(entry.entry.response?.responseCode, 200);
}

async function byIpv6(t: TestContext): Promise<void> {
  await start(t);
  for (const host of ['web6', `[${WEB_6}]`, `[${WEB_6}]:80`]) {
    const { heard } = await callHttp1({ address: WEB_6, port: 80, host });
    assert.deepEqual([host, heard?.server], [host, 'web']);
  }
  const raw = await talkTcp({ address: RAW_6, port: 80 }, { say: 'GET / HTTP/1.1\r\n', hear: 16 });
  assert.equal(raw.heard, 'GET / HTTP/1.1\r\n');
}

async function passesUnknown(t: TestContext): Promise<void> {
  await start(t);
  for (const host of ['nowhere.example.com', 'nowhere.example.com:80', '*']) {
    const answer = await callHttp1({ address: OUTSIDE, port: OUTSIDE_PORT, host });
    const wanted = host === '*' ? [404, undefined] : [200, 'outside'];
    assert.deepEqual([answer.status, answer.heard?.server], wanted, host);
  }
  const known = await callHttp1({ address: WEB, port: 80, host: 'web' });
  assert.equal(known.heard?.server, 'web', 'an odd host spoils nothing');
  await startHttp2(t, 'outside', { address: OUTSIDE, port: 9000 });
  const http2 = await callHttp2({ address: OUTSIDE, port: 9000, host: 'nowhere.example.com' });
  assert.match(http2.body.toString(), /"server":"outside","protocol":"HTTP\/2"/);
}

async function blocksUnknown(t: TestContext): Promise<void> {
  const world = await start(t, 'REGISTRY_ONLY');
  const call = { address: OUTSIDE, port: OUTSIDE_PORT };
  assert.equal((await callHttp1({ ...call, host: 'nowhere.example.com' })).status, 502);
  const told = await eventually('the agent’s entry', () => world.accessLog[0]);
  // by which the agent names it BlackHoleCluster
  assert.equal(told.entry.commonProperties?.routeName, NOBODYS_ROUTE.nowhere);
  assert.equal((await callHttp1({ address: WEB, port: 80, host: 'web' })).heard?.server, 'web');
}

async function http2AndGrpc(t: TestContext): Promise<void> {
  await start(t);
  const call = { address: GRPC, port: 9000, host: 'api.shop:9000' };
  const plain = await callHttp2({ ...call, body: Buffer.from('hello') });
  const heard: { readonly protocol: string; readonly bodyBytes: number } = JSON.parse(
    plain.body.toString(),
  );
  assert.deepEqual([heard.protocol, heard.bodyBytes], ['HTTP/2', 5]);
  const message = Buffer.from([0, 0, 0, 0, 2, 8, 1]);
  const headers = { 'content-type': 'application/grpc', te: 'trailers' };
  const grpc = await callHttp2({ ...call, path: '/a.B/C', headers, body: message });
  assert.equal(grpc.status, 200);
  assert.deepEqual(grpc.body, message);
  assert.equal(grpc.trailers['grpc-status'], '0');
}

async function webSocket(t: TestContext): Promise<void> {
  await start(t);
  const upgrade = [
    'GET /chat HTTP/1.1',
    'host: web',
    'upgrade: websocket',
    'connection: Upgrade',
    'sec-websocket-version: 13',
    'sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==',
    '\r\n',
  ].join('\r\n');
  const { heard } = await talkTcp(
    { address: WEB, port: 80 },
    { say: `${upgrade}frame`, hear: 'HTTP/1.1 101'.length },
  );
  assert.match(heard, /^HTTP\/1.1 101/);
}

async function largeFirstPost(t: TestContext): Promise<void> {
  await start(t);
  const body = Buffer.alloc(200_000, 'x');
  const call = { address: WEB, port: 80, body };
  const first = await callHttp1({ ...call, host: 'web' });
  assert.equal(first.heard?.bodyBytes, body.length);
  const slow = await callHttp1({ ...call, host: 'web.shop', pauseMs: 300 });
  assert.equal(slow.heard?.bodyBytes, body.length);
}

async function countRoundTrips(t: TestContext): Promise<void> {
  const world = await start(t);
  const before = world.asked.length;
  await callHttp1({ address: WEB, port: 80, host: 'web' });
  const cluster = 'outbound|80||web.shop.svc.cluster.local';
  assert.deepEqual(world.asked.slice(before), [['80/web'], [cluster], [cluster]]);
  const after = world.asked.length;
  for (let i = 0; i < 3; i++) await callHttp1({ address: WEB, port: 80, host: 'web' });
  assert.equal(world.asked.length, after, 'later requests ask nothing');
  await callHttp1({ address: WEB, port: 80, host: 'web.shop' });
  assert.deepEqual(world.asked.slice(after), [['80/web.shop']], 'another name, the same cluster');
}

async function controlPlaneRestarts(t: TestContext): Promise<void> {
  const world = await start(t);
  const call = { address: WEB, port: 80, host: 'web' };
  await callHttp1(call);
  await world.stopControlPlane();
  assert.equal((await callHttp1(call)).heard?.server, 'web');
  await world.startControlPlane();
  await eventually('Envoy is back', () => world.asked.flat().includes('80/web'));
  assert.equal((await callHttp1(call)).heard?.server, 'web');
  assert.equal((await callHttp1({ ...call, host: 'web.shop' })).heard?.server, 'web');
}

async function laterService(t: TestContext): Promise<void> {
  const world = await start(t, 'REGISTRY_ONLY');
  const call = { address: LATE, port: 80, host: 'late' };
  assert.equal((await callHttp1(call)).status, 502);
  const at = await startHttp1(t, 'late');
  apply(world.mesh, service('late', { ip: LATE, port: 'name: http, port: 80', at }));
  world.settle();
  await eventually('it is found', async () => (await callHttp1(call)).heard?.server === 'late');
}

async function tcpBesideHttp(t: TestContext): Promise<void> {
  await start(t);
  const request = 'GET / HTTP/1.1\r\nhost: web\r\n\r\n';
  const raw = await talkTcp({ address: RAW, port: 80 }, { say: request, hear: request.length });
  assert.equal(raw.heard, request, 'its bytes are nobody else’s, whatever they look like');
  const place = { address: GREETER, port: 9000 };
  const first = await talkTcp(place, { say: '', hear: 'hello, I am first\n'.length });
  assert.equal(first.heard, 'hello, I am first\n');
  assert(first.afterMs < 1000, `greeted after ${first.afterMs} ms`);
}

async function autoPort(t: TestContext): Promise<void> {
  const world = await start(t);
  const { heard } = await callHttp1({ address: AUTO, port: 7000, host: 'auto:7000' });
  assert.equal(heard?.server, 'auto');
  const answer = await talkTcp({ address: AUTO, port: 7000 }, { say: '\0nonsense\n', hear: 12 });
  assert.match(answer.heard, /^HTTP\/1.1 400/, 'other bytes reach the server as they are');
  assert(world.asked.flat().includes(`dst|${AUTO}:7000`));
}
