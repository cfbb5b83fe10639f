// Both ends of each connection count it, and say the same: real Envoys, agents, PostgreSQL.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { TELEMETRY } from '#kube/resources.ts';
import { enterSandbox } from '#lab/enter.ts';
import { eventually } from '#lab/eventually.ts';
import { Writer } from '#lab/library.ts';
import { CLIENT, LibraryMesh, meshConfig, TARGET, VM } from '#lab/library-mesh.ts';
import { hostOf, spiffeIdOf } from '#lab/manifests.ts';
import { parsePrometheusText, type SeriesSample } from '#lab/prometheus-text.ts';
import type { Sidecar } from '#lab/sidecar.ts';

await enterSandbox();

const STATUS_PORT = 15_020;
const BOOKS = 4;
const BOOKS_LIMIT_MS = 15_000;
const COUNTERS = [
  'istio_tcp_connections_opened_total',
  'istio_tcp_connections_closed_total',
  'istio_tcp_received_bytes_total',
  'istio_tcp_sent_bytes_total',
] as const;

describe('the metrics of both ends', { concurrency: false }, () => {
  let mesh: LibraryMesh;
  let firstId = 1;

  before(async () => {
    mesh = await LibraryMesh.create({ env: process.env, enableAutoMtls: true });
  });
  after(() => mesh[Symbol.asyncDispose]());

  /** Of connections to PostgreSQL, as one end reports them. */
  async function reported(sidecar: Sidecar): Promise<readonly SeriesSample[]> {
    const text = await sidecar.machine.httpGet(STATUS_PORT, '/stats/prometheus');
    return parsePrometheusText(text).filter(
      ({ metric, labels }) =>
        COUNTERS.some((counter) => counter === metric) &&
        labels['destination_service'] === hostOf(VM),
    );
  }

  type Security = 'mutual_tls' | 'none';

  const under = (samples: readonly SeriesSample[], security: Security): readonly SeriesSample[] =>
    samples.filter(({ labels }) => labels['connection_security_policy'] === security);

  const valueOf = (samples: readonly SeriesSample[], metric: (typeof COUNTERS)[number]): number =>
    samples.reduce((sum, sample) => sum + (sample.metric === metric ? sample.value : 0), 0);

  /** Books in, one connection each; then what both ends say once all is closed. */
  async function insert(security: Security) {
    const before = await Promise.all([mesh.client, mesh.vm].map(reported));
    const closedBefore = before.map((end) =>
      valueOf(under(end, security), 'istio_tcp_connections_closed_total'),
    );
    const writer = Writer.start(mesh.client.machine, { ...TARGET, note: 'x', firstId });
    await writer.waitForMore(BOOKS, BOOKS_LIMIT_MS);
    assert(await writer.finish());
    firstId += 100;
    const count = writer.inserted.length;
    return await eventually(`${count} connections closed at both ends`, async () => {
      const [source = [], destination = []] = (
        await Promise.all([mesh.client, mesh.vm].map(reported))
      ).map((end) => under(end, security));
      const closed = [source, destination].map((end, index) => {
        const total = valueOf(end, 'istio_tcp_connections_closed_total');
        return total - (closedBefore[index] ?? 0);
      });
      return closed.every((each) => each === count) ? { source, destination } : undefined;
    });
  }

  const labelsOf = ([first]: readonly SeriesSample[]): SeriesSample['labels'] =>
    first?.labels ?? {};

  /** Each series without who reports it, and its value. */
  const comparable = (samples: readonly SeriesSample[]): readonly string[] =>
    samples
      .map(({ metric, labels, value }) =>
        JSON.stringify([metric, { ...labels, reporter: '' }, value]),
      )
      .toSorted();

  test('under mutual TLS: the same labels, the same sums, no label empty', async () => {
    const { source, destination } = await insert('mutual_tls');
    assert.deepEqual(comparable(source), comparable(destination));
    assert.equal(new Set(source.map(({ metric }) => metric)).size, COUNTERS.length);
    for (const { labels } of [...source, ...destination]) {
      assert.deepEqual(
        Object.entries(labels).filter(([, value]) => value === ''),
        [],
      );
    }
    const labels = labelsOf(source);
    assert.equal(labels['source_workload'], CLIENT);
    assert.equal(labels['source_principal'], spiffeIdOf(CLIENT));
    assert.equal(labels['source_version'], 'v1');
    assert.equal(labels['destination_workload'], VM);
    assert.equal(labels['destination_principal'], spiffeIdOf(VM));
    assert.equal(labels['destination_service_name'], VM);
    assert.equal(labels['destination_cluster'], 'Kubernetes');
    assert(valueOf(source, 'istio_tcp_received_bytes_total') > 0);
  });

  test('what Telemetry turns off, takes away and adds, and none of it is lost', async () => {
    const before = under(await reported(mesh.client), 'mutual_tls');
    const object = {
      metadata: { name: 'metrics', namespace: 'default' },
      spec: {
        metrics: [
          {
            overrides: [
              { match: { metric: 'TCP_SENT_BYTES', mode: 'CLIENT' }, disabled: true },
              {
                match: { metric: 'TCP_RECEIVED_BYTES' },
                tagOverrides: {
                  source_version: { operation: 'REMOVE' },
                  response_flags: { operation: 'REMOVE' },
                  server_port: { value: 'destination.port' },
                },
              },
            ],
          },
        ],
      },
    };
    await mesh.cluster.apply({ type: TELEMETRY, object });
    const told = await eventually('what is left of them', async () => {
      const samples = under(await reported(mesh.client), 'mutual_tls');
      const isTold = samples.every(({ metric }) => metric !== 'istio_tcp_sent_bytes_total');
      return isTold ? samples : undefined;
    });
    const received = (samples: readonly SeriesSample[]) =>
      samples.filter(({ metric }) => metric === 'istio_tcp_received_bytes_total');
    for (const { labels } of received(told)) {
      assert.deepEqual(
        [labels['source_version'], labels['response_flags']],
        [undefined, undefined],
      );
      assert.equal(labels['server_port'], 'unknown', 'of what was counted before');
    }
    const sum = (samples: readonly SeriesSample[]): number =>
      valueOf(samples, 'istio_tcp_received_bytes_total');
    assert.equal(sum(told), sum(before));
    const opened = told.find(({ metric }) => metric === 'istio_tcp_connections_opened_total');
    assert.equal(opened?.labels['source_version'], 'v1', 'of others nothing was said');
    assert.equal(valueOf(await reported(mesh.vm), 'istio_tcp_sent_bytes_total') > 0, true);
    const { source } = await insert('mutual_tls');
    assert(received(source).some(({ labels }) => labels['server_port'] === '5432'));
    await mesh.cluster.remove({ type: TELEMETRY, object });
    const again = await eventually('all of them', async () => {
      const samples = under(await reported(mesh.client), 'mutual_tls');
      return valueOf(samples, 'istio_tcp_sent_bytes_total') > 0 ? samples : undefined;
    });
    assert.equal(sum(again), sum(source), 'nothing is lost by it');
  });

  test('what is led nowhere is told under Istio’s name of that', async () => {
    const nobody = 'exec 3<>/dev/tcp/240.240.250.250/5432 && timeout 2 cat <&3';
    await mesh.client.machine.run(['bash', '-c', nobody]);
    const opened = await eventually('it is counted', async () => {
      const text = await mesh.client.machine.httpGet(STATUS_PORT, '/stats/prometheus');
      return parsePrometheusText(text).find(
        ({ metric, labels }) =>
          metric === 'istio_tcp_connections_opened_total' &&
          labels['destination_service_name'] === 'BlackHoleCluster',
      );
    });
    assert.equal(opened.labels['destination_service'], 'unknown');
    assert.equal(opened.labels['reporter'], 'source');
    assert.match(opened.labels['response_flags'] ?? '', /UH|NC/);
  });

  test('an agent that is killed counts nothing twice', async () => {
    const before = under(await reported(mesh.vm), 'mutual_tls');
    assert(valueOf(before, 'istio_tcp_connections_opened_total') > 0);
    await mesh.vm.restartAgent('kill');
    const after = under(await reported(mesh.vm), 'mutual_tls');
    assert.equal(valueOf(after, 'istio_tcp_connections_opened_total'), 0);
    await mesh.client.restartAgent('kill');
    const { source, destination } = await insert('mutual_tls');
    assert.deepEqual(comparable(source), comparable(destination));
  });

  test('in clear text: by address, and the same again', async () => {
    await mesh.cluster.apply(meshConfig(false));
    const { source, destination } = await insert('none');
    assert.deepEqual(comparable(source), comparable(destination));
    const labels = labelsOf(destination);
    assert.equal(labels['source_workload'], CLIENT);
    assert.equal(labels['destination_workload'], VM);
    assert.equal(labels['source_principal'], 'unknown');
  });
});
