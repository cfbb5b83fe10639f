// Rules that tell the workloads of a namespace apart, and what becomes of a proxy's names when its
// workload comes to be another one to them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { WorkloadIdentity } from '#base/workload-identity.ts';
import { VirtualHostSchema } from '#gen/envoy/config/route/v3/route_components_pb.js';
import { apply, meshOf } from '#model/mesh-of.ts';
import { MeshCatalog } from './catalog.ts';
import { clientKey, parseClientKey } from './client.ts';
import { TYPE_URL } from './names.ts';
import { decode } from './simulate-call.ts';

const proxy = (name: string): WorkloadIdentity => ({
  trustDomain: 'cluster.local',
  namespace: 'shop',
  serviceAccount: 'default',
  workload: { kind: 'Pod', name },
});

const pod = (name: string, labels: string): string => `
kind: Pod
metadata: { name: ${name}, namespace: shop, labels: { ${labels} } }
spec: { serviceAccountName: default }
status: { podIP: 10.24.0.${name.length} }`;

const MESH = `${pod('old', 'app: front, version: v1')}
---${pod('newer', 'app: front, version: v2')}
---
kind: Service
metadata: { name: web, namespace: shop }
spec: { clusterIP: 10.96.0.1, ports: [{ name: http, port: 80 }] }
---
kind: Service
metadata: { name: web-next, namespace: shop }
spec: { clusterIP: 10.96.0.2, ports: [{ name: http, port: 80 }] }`;

const RULE = `
kind: VirtualService
metadata: { name: web, namespace: shop }
spec:
  hosts: [web]
  http:
    - match: [{ sourceLabels: { version: v2 } }]
      route: [{ destination: { host: web-next } }]
    - route: [{ destination: { host: web } }]`;

const NAME = '80/web';

/** The cluster that the first route leads to. */
function leadsTo(catalog: MeshCatalog, key: string): string {
  const found = catalog.lookup(key);
  assert(found);
  const action = decode(VirtualHostSchema, found).routes[0]?.action;
  assert(action?.case === 'route' && action.value.clusterSpecifier.case === 'cluster');
  return action.value.clusterSpecifier.value.replace('.shop.svc.cluster.local', '');
}

test('workloads that no rule tells apart are one client', () => {
  const catalog = new MeshCatalog(meshOf(MESH));
  const keys = ['old', 'newer'].map((name) =>
    catalog.keyOf(proxy(name), TYPE_URL.virtualHost, NAME),
  );
  assert.equal(keys[0], keys[1]);
});

test('a rule for some of them is followed by these alone, and told of when it shows up', () => {
  const mesh = meshOf(MESH);
  const catalog = new MeshCatalog(mesh);
  const proxies = [proxy('old'), proxy('newer')];
  const classes = proxies.map((one) => catalog.acquireClass(one));
  catalog.settle();
  let told: ReadonlySet<string> = new Set();
  catalog.onChange((changed) => (told = changed));
  apply(mesh, RULE);
  catalog.settle();
  assert(classes.every((key) => told.has(key)));
  const keys = proxies.map((one) => catalog.acquire(one, TYPE_URL.virtualHost, NAME));
  catalog.settle();
  assert.deepEqual(
    keys.map((key) => leadsTo(catalog, key)),
    ['outbound|80||web', 'outbound|80||web-next'],
  );
  apply(mesh, pod('old', 'app: front, version: v2'));
  catalog.settle();
  assert.deepEqual([told.has(classes[0] ?? ''), told.has(classes[1] ?? '')], [true, false]);
  assert.equal(catalog.keyOf(proxy('old'), TYPE_URL.virtualHost, NAME), keys[1]);
});

test('a client is read back from its key as it was', () => {
  const client = {
    namespace: 'shop',
    labels: { app: 'a b', version: '=1' },
    locality: 'region one/zone/',
    network: 'n',
    isSidecar: true,
    hasIpv6: true,
  };
  assert.deepEqual(parseClientKey(clientKey(client)), client);
  const plain = {
    ...client,
    labels: {},
    locality: '',
    network: '',
    isSidecar: false,
    hasIpv6: false,
  };
  assert.equal(clientKey(plain), 'shop');
  assert.deepEqual(parseClientKey('shop'), plain);
});
