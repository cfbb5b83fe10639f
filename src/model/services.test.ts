import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apply, meshOf, remove } from './mesh-of.ts';
import { isVisibleIn } from './service.ts';

const DB = 'default/db.default.svc.cluster.local';

const service = `
kind: Service
metadata: { name: db, creationTimestamp: 2026-01-02T00:00:00Z }
spec:
  clusterIP: 10.96.0.5
  ports: [{ name: tcp, port: 5432 }, { name: dns, port: 53, protocol: UDP }]
`;

const entry = `
kind: ServiceEntry
metadata: { name: db, creationTimestamp: 2026-01-01T00:00:00Z }
spec:
  hosts: [DB.default.svc.cluster.local.]
  addresses: [240.240.0.1, 2001:DB8::1, 198.51.100.0/32]
  ports: [{ name: other, number: 6000, protocol: TCP }, { name: tcp, number: 5432, protocol: TCP }]
  resolution: STATIC
  exportTo: [.]
  subjectAltNames: ['spiffe://b', 'spiffe://a']
`;

test('a Service is a service of the mesh, with its TCP ports', () => {
  const found = meshOf(service).services.get(DB);
  assert.deepEqual(found, {
    key: DB,
    namespace: 'default',
    host: 'db.default.svc.cluster.local',
    createdAtMs: Date.UTC(2026, 0, 2),
    addresses: ['10.96.0.5'],
    isHeadless: false,
    aliasOf: '',
    ports: [{ number: 5432, name: 'tcp', protocol: 'tcp' }],
    resolution: 'static',
    isExternal: false,
    exportTo: 'all',
    subjectAltNames: [],
    trafficDistribution: 'any',
    isNodeLocal: false,
    kubeService: 'default/db',
    serviceEntries: [],
  });
});

test('a ServiceEntry is one, too: spelling of host and addresses does not matter', () => {
  const found = meshOf(entry).services.get(DB);
  assert.equal(found?.host, 'db.default.svc.cluster.local');
  assert.deepEqual(found?.addresses, ['240.240.0.1', '2001:db8::1', '198.51.100.0']);
  assert.equal(found?.isExternal, true, 'unless it says MESH_INTERNAL');
  assert.deepEqual(found?.exportTo, ['default']);
  assert.deepEqual(found?.subjectAltNames, ['spiffe://a', 'spiffe://b']);
});

test("of one host and namespace they are one: the Service's ports, the addresses of both", () => {
  const mesh = meshOf(`${service}---${entry}`);
  const found = mesh.services.get(DB);
  assert.equal(mesh.services.size, 1);
  assert.deepEqual(found?.addresses.slice(0, 2), ['10.96.0.5', '240.240.0.1']);
  assert.deepEqual(
    found?.ports.map(({ number }) => number),
    [5432],
  );
  assert.equal(found?.exportTo, 'all');
  assert.equal(found?.isExternal, false);
  assert.equal(found?.createdAtMs, Date.UTC(2026, 0, 1), 'as old as its oldest object');
  remove(mesh, service);
  assert.deepEqual(
    mesh.services.get(DB)?.ports.map(({ number }) => number),
    [5432, 6000],
  );
});

test('of two ServiceEntries of one host, the older defines a port', () => {
  const young = entry
    .replace('name: db', 'name: a-young')
    .replace('2026-01-01', '2026-01-05')
    .replace('protocol: TCP }, {', 'protocol: HTTP }, {')
    .replace('exportTo: [.]', 'exportTo: [b]');
  const found = meshOf(`${young}---${entry}`).services.get(DB);
  assert.deepEqual(
    found?.ports.map(({ protocol }) => protocol),
    ['tcp', 'tcp'],
  );
  assert.deepEqual(found?.serviceEntries, ['default/db', 'default/a-young']);
  assert.deepEqual(found?.exportTo, ['b', 'default']);
});

test('the same host in another namespace is another service', () => {
  const foreign = entry.replace('name: db', 'name: db, namespace: other');
  const mesh = meshOf(`${service}---${foreign}`);
  assert.deepEqual(mesh.services.get(DB)?.addresses, ['10.96.0.5']);
  assert.equal(mesh.services.size, 2);
});

test('who sees a service: its exportTo, else the default of the mesh', () => {
  const config = `
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data: { mesh: 'defaultServiceExportTo: [.]' }
`;
  const cases: readonly (readonly [string, readonly string[]])[] = [
    [service, ['default', 'b']],
    [`${service}---${config}`, ['default']],
    [entry, ['default']],
    [entry.replace('exportTo: [.]', 'exportTo: [b]'), ['b']],
    [entry.replace('exportTo: [.]', "exportTo: ['~']"), []],
    [
      service.replace('name: db', "name: db, annotations: { networking.istio.io/exportTo: '~' }"),
      [],
    ],
  ];
  for (const [yaml, wanted] of cases) {
    const found = meshOf(yaml).services.get(DB);
    assert(found);
    const seeing = ['default', 'b'].filter((namespace) => isVisibleIn(found, namespace));
    assert.deepEqual(seeing, wanted, yaml);
  }
});

test('a change of other settings touches no service', () => {
  const config = `
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data: { mesh: 'enableAutoMtls: false' }
`;
  const mesh = meshOf(service);
  const before = mesh.graph.computationCount;
  apply(mesh, config);
  assert.equal(mesh.config().enableAutoMtls, false);
  assert.equal(mesh.services.changed.size, 0);
  assert(mesh.graph.computationCount - before < 10);
});

test('a ServiceEntry takes the addresses that it was given, unless it names its own', () => {
  const given = `
kind: ServiceEntry
metadata: { name: ext }
spec: { hosts: [ext.example.com], resolution: DNS, ports: [{ name: tcp, number: 443 }] }
status: { addresses: [{ value: 240.240.0.9, host: ext.example.com }] }
`;
  const key = 'default/ext.example.com';
  assert.deepEqual(meshOf(given).services.get(key)?.addresses, ['240.240.0.9']);
  const own = given.replace('resolution', 'addresses: [240.240.0.2], resolution');
  assert.deepEqual(meshOf(own).services.get(key)?.addresses, ['240.240.0.2']);
});

test('an automatic address is of one host, and only where one is wanted', () => {
  const two = `
kind: ServiceEntry
metadata: { name: ext }
spec:
  hosts: [a.example.com, b.example.com]
  resolution: DNS
  ports: [{ name: tls, number: 443, protocol: TLS }]
status:
  addresses:
  - { value: 240.240.0.9, host: A.example.com }
  - { value: 240.240.0.10, host: b.example.com }
`;
  const of = (yaml: string): (readonly string[] | undefined)[] => {
    const { services } = meshOf(yaml);
    return ['a', 'b'].map((name) => services.get(`default/${name}.example.com`)?.addresses);
  };
  assert.deepEqual(of(two), [['240.240.0.9'], ['240.240.0.10']]);
  assert.deepEqual(of(two.replace('DNS', 'NONE')), [[], []]);
  const label = ', labels: { networking.istio.io/enable-autoallocate-ip: "False" } }';
  assert.deepEqual(of(two.replace('name: ext }', `name: ext${label}`)), [[], []]);
});
