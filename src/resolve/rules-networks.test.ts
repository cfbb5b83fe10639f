// Istio's rules for networks that cannot reach each other, by their numbers in the list that this
// project keeps of rules that are easily got wrong.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { HostAddressesSchema } from '#gen/isthmus/v1/agent_pb.js';
import { TYPE_URL } from './names.ts';
import { CLIENT, RulesWorld } from './rules-world.ts';
import { ask, decode } from './simulate-call.ts';

const HOST = 'db.example.com';
const NAME = 'dst|240.240.7.7:5432';

const ENTRY = `
kind: ServiceEntry
metadata: { name: db }
spec:
  hosts: [${HOST}]
  addresses: [240.240.7.7]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{ number: 5432, name: tcp, protocol: TCP }]
  workloadSelector: { labels: { app: db } }
`;

const vm = (name: string, spec: string): string => `
kind: WorkloadEntry
metadata: { name: ${name} }
spec: { labels: { app: db }, serviceAccount: db, ${spec} }
`;

const networks = (text: string): string => `
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data:
  meshNetworks: '{ networks: ${text} }'
`;

const GATEWAYS = networks('{ far: { gateways: [{ address: 203.0.113.1, port: 15443 }] } }');

const world = (...objects: readonly string[]): RulesWorld =>
  new RulesWorld(objects.join('\n---\n'));

const told = (...objects: readonly string[]) =>
  world(ENTRY, ...objects)
    .told(NAME)
    .flat();

describe('rule 46: an endpoint of another network', () => {
  const near = vm('near', 'address: 10.0.0.1');
  const far = vm('far', 'address: 10.0.0.2, network: far');

  test('is reached through its network’s gateways, as much as there is behind them', () => {
    const second = vm('far-2', 'address: 10.0.0.3, network: far, weight: 2');
    assert.deepEqual(told(near, far, second, GATEWAYS), ['10.0.0.1:5432 1', '203.0.113.1:15443 3']);
  });

  test('has its weight split among several gateways', () => {
    const two = '[{ address: 203.0.113.1, port: 1 }, { address: 203.0.113.2, port: 1 }]';
    assert.deepEqual(told(near, far, networks(`{ far: { gateways: ${two} } }`)), [
      '10.0.0.1:5432 2',
      '203.0.113.1:1 1',
      '203.0.113.2:1 1',
    ]);
  });

  test('is reached directly by who is in that network', () => {
    const inside = `
kind: Namespace
metadata: { name: default, labels: { topology.istio.io/network: far } }
`;
    assert.deepEqual(told(far, GATEWAYS, inside), ['10.0.0.2:5432 1']);
  });

  test('is left out when it has no mesh TLS, by which alone a gateway knows whom it is for', () => {
    const bare = vm('far', 'address: 10.0.0.2, network: far').replace('serviceAccount: db,', '');
    assert.deepEqual(told(near, bare, GATEWAYS), ['10.0.0.1:5432 1']);
  });

  test('is told as it is where its network has no gateway, or no network has', () => {
    const other = networks('{ other: { gateways: [{ address: 203.0.113.1, port: 1 }] } }');
    assert.deepEqual(told(near, far, other), ['10.0.0.1:5432 1', '10.0.0.2:5432 1']);
    assert.deepEqual(told(near, far), ['10.0.0.1:5432 1', '10.0.0.2:5432 1']);
  });

  test('is spoken to in mesh TLS at the gateway', () => {
    const [group] = world(ENTRY, far, GATEWAYS).assignment(NAME)?.endpoints ?? [];
    assert.deepEqual(group?.lbEndpoints[0]?.metadata?.filterMetadata, {
      'envoy.transport_socket_match': { tlsMode: 'istio' },
    });
  });
});

describe('rule 47: gateways are', () => {
  const far = vm('far', 'address: 10.0.0.2, network: far');
  const gateway = (labels: string, more: string): string => `
kind: Service
metadata: { name: gw, namespace: istio-system, labels: { ${labels} } }
spec: { clusterIP: 10.96.0.9, ports: [{ port: 15443, name: tls }] ${more} }
status: { loadBalancer: { ingress: [{ ip: 203.0.113.7 }] } }
`;

  test('Services that are labelled as a network’s, at the port that they say', () => {
    const label = 'topology.istio.io/network: far';
    assert.deepEqual(told(far, gateway(label, '')), ['203.0.113.7:15443 1']);
    const port = `${label}, networking.istio.io/gatewayPort: "443"`;
    assert.deepEqual(told(far, gateway(port, '')), ['203.0.113.7:443 1']);
    const external = ', externalIPs: [203.0.113.8]';
    assert.deepEqual(told(far, gateway(label, external)), [
      '203.0.113.7:15443 1',
      '203.0.113.8:15443 1',
    ]);
  });

  test('services that the settings name', () => {
    const named = networks(
      '{ far: { gateways: [{ registryServiceName: gw.istio-system.svc.cluster.local, port: 1 }] } }',
    );
    assert.deepEqual(told(far, gateway('', ''), named), ['203.0.113.7:1 1']);
    assert.deepEqual(told(far, named), ['10.0.0.2:5432 1'], 'nobody yet');
  });
});

describe('rule 48: the network of an endpoint is', () => {
  const labelled = `
kind: Namespace
metadata: { name: default, labels: { topology.istio.io/network: ofNamespace } }
`;
  const networkOf = (spec: string, ...objects: readonly string[]): string | undefined => {
    const { mesh } = world(ENTRY, vm('vm', spec), ...objects);
    return mesh.endpoints.get(`default/${HOST}`)?.byPort.get(5432)?.[0]?.network;
  };

  test('what it says, its label, its namespace’s, by its address, its cluster’s', () => {
    const byAddress = networks(
      '{ ofAddress: { endpoints: [{ fromCidr: 10.0.0.0/24 }] }, ' +
        'ofCluster: { endpoints: [{ fromRegistry: Kubernetes }] } }',
    );
    const said = 'address: 10.0.0.1, network: said';
    const label = 'address: 10.0.0.1, labels: { app: db, topology.istio.io/network: ofLabel }';
    assert.equal(networkOf(said, labelled, byAddress), 'said');
    assert.equal(networkOf(label, labelled, byAddress), 'ofLabel');
    assert.equal(networkOf('address: 10.0.0.1', labelled, byAddress), 'ofNamespace');
    assert.equal(networkOf('address: 10.0.0.1', byAddress), 'ofAddress');
    assert.equal(networkOf('address: 10.0.9.1', byAddress), 'ofCluster');
    assert.equal(networkOf('address: 10.0.0.1'), '');
  });
});

test('an address that is none is no answer for a name, and a Pod without one is nobody', () => {
  const service = `
kind: Service
metadata: { name: db }
spec: { clusterIP: None, selector: { app: db }, ports: [{ port: 5432, name: tcp }] }
`;
  const pod = `
kind: Pod
metadata: { name: db-1, labels: { app: db, topology.istio.io/network: far } }
status: {}
`;
  const mesh = world(service, pod, vm('pool', 'network: far'), vm('one', 'address: 10.0.0.1'));
  const name = 'db.default.svc.cluster.local';
  const asked = { proxy: CLIENT, typeUrl: TYPE_URL.hostAddresses, name };
  const answer = ask(mesh.catalog, asked);
  assert(answer);
  assert.deepEqual(decode(HostAddressesSchema, answer).addresses, ['10.0.0.1']);
  const behind = mesh.mesh.endpoints.get(`default/${name}`)?.byPort.get(5432) ?? [];
  assert.deepEqual(
    behind.map(({ workload }) => workload),
    ['WorkloadEntry/default/pool', 'WorkloadEntry/default/one'],
  );
});

test('rule 51: an entry with nothing but a network is whoever is behind its gateways', () => {
  const pool = vm('pool', 'network: far, weight: 5');
  assert.deepEqual(told(pool, GATEWAYS), ['203.0.113.1:15443 5']);
  assert.deepEqual(told(pool), [], 'without a gateway nobody is there');
});
