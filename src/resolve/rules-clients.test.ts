// Istio's rules for how clients see services and speak to them, by their numbers in the list that
// this project keeps of rules that are easily got wrong.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { RulesWorld } from './rules-world.ts';

const HOST = 'db.default.svc.cluster.local';
const NAME = `outbound|5432||${HOST}`;
const SUBSET = `outbound|5432|v1|${HOST}`;

const service = (options: { ports?: string; more?: string; metadata?: string } = {}): string => `
kind: Service
metadata: { name: db, ${options.metadata ?? ''} }
spec:
  clusterIP: 10.96.0.5
  selector: { app: db }
  ports: [${options.ports ?? '{ port: 5432, name: tcp }'}]
  ${options.more ?? ''}
`;

/** A Pod behind the service, on one of the Nodes n1 (where the client is), n2, n3. */
const pod = (index: number, labels = '', more = ''): string => `
kind: Pod
metadata:
  name: db-${index}
  labels: { app: db, security.istio.io/tlsMode: istio, ${labels} }
spec: { serviceAccountName: db, nodeName: n${index} }
status: { podIP: 10.24.0.${index} ${more} }
`;

const PODS = [1, 2, 3].map((index) => pod(index)).join('---\n');

const rule = (spec: string, metadata = 'name: db'): string => `
kind: DestinationRule
metadata: { ${metadata} }
spec:
  host: ${HOST}
${spec}
`;

const policy = (text: string): string => rule(`  trafficPolicy: ${text}`);
const sni = (name: string): string => `{ tls: { mode: ISTIO_MUTUAL, sni: ${name} } }`;

const world = (...objects: readonly string[]): RulesWorld =>
  new RulesWorld(objects.join('\n---\n'));

const REMOTE = `
kind: ServiceEntry
metadata: { name: remote, namespace: far }
spec:
  hosts: [api.example.com]
  addresses: [240.240.7.7]
  location: MESH_INTERNAL
  resolution: STATIC
  endpoints: [{ address: 10.0.0.1, serviceAccount: api }]
  ports: [{ number: 5432, name: tcp, protocol: TCP }]
`;
const REMOTE_NAME = 'dst|240.240.7.7:5432';

describe('rule 16: a DestinationRule is looked for', () => {
  const of = (namespace: string, name: string, more = ''): string => `
kind: DestinationRule
metadata: { name: ${name}, namespace: ${namespace} }
spec: { host: api.example.com, trafficPolicy: ${sni(name)} ${more} }
`;
  const found = (...rules: readonly string[]): string | undefined =>
    world(REMOTE, ...rules).tls(REMOTE_NAME)?.sni;

  test('where the client is, then where the service is, then in the root namespace', () => {
    const [own, theirs, root] = [
      of('default', 'own', ', exportTo: ["."]'),
      of('far', 'theirs'),
      of('istio-system', 'root'),
    ];
    assert.equal(found(own, theirs, root), 'own');
    assert.equal(found(theirs, root), 'theirs');
    assert.equal(found(root), 'root');
  });

  test('among what is exported', () => {
    const hidden = of('far', 'theirs', ', exportTo: ["."]');
    assert.equal(found(hidden, of('istio-system', 'root')), 'root');
  });

  test('with what the mesh says of exporting where a rule does not', () => {
    const settings = `
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data: { mesh: 'defaultDestinationRuleExportTo: ["."]' }
`;
    assert.equal(found(of('far', 'theirs')), 'theirs');
    assert.notEqual(found(of('far', 'theirs'), settings), 'theirs');
  });

  test('and one that selects the client speaks before those that select nobody', () => {
    const selects = (labels: string): string =>
      of('default', 'selecting', `, workloadSelector: { matchLabels: ${labels} }`);
    const all = of('default', 'all');
    assert.equal(found(all, selects('{ app: web }')), 'selecting');
    assert.equal(found(all, selects('{ app: other }')), 'all');
    assert.notEqual(found(selects('{ app: other }')), 'selecting');
  });
});

test('rule 17: settings of a port replace all others of it; a subset overrides block by block', () => {
  const mesh = world(
    service({ ports: '{ port: 5432, name: tcp }, { port: 5433, name: tcp-2 }' }),
    PODS,
    rule(`
  trafficPolicy:
    tls: { mode: ISTIO_MUTUAL, sni: all }
    connectionPool: { tcp: { maxConnections: 7 } }
    loadBalancer: { simple: ROUND_ROBIN }
    portLevelSettings: [{ port: { number: 5433 }, loadBalancer: { simple: RANDOM } }]
  subsets:
  - name: v1
    trafficPolicy: { connectionPool: { tcp: { connectTimeout: 1s } } }`),
  );
  const max = (name: string) => mesh.cluster(name).circuitBreakers?.thresholds[0]?.maxConnections;
  const other = `outbound|5433||${HOST}`;
  const unlimited = 0xffff_ffff;
  assert.deepEqual(
    [max(NAME), mesh.tls(NAME)?.sni, mesh.lbPolicy(NAME)],
    [7, 'all', 'ROUND_ROBIN'],
  );
  assert.deepEqual([max(other), mesh.lbPolicy(other)], [unlimited, 'RANDOM']);
  assert.equal(mesh.cluster(other).transportSocketMatches.length, 2, 'automatic mTLS again');
  assert.deepEqual([max(SUBSET), mesh.tls(SUBSET)?.sni], [unlimited, 'all'], 'a block as a whole');
  assert.equal(mesh.cluster(SUBSET).connectTimeout?.seconds, 1n);
  assert.equal(mesh.lbPolicy(SUBSET), 'ROUND_ROBIN');
});

describe('rule 18: a Sidecar', () => {
  const sidecar = (name: string, spec: string, namespace = 'default'): string => `
kind: Sidecar
metadata: { name: ${name}, namespace: ${namespace} }
spec: ${spec}
`;
  const sees = (...sidecars: readonly string[]): boolean =>
    world(REMOTE, ...sidecars).kindOf(REMOTE_NAME) !== 'STATIC BlackHoleCluster';
  const nothing = '{ egress: [{ hosts: ["~/*"] }] }';
  const everything = '{ egress: [{ hosts: ["*/*"] }] }';
  const selecting = (spec: string, app: string): string =>
    spec.replace('{', `{ workloadSelector: { labels: { app: ${app} } },`);

  test('that selects the workload, before the namespace’s, before the root namespace’s', () => {
    assert.equal(sees(), true);
    assert.equal(sees(sidecar('a', nothing)), false);
    assert.equal(sees(sidecar('a', nothing), sidecar('b', selecting(everything, 'web'))), true);
    assert.equal(sees(sidecar('a', nothing), sidecar('b', selecting(everything, 'x'))), false);
    assert.equal(sees(sidecar('a', nothing, 'istio-system')), false);
    const root = sidecar('a', nothing, 'istio-system');
    assert.equal(sees(root, sidecar('b', everything)), true);
  });

  test('imports services by namespace and host', () => {
    const cases: Readonly<Record<string, boolean>> = {
      'far/*': true,
      './*': false,
      '*/*.example.com': true,
      'far/api.example.com': true,
      'far/other.example.com': false,
      '~far/*': false,
      '~near/*': true,
    };
    for (const [host, isSeen] of Object.entries(cases)) {
      assert.equal(sees(sidecar('a', `{ egress: [{ hosts: ["${host}"] }] }`)), isSeen, host);
    }
  });

  test('is nothing to a gateway', () => {
    const gateway = `
kind: Pod
metadata: { name: gw, annotations: { inject.istio.io/templates: gateway } }
status: { podIP: 10.24.0.101 }
`;
    const mesh = world(REMOTE, gateway, sidecar('a', nothing));
    const name = 'outbound|5432||api.example.com';
    assert.equal(mesh.kindOf(name, mesh.as('default/gw')), `EDS ${name}`);
    assert.equal(mesh.kindOf(name), 'STATIC BlackHoleCluster');
  });

  test('of a port imports that port', () => {
    const of = (number: number): string =>
      `{ egress: [{ port: { number: ${number}, protocol: TCP, name: a }, hosts: ["*/*"] }, ` +
      '{ hosts: ["./*"] }] }';
    assert.equal(sees(sidecar('a', of(5432))), true);
    assert.equal(sees(sidecar('a', of(80))), false);
  });

  test('says what becomes of what is not imported; automatic addresses lead nowhere', () => {
    const outside = (spec: string, address: string): string =>
      world(REMOTE.replace('240.240.7.7', address), sidecar('a', spec)).kindOf(
        `dst|${address}:5432`,
      );
    const closed = nothing.replace('{', '{ outboundTrafficPolicy: { mode: REGISTRY_ONLY },');
    assert.equal(outside(nothing, '203.0.113.1'), 'ORIGINAL_DST PassthroughCluster');
    assert.equal(outside(closed, '203.0.113.1'), 'STATIC BlackHoleCluster');
    assert.equal(outside(nothing, '240.240.7.7'), 'STATIC BlackHoleCluster');
  });
});

test('rule 19: a Sidecar’s ingress replaces the ports that services declare', () => {
  const mesh = world(
    service(),
    pod(1),
    `
kind: Sidecar
metadata: { name: db }
spec:
  workloadSelector: { labels: { app: db } }
  ingress:
  - { port: { number: 9000, protocol: HTTP, name: http }, defaultEndpoint: "127.0.0.1:9001" }
  - { port: { number: 9002, protocol: TCP, name: tcp }, defaultEndpoint: "unix:///run/db.sock" }
  inboundConnectionPool: { tcp: { maxConnections: 3 } }
`,
  );
  const ports = mesh.mesh.inboundPorts('Pod/default/db-1');
  assert.deepEqual(
    ports.map(({ port, protocol, deliverAddress, deliverPort }) => [
      port,
      protocol,
      deliverAddress,
      deliverPort,
    ]),
    [
      [9000, 'http', '127.0.0.1', 9001],
      [9002, 'tcp', 'unix:///run/db.sock', undefined],
    ],
  );
  assert.equal(ports[0]?.connectionPool?.maxConnections, 3);
  assert.equal(ports[0]?.service.host, 'db.default');
});

test('rule 39: LEAST_REQUEST is the default; an address that was dialled needs no balancing', () => {
  const balanced = (simple: string): readonly string[] => {
    const mesh = world(service(), PODS, policy(`{ loadBalancer: { simple: ${simple} } }`));
    return [mesh.kindOf(NAME).split(' ')[0] ?? '', mesh.lbPolicy(NAME)];
  };
  assert.equal(world(service(), PODS).lbPolicy(NAME), 'LEAST_REQUEST');
  assert.deepEqual(balanced('LEAST_CONN'), ['EDS', 'LEAST_REQUEST']);
  assert.deepEqual(balanced('ROUND_ROBIN'), ['EDS', 'ROUND_ROBIN']);
  assert.deepEqual(balanced('PASSTHROUGH'), ['ORIGINAL_DST', 'CLUSTER_PROVIDED']);
});

describe('rule 40: places', () => {
  const [near, same, far] = ['10.24.0.1:5432 1', '10.24.0.2:5432 1', '10.24.0.3:5432 1'];
  const told = (...objects: readonly string[]) => world(service(), PODS, ...objects).told(NAME);
  const outlier = 'outlierDetection: { consecutive5xxErrors: 5 }';
  const locality = (setting: string): string =>
    policy(`{ ${outlier}, loadBalancer: { localityLbSetting: ${setting} } }`);

  test('count nothing until somebody notices failures; then the nearest is first', () => {
    assert.deepEqual(told(), [[near, same, far]]);
    assert.deepEqual(told(policy(`{ ${outlier} }`)), [[near], [same], [far]]);
  });

  test('count nothing where the mesh or the rule says so', () => {
    const off = `
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data: { mesh: "localityLbSetting: { enabled: false }" }
`;
    assert.deepEqual(told(policy(`{ ${outlier} }`), off), [[near, same, far]]);
    assert.deepEqual(told(locality('{ enabled: false }')), [[near, same, far]]);
  });

  test('of the region that a client fails over to are before all others', () => {
    const third = pod(3, 'istio-locality: r3.z3').replace('db-3', 'db-4').replace('0.3', '0.4');
    const fourth = '10.24.0.4:5432 1';
    const to = (region: string) =>
      told(locality(`{ failover: [{ from: r1, to: ${region} }] }`), third);
    assert.deepEqual(to('r3'), [[near], [same], [fourth], [far]]);
    assert.deepEqual(to('r2'), [[near], [same], [far], [fourth]]);
  });

  test('are told by labels where failoverPriority says so, its own or given ones', () => {
    const zones = '["topology.kubernetes.io/region", "topology.kubernetes.io/zone"]';
    assert.deepEqual(told(locality(`{ failoverPriority: ${zones} }`)), [[near], [same], [far]]);
    const versions = [pod(1, 'version: v1'), pod(2, 'version: v2'), pod(3, 'version: v2')];
    const by = (label: string) =>
      world(service(), ...versions, locality(`{ failoverPriority: ["${label}"] }`)).told(NAME);
    assert.deepEqual(by('version'), [[near], [same, far]], 'the client is v1');
    assert.deepEqual(by('version=v2'), [[same, far], [near]]);
  });

  test('have shares where distribute says so, which is not failing over', () => {
    const shares = '{ distribute: [{ from: r1/z1, to: { "r1/*": 60, "r2/*": 40 } }] }';
    const rules = policy(`{ loadBalancer: { localityLbSetting: ${shares} } }`);
    const mesh = world(service(), PODS, rules);
    assert.deepEqual(mesh.weights(NAME), { 'r1/z1': 30, 'r1/z2': 30, 'r2/z3': 40 });
    const { localityConfigSpecifier } = mesh.cluster(NAME).commonLbConfig ?? {};
    assert.equal(localityConfigSpecifier?.case, 'localityWeightedLbConfig');
  });

  test('count by the Service’s own word without anybody noticing failures', () => {
    const of = (word: string) =>
      world(service({ more: `trafficDistribution: ${word}` }), PODS).told(NAME);
    assert.deepEqual(of('PreferClose'), [[near], [same], [far]]);
    assert.deepEqual(of('PreferSameNode'), [[near], [same], [far]]);
    const local = world(service({ more: 'internalTrafficPolicy: Local' }), PODS);
    assert.deepEqual(local.told(NAME), [[near]], 'nobody but who is on the client’s node');
  });
});

test('rule 41: outlier detection by counts, never by success rate; without panic', () => {
  const detected = (text: string) => {
    const cluster = world(service(), PODS, policy(`{ outlierDetection: ${text} }`)).cluster(NAME);
    return { ...cluster.outlierDetection, panic: cluster.commonLbConfig?.healthyPanicThreshold };
  };
  const counted = detected('{ consecutive5xxErrors: 3, consecutiveGatewayErrors: 0 }');
  assert.equal(counted.enforcingSuccessRate, 0);
  assert.deepEqual([counted.consecutive5xx, counted.enforcingConsecutive5xx], [3, 100]);
  assert.equal(counted.enforcingConsecutiveGatewayFailure, 0);
  assert.equal(counted.enforcingConsecutiveLocalOriginFailure, undefined);
  assert.equal(counted.panic?.value, 0);
  const split = detected(
    '{ splitExternalLocalOriginErrors: true, consecutiveLocalOriginFailures: 2 }',
  );
  assert.equal(split.enforcingLocalOriginSuccessRate, 0);
  assert.deepEqual(
    [split.consecutiveLocalOriginFailure, split.enforcingConsecutiveLocalOriginFailure],
    [2, 100],
  );
  assert.equal(detected('{ minHealthPercent: 30 }').panic?.value, 30);
});

test('rule 42: who is not ready is told as such, unless panic may turn to them', () => {
  const unready = pod(2, '', ', conditions: [{ type: Ready, status: "False" }]');
  const leaving = pod(3).replace(
    'name: db-3',
    'name: db-3\n  deletionTimestamp: 2026-01-01T00:00:00Z',
  );
  const of = (...objects: readonly string[]) =>
    world(service(), pod(1), unready, leaving, ...objects).told(NAME);
  assert.deepEqual(of(), [['10.24.0.1:5432 1', '!10.24.0.2:5432 1']]);
  assert.deepEqual(of(policy('{ outlierDetection: { minHealthPercent: 10 } }')), [
    ['10.24.0.1:5432 1'],
  ]);
  const checked = `
kind: WorkloadEntry
metadata: { name: vm, annotations: { proxy.istio.io/health-checks-enabled: "true" } }
spec: { address: 10.0.0.1, labels: { app: db } }
`;
  assert.deepEqual(world(service(), checked).told(NAME), [], 'of a WorkloadEntry nothing is told');
});

test('rule 43: an endpoint weighs what it says, 1 if nothing; a place what its endpoints weigh', () => {
  const vm = (name: string, ip: string, more: string): string => `
kind: WorkloadEntry
metadata: { name: ${name} }
spec: { address: ${ip}, labels: { app: db }, locality: r/z ${more} }
`;
  const mesh = world(
    service(),
    vm('a', '10.0.0.1', ', weight: 3'),
    vm('b', '10.0.0.2', ', weight: 0'),
  );
  assert.deepEqual(mesh.told(NAME), [['10.0.0.1:5432 3', '10.0.0.2:5432 1']]);
  assert.deepEqual(mesh.weights(NAME), { 'r/z': 4 });
});

test('rule 44: a subset is its own cluster; without endpoints it is empty, never the whole', () => {
  const subsets = (...names: readonly string[]): string =>
    rule(
      `  subsets: [${names.map((name) => `{ name: ${name}, labels: { version: ${name} } }`).join()}]`,
    );
  const mesh = world(service(), pod(1, 'version: v1'), pod(2), subsets('v1', 'v2'));
  assert.equal(mesh.kindOf(SUBSET), `EDS ${SUBSET}`);
  assert.deepEqual(mesh.told(SUBSET), [['10.24.0.1:5432 1']]);
  assert.deepEqual(mesh.told(`outbound|5432|v2|${HOST}`), []);
  assert.equal(mesh.kindOf(`outbound|5432|v3|${HOST}`), 'STATIC BlackHoleCluster');
});

test('rule 45: limits of TCP hold for all, those of requests for requests; silence is no limit', () => {
  const pool = `
    connectionPool:
      tcp: { maxConnections: 5, connectTimeout: 2s, tcpKeepalive: { time: 60s } }
      http: { http1MaxPendingRequests: 1, maxRequestsPerConnection: 2, idleTimeout: 9s }`;
  const web = service({ ports: '{ port: 5432, name: http }' });
  const mesh = world(web, PODS, rule(`  trafficPolicy: ${pool}`));
  const { circuitBreakers, connectTimeout, upstreamConnectionOptions } = mesh.cluster(NAME);
  const [limits] = circuitBreakers?.thresholds ?? [];
  assert.deepEqual(
    [limits?.maxConnections, limits?.maxPendingRequests, limits?.maxRequests, limits?.maxRetries],
    [5, 1, 0xffff_ffff, 0xffff_ffff],
  );
  assert.equal(connectTimeout?.seconds, 2n);
  assert.equal(upstreamConnectionOptions?.tcpKeepalive?.keepaliveTime, 60);
  const common = mesh.http(NAME)?.commonHttpProtocolOptions;
  assert.deepEqual([common?.maxRequestsPerConnection, common?.idleTimeout?.seconds], [2, 9n]);
  assert.equal(mesh.http('dst|10.96.0.5:5432'), undefined, 'whoever dials speaks for itself');
});

test('what requests are made in: the port’s protocol, or as a rule or the mesh upgrades it', () => {
  const made = (port: string, ...objects: readonly string[]): string | undefined => {
    const mesh = world(service({ ports: `{ port: 5432, name: ${port} }` }), PODS, ...objects);
    const options = mesh.http(NAME)?.upstreamProtocolOptions;
    return options?.case === 'explicitHttpConfig'
      ? options.value.protocolConfig.case
      : options?.case;
  };
  const upgrade = (word: string): string =>
    policy(`{ connectionPool: { http: { h2UpgradePolicy: ${word} } } }`);
  const ofMesh = `
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data: { mesh: "h2UpgradePolicy: UPGRADE" }
`;
  assert.equal(made('http'), undefined, 'HTTP/1.1 is Envoy’s own default');
  assert.equal(made('grpc'), 'http2ProtocolOptions');
  assert.equal(made('web'), undefined, '5432 is TCP by its number');
  assert.equal(made('http', upgrade('UPGRADE')), 'http2ProtocolOptions');
  assert.equal(made('http', ofMesh), 'http2ProtocolOptions');
  assert.equal(made('http', ofMesh, upgrade('DO_NOT_UPGRADE')), undefined);
  assert.equal(
    made('http', policy('{ connectionPool: { http: { useClientProtocol: true } } }')),
    'useDownstreamProtocolConfig',
  );
});
