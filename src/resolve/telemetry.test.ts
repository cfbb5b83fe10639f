// To whom proxies tell of their calls: clusters that nobody asks for.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ClusterSchema } from '#gen/envoy/config/cluster/v3/cluster_pb.js';
import { MetricRulesSchema } from '#gen/isthmus/v1/agent_pb.js';
import { apply, meshOf, remove } from '#model/mesh-of.ts';
import { MeshCatalog } from './catalog.ts';
import { METRIC_RULES, parseCollectorName, TYPE_URL } from './names.ts';
import { ask, decode } from './simulate-call.ts';

const PROXY = {
  trustDomain: 'cluster.local',
  namespace: 'shop',
  serviceAccount: 'web',
  workload: { kind: 'WorkloadEntry', name: 'web' },
} as const;

const world = (service: string): string => `
kind: WorkloadEntry
metadata: { name: web, namespace: shop }
spec: { address: 10.0.0.1, serviceAccount: web, labels: { app: web } }
---
kind: Service
metadata: { name: otel, namespace: obs }
spec: { clusterIP: 10.96.0.9, ports: [{ name: grpc, port: 4317 }] }
---
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data:
  mesh: |
    defaultProviders: { tracing: [spans], accessLogging: [records] }
    extensionProviders:
      - { name: spans, opentelemetry: { service: "${service}", port: 4317 } }
      - { name: records, envoyOtelAls: { service: "${service}", port: 4317 } }
`;

const SIDECAR = `
---
kind: Sidecar
metadata: { name: default, namespace: shop }
spec: { egress: [{ hosts: ["./*"] }] }
`;

const CLUSTER = 'outbound|4317||otel.obs.svc.cluster.local';

function listed(yaml: string): readonly string[] {
  const catalog = new MeshCatalog(meshOf(yaml));
  const key = catalog.acquireWildcard(PROXY, TYPE_URL.cluster);
  catalog.settle();
  return catalog.wildcardNames(key).filter((name) => !name.startsWith('Inbound'));
}

for (const service of ['obs/otel.obs.svc.cluster.local', 'otel.obs.svc.cluster.local']) {
  test(`${service} is a cluster of the proxy, whatever a Sidecar says`, () => {
    const yaml = world(service) + SIDECAR;
    assert.deepEqual(listed(yaml), [CLUSTER]);
    const catalog = new MeshCatalog(meshOf(yaml));
    const answer = ask(catalog, { proxy: PROXY, typeUrl: TYPE_URL.cluster, name: CLUSTER });
    assert(answer);
    const cluster = decode(ClusterSchema, answer);
    assert.equal(cluster.altStatName, CLUSTER, 'no tombstone');
    assert(
      cluster.typedExtensionProtocolOptions[
        'envoy.extensions.upstreams.http.v3.HttpProtocolOptions'
      ],
    );
  });
}

test('an address is a cluster, too', () => {
  const [name = '', ...others] = listed(world('192.0.2.7'));
  assert.deepEqual(others, []);
  assert.deepEqual(parseCollectorName(name), {
    address: '192.0.2.7',
    port: 4317,
    protocol: 'grpc',
  });
  const [name6 = ''] = listed(world('2001:db8::7'));
  assert.equal(parseCollectorName(name6)?.address, '2001:db8::7');
});

test('nobody is told where there is nobody, and is as soon as there is', () => {
  assert.deepEqual(listed(world('nowhere.example.com')), []);
  const mesh = meshOf(world('late.shop.svc.cluster.local'));
  const catalog = new MeshCatalog(mesh);
  const key = catalog.acquireWildcard(PROXY, TYPE_URL.cluster);
  catalog.settle();
  apply(
    mesh,
    `
kind: Service
metadata: { name: late, namespace: shop }
spec: { clusterIP: 10.96.0.8, ports: [{ name: grpc, port: 4317 }] }`,
  );
  catalog.settle();
  assert(catalog.wildcardNames(key).includes('outbound|4317||late.shop.svc.cluster.local'));
});

test('other names of collectors are none', () => {
  for (const name of [
    'collector|tcp|10.0.0.1:1',
    'collector|grpc|a:1',
    'collector|grpc|10.0.0.1',
  ]) {
    assert.equal(parseCollectorName(name), undefined);
  }
});

test('of a gateway that has gone nothing is left in what its proxy is told', () => {
  const gateway = `
kind: Pod
metadata:
  { name: gw, namespace: shop, labels: { app: gw },
    annotations: { inject.istio.io/templates: gateway } }
spec: { serviceAccountName: gw, containers: [] }
status: { podIP: 10.0.0.7, phase: Running, conditions: [{ type: Ready, status: "True" }] }`;
  const rest = `${world('192.0.2.7')}
---
kind: Service
metadata: { name: web, namespace: shop }
spec: { clusterIP: 10.96.0.8, ports: [{ name: http, port: 80 }] }`;
  const proxy = {
    trustDomain: 'cluster.local',
    namespace: 'shop',
    serviceAccount: 'gw',
    workload: { kind: 'Pod', name: 'gw' },
  } as const;
  const asked = { proxy, typeUrl: TYPE_URL.listener, name: '0.0.0.0_80' };
  const mesh = meshOf(`${rest}\n---${gateway}`);
  const catalog = new MeshCatalog(mesh);
  const key = catalog.acquire(proxy, asked.typeUrl, asked.name);
  catalog.settle();
  remove(mesh, gateway);
  catalog.settle();
  const fresh = ask(new MeshCatalog(meshOf(rest)), asked);
  assert(fresh);
  assert.equal(catalog.lookup(key)?.version, fresh.version);
});

test('an agent is told what is said of its workload’s metrics, and of a change at once', () => {
  const mesh = meshOf(world('otel.obs.svc.cluster.local'));
  const catalog = new MeshCatalog(mesh);
  const demand = { proxy: PROXY, typeUrl: TYPE_URL.metricRules, name: METRIC_RULES };
  const told = () => {
    const answer = ask(catalog, demand);
    return answer && decode(MetricRulesSchema, answer).rules;
  };
  assert.deepEqual(told(), []);
  const object = `
kind: Telemetry
metadata: { name: m, namespace: shop }
spec:
  metrics:
    - overrides:
        - match: { metric: REQUEST_COUNT, mode: CLIENT }
          tagOverrides: { host: { value: request.host }, response_flags: { operation: REMOVE } }
`;
  apply(mesh, object);
  const [rule, ...others] = told() ?? [];
  assert.deepEqual(others, []);
  assert.deepEqual(
    [rule?.side, rule?.metric, rule?.disabled, rule?.removed],
    ['client', 'REQUEST_COUNT', false, ['response_flags']],
  );
  assert.deepEqual(
    rule?.set.map(({ name, value }) => [name, value]),
    [['host', 'request.host']],
  );
  remove(mesh, object);
  assert.deepEqual(told(), []);
});
