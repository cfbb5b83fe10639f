// What Telemetry says of metrics, from the control plane to what the mesh's page shows.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { anyPack } from '@bufbuild/protobuf/wkt';
import { createLogger } from '#base/log.ts';
import { ResourceSchema } from '#gen/envoy/service/discovery/v3/discovery_pb.js';
import { MeshAddressesSchema, MetricRulesSchema } from '#gen/isthmus/v1/agent_pb.js';
import { FlowAckSchema, FlowBatchSchema } from '#gen/isthmus/v1/flows_pb.js';
import type { GrpcClientCall } from '#grpc/call.ts';
import { GrpcStatus } from '#grpc/status.ts';
import type { MetricRule } from '#telemetry/metric-rules.ts';
import { FakeClock } from '../../test/fakes/clock.ts';
import { ControlPlane } from './control-plane.ts';
import { FlowAccount } from './flows/account.ts';
import { FlowReporter } from './flows/reporter.ts';
import { MetricRulesFollower } from './metric-rules.ts';
import { Retry } from './retry.ts';

const log = createLogger('agent', { sink: () => undefined });

const rulesOf = (version: string, metric: string) =>
  create(ResourceSchema, {
    name: 'metrics',
    version,
    resource: anyPack(
      MetricRulesSchema,
      create(MetricRulesSchema, {
        rules: [
          {
            side: 'server',
            metric,
            disabled: true,
            removed: ['a'],
            set: [{ name: 'b', value: "'c'" }],
          },
        ],
      }),
    ),
  });

describe('rules', () => {
  const world = () => {
    const told: (readonly MetricRule[])[] = [];
    const follower = new MetricRulesFollower({ log });
    follower.follow((rules) => told.push(rules));
    return { told, follower };
  };

  test('are told when they are others than before, and asked for by what is known', () => {
    const { told, follower } = world();
    assert.deepEqual(follower.begin(), { names: ['metrics'], versions: {} });
    assert.equal(follower.receive({ resources: [rulesOf('1', 'X')], removed: [] }), undefined);
    follower.receive({ resources: [rulesOf('1', 'X')], removed: [] });
    assert.deepEqual(told, [
      [{ side: 'server', metric: 'X', isDisabled: true, removed: ['a'], set: [['b', "'c'"]] }],
    ]);
    assert.deepEqual(follower.begin().versions, { metrics: '1' });
  });

  test('end with the workload; what makes no sense changes nothing', () => {
    const { told, follower } = world();
    follower.receive({ resources: [rulesOf('1', 'X')], removed: [] });
    const other = anyPack(MeshAddressesSchema, create(MeshAddressesSchema, {}));
    const wrong = create(ResourceSchema, { name: 'metrics', version: '2', resource: other });
    assert.match(follower.receive({ resources: [wrong], removed: [] }) ?? '', /is not an isthmus/);
    assert.equal(told.length, 1);
    follower.receive({ resources: [], removed: ['metrics'] });
    assert.deepEqual(told.at(-1), []);
  });
});

/** isthmusd's end of one stream: acknowledges, and keeps what it was told of metrics. */
class Stream implements GrpcClientCall {
  readonly names: string[] = [];
  onMessage: GrpcClientCall['onMessage'] = () => undefined;
  onEnd: GrpcClientCall['onEnd'] = () => undefined;
  onDrain: GrpcClientCall['onDrain'] = () => undefined;
  onClose: GrpcClientCall['onClose'] = () => undefined;
  readonly queuedBytes = 0;

  send(...parts: readonly Uint8Array[]): boolean {
    const { sequence, metrics } = fromBinary(FlowBatchSchema, Buffer.concat(parts));
    this.names.push(...metrics.map(({ name }) => name).filter(Boolean));
    const ack = create(FlowAckSchema, { sequence });
    queueMicrotask(() => this.onMessage(toBinary(FlowAckSchema, ack)));
    return true;
  }

  halfClose(): void {}
  pause(): void {}
  resume(): void {}

  cancel(): void {
    queueMicrotask(() => this.onClose({ code: GrpcStatus.cancelled, message: '' }));
  }
}

test('metrics that are no longer told are not named by the stream that follows', async () => {
  const streams: Stream[] = [];
  const open = (): Stream => {
    const stream = new Stream();
    streams.push(stream);
    return stream;
  };
  const config = { host: 'x', port: 1 };
  const controlPlane = new ControlPlane(
    { xds: config, ca: config, serverName: undefined, rootCertFiles: [] },
    () => ({
      unary: () => Promise.reject(new Error('nobody asks')),
      stream: open,
      close: () => Promise.resolve(),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    }),
  );
  controlPlane.setCredentials({ keyPem: '', chainPem: '', rootsPem: '' });
  const clock = new FakeClock(1_000_000);
  let told = ['istio_a_total', 'istio_b_total'];
  const reporter = new FlowReporter({
    controlPlane,
    account: new FlowAccount(clock.nowMs()),
    families: () =>
      told.map((name) => ({
        type: 'counter',
        name,
        help: '',
        samples: [{ labels: [], value: 1 }],
      })),
    retry: new Retry({ clock, random: () => 0 }),
    clock,
    random: () => 0,
    log,
  });
  const stop = new AbortController();
  const running = reporter.run(stop.signal);
  /** Until something was told, which is each five seconds where nothing moves. */
  const seconds = async (count: number): Promise<void> => {
    for (let second = 0; second < count; second += 1) {
      await clock.untilSleeping(1000);
      clock.advance(1000);
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  await seconds(6);
  assert.deepEqual(streams[0]?.names, ['istio_a_total', 'istio_b_total']);
  told = ['istio_b_total'];
  reporter.tellMetricsAnew();
  await seconds(6);
  assert.deepEqual(streams[1]?.names, ['istio_b_total']);
  assert.equal(streams.length, 2);
  stop.abort();
  await running.catch(() => undefined);
});
