// Whatever policies are accepted, Envoy must take what is made of them: a policy that it refused
// would be in force nowhere, and nobody would know.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { TypedExtensionConfigSchema } from '#gen/envoy/config/core/v3/extension_pb.js';
import { ListenerSchema } from '#gen/envoy/config/listener/v3/listener_pb.js';
import type { Listener } from '#gen/envoy/config/listener/v3/listener_pb.js';
import { RouterSchema } from '#gen/envoy/extensions/filters/http/router/v3/router_pb.js';
import { HttpConnectionManagerSchema } from '#gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { meshOf } from '#model/mesh-of.ts';
import { MeshCatalog } from '#resolve/catalog.ts';
import { httpPolicyName } from '#resolve/inbound-names.ts';
import { extension, socketAddress } from '#resolve/message.ts';
import { TYPE_URL } from '#resolve/names.ts';
import { ask, decode } from '#resolve/simulate-call.ts';
import { validate } from './validate.ts';

const PORT = 8080;
const SHOP = {
  trustDomain: 'cluster.local',
  namespace: 'shop',
  serviceAccount: 'shop',
  workload: { kind: 'WorkloadEntry', name: 'shop' },
} as const;

const WORLD = `
kind: WorkloadEntry
metadata: { name: shop, namespace: shop, labels: { app: shop } }
spec: { address: 10.128.0.14, serviceAccount: shop }
---
kind: Service
metadata: { name: shop, namespace: shop }
spec: { clusterIP: 10.96.0.1, selector: { app: shop }, ports: [{ name: http, port: ${PORT} }] }
`;

/** The policies of the port as filters of a listener; undefined: the object is not accepted. */
function listenerOf(objects: string): Listener | undefined {
  const mesh = meshOf(`${WORLD}---\n${objects}`);
  if (mesh.rejections.size > 0) return undefined;
  const catalog = new MeshCatalog(mesh);
  const answer = ask(catalog, {
    proxy: SHOP,
    typeUrl: TYPE_URL.extension,
    name: httpPolicyName(PORT),
  });
  assert(answer);
  const { name, typedConfig } = decode(TypedExtensionConfigSchema, answer);
  assert(typedConfig);
  const manager = extension('manager', HttpConnectionManagerSchema, {
    statPrefix: 'x',
    routeSpecifier: { case: 'routeConfig', value: { name: 'x' } },
    httpFilters: [
      { name, configType: { case: 'typedConfig', value: typedConfig } } as const,
      extension('envoy.filters.http.router', RouterSchema, {}),
    ],
  });
  return create(ListenerSchema, {
    name: 'x',
    address: socketAddress({ address: '127.0.0.1', port: 0 }),
    filterChains: [{ filters: [manager] }],
  });
}

const policy = (rule: object, action = 'DENY'): string =>
  JSON.stringify({
    kind: 'AuthorizationPolicy',
    metadata: { name: 'odd', namespace: 'shop' },
    spec: { action, rules: [rule] },
  });

const to = (operation: object): string => policy({ to: [{ operation }] });
const from = (source: object): string => policy({ from: [{ source }] });
const when = (key: string, value = 'x'): string => policy({ when: [{ key, values: [value] }] });

const tokens = (rule: object): string =>
  JSON.stringify({
    kind: 'RequestAuthentication',
    metadata: { name: 'odd', namespace: 'shop' },
    spec: { jwtRules: [{ issuer: 'i', ...rule }] },
  });

const ODD: readonly string[] = [
  to({ paths: ['/{**}/{*}'] }),
  ...[
    '/{*}/{**}',
    '{*}',
    '/a{*}',
    '/{*}a',
    '/{**}a',
    '/{*}{*}',
    '/{**}/{**}',
    '/a b/{*}',
    '/%41/{*}',
    '/ü/{*}',
    '/a?b/{*}',
    '/{*}/',
    '/{x}/{*}',
    '/a//{*}',
    '/{**}.js',
    '/a*/{*}',
  ].map((path) => to({ paths: [path] })),
  to({ paths: ['**', '*', '/', '*a*', '\u0001', 'ü', '/a\nb'] }),
  to({ methods: ['**', 'g e t', '\u0000', 'ü', '\r\n'] }),
  to({ hosts: ['*.*', '**', '\u0001', 'A*', 'ü.example', '*ü'] }),
  from({ principals: ['**', '*', '\u0001', 'a*b', '(', '*('] }),
  from({ namespaces: ['**', '(', '[', 'a\\', '*'] }),
  from({ serviceAccounts: ['a/(', '/', 'a//b', '*'] }),
  from({ trustDomains: ['**', '(', '*'] }),
  from({ requestPrincipals: ['/', '//', '*/', '/*', '**', '*a*/b', 'a/*b', '(/('] }),
  from({ ipBlocks: ['1.2.3.4', '::/0', '0.0.0.0/0', '::ffff:1.2.3.4/128'] }),
  when('request.headers[a b]'),
  when('request.headers[:path]'),
  when('request.headers[ü]'),
  when('request.headers[\u0001]'),
  when('request.headers[a\nb]', 'x'),
  when('request.headers[a]', '\u0000'),
  when('request.headers[a[b]c]'),
  when('request.auth.claims[a][b][c]'),
  when('request.auth.claims[a.b/c]', '*'),
  when('request.auth.claims[a]b]'),
  when('request.auth.claims[]]'),
  when('request.auth.audiences', '**'),
  when('experimental.envoy.filters.http.x[y]', '[*]'),
  when('experimental.envoy.filters.a[b[c]', '[]'),
  when('connection.sni', '**'),
  when('destination.port', '0'),
  to({ ports: ['0', '00080'] }),
  tokens({ jwks: 'no keys' }),
  tokens({ jwks: '{"keys":[{"kty":"RSA","n":"?","e":"?"},{"kty":"nonsense"}]}' }),
  tokens({ fromHeaders: [{ name: 'a b', prefix: '\n' }] }),
  tokens({ fromHeaders: [{ name: 'ü' }, { name: '\u0000' }] }),
  tokens({ fromParams: ['\u0000', 'ü'], fromCookies: ['a=b;c', '\n'] }),
  tokens({ outputPayloadToHeader: 'a b' }),
  tokens({ outputPayloadToHeader: '\n' }),
  tokens({ outputClaimToHeaders: [{ header: 'a', claim: '\u0000.ü' }] }),
  tokens({ audiences: ['\u0000', ' '], spaceDelimitedClaims: ['\n'] }),
  tokens({ issuer: '\u0000' }),
];

test('Envoy takes whatever policies of requests are accepted', async (t) => {
  const refused: string[] = [];
  for (const object of ODD) {
    const listener = listenerOf(object);
    const problem = listener && (await validate(t, { listeners: [listener], clusters: [] }));
    if (problem) refused.push(`${object}: ${problem.slice(0, 300)}`);
  }
  assert.deepEqual(refused, []);
});
