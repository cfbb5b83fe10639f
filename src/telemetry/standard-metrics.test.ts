import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { renderFamilies } from './exposition.ts';
import { type CallKind, UNKNOWN_WORKLOAD, type WorkloadFacts } from './report.ts';
import { StandardMetrics } from './standard-metrics.ts';

const CLIENT = 'cert|cluster.local|library|inventory|Pod|inventory-1';
const SERVER = 'cert|cluster.local|default|postgresql-1-vm|WorkloadEntry|postgresql-1-vm';

const inventory: WorkloadFacts = {
  workload: 'inventory',
  namespace: 'library',
  app: 'inventory',
  version: 'v1',
  canonicalService: 'inventory',
  canonicalRevision: 'v1',
  cluster: 'Kubernetes',
};
const database: WorkloadFacts = {
  ...inventory,
  workload: 'postgresql-1-vm',
  namespace: 'default',
  app: 'postgresql-1-vm',
  canonicalService: 'postgresql-1-vm',
};

const insert: CallKind = {
  reporter: 'source',
  source: { peer: CLIENT, principal: 'spiffe://cluster.local/ns/library/sa/inventory' },
  destination: {
    peer: SERVER,
    principal: 'spiffe://cluster.local/ns/default/sa/postgresql-1-vm',
  },
  service: {
    host: 'postgresql-1-vm.default.svc.cluster.local',
    name: 'postgresql-1-vm',
    namespace: 'default',
  },
  protocol: 'tcp',
  security: 'mutual_tls',
  responseFlags: '-',
  responseCode: '',
  grpcStatus: '',
};
const SESSION = { opened: 1, closed: 1, receivedBytes: 124, sentBytes: 565 };

/** Who is known, and what happens to be asked. */
function world(): { known: Map<string, WorkloadFacts>; metrics: StandardMetrics } {
  const known = new Map([
    [CLIENT, inventory],
    [SERVER, database],
  ]);
  return { known, metrics: new StandardMetrics((peer) => known.get(peer)) };
}

const linesOf = (metrics: StandardMetrics): readonly string[] =>
  renderFamilies(metrics.families())
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));

/** name → sum over all series */
function sums(metrics: StandardMetrics): Record<string, number> {
  const result: Record<string, number> = {};
  for (const line of linesOf(metrics)) {
    const name = line.slice(0, line.indexOf('{'));
    result[name] = (result[name] ?? 0) + Number(line.slice(line.lastIndexOf(' ')));
  }
  return result;
}

test("a connection has Istio's labels, none of them empty", () => {
  const { metrics } = world();
  metrics.recordConnection(insert, SESSION);
  const line = linesOf(metrics).find((text) => text.startsWith('istio_tcp_sent_bytes_total'));
  const labels = [
    'reporter="source"',
    'source_workload="inventory"',
    'source_canonical_service="inventory"',
    'source_canonical_revision="v1"',
    'source_workload_namespace="library"',
    'source_principal="spiffe://cluster.local/ns/library/sa/inventory"',
    'source_app="inventory"',
    'source_version="v1"',
    'source_cluster="Kubernetes"',
    'destination_workload="postgresql-1-vm"',
    'destination_workload_namespace="default"',
    'destination_principal="spiffe://cluster.local/ns/default/sa/postgresql-1-vm"',
    'destination_app="postgresql-1-vm"',
    'destination_version="v1"',
    'destination_service="postgresql-1-vm.default.svc.cluster.local"',
    'destination_canonical_service="postgresql-1-vm"',
    'destination_canonical_revision="v1"',
    'destination_service_name="postgresql-1-vm"',
    'destination_service_namespace="default"',
    'destination_cluster="Kubernetes"',
    'request_protocol="tcp"',
    'response_flags="-"',
    'connection_security_policy="mutual_tls"',
  ];
  assert.equal(line, `istio_tcp_sent_bytes_total{${labels.join(',')}} 565`);
});

test('both reporters say the same of one connection, but for who reports', () => {
  const { metrics } = world();
  metrics.recordConnection(insert, SESSION);
  metrics.recordConnection({ ...insert, reporter: 'destination' }, SESSION);
  const [one, other] = linesOf(metrics).filter((line) => line.includes('received_bytes'));
  assert.equal(other, one?.replace('reporter="source"', 'reporter="destination"'));
});

test('nothing is counted before it is known whose it is, and then all of it', () => {
  const { known, metrics } = world();
  known.delete(CLIENT);
  metrics.recordConnection(insert, SESSION);
  metrics.recordConnection(insert, SESSION);
  assert.deepEqual(linesOf(metrics), []);
  assert.equal(metrics.pendingCount, 1);
  known.set(CLIENT, inventory);
  assert.equal(sums(metrics)['istio_tcp_received_bytes_total'], 248);
  assert.equal(metrics.pendingCount, 0);
});

test('a series keeps what it has counted when its workload gets another version', () => {
  const { known, metrics } = world();
  metrics.recordConnection(insert, SESSION);
  metrics.families();
  known.set(CLIENT, { ...inventory, version: 'v2' });
  metrics.recordConnection(insert, SESSION);
  const opened = linesOf(metrics).filter((line) => line.includes('opened_total'));
  assert.deepEqual(
    opened.map((line) => [/source_version="(.*?)"/.exec(line)?.[1], line.at(-1)]),
    [
      ['v1', '1'],
      ['v2', '1'],
    ],
  );
});

test('a peer that the mesh does not know is unknown, and nothing of it is empty', () => {
  const metrics = new StandardMetrics(() => UNKNOWN_WORKLOAD);
  const source = { peer: 'ip|192.0.2.7', principal: '' };
  metrics.recordConnection({ ...insert, source, security: 'none' }, SESSION);
  const [line = ''] = linesOf(metrics);
  assert.match(line, /source_principal="unknown"/);
  assert.match(line, /source_cluster="unknown"/);
  assert.doesNotMatch(line, /=""/);
});

describe('requests', () => {
  const get: CallKind = { ...insert, protocol: 'http', responseCode: '200' };

  test('are counted, and their duration and sizes fall into buckets', () => {
    const { metrics } = world();
    metrics.recordRequest(get, { durationMs: 3, requestBytes: 120, responseBytes: 2_000 });
    metrics.recordRequest(get, { durationMs: 7, requestBytes: 120, responseBytes: 2_000 });
    const lines = linesOf(metrics);
    const valueOf = (pattern: RegExp): string | undefined =>
      lines
        .find((line) => pattern.test(line))
        ?.split(' ')
        .at(-1);
    assert.equal(valueOf(/^istio_requests_total.*response_code="200"/), '2');
    assert.equal(valueOf(/^istio_request_duration_milliseconds_bucket.*le="1"/), '0');
    assert.equal(valueOf(/^istio_request_duration_milliseconds_bucket.*le="5"/), '1');
    assert.equal(valueOf(/^istio_request_duration_milliseconds_bucket.*le="\+Inf"/), '2');
    assert.equal(valueOf(/^istio_request_duration_milliseconds_sum/), '10');
    assert.equal(valueOf(/^istio_response_bytes_sum/), '4000');
    assert.deepEqual(
      lines.filter((line) => line.startsWith('istio_tcp')),
      [],
    );
  });

  test('of gRPC say their status', () => {
    const { metrics } = world();
    metrics.recordRequest(
      { ...get, protocol: 'grpc', grpcStatus: '14' },
      { durationMs: 1, requestBytes: 1, responseBytes: 1 },
    );
    assert.match(linesOf(metrics)[0] ?? '', /request_protocol="grpc".*grpc_response_status="14"/);
  });
});

describe('beyond the limits nothing is lost', () => {
  test('too many series are counted as one', () => {
    const { metrics } = world();
    for (let index = 0; index < 4_100; index += 1) {
      const service = { ...insert.service, host: `service-${index}` };
      metrics.recordConnection({ ...insert, service }, SESSION);
    }
    const opened = linesOf(metrics).filter((line) => line.includes('opened_total'));
    assert.equal(opened.length, 4_001);
    assert.equal(sums(metrics)['istio_tcp_connections_opened_total'], 4_100);
  });

  test('too many calls that wait for a name go on without', () => {
    const metrics = new StandardMetrics(() => undefined);
    for (let index = 0; index < 1_100; index += 1) {
      const source = { peer: `ip|10.0.${index >> 8}.${index & 255}`, principal: '' };
      metrics.recordConnection({ ...insert, source }, SESSION);
    }
    assert.equal(metrics.pendingCount, 1_000);
    assert.equal(sums(metrics)['istio_tcp_connections_opened_total'], 100);
  });
});

test('values of labels are escaped as the text format says', () => {
  const { known, metrics } = world();
  known.set(CLIENT, { ...inventory, app: 'a"b\\c\nd' });
  metrics.recordConnection(insert, SESSION);
  assert.match(linesOf(metrics)[0] ?? '', /source_app="a\\"b\\\\c\\nd"/);
});

describe('what Telemetry says of metrics', () => {
  const OTHER: CallKind = { ...insert, responseFlags: 'UF' };
  const request: CallKind = { ...insert, protocol: 'http', responseCode: '200' };
  const TIMES = { durationMs: 12, requestBytes: 100, responseBytes: 1000 };

  test('a metric that is turned off is not told, and what it counts meanwhile is not lost', () => {
    const { metrics } = world();
    metrics.recordConnection(insert, SESSION);
    metrics.setRules([
      { side: 'client', metric: 'TCP_SENT_BYTES', isDisabled: true, removed: [], set: [] },
    ]);
    metrics.recordConnection(insert, SESSION);
    metrics.recordConnection({ ...insert, reporter: 'destination' }, SESSION);
    const told = sums(metrics);
    assert.equal(told['istio_tcp_received_bytes_total'], 3 * SESSION.receivedBytes);
    assert.equal(told['istio_tcp_sent_bytes_total'], SESSION.sentBytes, 'the server side is told');
    metrics.setRules([]);
    assert.equal(sums(metrics)['istio_tcp_sent_bytes_total'], 3 * SESSION.sentBytes);
  });

  test('series that lose what told them apart are added up', () => {
    const { metrics } = world();
    metrics.recordConnection(insert, SESSION);
    metrics.recordConnection(OTHER, SESSION);
    const lines = (name: string) => linesOf(metrics).filter((line) => line.startsWith(name));
    assert.equal(lines('istio_tcp_sent').length, 2);
    metrics.setRules([
      {
        side: 'client',
        metric: 'TCP_SENT_BYTES',
        isDisabled: false,
        removed: ['response_flags', 'source_version'],
        set: [],
      },
    ]);
    const [only, ...others] = lines('istio_tcp_sent');
    assert.deepEqual(others, []);
    assert.match(only ?? '', new RegExp(` ${2 * SESSION.sentBytes}$`));
    assert.doesNotMatch(only ?? '', /response_flags|source_version/);
    assert.equal(lines('istio_tcp_received').length, 2, 'of other metrics nothing was said');
  });

  test('histograms are added up, too', () => {
    const { metrics } = world();
    metrics.recordRequest(request, TIMES);
    metrics.recordRequest({ ...request, responseCode: '404' }, { ...TIMES, durationMs: 30 });
    metrics.setRules([
      {
        side: 'client',
        metric: 'REQUEST_DURATION',
        isDisabled: false,
        removed: ['response_code'],
        set: [],
      },
    ]);
    const told = linesOf(metrics).filter((line) => line.includes('duration_milliseconds_'));
    const valueOf = (name: string) =>
      told
        .find((line) => line.includes(name))
        ?.split(' ')
        .at(-1);
    assert.equal(valueOf('_count{'), '2');
    assert.equal(valueOf('_sum{'), '42');
    assert.equal(valueOf('le="25"'), '1');
    assert.equal(valueOf('le="50"'), '2');
  });

  test('a tag is set to what an expression comes to for each call', () => {
    const { metrics } = world();
    const rules = [
      {
        side: 'client',
        metric: 'REQUEST_COUNT',
        isDisabled: false,
        removed: [],
        set: [
          ['request_host', 'request.host'],
          ['source_cluster', `'east'`],
        ],
      },
    ] as const;
    metrics.recordRequest(request, TIMES);
    metrics.setRules(rules);
    for (const host of ['a.example', 'b.example', 'a.example']) {
      metrics.recordRequest(request, TIMES, () => ({ 'request.host': host }));
    }
    const counts = linesOf(metrics)
      .filter((line) => line.startsWith('istio_requests_total'))
      .map((line) => [
        /request_host="(.*?)"/.exec(line)?.[1],
        /source_cluster="(.*?)"/.exec(line)?.[1],
        line.at(-1),
      ]);
    assert.deepEqual(counts, [
      ['unknown', 'unknown', '1'],
      ['a.example', 'east', '2'],
      ['b.example', 'east', '1'],
    ]);
    const sizes = linesOf(metrics).filter((line) => line.startsWith('istio_request_bytes_count'));
    assert.deepEqual(
      sizes.map((line) => line.split(' ').at(-1)),
      ['4'],
      'others are as they were',
    );
  });

  test('without a rule nothing is worked out', () => {
    const { metrics } = world();
    metrics.recordRequest(request, TIMES, () => assert.fail('nobody asks for it'));
  });
});
