import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { callKind, type CallFacts, type CertificateFacts } from './call-kind.ts';

const CLIENT: CertificateFacts = {
  spiffeId: 'spiffe://cluster.local/ns/library/sa/inventory',
  subject: 'CN=inventory-1,OU=Pod,O=cluster.local',
};
const SERVER: CertificateFacts = {
  spiffeId: 'spiffe://cluster.local/ns/default/sa/postgresql-1-vm',
  subject: 'CN=postgresql-1-vm,OU=WorkloadEntry,O=cluster.local',
};
const NONE: CertificateFacts = { spiffeId: '', subject: '' };
const HOST = 'postgresql-1-vm.default.svc.cluster.local';
const SERVICE_TAGS = { service: `${HOST}|postgresql-1-vm|default` };
const POD = '10.24.2.23';
const VM = '10.128.0.14';

const nothing: CallFacts = {
  logName: 'isthmus-outbound-tcp',
  tags: {},
  downstreamPeer: NONE,
  downstreamLocal: NONE,
  sni: '',
  downstreamRemoteAddress: '',
  downstreamLocalAddress: '',
  upstreamRemoteAddress: '',
  upstreamLocalAddress: '',
  responseCode: undefined,
  routeName: '',
};

/** One connection as the client's proxy sees it, */
const outbound: CallFacts = {
  ...nothing,
  tags: {
    ...SERVICE_TAGS,
    response_flags: '-',
    upstream_local_uri: CLIENT.spiffeId,
    upstream_peer_uri: SERVER.spiffeId,
    upstream_peer_subject: SERVER.subject,
  },
  downstreamRemoteAddress: POD,
  downstreamLocalAddress: '10.96.54.32',
  upstreamRemoteAddress: VM,
  upstreamLocalAddress: POD,
};
/** and as the server's does. */
const inbound: CallFacts = {
  ...nothing,
  logName: 'isthmus-inbound-tcp',
  tags: { ...SERVICE_TAGS, response_flags: '-' },
  downstreamPeer: CLIENT,
  downstreamLocal: SERVER,
  sni: `outbound_.5432_._.${HOST}`,
  downstreamRemoteAddress: POD,
  downstreamLocalAddress: VM,
  upstreamRemoteAddress: '127.0.0.1',
  upstreamLocalAddress: '127.0.0.1',
};
const plaintext = {
  outbound: { ...outbound, tags: { ...SERVICE_TAGS, upstream_peer_uri: '-' } },
  inbound: { ...inbound, downstreamPeer: NONE, downstreamLocal: NONE, sni: '' },
};

const seenBySource = (facts: CallFacts) => callKind(facts, CLIENT);
const seenByDestination = (facts: CallFacts) => callKind(facts, SERVER);

describe('both ends say the same of a connection', () => {
  test('under mutual TLS, by certificates', () => {
    const source = seenBySource(outbound);
    assert.deepEqual({ ...source, reporter: 'destination' }, seenByDestination(inbound));
    assert.equal(source.security, 'mutual_tls');
    assert.equal(source.source.peer, 'cert|cluster.local|library|inventory|Pod|inventory-1');
    assert.equal(source.destination.principal, SERVER.spiffeId);
  });

  test('in clear text, by addresses, also of the reporter itself', () => {
    const source = seenBySource(plaintext.outbound);
    const destination = seenByDestination(plaintext.inbound);
    assert.deepEqual({ ...source, reporter: 'destination' }, destination);
    assert.equal(source.security, 'none');
    assert.equal(source.source.peer, `ip|${POD}`);
    assert.equal(source.source.principal, '');
    assert.equal(destination.destination.peer, `ip|${VM}`);
  });
});

test('what could not connect is still its client’s', () => {
  const { source, destination, responseFlags } = seenBySource({
    ...outbound,
    tags: { ...SERVICE_TAGS, response_flags: 'UF' },
    upstreamLocalAddress: '',
  });
  assert.equal(source.peer, 'cert|cluster.local|library|inventory|Pod|inventory-1');
  assert.equal(destination.peer, `ip|${VM}`);
  assert.equal(responseFlags, 'UF');
});

test('what leaves the mesh has Istio’s name for that, and nobody to know', () => {
  const { service, security, destination } = seenBySource({
    ...plaintext.outbound,
    tags: { service: '|PassthroughCluster|', upstream_peer_uri: '-' },
    upstreamRemoteAddress: '203.0.113.9',
  });
  assert.deepEqual(service, { host: '', name: 'PassthroughCluster', namespace: '' });
  assert.equal(security, 'none');
  assert.equal(destination.peer, 'ip|203.0.113.9');
});

test('what is led nowhere, too; a service of which nobody is there keeps its name', () => {
  const unreached = { ...plaintext.outbound, upstreamRemoteAddress: '', upstreamLocalAddress: '' };
  const led = (upstream_cluster: string, routeName = '') =>
    seenBySource({ ...unreached, tags: { upstream_cluster }, routeName }).service;
  const nowhere = { host: '', name: 'BlackHoleCluster', namespace: '' };
  assert.deepEqual(led('BlackHoleCluster'), nowhere);
  assert.deepEqual(led('-', 'block_all'), nowhere);
  assert.deepEqual(led('-', 'allow_any').name, 'PassthroughCluster');
  assert.deepEqual(led('-', 'my-route'), { host: '', name: '', namespace: '' });
  assert.deepEqual(led('outbound|5432||db.default.svc.cluster.local'), {
    host: 'db.default.svc.cluster.local',
    name: 'db',
    namespace: 'default',
  });
  assert.equal(led('outbound|443|v1|api.example.com').name, 'api.example.com');
});

test('a gateway reports as a client: it is the source, whoever came to it', () => {
  const { source, reporter } = seenBySource({
    ...outbound,
    downstreamPeer: { spiffeId: 'spiffe://cluster.local/ns/x/sa/stranger', subject: '' },
    downstreamRemoteAddress: '198.51.100.7',
  });
  assert.equal(reporter, 'source');
  assert.equal(source.principal, CLIENT.spiffeId);
});

describe('of several services on one port', () => {
  const meant = (sni: string) => seenByDestination({ ...inbound, sni }).service;

  test('the one that the client names is the one that was called', () => {
    assert.deepEqual(meant('outbound_.5432_._.reports.other.svc.cluster.local'), {
      host: 'reports.other.svc.cluster.local',
      name: 'reports',
      namespace: 'other',
    });
    assert.equal(meant('outbound_.5432_.v1_.db.example.com').name, 'db.example.com');
  });

  test('a name of the application’s own says nothing of the mesh', () => {
    assert.equal(meant('db.example.com').host, HOST);
  });
});

describe('requests', () => {
  const request = (tags: Record<string, string>, responseCode: number) =>
    seenBySource({
      ...outbound,
      logName: 'isthmus-outbound-http',
      tags: { ...outbound.tags, ...tags },
      responseCode,
    });

  test('have a code, and 0 when nobody answered', () => {
    const { protocol, responseCode, grpcStatus } = request({ content_type: '-' }, 0);
    assert.deepEqual([protocol, responseCode, grpcStatus], ['http', '0', '']);
  });

  test('are gRPC by their content type, with a status of their own', () => {
    const tags = { content_type: 'application/grpc+proto', grpc_status: '14' };
    const { protocol, responseCode, grpcStatus } = request(tags, 200);
    assert.deepEqual([protocol, responseCode, grpcStatus], ['grpc', '200', '14']);
  });
});
