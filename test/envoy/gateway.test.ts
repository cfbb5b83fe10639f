// A gateway's explicit tables in a real Envoy: requests reach a service over mutual TLS, foreign
// TLS is handed through by name, and neither is cut by what changes around it.
import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { once } from 'node:events';
import net from 'node:net';
import { after, before, describe, test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { GatewayWorld, passthrough, routes } from './gateway-world.ts';
import type { Seen } from './gateway-world.ts';
import { DRAIN_SECONDS, eventually } from './resolve-envoy.ts';
import { Session, settleDown } from './resolve-world.ts';

async function echo(socket: TLSSocket, text: string): Promise<string> {
  socket.write(text);
  const heard: Promise<readonly unknown[]> = once(socket, 'data');
  const [data] = await heard;
  return String(data);
}

describe('a gateway', { concurrency: false }, () => {
  let world: GatewayWorld;

  before(async () => {
    world = await GatewayWorld.create();
  });
  after(() => world[Symbol.asyncDispose]());

  const seen = async (path: string, headers = {}): Promise<Seen> => {
    const { status, body } = await world.get(path, headers);
    assert.equal(status, 200, body);
    const parsed: Seen = JSON.parse(body);
    return parsed;
  };
  const becomes = (status: number, path: string): Promise<true> =>
    eventually(`${path} is answered ${status}`, async () => {
      return (await world.get(path)).status === status;
    });

  test('takes a request to a service that demands mutual TLS', async () => {
    await becomes(200, '/');
    assert.deepEqual(world.plane.rejections, []);
    const { url, headers } = await seen('/books?page=1');
    assert.equal(url, '/books?page=1');
    assert.equal(headers['x-gateway'], 'yes');
    using direct = new Session(net.connect({ host: '127.0.0.2', port: world.ports.app }));
    assert.equal(await direct.say('GET / HTTP/1.1\r\n\r\n'), undefined, 'plaintext is refused');
    const stat = `listener.127.0.0.2_${world.ports.app}.ssl.handshake`;
    assert((await world.sidecar.stat(stat)) > 0);
  });

  test('does not believe what strangers say of themselves', async () => {
    const { headers } = await seen('/', {
      'x-forwarded-for': '8.8.8.8',
      'x-forwarded-proto': 'https',
      'x-forwarded-client-cert': 'By=spiffe://cluster.local/ns/shop/sa/admin',
      'x-envoy-retry-on': '5xx',
    });
    // of loopback Envoy says the machine's own address instead
    const forwarded = String(headers['x-forwarded-for']);
    assert.match(forwarded, /^8\.8\.8\.8,[\da-f.:]+$/, 'who really came is added');
    assert.equal(headers['x-forwarded-proto'], 'http');
    const caller = String(headers['x-forwarded-client-cert']);
    assert.match(
      caller,
      /^By=spiffe:.*;URI=spiffe:[^,]*\/gateway$/,
      'the gateway, as the sidecar says',
    );
    assert.equal(headers['x-envoy-retry-on'], undefined);
    assert.match(String(headers['x-request-id']), /^[0-9a-f-]{36}$/);
  });

  test('answers 404 for hosts and paths of nobody’s', async () => {
    assert.equal((await world.get('/', { host: 'other.example' })).status, 404);
    assert.equal((await world.get('/', { host: 'shop.example:8080' })).status, 200);
  });

  test('writes each request down, on both sides of mutual TLS', async () => {
    await seen('/logged');
    const lineOf = (envoy: { readonly output: () => string }): Promise<string> =>
      eventually('the line', () =>
        envoy
          .output()
          .split('\n')
          .find((line) => line.includes('/logged')),
      );
    const { app } = world.ports;
    const [line, other] = [await lineOf(world.gateway), await lineOf(world.sidecar)];
    const start = /^\[[^\]]+Z\] "GET \/logged HTTP\/1.1" 200 - via_upstream - "-" 0 \d+ \d+ /;
    assert.match(line, start);
    assert(line.includes(' outbound|80||shop.shop.svc.cluster.local '), line);
    assert.match(other, start);
    const host = 'shop.shop.svc.cluster.local';
    assert(other.includes(` "127.0.0.1:${app}" inbound|${app}|http|${host} 127.0.0.1:`), other);
    assert(other.endsWith(` outbound_.80_._.${host} default`), other);
  });

  test('hands WebSockets on', async () => {
    assert.equal(await world.upgrade('hello'), 'hello');
  });

  test('follows its routes at once, and refuses nothing that it is sent', async () => {
    world.write(routes('shop.example', '/v2'));
    await becomes(404, '/v1');
    assert.equal((await world.get('/v2')).status, 200);
    world.remove(routes(''));
    await becomes(404, '/v2');
    world.write(routes('shop.example'));
    await becomes(200, '/v1');
    assert.deepEqual(world.plane.rejections, []);
  });

  test('answers 503 while the service is gone, and comes back with it', async () => {
    const service = `
kind: Service
metadata: { name: shop, namespace: shop }
spec: { clusterIP: 10.96.0.1, selector: { app: shop }, ports: [{ name: http, port: 80 }] }`;
    world.remove(service);
    await becomes(503, '/');
    world.write(service);
    await becomes(200, '/');
  });

  test('hands foreign TLS through to the name that it asks for, and to no other', async () => {
    const socket = await world.dialTls('secret.example');
    assert(socket);
    assert.equal(socket.authorized, true, 'the certificate is the far end’s own');
    assert.equal(await echo(socket, 'hello'), 'hello');
    socket.destroy();
    assert.equal(await world.dialTls('other.example'), undefined);
  });

  test('cuts no session when another name comes, and goes', async () => {
    const held = await world.dialTls('secret.example');
    assert(held);
    assert.equal(await echo(held, 'before'), 'before');
    world.write(passthrough('more', 'more.example'));
    await eventually('the new name is served', async () => {
      const socket = await world.dialTls('more.example');
      socket?.destroy();
      return socket !== undefined;
    });
    world.remove(passthrough('more', 'more.example'));
    await eventually('the name is gone', async () => {
      const socket = await world.dialTls('more.example');
      socket?.destroy();
      return socket === undefined;
    });
    await settleDown((DRAIN_SECONDS + 0.7) * 1000);
    assert.equal(await echo(held, 'after'), 'after');
    held.destroy();
    assert.deepEqual(world.plane.rejections, []);
  });

  const GATEWAYS = 'selector: { matchLabels: { istio: ingressgateway } }';

  test('lets nobody in whom policy refuses, request by request', async () => {
    const policy = `
kind: AuthorizationPolicy
metadata: { name: closed, namespace: istio-system }
spec:
  ${GATEWAYS}
  action: DENY
  rules: [{ to: [{ operation: { paths: ['/closed*'], hosts: [shop.example] } }] }]`;
    world.write(policy);
    await becomes(403, '/closed/1');
    assert.equal((await world.get('/closed')).body, 'RBAC: access denied');
    assert.equal((await world.get('/open')).status, 200);
    world.remove(policy);
    await becomes(200, '/closed/1');
  });

  test('takes tokens, and knows by them who asks', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const part = (value: object): string =>
      Buffer.from(JSON.stringify(value)).toString('base64url');
    const signed = `${part({ alg: 'ES256' })}.${part({ iss: 'us', sub: 'alice' })}`;
    const key = { key: privateKey, dsaEncoding: 'ieee-p1363' } as const;
    const token = `${signed}.${sign('sha256', Buffer.from(signed), key).toString('base64url')}`;
    const jwks = JSON.stringify({ keys: [publicKey.export({ format: 'jwk' })] });
    const policies = `
kind: RequestAuthentication
metadata: { name: tokens, namespace: istio-system }
spec: { ${GATEWAYS}, jwtRules: [{ issuer: us, jwks: '${jwks}' }] }
---
kind: AuthorizationPolicy
metadata: { name: named, namespace: istio-system }
spec: { ${GATEWAYS}, rules: [{ from: [{ source: { requestPrincipals: [us/alice] } }] }] }`;
    world.write(policies);
    await becomes(403, '/');
    const { status } = await world.get('/', { authorization: `Bearer ${token}` });
    assert.equal(status, 200);
    const [header = '', , signature = ''] = token.split('.');
    const forged = [header, part({ iss: 'us', sub: 'alice', admin: true }), signature].join('.');
    const bad = await world.get('/', { authorization: `Bearer ${forged}` });
    assert.equal(bad.status, 401);
    world.remove(policies);
    await becomes(200, '/');
    assert.deepEqual(world.plane.rejections, []);
  });
});
