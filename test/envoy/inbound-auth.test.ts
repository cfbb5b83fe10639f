// Whose token a request carries, and what an authorizer outside says of it: against a real Envoy,
// with real keys and servers that answer as such servers do.
import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import http from 'node:http';
import { after, before, describe, test } from 'node:test';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  CheckRequestSchema,
  CheckResponseSchema,
} from '#gen/envoy/service/auth/v3/external_auth_pb.js';
import { createGrpcServer } from '#grpc/server.ts';
import { GrpcStatus } from '#grpc/status.ts';
import { end, InboundWorld, listen, MeshClient, parseSeen } from './inbound-http-world.ts';
import type { Answer, RequestOptions } from './inbound-http-world.ts';
import { eventually } from './resolve-envoy.ts';

const ISSUER = 'https://issuer.example';
const FAR_AWAY_S = 4_102_444_800; // 2100

type Signer = { readonly kid: string; readonly alg: 'ES256' | 'RS256'; readonly key: KeyObject };

const elliptic: Signer = {
  kid: 'e',
  alg: 'ES256',
  key: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
};
const rsa: Signer = {
  kid: 'r',
  alg: 'RS256',
  key: generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey,
};
const stranger: Signer = {
  ...elliptic,
  key: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
};

const keySet = (...signers: readonly Signer[]): string =>
  JSON.stringify({
    keys: signers.map(({ kid, alg, key }) => ({
      ...createPublicKey(key).export({ format: 'jwk' }),
      kid,
      alg,
      use: 'sig',
    })),
  });

function token(signer: Signer, claims: object): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const { kid, alg, key } = signer;
  const all = { iss: ISSUER, sub: 'alice', exp: FAR_AWAY_S, ...claims };
  const signed = `${part({ alg, kid, typ: 'JWT' })}.${part(all)}`;
  const options = { key, dsaEncoding: 'ieee-p1363' } as const;
  return `${signed}.${sign('sha256', Buffer.from(signed), options).toString('base64url')}`;
}

const bearer = (signer: Signer, claims: object = {}): RequestOptions => ({
  headers: { authorization: `Bearer ${token(signer, claims)}` },
});

const meta = (name: string): string => `metadata: { name: ${name}, namespace: shop }`;

const authentication = (rule: string): string => `
kind: RequestAuthentication
${meta('jwt')}
spec: { jwtRules: [${rule}] }
`;

const allow = (rule: string): string => `
kind: AuthorizationPolicy
${meta('allow')}
spec: { rules: [${rule}] }
`;

describe('who a request is from', { concurrency: false }, () => {
  let world: InboundWorld;
  let client: MeshClient;

  before(async () => {
    world = await InboundWorld.create();
    client = new MeshClient(world);
    await becomes('/', 200);
  });
  after(async () => {
    client[Symbol.dispose]();
    await world[Symbol.asyncDispose]();
  });

  const becomes = (path: string, status: number, options: RequestOptions = {}): Promise<Answer> =>
    eventually(`${path} is answered ${status}`, async () => {
      const answer = await client.get(path, options).catch(() => undefined);
      return answer?.status === status && answer;
    });

  test('a good token or none passes, a bad one is refused: 401', async () => {
    world.write(authentication(`{ issuer: '${ISSUER}', jwks: '${keySet(elliptic, rsa)}' }`));
    await becomes('/', 401, bearer(stranger));
    assert.equal((await client.get('/')).status, 200, 'without a token');
    for (const signer of [elliptic, rsa]) {
      const seen = parseSeen(await client.get('/', bearer(signer)));
      assert.equal(seen.headers['authorization'], undefined, 'the token is not handed on');
    }
    const refused = await client.get('/', bearer(elliptic, { exp: 1 }));
    assert.deepEqual([refused.status, refused.body], [401, 'Jwt is expired']);
    assert.equal((await client.get('/', bearer(elliptic, { iss: 'other' }))).status, 401);
    assert.deepEqual(world.plane.rejections, []);
    assert.equal(client.connections, 1);
  });

  test('audiences, places and what is handed on are as the rule says', async () => {
    const places = `fromHeaders: [{ name: x-token, prefix: 'T ' }], fromParams: [t], fromCookies: [c]`;
    const outputs = `forwardOriginalToken: true, outputPayloadToHeader: x-payload,
      outputClaimToHeaders: [{ header: x-sub, claim: sub }]`;
    const jwks = keySet(elliptic);
    world.write(
      authentication(
        `{ issuer: '${ISSUER}', jwks: '${jwks}', audiences: [books], ${places}, ${outputs} }`,
      ),
    );
    const good = token(elliptic, { aud: 'books' });
    await becomes('/', 403, { headers: { 'x-token': `T ${token(elliptic, { aud: 'music' })}` } });
    const { headers } = parseSeen(await client.get('/', { headers: { 'x-token': `T ${good}` } }));
    assert.equal(headers['x-token'], `T ${good}`);
    assert.equal(headers['x-sub'], 'alice');
    const payload = Buffer.from(String(headers['x-payload']), 'base64url').toString();
    assert.match(payload, /"aud":"books"/);
    for (const [path, options] of [
      [`/?t=${good}`, {}],
      ['/', { headers: { cookie: `c=${good}` } }],
    ] as const) {
      assert.equal(parseSeen(await client.get(path, options)).headers['x-sub'], 'alice');
    }
  });

  test('authorization goes by request principals, audiences and claims', async () => {
    world.write(authentication(`{ issuer: '${ISSUER}', jwks: '${keySet(elliptic)}' }`));
    const rows: readonly (readonly [string, object, object])[] = [
      [`{ from: [{ source: { requestPrincipals: ['${ISSUER}/alice'] } }] }`, {}, { sub: 'bob' }],
      [`{ from: [{ source: { requestPrincipals: ['${ISSUER}/*'] } }] }`, {}, { sub: '' }],
      [
        "{ when: [{ key: 'request.auth.audiences', values: [a] }] }",
        { aud: ['a', 'b'] },
        { aud: 'c' },
      ],
      [
        "{ when: [{ key: 'request.auth.claims[roles]', values: [x] }] }",
        { roles: ['x'] },
        { roles: 'y' },
      ],
      [
        "{ when: [{ key: 'request.auth.claims[scope]', values: [read] }] }",
        { scope: 'read write' },
        { scope: 'write' },
      ],
      [
        "{ when: [{ key: 'request.auth.claims[a][b]', values: [c] }] }",
        { a: { b: 'c' } },
        { a: 'c' },
      ],
    ];
    for (const [rule, good, bad] of rows) {
      world.write(allow(rule));
      await becomes('/', 403, bearer(elliptic, bad));
      await becomes('/', 200, bearer(elliptic, good));
      assert.equal((await client.get('/')).status, 403, `${rule}: without a token`);
    }
    world.remove(allow('{}'));
  });

  test('without its keys an issuer’s tokens are refused, and others pass', async () => {
    const uri = 'https://keys.invalid/jwks';
    world.write(authentication(`{ issuer: '${ISSUER}', jwksUri: '${uri}' }`));
    await becomes('/', 401, bearer(elliptic));
    assert.equal((await client.get('/')).status, 200);
    world.write(authentication(`{ issuer: '${ISSUER}', jwks: '{"keys":[{"kty":"EC"}]}' }`));
    await becomes('/', 401, bearer(elliptic));
    world.write(authentication(`{ issuer: '${ISSUER}', jwksUri: '${uri}' }`));
    assert.deepEqual(world.plane.rejections, []);
    world.mesh.requestAuthentications.setJwks(uri, keySet(elliptic));
    world.mesh.commit();
    world.plane.push();
    await becomes('/', 200, bearer(elliptic));
    world.remove(authentication(''));
  });

  const provider = (kind: string, service: string, port: number, more = ''): string => `
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data:
  mesh: |
    extensionProviders:
      - name: gate
        ${kind}: { service: ${service}, port: ${port}${more} }
---
kind: ServiceEntry
${meta('gate')}
spec:
  hosts: [${service}]
  resolution: STATIC
  location: MESH_EXTERNAL
  ports: [{ number: ${port}, name: gate, protocol: ${kind.endsWith('Grpc') ? 'GRPC' : 'HTTP'} }]
  endpoints: [{ address: 127.0.0.1 }]
`;

  const custom = (name: string): string => `
kind: AuthorizationPolicy
${meta('custom')}
spec:
  action: CUSTOM
  provider: { name: ${name} }
  rules: [{ to: [{ operation: { paths: ['/asked*'] } }] }]
`;

  test('an authorizer over HTTP is asked of what CUSTOM selects, and of nothing else', async (t) => {
    const asked: string[] = [];
    const gate = http.createServer(({ url = '', headers }, response) => {
      asked.push(url);
      const isGood = headers['x-pass'] === 'please';
      response.writeHead(isGood ? 200 : 418, { 'x-by': 'gate' }).end(isGood ? '' : 'no');
    });
    const port = await listen(gate);
    const gone = () => (gate.listening ? end(gate) : undefined);
    t.after(gone);
    const headers = ', includeRequestHeadersInCheck: [x-pass], headersToUpstreamOnAllow: [x-by]';
    world.write(provider('envoyExtAuthzHttp', 'gate.example', port, headers));
    world.write(custom('gate'));
    const refused = await becomes('/asked/1', 418);
    assert.equal(refused.body, 'no');
    const passed = parseSeen(await client.get('/asked/2', { headers: { 'x-pass': 'please' } }));
    assert.equal(passed.headers['x-by'], 'gate');
    assert.equal((await client.get('/other')).status, 200);
    assert(asked.includes('/asked/2') && !asked.includes('/other'));
    await gone();
    assert.equal((await client.get('/asked/3')).status, 403, 'nobody answers: refused');
    world.remove(custom('gate'));
    await becomes('/asked/1', 200);
  });

  test('an authorizer over gRPC decides, about requests and about connections', async () => {
    let isOpen = true;
    let asked = 0;
    await using gate = createGrpcServer({
      methods: {
        '/envoy.service.auth.v3.Authorization/Check': (call) => {
          call.onMessage = (bytes) => {
            const { attributes } = fromBinary(CheckRequestSchema, bytes);
            const path = attributes?.request?.http?.path ?? '';
            if (path === '') asked += 1;
            const isGood = path === '' ? isOpen : path.endsWith('good');
            const code = isGood ? GrpcStatus.ok : GrpcStatus.permissionDenied;
            call.send(
              toBinary(CheckResponseSchema, create(CheckResponseSchema, { status: { code } })),
            );
            call.end(GrpcStatus.ok, '');
          };
        },
      },
    });
    const port = await gate.listen({ host: '127.0.0.1', port: 0 });
    world.write(provider('envoyExtAuthzGrpc', 'gate.example', port));
    world.write(custom('gate'));
    await becomes('/asked/bad', 403);
    await becomes('/asked/good', 200);

    const { tcp, autoEcho } = world.ports;
    const says = async (port = tcp): Promise<string | undefined> => {
      using session = await world.dialMesh(port);
      return await session.say('hello');
    };
    const ofPort = custom('gate').replace("paths: ['/asked*']", `ports: ['${tcp}', '${autoEcho}']`);
    using held = await world.dialMesh(tcp);
    assert.equal(await held.say('before'), 'before');
    world.write(ofPort);
    await eventually('the gate is asked', async () => (await says()) === 'hello' && asked > 0);
    assert.equal(await says(autoEcho), 'hello', 'dialled by the first byte');
    isOpen = false;
    await eventually('connections are refused', async () => (await says()) === undefined);
    assert.equal(await says(autoEcho), undefined);
    assert.equal((await client.get('/asked/bad')).status, 200, 'its port is another');
    assert.equal(await held.say('after'), 'after', 'an open session lives');
    world.remove(ofPort);
    await eventually('connections are taken', async () => (await says()) === 'hello');
    assert.deepEqual(world.plane.rejections, []);
  });

  test('a provider that there is not refuses what is selected', async () => {
    world.write(custom('nobody'));
    const { body } = await becomes('/asked', 403);
    assert.equal(body, 'RBAC: access denied');
    assert.equal((await client.get('/other')).status, 200);
    world.remove(custom('nobody'));
    await becomes('/asked', 200);
  });
});
