import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OperatorError } from '#base/operator-error.ts';
import { parseAgentConfig, type AgentInput } from './config.ts';

const parse = (
  input: Partial<AgentInput> & { readonly files?: Readonly<Record<string, string>> } = {},
) =>
  parseAgentConfig({
    argv: [],
    env: {},
    hostname: 'postgresql-1-vm.example.com',
    readFile: (path) => input.files?.[path],
    parseYaml: (text) => JSON.parse(text) as unknown,
    ...input,
  });

const problemOf = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    assert(error instanceof OperatorError, String(error));
    return `${error.code}: ${error.message}`;
  }
  return 'no problem';
};

test('with nothing said, an agent has the defaults and paths of Istio', () => {
  const config = parse();
  assert.deepEqual(config.controlPlane, {
    xds: { host: 'istiod.istio-system.svc', port: 15012 },
    ca: { host: 'istiod.istio-system.svc', port: 15012 },
    serverName: undefined,
    rootCertFiles: ['/var/run/secrets/istio/root-cert.pem', '/etc/certs/root-cert.pem'],
  });
  assert.equal(config.node.name, 'postgresql-1-vm');
  assert.equal(config.node.dnsDomain, 'default.svc.cluster.local');
  assert.equal(config.credentials.tokenFile, '/var/run/secrets/tokens/istio-token');
  assert.equal(config.envoy.drainMs, 45_000);
  assert.deepEqual(config.capture.inboundExcludePorts, [22, 15020, 15021, 15090]);
  assert.deepEqual(config.paths, {
    stateDir: '/var/lib/istio/data',
    proxyDir: '/var/lib/istio/proxy',
    logDir: '/var/log/istio',
  });
});

test("the story's cluster.env is understood as istioctl writes it", () => {
  const config = parse({
    files: {
      '/var/lib/istio/envoy/cluster.env': `
# written by istioctl
CA_ADDR='10.0.0.5:15012'
ISTIO_INBOUND_PORTS=5432,5433
ISTIO_SERVICE_CIDR=10.96.0.0/16,10.4.0.9
ISTIO_NAMESPACE='library'
SERVICE_ACCOUNT=postgresql-1-vm # the account
export ISTIO_SVC_IP="10.128.0.14"
ISTIO_META_NETWORK=vm-network
ISTIO_METAJSON_LABELS='{"app":"postgresql"}'
ISTIOD_SAN=istiod.istio-system.svc
`,
    },
  });
  assert.deepEqual(config.controlPlane.xds, { host: '10.0.0.5', port: 15012 });
  assert.equal(config.controlPlane.serverName, 'istiod.istio-system.svc');
  assert.deepEqual(config.capture.inboundPorts, [5432, 5433]);
  assert.deepEqual(config.capture.outboundCidrs, ['10.96.0.0/16', '10.4.0.9/32']);
  assert.equal(config.node.ip, '10.128.0.14');
  assert.equal(config.node.namespace, 'library');
  assert.equal(config.node.serviceAccount, 'postgresql-1-vm');
  assert.deepEqual(config.node.metadata, {
    NETWORK: 'vm-network',
    LABELS: { app: 'postgresql' },
  });
});

test('flags win over the environment, cluster.env, sidecar.env and the mesh file', () => {
  const files = {
    '/var/lib/istio/envoy/cluster.env': 'PILOT_ADDRESS=cluster:1\nISTIO_INBOUND_PORTS=2\n',
    '/var/lib/istio/envoy/sidecar.env': 'ISTIO_INBOUND_PORTS=3\nSERVICE_ACCOUNT=from-sidecar\n',
    '/etc/istio/config/mesh': JSON.stringify({
      defaultConfig: {
        discoveryAddress: 'mesh:1',
        concurrency: 2,
        drainDuration: '1m30s',
        proxyMetadata: { SERVICE_ACCOUNT: 'from-mesh', ISTIO_META_CLUSTER_ID: 'east' },
      },
    }),
  };
  const config = parse({
    argv: ['proxy', 'sidecar', '--discoveryAddress=flag:1', '--statusPort', '15030'],
    env: { PILOT_ADDRESS: 'env:1', ISTIO_INBOUND_PORTS: '*' },
    files,
  });
  assert.equal(config.controlPlane.xds.host, 'flag');
  assert.equal(config.statusPort, 15030);
  assert.equal(config.capture.inboundPorts, '*');
  assert.equal(config.node.serviceAccount, 'from-sidecar');
  assert.equal(config.envoy.concurrency, 2);
  assert.equal(config.envoy.drainMs, 90_000);
  assert.equal(config.node.clusterId, 'east');
  assert.equal(parse({ files }).controlPlane.xds.host, 'cluster');
});

test('the certificate authority is CA_ADDR, else where the proxy configuration comes from', () => {
  const both = parse({ env: { PILOT_ADDRESS: 'pilot:15012', CA_ADDR: 'ca:15013' } });
  assert.deepEqual(both.controlPlane.ca, { host: 'ca', port: 15013 });
  assert.deepEqual(both.controlPlane.xds, { host: 'pilot', port: 15012 });
  const pilot = parse({ env: { PILOT_ADDRESS: '[2001:db8::1]:15013' } });
  assert.deepEqual(pilot.controlPlane.ca, { host: '2001:db8::1', port: 15013 });
  assert.equal(parse({ env: { ISTIO_PILOT_PORT: '15022' } }).controlPlane.xds.port, 15022);
});

test('--root moves every default path; a path that is given stays', () => {
  const config = parse({
    argv: ['--root', '/tmp/vm/'],
    env: { PROV_CERT: '/keys', OUTPUT_CERTS: '/keys' },
  });
  assert.equal(config.credentials.tokenFile, '/tmp/vm/var/run/secrets/tokens/istio-token');
  assert.equal(config.paths.logDir, '/tmp/vm/var/log/istio');
  assert.deepEqual(config.controlPlane.rootCertFiles, [
    '/tmp/vm/var/run/secrets/istio/root-cert.pem',
    '/keys/root-cert.pem',
  ]);
  assert.equal(config.credentials.outputCertsDir, '/keys');
});

test('every wrong setting is named, all at once', () => {
  const table: readonly (readonly [Record<string, string>, RegExp])[] = [
    [{ ISTIO_INBOUND_PORTS: '5432,0' }, /ISTIO_INBOUND_PORTS is "5432,0", expected ports/],
    [{ ISTIO_INBOUND_PORTS: '70000' }, /expected ports from 1 to 65535/],
    [{ ISTIO_SERVICE_CIDR: '10.0.0.0/33' }, /ISTIO_SERVICE_CIDR is "10.0.0.0\/33"/],
    [{ ISTIO_SVC_IP: '10.0.0.1,10.0.0.2' }, /ISTIO_SVC_IP is .* expected one IP address/],
    [{ ISTIO_SVC_IP: '10.0.0.0/8' }, /expected one IP address/],
    [{ CA_ADDR: 'host:port' }, /CA_ADDR is "host:port", expected host:port/],
    [{ CA_ADDR: '10.0.0.256:1' }, /CA_ADDR/],
    [{ ISTIO_NAMESPACE: 'Has Space' }, /the namespace "Has Space"/],
    [{ SERVICE_ACCOUNT: '../x' }, /SERVICE_ACCOUNT is "..\/x"/],
    [{ POD_NAME: 'a~b' }, /the node's name "a~b"/],
    [{ ISTIO_METAJSON_LABELS: '{' }, /ISTIO_METAJSON_LABELS is not JSON/],
    [{ ISTIO_INBOUND_INTERCEPTION_MODE: 'TPROXY' }, /expected one of REDIRECT, NONE/],
    [{ SECRET_TTL: '24' }, /SECRET_TTL is "24", expected a duration such as 45s/],
    [{ ISTIO_EXCLUDE_INTERFACES: 'eth0"; drop' }, /which is no interface/],
    [{ XDS_ROOT_CA: 'SYSTEM' }, /expected the file of the mesh root certificate/],
  ];
  for (const [env, expected] of table) {
    const problem = problemOf(() => parse({ env }));
    assert.match(problem, /^CONFIG_INVALID: /, JSON.stringify(env));
    assert.match(problem, expected);
  }
  const both = problemOf(() => parse({ env: { CA_ADDR: ':', ENVOY_PORT: 'x' } }));
  assert.match(both, /CA_ADDR is ":".*; ENVOY_PORT is "x"/);
});

test('a broken file is named with its line', () => {
  const clusterEnv = '/var/lib/istio/envoy/cluster.env';
  for (const text of ['A=1\nnot an assignment\n', 'A=1\nB="open\n', "A=1\nB=a b'c'\n"]) {
    const problem = problemOf(() => parse({ files: { [clusterEnv]: text } }));
    assert.match(problem, /cluster\.env: line 2 is not NAME=value/);
  }
  const mesh = problemOf(() => parse({ files: { '/etc/istio/config/mesh': '{' } }));
  assert.match(mesh, /\/etc\/istio\/config\/mesh is not a mesh configuration/);
});

test('an unknown flag, or one without its value, is a usage error', () => {
  assert.match(
    problemOf(() => parse({ argv: ['--tproxy', 'x'] })),
    /^USAGE: .*--tproxy/,
  );
  assert.match(
    problemOf(() => parse({ argv: ['--statusPort'] })),
    /^USAGE: .*--statusPort/,
  );
  assert.match(
    problemOf(() => parse({ argv: ['--constructor=1'] })),
    /^USAGE/,
  );
});

test('names are the agent’s business where traffic is, unless it is told otherwise', () => {
  const env = (...values: readonly (readonly [string, string])[]) => ({
    env: Object.fromEntries(values),
  });
  const { dns, capture } = parse();
  assert.deepEqual(capture.dns, { port: 15053, sourcePorts: { first: 61_000, last: 61_999 } });
  assert.equal(dns?.clusterDomain, 'cluster.local');
  assert.equal(dns?.authoritative, undefined);
  const off = ['ISTIO_META_DNS_CAPTURE', 'false'] as const;
  assert.equal(parse(env(off)).dns, undefined);
  const none = ['ISTIO_INBOUND_INTERCEPTION_MODE', 'NONE'] as const;
  assert.equal(parse(env(none)).dns, undefined);
  const on = ['ISTIO_META_DNS_CAPTURE', 'true'] as const;
  const address = ['DNS_PROXY_ADDR', '127.0.0.1:53'] as const;
  assert.equal(parse(env(none, on, address)).dns?.port, 53);
  const authoritative = (text: string) =>
    parse(env(['ISTHMUS_DNS_AUTHORITATIVE', text])).dns?.authoritative;
  assert.deepEqual(authoritative('none'), []);
  assert.deepEqual(authoritative('cluster.local, Corp.Example'), ['cluster.local', 'corp.example']);
  assert.match(
    problemOf(() => parse(env(['ISTIO_META_DNS_CAPTURE', 'yes']))),
    /ISTIO_META_DNS_CAPTURE is "yes"/,
  );
});

test('a Pod’s proxy drains as long as injection says, a machine’s stays', () => {
  const drainMs = (env: Readonly<Record<string, string>>): number =>
    parse({ env }).envoy.terminationDrainMs;
  assert.equal(drainMs({}), 0);
  const ofPod = { TERMINATION_DRAIN_DURATION_SECONDS: '5' };
  assert.equal(drainMs(ofPod), 5_000);
  assert.equal(drainMs({ ...ofPod, ISTHMUS_TERMINATION_DRAIN_DURATION: '20s' }), 20_000);
});

test('a router has nothing to capture, whatever it is told of capture', () => {
  const argv = ['proxy', 'router', '--domain', 'shop.svc.cluster.local'];
  const { node, capture, dns } = parse({
    argv,
    env: { ISTIO_INBOUND_PORTS: '*', ISTIO_INBOUND_INTERCEPTION_MODE: 'REDIRECT' },
  });
  assert.equal(node.role, 'router');
  assert.equal(node.dnsDomain, 'shop.svc.cluster.local');
  assert.equal(capture.mode, 'NONE');
  assert.equal(dns, undefined);
  assert.equal(parse({ argv: ['proxy', 'sidecar'] }).node.role, 'sidecar');
  assert.equal(parse({ env: { ISTHMUS_ROLE: 'router' } }).capture.mode, 'NONE');
  assert.match(
    problemOf(() => parse({ argv: ['proxy', 'waypoint'] })),
    /^USAGE: /,
  );
});
