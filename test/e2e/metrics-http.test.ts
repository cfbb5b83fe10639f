// Both ends of each request count it, and say the same: real Envoys and agents, HTTP and gRPC.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import type { MeshEdge } from '#api/graph.ts';
import type { TalkedTo } from '#api/history.ts';
import { Cloud, POD_CIDR, VM_CIDR } from '#lab/cloud.ts';
import { Cluster, CONTROL_PLANE_NAME, MONITORING_PORT, XDS_PORT } from '#lab/cluster.ts';
import { fieldsOf } from '#kube/fields.ts';
import { enterSandbox } from '#lab/enter.ts';
import { eventually } from '#lab/eventually.ts';
import { meshConfig } from '#lab/library-mesh.ts';
import * as manifests from '#lab/manifests.ts';
import { parsePrometheusText, type SeriesSample } from '#lab/prometheus-text.ts';
import { Sidecar } from '#lab/sidecar.ts';
import { GRPC, HTTP, HTTP_STATUSES } from './metrics-http-plan.ts';
import { checkMetrics, Prometheus } from './prometheus.ts';

await enterSandbox();

const PROGRAM = fileURLToPath(new URL('metrics-http-program.ts', import.meta.url));
const STATUS_PORT = 15_020;
const METRICS_PAGE = '/stats/prometheus';
const CONTROL = { name: 'isthmusd', address: '10.24.0.10' };
const CLIENT = { name: 'reader', address: '10.24.2.23' };
const VM = { name: 'shelves', address: '10.128.0.14' };
const SERVICES = [
  { name: 'catalogue', clusterIp: '10.96.54.40', port: HTTP.port, portName: 'http' },
  { name: 'greeter', clusterIp: '10.96.54.41', port: GRPC.port, portName: 'grpc' },
] as const;

/** In one run of the client. */
const CALLS = HTTP_STATUSES.length + 1;

const METRICS = [
  'istio_requests_total',
  'istio_request_duration_milliseconds_count',
  'istio_request_bytes_count',
  'istio_response_bytes_count',
];

/** The VM, of this version. */
function entry(version: string): manifests.Manifest {
  const common = { app: VM.name, serviceAccount: VM.name };
  const { type, object } = manifests.workloadEntry({ ...VM, ...common });
  const spec = fieldsOf(object, 'spec');
  const labels = { ...fieldsOf(spec, 'labels'), version };
  return { type, object: { ...object, spec: { ...spec, labels } } };
}

type Security = 'mutual_tls' | 'none';

describe('the metrics of requests', { concurrency: false }, () => {
  const owned = new AsyncDisposableStack();
  let cluster: Cluster;
  let client: Sidecar;
  let vm: Sidecar;

  before(async () => {
    const knows = [
      { address: CONTROL.address, names: [CONTROL_PLANE_NAME] },
      ...SERVICES.map(({ name, clusterIp }) => ({
        address: clusterIp,
        names: [manifests.hostOf(name)],
      })),
    ];
    const cloud = owned.use(
      await Cloud.create({
        cluster: { [CONTROL.name]: CONTROL.address, [CLIENT.name]: CLIENT.address },
        vms: { [VM.name]: VM.address },
        knows,
        env: process.env,
      }),
    );
    await cloud.firewall.allow(
      ...SERVICES.map(({ name, port }) => ({
        name,
        from: POD_CIDR,
        to: VM.address,
        tcpPort: port,
      })),
      { name: 'VMs to isthmusd', from: VM_CIDR, to: CONTROL.address, tcpPort: XDS_PORT },
    );
    cluster = owned.use(await Cluster.start(cloud.machine(CONTROL.name)));
    await cluster.apply(
      meshConfig(true),
      manifests.serviceAccount(CLIENT.name),
      manifests.serviceAccount(VM.name),
      manifests.pod({ ...CLIENT, app: CLIENT.name, serviceAccount: CLIENT.name }),
      entry('v1'),
      ...SERVICES.flatMap((one) => [
        manifests.service(one),
        manifests.serviceEntry({ ...one, app: VM.name }),
      ]),
    );
    const machines = { client: cloud.machine(CLIENT.name), vm: cloud.machine(VM.name) };
    machines.vm.start('application', [process.execPath, PROGRAM, 'serve']);
    [client, vm] = await Promise.all([
      Sidecar.forPod(cluster, machines.client, { serviceAccount: CLIENT.name, inboundPorts: [] }),
      Sidecar.forVm(cluster, machines.vm, {
        serviceAccount: VM.name,
        inboundPorts: SERVICES.map(({ port }) => port),
      }),
    ]);
    await Promise.all([client.ready(), vm.ready()]);
  });
  after(() => owned.disposeAsync());

  /** One end's report of requests between the two. */
  async function reported(sidecar: Sidecar, security: Security): Promise<readonly SeriesSample[]> {
    const text = await sidecar.machine.httpGet(STATUS_PORT, METRICS_PAGE);
    const all = parsePrometheusText(text).filter(({ metric }) => metric.startsWith('istio_re'));
    for (const { metric, labels } of all) {
      assert(!Object.values(labels).includes(''), `${metric} ${JSON.stringify(labels)}`);
    }
    return all.filter(({ labels }) => labels['connection_security_policy'] === security);
  }

  const total = (end: readonly SeriesSample[]): number =>
    end.reduce((sum, { metric, value }) => sum + (metric === METRICS[0] ? value : 0), 0);

  /** One run of the client: each status once more, HTTP and gRPC. */
  async function callAll(): Promise<void> {
    const hosts = SERVICES.map(({ name }) => manifests.hostOf(name));
    const { status, stderr } = await client.machine.run([
      process.execPath,
      PROGRAM,
      'call',
      ...hosts,
    ]);
    assert.equal(status, 0, stderr);
  }

  /** What both ends say, once they have counted the same and something of this kind. */
  async function bothEnds(security: Security) {
    return await eventually(`requests counted at both ends (${security})`, async () => {
      const [source, destination] = await Promise.all([
        reported(client, security),
        reported(vm, security),
      ]);
      const isSame = total(source) === total(destination) && total(source) > 0;
      return isSame ? { source, destination } : undefined;
    });
  }

  /** Each series without who reports it, and its value. */
  const comparable = (end: readonly SeriesSample[]): readonly string[] =>
    end
      .filter(({ metric }) => METRICS.includes(metric))
      .map(({ metric, labels, value }) =>
        JSON.stringify([metric, { ...labels, reporter: '' }, value]),
      )
      .toSorted();

  /** Requests by what became of them. */
  const outcomes = (end: readonly SeriesSample[]): Readonly<Record<string, number>> =>
    Object.fromEntries(
      end
        .filter(({ metric }) => metric === METRICS[0])
        .map(({ labels, value }) => {
          const { request_protocol, response_code, grpc_response_status = '-' } = labels;
          return [`${request_protocol} ${response_code} ${grpc_response_status}`, value] as const;
        }),
    );

  test('under mutual TLS: the same labels and sums, with each status', async () => {
    await callAll();
    const { source, destination } = await bothEnds('mutual_tls');
    assert.deepEqual(comparable(source), comparable(destination));
    assert.deepEqual(outcomes(destination), {
      'http 200 -': 2,
      'http 404 -': 1,
      'http 503 -': 1,
      [`grpc 200 ${GRPC.status}`]: 1,
    });
    const { labels = {} } =
      destination.find(
        ({ metric, labels }) => metric === METRICS[0] && labels['response_code'] === '404',
      ) ?? {};
    const [catalogue] = SERVICES;
    for (const [label, value] of Object.entries({
      reporter: 'destination',
      source_workload: CLIENT.name,
      source_principal: manifests.spiffeIdOf(CLIENT.name),
      destination_workload: VM.name,
      destination_principal: manifests.spiffeIdOf(VM.name),
      destination_service: manifests.hostOf(catalogue.name),
      destination_service_name: catalogue.name,
      destination_version: 'v1',
      response_flags: '-',
    })) {
      assert.equal(labels[label], value, label);
    }
    for (const end of [source, destination]) {
      const bytes = (metric: string): number =>
        end
          .filter(({ labels }) => labels['request_protocol'] === 'http')
          .reduce((sum, one) => sum + (one.metric === metric ? one.value : 0), 0);
      const count = HTTP_STATUSES.length;
      assert(bytes('istio_request_bytes_sum') > count * HTTP.question.length);
      assert(bytes('istio_response_bytes_sum') > count * HTTP.answer.length);
    }
  });

  test('what they carry is on edges of HTTP and of gRPC, once', async () => {
    const { source, destination } = await bothEnds('mutual_tls');
    const most = (protocol: string, metric: string): number =>
      Math.max(
        ...[source, destination].map((end) =>
          end
            .filter(({ labels }) => labels['request_protocol'] === protocol)
            .reduce((sum, one) => sum + (one.metric === metric ? one.value : 0), 0),
        ),
      );
    const expected = (['http', 'grpc'] as const).map((protocol) => [
      protocol,
      protocol === 'http' ? HTTP.port : GRPC.port,
      most(protocol, 'istio_request_bytes_sum'),
      most(protocol, 'istio_response_bytes_sum'),
    ]);
    await eventually('the same of both edges', async () => {
      const text = await cluster.machine.httpGet(MONITORING_PORT, '/debug/flows');
      const report: { edges: MeshEdge[]; talkedTo: TalkedTo[] } = JSON.parse(text);
      const areMutual = report.edges.every(({ encryption }) => encryption.state === 'mutual');
      const told = report.talkedTo
        .toSorted((a, b) => a.port - b.port)
        .map((each) => [each.protocol, each.port, each.toServerBytes, each.toClientBytes]);
      return (areMutual && isDeepStrictEqual(told, expected)) || undefined;
    });
  });

  test('and both ends say how those of the last minute were', async () => {
    const text = await cluster.machine.httpGet(MONITORING_PORT, '/debug/flows');
    const report: { edges: MeshEdge[] } = JSON.parse(text);
    const of = (protocol: string) => {
      const { http } = report.edges.find((edge) => edge.protocol === protocol) ?? {};
      assert(http?.client && http.server, `${protocol}: ${JSON.stringify(http)}`);
      assert(http.client.p50Ms > 0 && http.client.p50Ms <= http.client.p99Ms);
      // to within a bucket each: the client's proxy waits for the server's
      assert(http.client.p99Ms * 2 > http.server.p99Ms);
      return [http.requests, http.failed, http.clientErrors];
    };
    assert.deepEqual(of('http'), [HTTP_STATUSES.length, 1, 1]);
    assert.deepEqual(of('grpc'), [1, 0, 1]); // NOT_FOUND
  });

  const ofVersion = (end: readonly SeriesSample[], version: string): readonly SeriesSample[] =>
    end.filter(({ labels }) => labels['destination_version'] === version);

  test('a workload of another version: new series, at both ends', async () => {
    const { source: before } = await bothEnds('mutual_tls');
    await cluster.apply(entry('v2'));
    await eventually('requests to v2, as both ends say', async () => {
      await callAll();
      const ends = await Promise.all([client, vm].map((end) => reported(end, 'mutual_tls')));
      return ends.every((end) => total(ofVersion(end, 'v2')) > 0) || undefined;
    });
    const { source } = await bothEnds('mutual_tls');
    assert(total(ofVersion(source, 'v1')) >= total(before), 'what was counted stays');
  });

  test('while the control plane is away, counting goes on', async () => {
    const { source: before } = await bothEnds('mutual_tls');
    await cluster.isthmusd.kill();
    await callAll();
    const { source, destination } = await eventually('five more requests', async () => {
      const ends = await bothEnds('mutual_tls');
      return total(ends.source) === total(before) + CALLS ? ends : undefined;
    });
    assert.deepEqual(comparable(ofVersion(source, 'v2')), comparable(ofVersion(destination, 'v2')));
    await cluster.restartIsthmusd();
    await eventually('both proxies to be back', async () => {
      const samples = parsePrometheusText(
        await cluster.machine.httpGet(MONITORING_PORT, '/metrics'),
      );
      const streams = samples.filter(({ metric }) => metric === 'pilot_xds');
      return streams.reduce((sum, { value }) => sum + value, 0) >= 2 || undefined;
    });
    await callAll();
    await eventually('five more requests', async () => {
      const ends = await bothEnds('mutual_tls');
      return total(ends.source) === total(before) + 2 * CALLS || undefined;
    });
  });

  test('promtool reads every line, and has nothing to say of our own names', async () => {
    const pages = await Promise.all([
      client.machine.httpGet(STATUS_PORT, METRICS_PAGE),
      vm.machine.httpGet(STATUS_PORT, METRICS_PAGE),
      cluster.machine.httpGet(MONITORING_PORT, '/metrics'),
    ]);
    for (const page of pages) {
      const advice = await checkMetrics(page);
      assert.deepEqual(
        advice.filter((line) => line.startsWith('isthmus_')),
        [],
      );
    }
  });

  test('Prometheus scrapes an agent and isthmusd, and has what they say', async () => {
    const { machine } = cluster;
    await cluster.apply(entry('v3'));
    await eventually('how long the change took to its proxies', async () => {
      const samples = parsePrometheusText(await machine.httpGet(MONITORING_PORT, '/metrics'));
      const count = samples.find(({ metric }) => metric === 'pilot_proxy_convergence_time_count');
      return (count && count.value > 0) || undefined;
    });
    const prometheus = await Prometheus.start(machine, [
      { job: 'agent', address: `${CLIENT.address}:${STATUS_PORT}`, path: METRICS_PAGE },
      { job: 'isthmusd', address: `127.0.0.1:${MONITORING_PORT}`, path: '/metrics' },
    ]);
    const [requests] = await prometheus.query('sum(istio_requests_total{reporter="source"})');
    const said = await reported(client, 'mutual_tls');
    assert.equal(Number(requests?.value[1]), total(said));
    const builds = await prometheus.query('istio_build{component="pilot"}');
    assert.deepEqual(
      builds.map(({ metric }) => metric['job']),
      ['isthmusd'],
    );
    const convergence = await prometheus.query(
      'histogram_quantile(0.99, pilot_proxy_convergence_time_bucket) < 5',
    );
    assert.equal(convergence.length, 1);
    const [ofRoot] = await prometheus.query('citadel_server_root_cert_expiry_timestamp > time()');
    assert(ofRoot);
  });

  test('in clear text: by address, and the same again', async () => {
    await cluster.apply(meshConfig(false));
    await eventually('requests in clear text', async () => {
      await callAll();
      return total(await reported(client, 'none')) > 0 || undefined;
    });
    const { source, destination } = await bothEnds('none');
    assert.deepEqual(comparable(source), comparable(destination));
    for (const { labels } of [...source, ...destination]) {
      assert.equal(labels['source_workload'], CLIENT.name);
      assert.equal(labels['destination_workload'], VM.name);
      assert.equal(labels['source_principal'], 'unknown');
    }
  });
});
