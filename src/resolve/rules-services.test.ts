// Istio's rules for services and what stands behind them, by their numbers in the list that this
// project keeps of rules that are easily got wrong.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { RulesWorld } from './rules-world.ts';

const HOST = 'db.example.com';
const VIP = '240.240.7.7';
const TCP = 'ports: [{ number: 5432, name: tcp, protocol: TCP }]';
const BY_NAME = `outbound|5432||${HOST}`;
const BY_ADDRESS = `dst|${VIP}:5432`;

const entry = (spec: string, metadata = 'name: db'): string => `
kind: ServiceEntry
metadata: { ${metadata} }
spec:
  hosts: [${HOST}]
  addresses: [${VIP}]
  location: MESH_INTERNAL
  ${TCP}
${spec}
`;

const pod = (name: string, ip: string, more = ''): string => `
kind: Pod
metadata: { name: ${name}, labels: { app: db, security.istio.io/tlsMode: istio } }
spec: { serviceAccountName: db ${more} }
status: { podIP: ${ip} }
`;

const vm = (spec: string, metadata = 'name: vm'): string => `
kind: WorkloadEntry
metadata: { ${metadata} }
spec: { labels: { app: db }, ${spec} }
`;

const SELECTED = '  workloadSelector: { labels: { app: db } }';

const world = (...objects: readonly string[]): RulesWorld =>
  new RulesWorld(objects.join('\n---\n'));

describe('rule 6, by resolution:', () => {
  const endpoints = (...addresses: readonly string[]): string =>
    `  endpoints: [${addresses.map((address) => `{ address: ${address} }`).join(', ')}]`;

  test('NONE goes to the address that was dialled, in plaintext', () => {
    const none = world(entry('  resolution: NONE'));
    assert.equal(none.kindOf(BY_ADDRESS), `ORIGINAL_DST ${BY_NAME}`);
    assert.equal(none.lbPolicy(BY_ADDRESS), 'CLUSTER_PROVIDED');
    assert.equal(none.tls(BY_ADDRESS), undefined);
  });

  test('STATIC has the endpoints that are given', () => {
    const given = world(entry(`  resolution: STATIC\n${endpoints('10.0.0.1', '10.0.0.2')}`));
    assert.equal(given.kindOf(BY_ADDRESS), `EDS ${BY_NAME}`);
    assert.deepEqual(given.told(BY_ADDRESS), [['10.0.0.1:5432 1', '10.0.0.2:5432 1']]);
  });

  test('DNS looks every name up, again and again', () => {
    const names = world(entry(`  resolution: DNS\n${endpoints('a.example', '10.0.0.2')}`));
    assert.equal(names.kindOf(BY_ADDRESS), `STRICT_DNS ${BY_NAME}`);
    assert.deepEqual(names.told(BY_ADDRESS), [['10.0.0.2:5432 1', 'a.example:5432 1']]);
    assert.equal(names.cluster(BY_ADDRESS).respectDnsTtl, true);
    assert.equal(names.cluster(BY_ADDRESS).dnsRefreshRate?.seconds, 60n);
  });

  test('DNS_ROUND_ROBIN is one host', () => {
    const one = world(entry(`  resolution: DNS_ROUND_ROBIN\n${endpoints('a.example')}`));
    assert.equal(one.kindOf(BY_ADDRESS), `LOGICAL_DNS ${BY_NAME}`);
    assert.deepEqual(one.told(BY_ADDRESS), [['a.example:5432 1']]);
  });

  test('DNS without endpoints looks the host itself up, and never in mesh TLS', () => {
    const bare = world(entry('  resolution: DNS'));
    assert.deepEqual(bare.told(BY_ADDRESS), [[`${HOST}:5432 1`]]);
    const [group] = bare.assignment(BY_ADDRESS)?.endpoints ?? [];
    assert.deepEqual(group?.lbEndpoints[0]?.metadata?.filterMetadata, {});
  });

  test('DYNAMIC_DNS is refused, and said to be', () => {
    const dynamic = world(`
kind: ServiceEntry
metadata: { name: all }
spec:
  hosts: ["*.example.com"]
  resolution: DYNAMIC_DNS
  ports: [{ number: 443, name: tls, protocol: TLS }]
`);
    assert.equal(dynamic.kindOf('outbound|443||*.example.com'), 'STATIC BlackHoleCluster');
    const [[, { remarks }] = ['', { remarks: [] }]] = [...dynamic.mesh.remarks.entries()];
    assert.match(remarks[0]?.message ?? '', /refused/);
  });
});

test('rule 7: a range is matched by its prefix, one of a single address is that address', () => {
  const range = world(
    entry('  resolution: NONE').replace(VIP, '198.51.100.0/24'),
    entry('  resolution: NONE', 'name: one').replace(VIP, '198.51.100.7/32').replace(HOST, 'one'),
  );
  assert.equal(range.kindOf('dst|198.51.100.8:5432'), `ORIGINAL_DST ${BY_NAME}`);
  assert.equal(range.kindOf('dst|198.51.100.7:5432'), 'ORIGINAL_DST outbound|5432||one');
  assert.equal(range.kindOf('dst|198.51.101.1:5432'), 'ORIGINAL_DST PassthroughCluster');
});

test('rule 8: what is published is the address, unless one is written or none is wanted', () => {
  const published = (metadata: string, resolution: string): string => `
kind: ServiceEntry
metadata: { ${metadata} }
spec: { hosts: [${HOST}], location: MESH_INTERNAL, resolution: ${resolution}, ${TCP} }
status:
  addresses: [{ value: 240.240.3.3, host: ${HOST} }, { value: "2001:2::3", host: ${HOST} }]
`;
  const names = ['dst|240.240.3.3:5432', 'dst|[2001:2::3]:5432'];
  const given = world(published('name: db', 'DNS'));
  for (const name of names) assert.equal(given.kindOf(name), `STRICT_DNS ${BY_NAME}`);
  const label = 'name: db, labels: { networking.istio.io/enable-autoallocate-ip: "false" }';
  for (const other of [published(label, 'DNS'), published('name: db', 'NONE')]) {
    for (const name of names) assert.equal(world(other).kindOf(name), 'STATIC BlackHoleCluster');
  }
});

describe('rule 9: TCP without an address of its own', () => {
  const without = (name: string, host: string, more = ''): string => `
kind: ServiceEntry
metadata: { name: ${name}, creationTimestamp: "2026-01-0${name.length}T00:00:00Z" }
spec: { hosts: [${host}], resolution: NONE, ${TCP} ${more} }
`;

  test('takes its port of every address that means nothing; the oldest, should there be two', () => {
    const mesh = world(without('a', 'first'), without('bb', 'second'));
    assert.equal(mesh.kindOf('dst|203.0.113.9:5432'), 'ORIGINAL_DST outbound|5432||first');
    assert.equal(mesh.kindOf('dst|203.0.113.9:5433'), 'ORIGINAL_DST PassthroughCluster');
    assert.equal(mesh.kindOf('dst|240.240.9.9:5432'), 'STATIC BlackHoleCluster');
  });

  test('takes nothing where the client may not see it', () => {
    const mesh = world(without('a', 'first', ', exportTo: [other]'));
    assert.equal(mesh.kindOf('dst|203.0.113.9:5432'), 'ORIGINAL_DST PassthroughCluster');
  });
});

test('rule 10: a socket, then the workload’s port of that name, the target port, the number', () => {
  const target = (spec: string): string =>
    entry(`  resolution: STATIC\n${SELECTED}`)
      .replace('protocol: TCP', 'protocol: TCP, targetPort: 6000')
      .concat(`---\n${vm(spec)}`);
  const cases: Readonly<Record<string, string>> = {
    'address: "unix:///run/db.sock"': '/run/db.sock 1',
    'address: 10.0.0.1, ports: { tcp: 7000 }': '10.0.0.1:7000 1',
    'address: 10.0.0.1, ports: { other: 7000 }': '10.0.0.1:6000 1',
  };
  for (const [spec, told] of Object.entries(cases)) {
    assert.deepEqual(world(target(spec)).told(BY_ADDRESS), [[told]], spec);
  }
  const plain = world(entry(`  resolution: STATIC\n${SELECTED}`), vm('address: 10.0.0.1'));
  assert.deepEqual(plain.told(BY_ADDRESS), [['10.0.0.1:5432 1']]);
});

test('rule 11: a selector takes Pods, too, of the ServiceEntry’s own namespace only', () => {
  const mesh = world(
    entry(`  resolution: STATIC\n${SELECTED}`),
    pod('db-1', '10.24.0.1'),
    vm('address: 10.0.0.1'),
    vm('address: 10.0.0.2', 'name: vm, namespace: other'),
  );
  assert.deepEqual(mesh.told(BY_ADDRESS), [['10.0.0.1:5432 1', '10.24.0.1:5432 1']]);
});

const SERVICE = `
kind: Service
metadata: { name: db }
spec:
  clusterIP: 10.96.0.5
  selector: { app: db }
  ports: [{ port: 5432, name: tcp }]
`;
const SERVICE_NAME = 'outbound|5432||db.default.svc.cluster.local';

test('rule 12: a Kubernetes Service knows no WorkloadEntry by name or by socket', () => {
  const mesh = world(
    SERVICE,
    vm('address: 10.0.0.1'),
    vm('address: vm.example.com', 'name: named'),
    vm('address: "unix:///run/db.sock"', 'name: socket'),
  );
  assert.deepEqual(mesh.told(SERVICE_NAME), [['10.0.0.1:5432 1']]);
});

test('rule 13: locality is what is said, then the label, then the Node’s', () => {
  const mesh = world(
    SERVICE,
    pod('db-1', '10.24.0.1', ', nodeName: n2'),
    vm('address: 10.0.0.1, locality: r9/z9'),
    vm('address: 10.0.0.2', 'name: labelled, labels: { istio-locality: r8.z8 }'),
    vm('address: 10.0.0.3', 'name: unknown'),
  );
  assert.deepEqual(Object.keys(mesh.weights(SERVICE_NAME)).toSorted(), [
    '/',
    'r1/z2',
    'r8/z8',
    'r9/z9',
  ]);
});

test('rule 21: TLS of a WorkloadEntry by its label, else by its having an account', () => {
  const cases: Readonly<Record<string, boolean>> = {
    'address: 10.0.0.1, serviceAccount: db': true,
    'address: 10.0.0.1': false,
    'address: 10.0.0.1, labels: { app: db, security.istio.io/tlsMode: istio }': true,
  };
  for (const [spec, isIstio] of Object.entries(cases)) {
    const mesh = world(entry(`  resolution: STATIC\n  endpoints: [{ ${spec} }]`));
    const [group] = mesh.assignment(BY_ADDRESS)?.endpoints ?? [];
    const says = group?.lbEndpoints[0]?.metadata?.filterMetadata['envoy.transport_socket_match'];
    assert.deepEqual(says, isIstio ? { tlsMode: 'istio' } : undefined, spec);
  }
});

describe('rule 22: mesh TLS by itself is', () => {
  const tlsModes = (mesh: RulesWorld, name = SERVICE_NAME): readonly unknown[] =>
    (mesh.assignment(name)?.endpoints ?? []).flatMap(({ lbEndpoints }) =>
      lbEndpoints.map(
        ({ metadata }) =>
          metadata?.filterMetadata['envoy.transport_socket_match']?.['tlsMode'] ?? 'none',
      ),
    );

  test('kept by a rule that says nothing of TLS', () => {
    const rule = `
kind: DestinationRule
metadata: { name: db }
spec: { host: db, trafficPolicy: { loadBalancer: { simple: RANDOM } } }
`;
    const mesh = world(SERVICE, pod('db-1', '10.24.0.1'), rule);
    assert.equal(mesh.cluster(SERVICE_NAME).transportSocketMatches.length, 2);
    assert.deepEqual(tlsModes(mesh), ['istio']);
  });

  test('not for a port that takes none, by the endpoint’s own policy', () => {
    const policy = `
kind: PeerAuthentication
metadata: { name: db }
spec: { selector: { matchLabels: { app: db } }, portLevelMtls: { 5432: { mode: DISABLE } } }
`;
    const strict = policy.replace('5432: { mode: DISABLE }', '5433: { mode: DISABLE }');
    const of = (text: string) => tlsModes(world(SERVICE, pod('db-1', '10.24.0.1'), text));
    assert.deepEqual(of(policy), ['none']);
    assert.deepEqual(of(strict), ['istio']);
  });

  test('never for what is outside of the mesh', () => {
    const outside = entry('  resolution: STATIC\n  endpoints: [{ address: 10.0.0.1 }]');
    const mesh = world(outside.replace('MESH_INTERNAL', 'MESH_EXTERNAL'));
    assert.equal(mesh.cluster(BY_ADDRESS).transportSocketMatches.length, 0);
    assert.equal(mesh.tls(BY_ADDRESS), undefined);
  });
});

test('rule 23: endpoints are told apart by metadata; headless ones all have TLS, or none has', () => {
  const mesh = world(SERVICE, pod('db-1', '10.24.0.1'));
  assert.deepEqual(
    mesh.cluster(SERVICE_NAME).transportSocketMatches.map(({ name, match }) => [name, match]),
    [
      ['tlsMode-istio', { tlsMode: 'istio' }],
      ['tlsMode-disabled', {}],
    ],
  );
  const headless = SERVICE.replace('10.96.0.5', 'None').replace('name: tcp', 'name: http');
  const bare = pod('db-2', '10.24.0.2').replace(', security.istio.io/tlsMode: istio', '');
  const all = world(headless, pod('db-1', '10.24.0.1'));
  assert.equal(all.kindOf(SERVICE_NAME), `ORIGINAL_DST ${SERVICE_NAME}`);
  assert.equal(all.tls(SERVICE_NAME)?.sni, 'outbound_.5432_._.db.default.svc.cluster.local');
  const some = world(headless, pod('db-1', '10.24.0.1'), bare);
  assert.equal(some.tls(SERVICE_NAME), undefined);
});

test('rule 24: ISTIO_MUTUAL names the service, knows its accounts, and has the mesh’s secrets', () => {
  const rule = `
kind: DestinationRule
metadata: { name: db }
spec:
  host: db
  trafficPolicy: { tls: { mode: ISTIO_MUTUAL } }
  subsets: [{ name: v1, labels: { version: v1 } }]
`;
  const mesh = world(SERVICE, pod('db-1', '10.24.0.1'), rule);
  const tls = mesh.tls('outbound|5432|v1|db.default.svc.cluster.local');
  assert.equal(tls?.sni, 'outbound_.5432_.v1_.db.default.svc.cluster.local');
  const common = tls.commonTlsContext;
  assert.deepEqual(common?.alpnProtocols, ['istio']);
  assert.deepEqual(
    common?.tlsCertificateSdsSecretConfigs.map(({ name }) => name),
    ['default'],
  );
  const validation = common?.validationContextType;
  assert(validation?.case === 'combinedValidationContext');
  assert.equal(validation.value.validationContextSdsSecretConfig?.name, 'ROOTCA');
  const sans = validation.value.defaultValidationContext?.matchTypedSubjectAltNames ?? [];
  assert.deepEqual(
    sans.map(({ matcher }) => matcher?.matchPattern.value),
    ['spiffe://cluster.local/ns/default/sa/db'],
  );
  // nobody known: any identity of the trust domain
  const nobody = world(SERVICE, rule).tls(SERVICE_NAME)?.commonTlsContext?.validationContextType;
  assert(nobody?.case === 'combinedValidationContext');
  assert.deepEqual(
    nobody.value.defaultValidationContext?.matchTypedSubjectAltNames.map(
      ({ matcher }) => matcher?.matchPattern.value,
    ),
    ['spiffe://cluster.local/'],
  );
});

test('a Pod with an address of each family is one endpoint, and is dialled by either', () => {
  const slice = (name: string, ip: string): string => `
kind: EndpointSlice
metadata: { name: ${name}, labels: { kubernetes.io/service-name: db } }
ports: [{ name: tcp, port: 5432 }]
endpoints: [{ addresses: ["${ip}"], targetRef: { kind: Pod, name: db-1 } }]
`;
  const both = pod('db-1', '10.24.0.1, podIPs: [{ ip: 10.24.0.1 }, { ip: "fd00::1" }]');
  const mesh = world(SERVICE, both, slice('v6', 'fd00::1'), slice('v4', '10.24.0.1'));
  assert.deepEqual(mesh.told(SERVICE_NAME), [['10.24.0.1:5432 1']]);
  const [group] = mesh.assignment(SERVICE_NAME)?.endpoints ?? [];
  const identifier = group?.lbEndpoints[0]?.hostIdentifier;
  assert(identifier?.case === 'endpoint');
  const [second] = identifier.value.additionalAddresses;
  const address = second?.address?.address;
  assert.equal(address?.case === 'socketAddress' && address.value.address, 'fd00::1');
  assert.deepEqual(mesh.told('dst|[fd00::1]:5432'), [['[fd00::1]:5432 1']]);
  assert.deepEqual(mesh.told('dst|10.24.0.1:5432'), [['10.24.0.1:5432 1']]);
});

test('rule 50: a Service and a ServiceEntry of one host and namespace are one service', () => {
  const same = entry('  resolution: STATIC\n  endpoints: [{ address: 10.0.0.9 }]')
    .replace(HOST, 'db.default.svc.cluster.local')
    .replace(VIP, '240.240.8.8');
  const mesh = world(SERVICE, pod('db-1', '10.24.0.1'), same);
  for (const name of ['dst|10.96.0.5:5432', 'dst|240.240.8.8:5432']) {
    assert.deepEqual(mesh.told(name), [['10.0.0.9:5432 1', '10.24.0.1:5432 1']]);
  }
});
