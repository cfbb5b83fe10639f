// Istio's rules of the inbound side, each a test of its own, by the filter chains that a workload's
// proxy is told of. https://istio.io/latest/docs/reference/config/security/peer_authentication/
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { anyUnpack } from '@bufbuild/protobuf/wkt';
import { ClusterSchema } from '#gen/envoy/config/cluster/v3/cluster_pb.js';
import type { FilterChain } from '#gen/envoy/config/listener/v3/listener_components_pb.js';
import { ListenerSchema } from '#gen/envoy/config/listener/v3/listener_pb.js';
import { HttpConnectionManagerSchema } from '#gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { DownstreamTlsContextSchema } from '#gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js';
import { HttpProtocolOptionsSchema } from '#gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js';
import { meshOf } from '#model/mesh-of.ts';
import { MeshCatalog } from './catalog.ts';
import { TYPE_URL, VIRTUAL_INBOUND } from './names.ts';
import { ask, decode } from './simulate-call.ts';

const VM = {
  trustDomain: 'cluster.local',
  namespace: 'shop',
  serviceAccount: 'vm',
  workload: { kind: 'WorkloadEntry', name: 'vm' },
} as const;
const POD = { ...VM, workload: { kind: 'Pod', name: 'pod' } } as const;

const WORLD = `
kind: WorkloadEntry
metadata: { name: vm, namespace: shop, labels: { app: shop } }
spec: { address: 10.128.0.14, serviceAccount: vm }
---
kind: Pod
metadata:
  { name: pod, namespace: shop, labels: { app: shop, security.istio.io/tlsMode: istio } }
spec: { serviceAccountName: vm }
status: { podIP: 10.24.0.7, phase: Running }
---
kind: Service
metadata: { name: shop, namespace: shop }
spec:
  clusterIP: 10.96.0.1
  selector: { app: shop }
  ports:
    - { name: http, port: 80, targetPort: 8080 }
    - { name: grpc, port: 81, targetPort: 8081 }
    - { name: tcp, port: 82, targetPort: 8082 }
    - { name: whatever, port: 83, targetPort: 8083 }
    - { name: https, port: 84, targetPort: 8084 }
`;

const mode = (mode: string): string => `
kind: PeerAuthentication
metadata: { name: default, namespace: shop }
spec: { mtls: { mode: ${mode} } }
`;

function chainsOf(objects: readonly string[], port: number | 'passthrough'): FilterChain[] {
  const catalog = new MeshCatalog(meshOf([WORLD, ...objects].join('---')));
  const answer = ask(catalog, { proxy: VM, typeUrl: TYPE_URL.listener, name: VIRTUAL_INBOUND });
  assert(answer);
  return decode(ListenerSchema, answer).filterChains.filter(({ name }) =>
    name.startsWith(`${port}_`),
  );
}

/** What comes by each chain of a port: requests or bytes; and from whom. */
function told(objects: readonly string[], port: number | 'passthrough') {
  return chainsOf(objects, port).map((chain) => {
    const { transportProtocol = '', applicationProtocols: alpn = [] } =
      chain.filterChainMatch ?? {};
    const by = alpn.includes('istio') ? 'istio' : alpn.includes('istio-h2') ? 'istio-http' : '';
    const plain = alpn.includes('http/1.1') ? 'http' : '';
    const takes = requestsOf(chain) ? 'requests' : 'bytes';
    return [transportProtocol, by || plain, chain.transportSocket ? 'ends TLS' : '', takes]
      .filter(Boolean)
      .join(' ');
  });
}

function requestsOf({ filters }: FilterChain) {
  const config = filters.at(-1)?.configType;
  return config?.case === 'typedConfig' && anyUnpack(config.value, HttpConnectionManagerSchema);
}

describe('rule 25: the chains of a port, by its mode and by what it declares', () => {
  const rows: readonly (readonly [string, number, readonly string[]])[] = [
    ['PERMISSIVE', 8082, ['tls istio ends TLS bytes', 'raw_buffer bytes', 'tls bytes']],
    ['PERMISSIVE', 8080, ['tls istio ends TLS requests', 'raw_buffer requests']],
    ['PERMISSIVE', 8081, ['tls istio ends TLS requests', 'raw_buffer requests']],
    ['PERMISSIVE', 8084, ['tls istio ends TLS bytes', 'raw_buffer bytes', 'tls bytes']],
    [
      'PERMISSIVE',
      8083,
      [
        'tls istio ends TLS bytes',
        'tls istio-http ends TLS requests',
        'raw_buffer bytes',
        'raw_buffer http requests',
        'tls bytes',
      ],
    ],
    ['STRICT', 8082, ['tls istio ends TLS bytes']],
    ['STRICT', 8080, ['tls istio ends TLS requests']],
    ['STRICT', 8083, ['tls istio ends TLS bytes', 'tls istio-http ends TLS requests']],
    ['DISABLE', 8080, ['raw_buffer requests']],
  ];
  for (const [name, port, expected] of rows) {
    test(`${name} ${port}`, () => {
      assert.deepEqual(told([mode(name)], port), expected);
    });
  }

  test('a TCP port takes mesh TLS of requests as bytes', () => {
    const [mtls] = chainsOf([], 8082);
    assert(mtls?.filterChainMatch?.applicationProtocols.includes('istio-http/1.1'));
  });

  test('mesh TLS demands a certificate of the trust domain', () => {
    for (const chain of chainsOf([mode('STRICT')], 8083)) {
      const socket = chain.transportSocket?.configType;
      assert(socket?.case === 'typedConfig');
      const tls = anyUnpack(socket.value, DownstreamTlsContextSchema);
      assert.equal(tls?.requireClientCertificate, true);
    }
  });
});

test('rule 26: ports that nobody declares have chains, of the same mode, with policies', () => {
  assert.deepEqual(told([mode('STRICT')], 'passthrough'), ['tls istio ends TLS bytes']);
  const [chain] = chainsOf([], 'passthrough');
  assert.deepEqual(
    chain?.filters.slice(0, 4).map(({ name }) => name),
    [
      'rbac-custom|passthrough',
      'rbac-authorizer',
      'rbac-deny|passthrough',
      'rbac-allow|passthrough',
    ],
  );
});

test('rule 27: a port’s mode is by the workload’s own port, a namespace’s by all', () => {
  const ofPort = `
kind: PeerAuthentication
metadata: { name: own, namespace: shop }
spec:
  selector: { matchLabels: { app: shop } }
  portLevelMtls: { 8080: { mode: DISABLE }, 80: { mode: DISABLE } }
`;
  assert.deepEqual(told([mode('STRICT'), ofPort], 8080), ['raw_buffer requests']);
  assert.deepEqual(told([mode('STRICT'), ofPort], 8081), ['tls istio ends TLS requests']);
});

test('rules 28 and 54: a stricter mode takes chains away and changes none that stays', () => {
  for (const port of [8080, 8082, 8083]) {
    const before = new Map(chainsOf([], port).map((chain) => [chain.name, chain]));
    for (const chain of chainsOf([mode('STRICT')], port)) {
      assert.deepEqual(chain, before.get(chain.name));
    }
  }
});

test('rule 55: requests are logged on the server’s side, under Istio’s name of the port', () => {
  const [chain] = chainsOf([], 8080);
  const manager = chain && requestsOf(chain);
  assert(manager);
  const loggers = manager.accessLog.map(({ name }) => name);
  assert.deepEqual(loggers, ['envoy.access_loggers.stdout', 'envoy.access_loggers.http_grpc']);
  const cluster = inbound(VM, 8080);
  assert.equal(cluster.altStatName, 'inbound|8080|http|shop.shop.svc.cluster.local');
});

test('rule 56: a VM’s requests go to 127.0.0.1, a Pod’s to the Pod’s own address', () => {
  const addressOf = (proxy: typeof VM | typeof POD): string | undefined => {
    const [endpoint] = inbound(proxy, 8080).loadAssignment?.endpoints[0]?.lbEndpoints ?? [];
    assert(endpoint?.hostIdentifier.case === 'endpoint');
    const address = endpoint.hostIdentifier.value.address?.address;
    return address?.case === 'socketAddress' ? address.value.address : undefined;
  };
  assert.equal(addressOf(VM), '127.0.0.1');
  assert.equal(addressOf(POD), '10.24.0.7');
});

test('applications are spoken to in the HTTP that they declare, or in the client’s', () => {
  const spoken = (port: number): string | undefined => {
    const [options] = Object.values(inbound(VM, port).typedExtensionProtocolOptions);
    const found = options && anyUnpack(options, HttpProtocolOptionsSchema);
    return found?.upstreamProtocolOptions.case;
  };
  assert.equal(spoken(8080), undefined);
  assert.equal(spoken(8081), 'explicitHttpConfig');
  assert.equal(spoken(8083), 'useDownstreamProtocolConfig');
});

function inbound(proxy: typeof VM | typeof POD, port: number) {
  const catalog = new MeshCatalog(meshOf(WORLD));
  const answer = ask(catalog, { proxy, typeUrl: TYPE_URL.cluster, name: `inbound|${port}||` });
  assert(answer, `a cluster of port ${port}`);
  return decode(ClusterSchema, answer);
}
