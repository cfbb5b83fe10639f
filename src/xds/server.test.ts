import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
  ResourceSchema,
} from '#gen/envoy/service/discovery/v3/discovery_pb.js';
import { GrpcStatus } from '#grpc/status.ts';
import { FakeClock } from '../../test/fakes/clock.ts';
import { FakeCall } from './fake-call.ts';
import { FakeCatalog } from './fake-catalog.ts';
import { DELTA_ADS_PATH, XdsServer } from './server.ts';
import type { XdsServerOptions } from './server.ts';
import { EXTENSION_TYPE } from './type-urls.ts';

type Started = { readonly server: XdsServer<string>; readonly catalog: FakeCatalog<string> };

function start(options: Partial<XdsServerOptions<string>> = {}): Started {
  const catalog = new FakeCatalog<string>();
  const server = new XdsServer<string>({
    catalog,
    isReady: () => true,
    authenticate: ({ remoteAddress }) => ({ ok: true, proxy: 'class', id: remoteAddress }),
    ...options,
  });
  return { server, catalog };
}

function open(server: XdsServer<string>, id: string): FakeCall {
  const call = new FakeCall(id);
  server.methods[DELTA_ADS_PATH]?.(call);
  return call;
}

type RequestInit = Parameters<typeof create<typeof DeltaDiscoveryRequestSchema>>[1];

function ask(call: FakeCall, request: RequestInit): void {
  const message = create(DeltaDiscoveryRequestSchema, { typeUrl: EXTENSION_TYPE, ...request });
  call.onMessage(toBinary(DeltaDiscoveryRequestSchema, message));
}

/** Names in the responses sent since the last look, each response acknowledged. */
async function namesSent(call: FakeCall): Promise<string[]> {
  await turn();
  return call.sent.splice(0).flatMap((bytes) => {
    const { nonce, resources } = fromBinary(DeltaDiscoveryResponseSchema, bytes);
    ask(call, { responseNonce: nonce });
    return resources.map(({ name }) => name);
  });
}

function put(catalog: FakeCatalog<string>, name: string, version: string): void {
  const bytes = toBinary(ResourceSchema, create(ResourceSchema, { name, version }));
  catalog.put(EXTENSION_TYPE, { name, version, bytes });
}

test('a change reaches just the streams that hold it, and its bytes are counted', async () => {
  const { server, catalog } = start();
  put(catalog, 'a', '1');
  put(catalog, 'b', '1');
  const calls = ['one', 'two'].map((id) => open(server, id));
  const [one, two] = calls;
  assert(one && two);
  ask(one, { resourceNamesSubscribe: ['a'] });
  ask(two, { resourceNamesSubscribe: ['b'] });
  assert.deepEqual(await Promise.all(calls.map(namesSent)), [['a'], ['b']]);
  const { bytes } = server.counters;
  put(catalog, 'b', '2');
  catalog.settle();
  assert.deepEqual(await Promise.all(calls.map(namesSent)), [[], ['b']]);
  assert(server.counters.bytes > bytes);
  assert.equal(server.counters.responses, 3);
  one.disconnect();
  two.disconnect();
  assert.deepEqual([server.streamCount, server.heldCount, catalog.heldCount], [0, 0, 0]);
});

test('how long a change took is told once its last byte is handed on', async () => {
  const clock = new FakeClock(1_000);
  const delays: number[] = [];
  let changeSeenMs: number | undefined;
  const onConverged = (delayMs: number): void => void delays.push(delayMs);
  const { server, catalog } = start({ clock, changeSeenMs: () => changeSeenMs, onConverged });
  for (const name of ['a', 'b']) put(catalog, name, '1');
  const one = open(server, 'one');
  ask(one, { resourceNamesSubscribe: ['a'] });
  assert.deepEqual(await namesSent(one), ['a']);
  assert.deepEqual(delays, [], 'an answer is no change');
  one.isFull = true;
  for (const [version, atMs] of [
    ['2', 1_000],
    ['3', 1_500],
  ] as const) {
    changeSeenMs = atMs;
    put(catalog, 'a', version);
    catalog.settle();
    await turn();
  }
  assert.deepEqual(delays, [], 'the reader is full');
  clock.advance(3_000);
  one.isFull = false;
  assert.deepEqual(await namesSent(one), ['a']);
  assert.deepEqual(delays, [3_000], 'counted from the first of the changes');
  assert.deepEqual(await namesSent(one), ['a'], 'the latest, after the answer to the one before');
  put(catalog, 'a', '3');
  catalog.settle();
  assert.deepEqual(await namesSent(one), []);
  assert.deepEqual(delays, [3_000], 'what comes out the same is no change');
  changeSeenMs = clock.nowMs();
  for (const version of ['4', '5']) {
    put(catalog, 'a', version);
    catalog.settle();
    await turn();
  }
  clock.advance(2_000);
  assert.deepEqual(await namesSent(one), ['a'], 'the second waits for the answer to the first');
  assert.deepEqual(delays, [3_000, 0, 2_000]);
  ask(one, { responseNonce: '2', errorDetail: { code: 3, message: 'no' } });
  ask(one, { typeUrl: 'a-type-of-its-own', resourceNamesSubscribe: ['x'] });
  await turn();
  const { responsesByType, rejectionsByType } = server.counters;
  assert.deepEqual(Object.fromEntries(rejectionsByType), { ecds: 1 });
  assert.deepEqual(Object.fromEntries(responsesByType), { ecds: 5, other: 1 });
});

test('nothing is sent to a reader that is full; then the latest, once', async () => {
  const { server, catalog } = start();
  put(catalog, 'a', '1');
  const call = open(server, 'slow');
  call.isFull = true;
  ask(call, { resourceNamesSubscribe: ['a'] });
  assert.deepEqual(await namesSent(call), ['a'], 'what makes it full is sent all the same');
  for (const version of ['2', '3', '4']) {
    put(catalog, 'a', version);
    catalog.settle();
    assert.deepEqual(await namesSent(call), []);
  }
  call.isFull = false;
  const sent = call.sent.map((bytes) => fromBinary(DeltaDiscoveryResponseSchema, bytes));
  assert.deepEqual(
    sent.map(({ resources }) => resources.map(({ version }) => version)),
    [['4']],
  );
});

test('no stream is served before everything is synced', () => {
  let isReady = false;
  const { server } = start({ isReady: () => isReady });
  assert.equal(open(server, 'early').outcome?.code, GrpcStatus.unavailable);
  isReady = true;
  assert.equal(open(server, 'late').outcome, undefined);
  assert.equal(server.counters.refusedStreams, 1);
});

test('who is not admitted is told so, and never reaches the catalog', () => {
  const refusal = { ok: false, code: GrpcStatus.unauthenticated, message: 'no certificate' };
  const { server } = start({ authenticate: () => ({ ...refusal, ok: false }) });
  const { code, message } = refusal;
  assert.deepEqual(open(server, 'stranger').outcome, { code, message });
  assert.equal(server.streamCount, 0);
});

test('one workload has a limited number of streams', () => {
  const { server } = start({ limits: { streamsPerProxyMax: 2 } });
  const [first] = ['one', 'one', 'two'].map((id) => open(server, id));
  assert.equal(open(server, 'one').outcome?.code, GrpcStatus.resourceExhausted);
  first?.disconnect();
  assert.equal(open(server, 'one').outcome, undefined);
});

test('what cannot be read, or breaks a bound, ends the stream', () => {
  const { server } = start();
  const garbled = open(server, 'garbled');
  garbled.onMessage(Uint8Array.of(0xff, 0xff));
  assert.equal(garbled.outcome?.code, GrpcStatus.invalidArgument);
  const greedy = open(server, 'greedy');
  for (let i = 0; i < 17; i++) ask(greedy, { typeUrl: `type ${i}` });
  assert.equal(greedy.outcome?.code, GrpcStatus.resourceExhausted);
});

test('the status says what each proxy has, and what it refused', async () => {
  const { server, catalog } = start({ clock: { nowMs: () => 42, sleep: () => turn() } });
  put(catalog, 'a', '1');
  const call = open(server, 'proxy');
  ask(call, { node: { id: 'sidecar~1' }, resourceNamesSubscribe: ['a', 'b'] });
  await namesSent(call);
  put(catalog, 'a', '2');
  catalog.settle();
  await turn();
  const [bytes] = call.sent.splice(0);
  assert(bytes);
  const { nonce } = fromBinary(DeltaDiscoveryResponseSchema, bytes);
  ask(call, { responseNonce: nonce, errorDetail: { message: 'no such filter' } });
  const rejections = [{ name: 'a', version: '2', message: 'no such filter' }];
  assert.deepEqual(server.status(), [
    {
      id: 'proxy',
      nodeId: 'sidecar~1',
      remoteAddress: 'proxy',
      connectedAtMs: 42,
      counts: { names: 2, unknown: 1, refusals: 0 },
      types: [
        {
          typeUrl: EXTENSION_TYPE,
          isWildcard: false,
          nameCount: 2,
          acknowledgedCount: 1,
          dueCount: 0,
          rejections,
          answeredAtMs: 42,
        },
      ],
    },
  ]);
  assert.deepEqual(
    server.resourcesOf('proxy').map(({ name, version, isAcknowledged, rejection }) => ({
      name,
      version,
      isAcknowledged,
      rejection,
    })),
    [
      { name: 'a', version: '2', isAcknowledged: false, rejection: 'no such filter' },
      { name: 'b', version: undefined, isAcknowledged: true, rejection: undefined },
    ],
  );
  assert.equal(server.counters.rejections, 1);
});

test('closing ends every stream with UNAVAILABLE', () => {
  const { server, catalog } = start();
  const call = open(server, 'one');
  ask(call, { resourceNamesSubscribe: ['a'] });
  server.close();
  assert.equal(call.outcome?.code, GrpcStatus.unavailable);
  assert.equal(open(server, 'two').outcome?.code, GrpcStatus.unavailable);
  assert.equal(catalog.heldCount, 0);
});
