// Which listeners a sidecar has, told in its users' objects.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fromBinary } from '@bufbuild/protobuf';
import type { WorkloadIdentity } from '#base/workload-identity.ts';
import { ListenerSchema } from '#gen/envoy/config/listener/v3/listener_pb.js';
import { RouteConfigurationSchema } from '#gen/envoy/config/route/v3/route_pb.js';
import { ResourceSchema } from '#gen/envoy/service/discovery/v3/discovery_pb.js';
import { apply, meshOf, remove } from '#model/mesh-of.ts';
import type { Mesh } from '#model/mesh.ts';
import { MeshCatalog } from './catalog.ts';
import { TYPE_URL } from './names.ts';
import { ask, decode } from './simulate-call.ts';
import { standInFor } from './stand-in.ts';

const CLIENT: WorkloadIdentity = {
  trustDomain: 'cluster.local',
  namespace: 'shop',
  serviceAccount: 'default',
  workload: { kind: 'Pod', name: 'client' },
};
const ELSEWHERE = { ...CLIENT, namespace: 'elsewhere' };

const service = (name: string, ip: string, ports: string, more = ''): string => `
kind: Service
metadata: { name: ${name}, namespace: shop${more} }
spec: { clusterIP: ${ip}, ports: [${ports}] }`;

const HTTP = service('web', '10.96.0.1', '{ name: http, port: 80 }');

function world(...objects: readonly string[]): { mesh: Mesh; catalog: MeshCatalog } {
  const mesh = meshOf(objects.join('\n---\n'));
  return { mesh, catalog: new MeshCatalog(mesh) };
}

/** Those besides the proxy's own two. */
function listeners(catalog: MeshCatalog, proxy = CLIENT): readonly string[] {
  const key = catalog.acquireWildcard(proxy, TYPE_URL.listener);
  catalog.settle();
  const names = catalog.wildcardNames(key).filter((name) => !name.startsWith('virtual'));
  catalog.release(key);
  for (const name of names) {
    const listener = ask(catalog, { proxy, typeUrl: TYPE_URL.listener, name });
    assert(listener && !decode(ListenerSchema, listener).bindToPort, `${name} is there, unbound`);
  }
  return names;
}

describe('a sidecar has', () => {
  test('no listener of a port for services that speak TCP', () => {
    const { catalog } = world(
      service('db', '10.96.0.2', '{ name: tcp, port: 5432 }'),
      service('tls', '10.96.0.3', '{ name: https, port: 443 }'),
      service('dns', '10.96.0.4', '{ name: dns, port: 53, protocol: UDP }'),
    );
    assert.deepEqual(listeners(catalog), []);
  });

  test('one for each number on which somebody speaks HTTP, or does not say', () => {
    const ports = 'http, http2, grpc, grpc-web, db'.split(', ');
    const { catalog } = world(
      ...ports.map((name, i) =>
        service(name, `10.96.1.${i}`, `{ name: ${name}, port: ${80 + i} }`),
      ),
    );
    const wanted = ports.map((_, i) => `0.0.0.0_${80 + i}`);
    assert.deepEqual(listeners(catalog), wanted);
  });

  test('one for two services of one number', () => {
    const { catalog } = world(HTTP, service('api', '10.96.0.5', '{ name: grpc, port: 80 }'));
    assert.deepEqual(listeners(catalog), ['0.0.0.0_80']);
  });

  test('none that would take the place of one of its own', () => {
    const ports = [15_001, 15_002, 15_006, 15_008].map(
      (port) => `{ name: http-${port}, port: ${port} }`,
    );
    const { catalog } = world(service('odd', '10.96.0.6', ports.join()));
    assert.deepEqual(listeners(catalog), ['0.0.0.0_15008']);
  });

  test('one for each address at which somebody speaks TCP on such a number', () => {
    const { catalog } = world(
      HTTP,
      service('raw', '10.96.0.7', '{ name: tcp, port: 80 }, { name: tcp-2, port: 81 }'),
      service('tls', '10.96.0.8', '{ name: tls, port: 80 }'),
    );
    const wanted = ['0.0.0.0_80', '10.96.0.7_80', '10.96.0.8_80'];
    assert.deepEqual(listeners(catalog), wanted);
  });

  test('none for a TCP port at an address that means another service', () => {
    const { catalog } = world(
      HTTP,
      `
kind: ServiceEntry
metadata: { name: claims, namespace: shop }
spec:
  hosts: [raw.example.com]
  addresses: [10.96.0.1]
  resolution: STATIC
  ports: [{ number: 80, name: tcp, protocol: TCP }]`,
    );
    assert.deepEqual(listeners(catalog), ['0.0.0.0_80']);
  });

  test('one for each endpoint of a headless service, at the endpoint’s own port', () => {
    const { catalog } = world(
      HTTP,
      service('raw', 'None', '{ name: tcp, port: 3000, targetPort: 80 }'),
      `
kind: EndpointSlice
metadata: { name: raw-1, namespace: shop, labels: { kubernetes.io/service-name: raw } }
addressType: IPv4
ports: [{ name: tcp, port: 80 }]
endpoints: [{ addresses: [10.24.0.1] }, { addresses: [10.24.0.2] }]`,
    );
    assert.deepEqual(listeners(catalog), ['0.0.0.0_80', '10.24.0.1_80', '10.24.0.2_80']);
  });

  test('those of the services that its namespace sees, and no other', () => {
    const own = ', annotations: { networking.istio.io/exportTo: "." }';
    const { catalog } = world(
      service('web', '10.96.0.1', '{ name: http, port: 80 }', own),
      service('all', '10.96.0.2', '{ name: http, port: 8080 }'),
      service('raw', '10.96.0.3', '{ name: tcp, port: 80 }'),
      service('raw2', '10.96.0.4', '{ name: tcp, port: 8080 }', own),
    );
    const all = ['0.0.0.0_80', '0.0.0.0_8080', '10.96.0.3_80', '10.96.0.4_8080'];
    assert.deepEqual(listeners(catalog), all);
    assert.deepEqual(listeners(catalog, ELSEWHERE), ['0.0.0.0_8080']);
    const name = '0.0.0.0_80';
    assert.equal(
      ask(catalog, { proxy: ELSEWHERE, typeUrl: TYPE_URL.listener, name }),
      undefined,
      'nor can it ask for another by name',
    );
  });
});

test('a listener shows up and goes with the last service of its number', () => {
  const { mesh, catalog } = world(HTTP);
  const key = catalog.acquireWildcard(CLIENT, TYPE_URL.listener);
  catalog.settle();
  let told = 0;
  catalog.onChange((changed) => (told += Number(changed.has(key))));
  const http = 'spec: { clusterIP: 10.96.0.9, ports: [{ name: http, port: 8080 }] }';
  const second = `{ kind: Service, metadata: { name: two, namespace: shop }, ${http} }`;
  const names = (): readonly string[] => (catalog.settle(), catalog.wildcardNames(key));
  apply(mesh, second);
  assert(names().includes('0.0.0.0_8080'));
  assert.equal(told, 1);
  apply(mesh, second.replace('two', 'three').replace('0.9', '0.10'));
  names();
  assert.equal(told, 1, 'one more service on a known number changes nothing');
  remove(mesh, second);
  assert(names().includes('0.0.0.0_8080'));
  remove(mesh, second.replace('two', 'three'));
  assert(!names().includes('0.0.0.0_8080'));
});

test('a route table is empty, and asks', () => {
  const { catalog } = world(HTTP);
  const found = ask(catalog, { proxy: CLIENT, typeUrl: TYPE_URL.routes, name: '80' });
  const routes = found && decode(RouteConfigurationSchema, found);
  assert.deepEqual(routes?.virtualHosts, []);
  assert.equal(routes?.vhds?.configSource?.configSourceSpecifier.case, 'ads');
});

test('proxies of one namespace share every listener and table', () => {
  const { catalog } = world(HTTP);
  const second = { ...CLIENT, workload: { kind: 'Pod', name: 'other' } as const };
  for (const [typeUrl, name] of [
    [TYPE_URL.listener, '0.0.0.0_80'],
    [TYPE_URL.routes, '80'],
    [TYPE_URL.virtualHost, '80/web'],
  ] as const) {
    const [a, b] = [CLIENT, second].map((proxy) => {
      const key = catalog.acquire(proxy, typeUrl, name);
      catalog.settle();
      return catalog.lookup(key)?.bytes;
    });
    assert(a && a === b, name);
  }
});

test('an authority that can be nobody’s is answered with nothing, and is nothing known', () => {
  const { catalog } = world(HTTP);
  for (const authority of ['*', '*.shop', 'x'.repeat(300)]) {
    const name = `80/${authority}`;
    const key = catalog.acquire(CLIENT, TYPE_URL.virtualHost, name);
    catalog.settle();
    const { resource, aliases } = fromBinary(
      ResourceSchema,
      catalog.lookup(key)?.bytes ?? new Uint8Array(),
    );
    assert.deepEqual({ resource, aliases }, { resource: undefined, aliases: [name] });
    assert.equal(catalog.isKnown(key), false);
    assert.deepEqual(standInFor(TYPE_URL.virtualHost, name), catalog.lookup(key));
  }
});

test('whoever says nothing where requests are expected is taken for TCP after a while', () => {
  const { catalog } = world(HTTP);
  const name = '0.0.0.0_80';
  const found = ask(catalog, { proxy: CLIENT, typeUrl: TYPE_URL.listener, name });
  const listener = found && decode(ListenerSchema, found);
  assert.equal(listener?.continueOnListenerFiltersTimeout, true);
  const { seconds = 0n } = listener.listenerFiltersTimeout ?? {};
  assert(seconds > 0n && seconds <= 5n, 'Istio waits without end');
  assert.equal(listener.defaultFilterChain?.name, 'tcp');
});

test('only a machine that has IPv6 has listeners for it: Envoy refuses others, bound or not', () => {
  const pod = (addresses: string): string => `
kind: Pod
metadata: { name: client, namespace: shop }
spec: { serviceAccountName: default }
status: { podIP: 10.24.0.9, podIPs: [${addresses}] }`;
  const raw = service('raw', '"fd00:10::1"', '{ name: tcp, port: 80 }');
  const seen = (addresses: string) => {
    const { catalog } = world(HTTP, raw, pod(addresses));
    const name = '0.0.0.0_80';
    const found = ask(catalog, { proxy: CLIENT, typeUrl: TYPE_URL.listener, name });
    assert(found);
    const { additionalAddresses } = decode(ListenerSchema, found);
    return { names: listeners(catalog), families: 1 + additionalAddresses.length };
  };
  const own = '{ ip: 10.24.0.9 }';
  assert.deepEqual(seen(own), { names: ['0.0.0.0_80'], families: 1 });
  const both = { names: ['0.0.0.0_80', 'fd00:10::1_80'], families: 2 };
  assert.deepEqual(seen(`${own}, { ip: "fd00:24::9" }`), both);
});
