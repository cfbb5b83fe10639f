import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse as parseYaml } from 'yaml';
import { parseAgentConfig } from '#agent/config.ts';
import { OperatorError } from '#base/operator-error.ts';
import type { KubeObject } from '#kube/objects.ts';
import { selectEntry } from './entry.ts';
import { renderPlaces, vmFiles, type VmFilesInput } from './files.ts';

const input = (changes: Partial<VmFilesInput> = {}): VmFilesInput => ({
  service: 'postgresql-1-vm',
  entry: {
    name: 'postgresql-1-vm-10.128.0.14',
    namespace: 'default',
    address: '10.128.0.14',
    ports: [9187, 5432],
    labels: { app: 'postgresql-1-vm', version: 'v1', team: 'books' },
    serviceAccount: 'postgresql-1-vm',
  },
  gateway: '203.0.113.7',
  serviceCidr: '10.96.0.0/16',
  trustDomain: 'cluster.local',
  proxyConfig: { drainDuration: '10s', proxyMetadata: { SECRET_TTL: '6s' } },
  rootCertPem: '-----BEGIN CERTIFICATE-----\n',
  credential: { kind: 'token', token: 'header.claims.signature' },
  ...changes,
});

const contentOf = (name: string, changes?: Partial<VmFilesInput>): string => {
  const file = vmFiles(input(changes)).find((candidate) => candidate.name === name);
  assert(file, name);
  return file.content;
};

/** What the agent makes of the files when they lie where they belong. */
const agentConfig = (changes?: Partial<VmFilesInput>) => {
  const files = new Map(vmFiles(input(changes)).map(({ place, content }) => [place, content]));
  const readFile = (path: string): string | undefined => files.get(path);
  return parseAgentConfig({ argv: [], env: {}, hostname: 'vm-1', readFile, parseYaml });
};

test('cluster.env has what istioctl writes, in its form', () => {
  assert.equal(
    contentOf('cluster.env'),
    `CA_ADDR=istiod.istio-system.svc:15012
ISTIO_INBOUND_PORTS=5432,9187
ISTIO_LOCAL_EXCLUDE_PORTS=22,15020,15021,15090
ISTIO_META_WORKLOAD_ENTRY=postgresql-1-vm-10.128.0.14
ISTIO_NAMESPACE=default
ISTIO_SERVICE=postgresql-1-vm.default
ISTIO_SERVICE_CIDR=10.96.0.0/16
ISTIO_SVC_IP=10.128.0.14
PILOT_ADDRESS=istiod.istio-system.svc:15012
SERVICE_ACCOUNT=postgresql-1-vm
`,
  );
  assert.match(contentOf('cluster.env', { serviceCidr: '*' }), /^ISTIO_SERVICE_CIDR='\*'$/m);
});

test('an entry that is annotated for Prometheus has its application asked by the agent', () => {
  const entryOf = (annotations: Readonly<Record<string, string>>) =>
    selectEntry(
      [
        {
          metadata: { name: 'db', namespace: 'shop', annotations },
          spec: { address: '10.0.0.5', ports: { tcp: 5432 } },
        },
      ],
      { name: 'db', namespace: 'shop', address: undefined },
    );
  const port = { 'prometheus.io/port': '9187' };
  const entry = entryOf({ ...port, 'prometheus.io/path': '/pg', other: 'x' });
  assert.match(
    contentOf('cluster.env', { entry }),
    /^ISTIO_PROMETHEUS_ANNOTATIONS='\{"path":"\/pg","port":"9187"\}'$/m,
  );
  assert.deepEqual(agentConfig({ entry }).appMetrics, { port: 9187, path: '/pg' });
  for (const annotations of [{}, { ...port, 'prometheus.io/scrape': 'false' }]) {
    assert.doesNotMatch(contentOf('cluster.env', { entry: entryOf(annotations) }), /PROMETHEUS/);
  }
});

test("mesh.yaml keeps the mesh's settings and adds this machine's", () => {
  assert.equal(
    contentOf('mesh.yaml'),
    `defaultConfig:
  drainDuration: 10s
  proxyMetadata:
    SECRET_TTL: 6s
    CANONICAL_REVISION: v1
    CANONICAL_SERVICE: postgresql-1-vm
    ISTIO_META_CLUSTER_ID: Kubernetes
    ISTIO_META_DNS_CAPTURE: "true"
    ISTIO_META_WORKLOAD_NAME: postgresql-1-vm
    ISTIO_METAJSON_LABELS: '{"app":"postgresql-1-vm","version":"v1","team":"books"}'
    POD_NAMESPACE: default
    SERVICE_ACCOUNT: postgresql-1-vm
    TRUST_DOMAIN: cluster.local
  discoveryAddress: istiod.istio-system.svc:15012
`,
  );
});

test('the agent starts from the files alone', () => {
  const { node, controlPlane, credentials, capture, envoy } = agentConfig();
  assert.deepEqual(controlPlane.xds, { host: 'istiod.istio-system.svc', port: 15_012 });
  assert.deepEqual(controlPlane.ca, controlPlane.xds);
  assert.equal(controlPlane.serverName, undefined);
  assert(controlPlane.rootCertFiles.includes('/etc/certs/root-cert.pem'));
  assert.equal(credentials.tokenFile, '/var/run/secrets/tokens/istio-token');
  assert.equal(credentials.workloadEntry, 'postgresql-1-vm-10.128.0.14');
  assert.equal(credentials.lifetimeMs, 6000);
  assert.deepEqual(capture.inboundPorts, [5432, 9187]);
  assert.deepEqual(capture.outboundCidrs, ['10.96.0.0/16']);
  assert.deepEqual(
    [node.ip, node.namespace, node.serviceAccount, envoy.drainMs],
    ['10.128.0.14', 'default', 'postgresql-1-vm', 10_000],
  );
  const { WORKLOAD_NAME, LABELS } = node.metadata;
  assert.equal(WORKLOAD_NAME, 'postgresql-1-vm');
  assert.deepEqual(LABELS, { app: 'postgresql-1-vm', version: 'v1', team: 'books' });
});

test('a gateway by address goes into hosts; one by name is dialled by it, and known by ours', () => {
  assert.equal(contentOf('hosts'), '203.0.113.7 istiod.istio-system.svc\n');
  const named = { gateway: 'lb.example.org' };
  assert.match(contentOf('hosts', named), /^# nothing to add/);
  const { xds, ca, serverName } = agentConfig(named).controlPlane;
  assert.deepEqual(xds, { host: 'lb.example.org', port: 15_012 });
  assert.deepEqual(ca, xds);
  assert.equal(serverName, 'istiod.istio-system.svc');
});

test('the token is for its owner only, and every file says where it goes', () => {
  const modes = vmFiles(input()).map(({ name, mode }) => `${name} ${mode.toString(8)}`);
  assert(modes.includes('istio-token 600'));
  assert.equal(
    renderPlaces(vmFiles(input())),
    `sudo install -D -m 0644 cluster.env   /var/lib/istio/envoy/cluster.env
sudo install -D -m 0644 mesh.yaml     /etc/istio/config/mesh
sudo install -D -m 0644 root-cert.pem /etc/certs/root-cert.pem
sudo install -D -m 0600 istio-token   /var/run/secrets/tokens/istio-token
sudo tee -a /etc/hosts < hosts`,
  );
});

const entry = (name: string, address: string, by?: string): KubeObject => ({
  metadata: { name, ...(by && { labels: { 'isthmus.dev/registered-by': by } }) },
  spec: { address, ports: { tcp: 5432 }, serviceAccount: 'db' },
});

test('which machine is meant', () => {
  const entries = [
    entry('db-10.0.0.1', '10.0.0.1', 'db'),
    entry('db-10.0.0.2', '10.0.0.2', 'db'),
    entry('web-10.0.0.3', '10.0.0.3', 'web'),
    entry('by-hand', '10.0.0.4'),
  ];
  const select = (name: string, address?: string) =>
    selectEntry(entries, { name, namespace: 'shop', address });
  assert.equal(select('web').address, '10.0.0.3');
  assert.equal(select('db', '10.0.0.2').name, 'db-10.0.0.2');
  assert.deepEqual(select('by-hand').ports, [5432]);
  const problems: readonly [string, string | undefined, string, string][] = [
    ['db', undefined, 'db has 2 machines', 'say which with --ip: 10.0.0.1, 10.0.0.2'],
    [
      'bd',
      undefined,
      'bd is not registered in shop',
      'register it first: isthmus register bd IP PORT -n shop',
    ],
    [
      'web',
      '10.0.0.9',
      'web is not registered at 10.0.0.9 in shop',
      'register it first: isthmus register web 10.0.0.9 PORT -n shop',
    ],
  ];
  for (const [name, address, message, remedy] of problems) {
    assert.throws(
      () => select(name, address),
      (error) =>
        error instanceof OperatorError && error.message === message && error.remedy === remedy,
    );
  }
});
