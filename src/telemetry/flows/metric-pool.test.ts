// All of the mesh's metrics in one place, each series once and by whose certificate it is.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { FlowMetricSchema } from '#gen/isthmus/v1/flows_pb.js';
import { renderFamilies, type Family } from '#telemetry/exposition.ts';
import { Histogram } from '#base/histogram.ts';
import { MetricsPush } from '#agent/flows/metrics-push.ts';
import { agentOf, CLIENT, SERVER } from '../../../test/fakes/flow-agents.ts';
import { MetricPool } from './metric-pool.ts';
import type { AgentIdentity } from './reporters.ts';

type Metric = MessageInitShape<typeof FlowMetricSchema>;

const OPENED = 'istio_tcp_connections_opened_total';
const MINUTE_MS = 60_000;

class World {
  readonly pool = new MetricPool();
  nowMs = 1_000_000;

  push(of: AgentIdentity, metrics: readonly Metric[], stream = this.pool.open()) {
    const sent = metrics.map((metric) => create(FlowMetricSchema, metric));
    return this.pool.apply(of, stream, { metrics: sent, nowMs: this.nowMs });
  }

  lines(): readonly string[] {
    const text = renderFamilies(this.pool.families(this.nowMs));
    return text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  }
}

const counter = (value: number, labels: readonly string[] = ['reporter', 'source']): Metric => ({
  number: 1,
  name: OPENED,
  help: 'Connections opened.',
  type: 'counter',
  labels: [...labels],
  value,
});

test('two instances of one workload keep their series apart', () => {
  const world = new World();
  world.push(agentOf('Pod', 'a-1'), [counter(3)]);
  world.push(agentOf('Pod', 'a-2'), [counter(4)]);
  assert.deepEqual(world.lines(), [
    `${OPENED}{reporter="source",namespace="default",pod="a-1"} 3`,
    `${OPENED}{reporter="source",namespace="default",pod="a-2"} 4`,
  ]);
});

test('what an agent’s families are is told, histograms too, and only changes travel', () => {
  const histogram = new Histogram();
  for (const ms of [0.2, 7, 7, 99, 1e9]) histogram.record(ms);
  const labels = [['reporter', 'destination']] as const;
  const sample = { labels, value: 5 };
  const families: Family[] = [
    { type: 'counter', name: OPENED, help: 'Opened.', samples: [sample] },
    {
      type: 'histogram',
      name: 'istio_request_bytes',
      help: 'Bytes.',
      samples: [{ labels, value: histogram }],
    },
  ];
  const world = new World();
  const push = new MetricsPush();
  const stream = world.pool.open();
  world.push(SERVER, push.changed(families).metrics, stream);
  assert.deepEqual(push.changed(families).metrics, []);
  histogram.record(1);
  const { metrics } = push.changed(families);
  assert.equal(metrics.length, 1);
  assert.deepEqual(metrics[0]?.labels ?? [], []);
  world.push(SERVER, metrics, stream);
  const reporter = 'reporter="destination"';
  const own = renderFamilies(families);
  const told = own.replaceAll(reporter, `${reporter},namespace="default",pod="postgresql"`);
  assert.equal(renderFamilies(world.pool.families(world.nowMs)), told);
});

test('an agent that has gone ends after five minutes, a dropped series with its stream', () => {
  const world = new World();
  world.push(CLIENT, [counter(1), { ...counter(2, ['reporter', 'destination']), number: 2 }]);
  world.push(SERVER, [counter(9)]);
  world.nowMs += MINUTE_MS;
  const again = world.pool.open();
  world.push(CLIENT, [counter(1)], again);
  assert.equal(world.lines().length, 3);
  world.nowMs += MINUTE_MS;
  world.push(CLIENT, [], again);
  assert.equal(world.lines().length, 2);
  world.nowMs += 4 * MINUTE_MS;
  assert.deepEqual(world.lines(), [
    `${OPENED}{reporter="source",namespace="default",pod="inventory"} 1`,
  ]);
});

test('others’ names, reserved labels and nonsense are refused', () => {
  const world = new World();
  const bad: readonly Metric[] = [
    counter(1, ['reporter', 'source', 'source_principal', SERVER.spiffeId]),
    counter(1, ['reporter', 'destination', 'destination_workload_namespace', 'kube-system']),
    counter(1, ['reporter', 'source', 'pod', 'other']),
    counter(1, ['reporter']),
    counter(1, ['Bad-Name', 'x']),
    counter(1, ['reporter', 'source', 'reporter', 'source']),
    counter(-1),
    counter(NaN),
    { ...counter(1), name: 'process_cpu_seconds_total' },
    { ...counter(1), type: 'summary' },
    { ...counter(1), type: 'histogram', count: 1, buckets: [1] },
    { number: 7, value: 1 },
    counter(1, ['reporter', 'x'.repeat(3000)]),
  ];
  for (const metric of bad) assert.equal(world.push(CLIENT, [metric]), 1, JSON.stringify(metric));
  assert.deepEqual(
    world.lines().filter((line) => !line.endsWith(' 0')),
    [],
  );
});

test('a flood of series is cut', () => {
  const world = new World();
  const stream = world.pool.open();
  const metrics = Array.from({ length: 7000 }, (_, at) => ({
    ...counter(1, ['reporter', 'source', 'app', String(at)]),
    number: at + 1,
  }));
  assert.equal(world.push(CLIENT, metrics, stream), 1000);
  assert.equal(world.lines().length, 6000);
});

test('a series without the label that says who reports is taken where one of its ends is his', () => {
  const world = new World();
  const ends = ['source_principal', CLIENT.spiffeId, 'destination_principal', SERVER.spiffeId];
  const stranger = ['source_principal', CLIENT.spiffeId, 'destination_principal', CLIENT.spiffeId];
  assert.equal(world.push(SERVER, [counter(1, ends)]), 0);
  assert.equal(world.push(SERVER, [counter(1, stranger)]), 1);
});
