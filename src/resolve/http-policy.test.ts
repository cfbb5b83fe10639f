// The policies of a workload's requests as its proxy is told of them: which resources there are,
// who decides by what, and that a change of one leaves the others their bytes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { anyUnpack } from '@bufbuild/protobuf/wkt';
import { FilterChainConfigSchema } from '#gen/envoy/extensions/filters/http/filter_chain/v3/filter_chain_pb.js';
import { TypedExtensionConfigSchema } from '#gen/envoy/config/core/v3/extension_pb.js';
import { ExtAuthzSchema } from '#gen/envoy/extensions/filters/http/ext_authz/v3/ext_authz_pb.js';
import { ExtAuthzSchema as TcpExtAuthzSchema } from '#gen/envoy/extensions/filters/network/ext_authz/v3/ext_authz_pb.js';
import { JwtAuthenticationSchema } from '#gen/envoy/extensions/filters/http/jwt_authn/v3/config_pb.js';
import { apply, meshOf } from '#model/mesh-of.ts';
import { MeshCatalog } from './catalog.ts';
import { TYPE_URL } from './names.ts';
import { ask, decode } from './simulate-call.ts';

const identity = (kind: 'Pod' | 'WorkloadEntry', name: string) =>
  ({
    trustDomain: 'cluster.local',
    namespace: 'shop',
    serviceAccount: name,
    workload: { kind, name },
  }) as const;
const SHOP = identity('WorkloadEntry', 'shop');
const GATEWAY = identity('Pod', 'gateway');

const WORLD = `
kind: WorkloadEntry
metadata: { name: shop, namespace: shop, labels: { app: shop } }
spec: { address: 10.128.0.14, serviceAccount: shop }
---
kind: Pod
metadata:
  name: gateway
  namespace: shop
  labels: { istio: ingressgateway }
  annotations: { inject.istio.io/templates: gateway }
spec: { serviceAccountName: gateway }
status: { podIP: 10.24.0.5 }
---
kind: Gateway
metadata: { name: way-in, namespace: shop }
spec:
  selector: { istio: ingressgateway }
  servers: [{ port: { number: 8080, name: http, protocol: HTTP }, hosts: ['*'] }]
---
kind: Service
metadata: { name: shop, namespace: shop }
spec:
  clusterIP: 10.96.0.1
  selector: { app: shop }
  ports: [{ name: http, port: 80, targetPort: 8080 }, { name: tcp, port: 5432 }]
---
kind: Service
metadata: { name: opa, namespace: auth }
spec: { clusterIP: 10.96.0.2, selector: { app: opa }, ports: [{ name: grpc, port: 9191 }] }
---
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data:
  mesh: |
    extensionProviders:
      - name: opa
        envoyExtAuthzGrpc: { service: auth/opa.auth.svc.cluster.local, port: 9191, timeout: 2s }
      - name: web
        envoyExtAuthzHttp: { service: opa.auth.svc.cluster.local, port: 9191 }
      - name: gone
        envoyExtAuthzHttp: { service: gone.example, port: 80 }
`;

const custom = (provider: string): string => `
kind: AuthorizationPolicy
metadata: { name: ask-${provider}, namespace: shop }
spec: { action: CUSTOM, provider: { name: ${provider} }, rules: [{}] }
`;

const CLUSTER = 'outbound|9191||opa.auth.svc.cluster.local';

function extension(catalog: MeshCatalog, name: string, proxy: typeof SHOP = SHOP) {
  const found = ask(catalog, { proxy, typeUrl: TYPE_URL.extension, name });
  return found && decode(TypedExtensionConfigSchema, found).typedConfig;
}

/** One of the filters that decide about requests to port 8080. */
function httpFilter(catalog: MeshCatalog, name: string, proxy: typeof SHOP = SHOP) {
  const config = extension(catalog, 'http-policy|8080', proxy);
  const chain = config && anyUnpack(config, FilterChainConfigSchema)?.defaultFilterChain;
  return chain?.filters.find((filter) => filter.name === name)?.typedConfig;
}

function clusters(catalog: MeshCatalog, proxy: typeof SHOP): readonly string[] {
  const key = catalog.acquireWildcard(proxy, TYPE_URL.cluster);
  catalog.settle();
  return catalog.wildcardNames(key);
}

test('what decides is there for ports that take requests, and for no others', () => {
  const catalog = new MeshCatalog(meshOf(WORLD));
  assert(extension(catalog, 'http-policy|8080'));
  for (const kind of ['custom', 'authorizer', 'jwt', 'deny', 'allow']) {
    assert.equal(httpFilter(catalog, `http-${kind}`), undefined, kind);
  }
  assert.equal(extension(catalog, 'http-policy|81'), undefined);
  assert.equal(extension(catalog, 'http-policy'), undefined);
  assert.equal(extension(catalog, 'http-nonsense'), undefined);
});

test('an authorizer is a cluster of the workload’s proxy, and of a gateway’s', () => {
  const catalog = new MeshCatalog(meshOf([WORLD, custom('opa')].join('---')));
  for (const proxy of [SHOP, GATEWAY]) {
    assert(clusters(catalog, proxy).includes(CLUSTER));
    const config = httpFilter(catalog, 'http-authorizer', proxy);
    const filter = config && anyUnpack(config, ExtAuthzSchema);
    assert(filter?.services.case === 'grpcService');
    const { targetSpecifier, timeout } = filter.services.value;
    assert(targetSpecifier.case === 'envoyGrpc');
    assert.equal(targetSpecifier.value.clusterName, CLUSTER);
    assert.equal(timeout?.seconds, 2n);
    assert.equal(filter.failureModeAllow, false);
  }
});

test('rule 33: on TCP a provider over HTTP does not count, and one over gRPC is asked', () => {
  const bytes = (name: string, ...policies: readonly string[]): string => {
    const catalog = new MeshCatalog(meshOf([WORLD, ...policies].join('---')));
    return Buffer.from(extension(catalog, name)?.value ?? []).toString('hex');
  };
  for (const name of ['rbac-custom|5432', 'rbac-authorizer', 'rbac-deny|5432']) {
    assert.equal(bytes(name, custom('web')), bytes(name));
  }
  assert.equal(bytes('rbac-deny|5432', custom('opa')), bytes('rbac-deny|5432'));
  assert.notEqual(bytes('rbac-custom|5432', custom('opa')), bytes('rbac-custom|5432'));
  const catalog = new MeshCatalog(meshOf([WORLD, custom('opa')].join('---')));
  const config = extension(catalog, 'rbac-authorizer');
  const service = config && anyUnpack(config, TcpExtAuthzSchema)?.grpcService?.targetSpecifier;
  assert(service?.case === 'envoyGrpc');
  assert.equal(service.value.clusterName, CLUSTER);
});

for (const [name, policies] of [
  ['whose service is not there', [custom('gone')]],
  ['that there is not', [custom('nobody')]],
  ['of which there are two', [custom('opa'), custom('web')]],
] as const) {
  test(`rule 33: a provider ${name}: nobody is asked, what is selected is refused`, () => {
    const catalog = new MeshCatalog(meshOf([WORLD, ...policies].join('---')));
    assert.equal(httpFilter(catalog, 'http-authorizer'), undefined);
    assert(httpFilter(catalog, 'http-deny'));
    const bare = new MeshCatalog(meshOf(WORLD));
    const deny = 'rbac-deny|5432';
    assert.notDeepEqual(extension(catalog, deny), extension(bare, deny));
  });
}

test('keys that arrive change what decides about requests alone', () => {
  const uri = 'https://issuer.example/keys';
  const rule = `{ issuer: a, jwksUri: '${uri}' }`;
  const authentication = `
kind: RequestAuthentication
metadata: { name: jwt, namespace: shop }
spec: { jwtRules: [${rule}, { issuer: b, jwks: '{"keys":[{"kty":"EC","d":"secret"}]}' }] }
`;
  const mesh = meshOf([WORLD, authentication].join('---'));
  const catalog = new MeshCatalog(mesh);
  const keys = ['http-policy|8080', 'rbac-deny|5432'].map((name) =>
    catalog.acquire(SHOP, TYPE_URL.extension, name),
  );
  catalog.settle();
  const changed = new Set<string>();
  catalog.onChange((all) => all.forEach((key) => changed.add(key)));
  mesh.requestAuthentications.setJwks(uri, '{"keys":[{"kty":"EC","kid":"new"}]}');
  catalog.settle();
  assert.deepEqual([...changed], [keys[0]]);
  const config = httpFilter(catalog, 'http-jwt');
  const filter = config && anyUnpack(config, JwtAuthenticationSchema);
  const sets = Object.values(filter?.providers ?? {}).map(({ jwksSourceSpecifier: source }) =>
    source.case === 'localJwks' ? String(source.value.specifier.value) : '',
  );
  assert.match(sets[0] ?? '', /"kid":"new"/);
  assert(!sets.join().includes('secret'), 'a private key goes nowhere');
});

test('a policy of another workload changes nothing', () => {
  const mesh = meshOf(WORLD);
  const catalog = new MeshCatalog(mesh);
  for (const name of ['http-policy|8080', 'rbac-deny|5432']) {
    catalog.acquire(SHOP, TYPE_URL.extension, name);
  }
  catalog.settle();
  let count = 0;
  catalog.onChange(() => (count += 1));
  apply(mesh, custom('opa').replace('namespace: shop', 'namespace: elsewhere'));
  catalog.settle();
  assert.equal(count, 0);
});
