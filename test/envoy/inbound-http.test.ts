// Requests to a workload in a real Envoy: who is let in, by what they ask and by what they show;
// and that nothing of it touches the sessions of other ports.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import http2 from 'node:http2';
import net from 'node:net';
import tls from 'node:tls';
import { after, before, describe, test } from 'node:test';
import { systemClock } from '#base/clock.ts';
import {
  GREETING,
  InboundWorld,
  MeshClient,
  meshTls,
  parseSeen,
  SIDECAR,
} from './inbound-http-world.ts';
import { eventually } from './resolve-envoy.ts';

const DENIED = 'RBAC: access denied';
const OTHER = 'spiffe://cluster.local/ns/web/sa/other';
/** How a queue's client begins: as a request might, and with no end of a line. */
const AMQP = 'AMQP\0\0\t\x01';
/** Much less than an inspection's timeout, much more than a connection takes. */
const AT_ONCE_MS = 1500;

const policy = (spec: string, annotations = '{}'): string => `
kind: AuthorizationPolicy
metadata: { name: policy, namespace: shop, annotations: ${annotations} }
spec: ${spec}
`;

describe('requests to a workload', { concurrency: false }, () => {
  let world: InboundWorld;

  before(async () => {
    world = await InboundWorld.create();
    await eventually('it is served', async () => {
      return (await world.get('/').catch(() => undefined))?.status === 200;
    });
  });
  after(() => world[Symbol.asyncDispose]());

  /** Until a policy is in force, the client's requests on its one connection are still answered. */
  const becomes = (client: MeshClient, path: string, status: number, options = {}) =>
    eventually(`${path} is answered ${status}`, async () => {
      const answer = await client.get(path, options);
      return answer.status === status && answer;
    });

  const line = (part: string): Promise<string> =>
    eventually(`a line with ${part}`, () =>
      world.envoy
        .output()
        .split('\n')
        .find((line) => line.includes(part)),
    );

  test('come in mesh TLS, and the application is told from whom', async () => {
    assert.deepEqual(world.plane.rejections, []);
    using client = new MeshClient(world);
    const claimed = { 'x-forwarded-client-cert': 'By=spiffe://a;URI=spiffe://b' };
    const answer = await client.get('/books?page=1', { headers: claimed });
    assert.equal(answer.headers['server'], 'istio-envoy');
    const { url, headers } = parseSeen(answer);
    assert.equal(url, '/books?page=1');
    const told = String(headers['x-forwarded-client-cert']);
    assert.match(told, /^By=spiffe:\/\/a;URI=spiffe:\/\/b,By=spiffe:\/\/cluster.local\/ns\/shop/);
    assert.match(told, /;URI=spiffe:\/\/cluster.local\/ns\/web\/sa\/web$/);
    assert.match(
      await line('/books'),
      /"GET \/books\?page=1 HTTP\/1.1" 200 - via_upstream - "-" 0 \d+ .* inbound\|\d+\|http\|shop/,
    );
  });

  test('come in plaintext, and nobody claims a certificate', async () => {
    const claimed = { 'x-forwarded-client-cert': 'By=spiffe://a;URI=spiffe://b' };
    const { headers } = parseSeen(await world.get('/', { headers: claimed }));
    assert.equal(headers['x-forwarded-client-cert'], undefined);
  });

  test('may become WebSockets', async () => {
    const request = http.request({
      host: SIDECAR,
      port: world.ports.http,
      headers: { connection: 'upgrade', upgrade: 'websocket' },
    });
    request.end();
    const upgraded: Promise<readonly unknown[]> = once(request, 'upgrade');
    const [, socket] = await upgraded;
    assert(socket instanceof net.Socket);
    socket.write('hello');
    const heard: Promise<readonly unknown[]> = once(socket, 'data');
    assert.equal(String((await heard)[0]), 'hello');
    socket.destroy();
  });

  test('come in HTTP/2, to an application of HTTP/1.1', async () => {
    const { http: port } = world.ports;
    const socket = tls.connect({ host: SIDECAR, port, ...meshTls({ alpn: ['istio-h2', 'h2'] }) });
    await once(socket, 'secureConnect');
    assert.equal(socket.alpnProtocol, 'h2');
    const session = http2.connect(`https://shop:${port}`, { createConnection: () => socket });
    const stream = session.request({ ':path': '/two' });
    const answered: Promise<readonly unknown[]> = once(stream, 'response');
    await answered;
    stream.resume();
    await once(stream, 'end');
    session.close();
    assert.match(await line('/two'), /"GET \/two HTTP\/2" 200/);
  });

  test('are told from bytes where a port does not say: by ALPN in mesh TLS', async () => {
    const { auto, autoEcho } = world.ports;
    using client = new MeshClient(world, { port: auto });
    assert.equal((await client.get('/by-alpn')).status, 200);
    assert.match(await line('/by-alpn'), /"GET \/by-alpn HTTP\/1.1" 200/);
    using session = await world.dialMesh(autoEcho);
    assert.equal(await session.say('hello'), 'hello');
  });

  test('are not looked for in plaintext as long as that could hold bytes up', async () => {
    const { auto, tcp, greeter } = world.ports;
    await world.get('/carried', { port: auto });
    assert.match(await line('"- - -"'), /"- - -" 0 /);
    assert(!world.envoy.output().includes('/carried'), 'it was carried as bytes');
    const startMs = systemClock.nowMs();
    using database = await world.dial(tcp);
    assert.equal(await database.say(AMQP), AMQP);
    assert.equal(await world.greeting(greeter), GREETING);
    assert(systemClock.nowMs() - startMs < AT_ONCE_MS, 'nobody waits for an inspector');
  });

  test('are looked for when no plaintext is declared as bytes, and no session is cut', async () => {
    const { auto, autoEcho, tcp, greeter } = world.ports;
    using database = await world.dialMesh(tcp);
    using greeted = await world.dial(greeter);
    assert.equal(await database.say('before'), 'before');
    assert.equal(await greeted.say('before'), 'before');
    const strict = `
kind: PeerAuthentication
metadata: { name: db, namespace: shop }
spec: { selector: { matchLabels: { app: shop } }, portLevelMtls: { ${tcp}: { mode: STRICT } } }
`;
    world.write(strict);
    await eventually('requests are seen', async () => {
      await world.get('/by-line', { port: auto });
      return world.envoy.output().includes('"GET /by-line HTTP/1.1" 200');
    });
    const startMs = systemClock.nowMs();
    using bytes = await world.dial(autoEcho);
    assert.equal(await bytes.say('a line\n'), 'a line\n');
    assert.equal(await world.greeting(greeter), GREETING, 'a greeting is never held up');
    assert(systemClock.nowMs() - startMs < AT_ONCE_MS, 'bytes that are no request pass at once');
    assert.equal(await database.say('after'), 'after');
    assert.equal(await greeted.say('after'), 'after');
    world.remove(strict);
  });

  const ROWS = [
    ['method', '{ to: [{ operation: { methods: [DELETE] } }] }', '/x', { method: 'DELETE' }],
    ['path', '{ to: [{ operation: { paths: [/secret*] } }] }', '/secret/1?q=1', {}],
    ['template', "{ to: [{ operation: { paths: ['/a/{*}/c'] } }] }", '/a/b/c', {}],
    [
      'host',
      '{ to: [{ operation: { hosts: [Shop.Example] } }] }',
      '/',
      { headers: { host: 'shop.example' } },
    ],
    [
      'header',
      "{ when: [{ key: 'request.headers[X-Bad]', values: ['y*'] }] }",
      '/',
      { headers: { 'x-bad': 'yes' } },
    ],
    ['namespace', '{ from: [{ source: { namespaces: [web] } }] }', '/', {}],
    [
      'remote address',
      "{ from: [{ source: { remoteIpBlocks: ['10.1.0.0/16'] } }] }",
      '/',
      { headers: { 'x-forwarded-for': '10.1.2.3' } },
    ],
    ['port', '{ to: [{ operation: { ports: ["HTTP"] } }] }', '/', {}],
  ] as const;

  for (const [name, rule, path, options] of ROWS) {
    test(`are refused by ${name}, each by itself on one connection`, async () => {
      using client = new MeshClient(world);
      using database = await world.dialMesh(world.ports.tcp);
      assert.equal(await database.say('before'), 'before');
      assert.equal((await client.get(path, options)).status, 200);
      const written = rule.replace('HTTP', String(world.ports.http));
      world.write(policy(`{ action: DENY, rules: [${written}] }`));
      const { body } = await becomes(client, path, 403, options);
      assert.equal(body, DENIED);
      assert.equal(client.connections, 1, 'the connection is the same');
      if (!['namespace', 'port'].includes(name)) {
        assert.equal((await client.get('/free')).status, 200, 'another request passes');
      }
      assert.equal(await database.say('after'), 'after', 'the session of another port lives');
      world.remove(policy('{}'));
      await becomes(client, path, 200, options);
      assert.equal(client.connections, 1);
    });
  }

  test('are let in by who asks: ALLOW', async () => {
    using client = new MeshClient(world);
    using other = new MeshClient(world, { principal: OTHER });
    const principals = '{ from: [{ source: { principals: [cluster.local/ns/web/sa/web] } }] }';
    world.write(policy(`{ rules: [${principals}] }`));
    await becomes(other, '/', 403);
    assert.equal((await client.get('/')).status, 200);
    assert.equal((await world.get('/')).status, 403, 'nobody in plaintext is anybody');
    assert.match(await line('[none]'), / 403 - rbac_access_denied_matched_policy\[none\] /);
    world.remove(policy('{}'));
    await becomes(other, '/', 200);
  });

  test('are counted, and pass, when a policy is only tried', async () => {
    using client = new MeshClient(world);
    const rule = '{ to: [{ operation: { paths: [/tried] } }] }';
    world.write(policy(`{ action: DENY, rules: [${rule}] }`, `{ istio.io/dry-run: 'true' }`));
    const stat = `http.inbound_0.0.0.0_${world.ports.http}.rbac.istio_dry_run_deny_.shadow_denied`;
    await eventually('it would be denied', async () => {
      assert.equal((await client.get('/tried')).status, 200);
      return (await world.envoy.stat(stat)) > 0;
    });
    world.remove(policy('{}'));
  });
});
