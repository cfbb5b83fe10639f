import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import { test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { anyPack } from '@bufbuild/protobuf/wkt';
import { ResourceSchema } from '#gen/envoy/service/discovery/v3/discovery_pb.js';
import { WorkloadFactsSchema } from '#gen/isthmus/v1/agent_pb.js';
import { createLogger } from '#base/log.ts';
import { UNKNOWN_WORKLOAD } from '#telemetry/report.ts';
import type { Change } from './own-stream.ts';
import { PeerFacts } from './peer-facts.ts';

const PEER = 'ip|10.24.2.23';

function world(): { readonly facts: PeerFacts; readonly told: Change[] } {
  const told: Change[] = [];
  const log = createLogger('agent', { sink: () => undefined });
  return { facts: new PeerFacts({ change: (change) => void told.push(change), log }), told };
}

const answer = (name: string, workload: string) =>
  create(ResourceSchema, {
    name,
    version: '1',
    resource: anyPack(
      WorkloadFactsSchema,
      create(WorkloadFactsSchema, { known: workload !== '', workload }),
    ),
  });

test('a peer is asked for once, when it is first met', async () => {
  const { facts, told } = world();
  assert.equal(facts.factsOf(PEER), undefined);
  assert.equal(facts.factsOf(PEER), undefined);
  await setImmediate();
  assert.deepEqual(told, [{ subscribe: [PEER], unsubscribe: [] }]);
  assert.equal(facts.receive({ resources: [answer(PEER, 'inventory')], removed: [] }), undefined);
  assert.equal(facts.factsOf(PEER)?.workload, 'inventory');
  assert.equal(facts.factsOf(PEER)?.version, 'unknown');
});

test('what the mesh does not know, or will not say, is unknown', () => {
  const { facts } = world();
  facts.factsOf(PEER);
  facts.receive({ resources: [answer(PEER, '')], removed: [] });
  assert.equal(facts.factsOf(PEER), UNKNOWN_WORKLOAD);
  facts.factsOf('ip|192.0.2.1');
  facts.receive({ resources: [], removed: ['ip|192.0.2.1'] });
  assert.equal(facts.factsOf('ip|192.0.2.1'), UNKNOWN_WORKLOAD);
});

test('a later answer replaces the former; one that nobody asked for is not kept', () => {
  const { facts } = world();
  facts.factsOf(PEER);
  facts.receive({ resources: [answer(PEER, 'a')], removed: [] });
  facts.receive({ resources: [answer(PEER, 'b'), answer('ip|10.0.0.1', 'c')], removed: [] });
  assert.equal(facts.factsOf(PEER)?.workload, 'b');
  assert.deepEqual(facts.begin().names, [PEER]);
});

test('a broken answer is refused, and the former stays', () => {
  const { facts } = world();
  facts.factsOf(PEER);
  facts.receive({ resources: [answer(PEER, 'a')], removed: [] });
  const broken = create(ResourceSchema, { name: PEER, version: '2' });
  assert.match(facts.receive({ resources: [broken], removed: [] }) ?? '', /10\.24\.2\.23: not an/);
  assert.equal(facts.factsOf(PEER)?.workload, 'a');
});

test('of more peers than are kept the one met longest ago is let go', async () => {
  const { facts, told } = world();
  for (let index = 0; index <= 2048; index += 1) facts.factsOf(`ip|${index}`);
  await setImmediate();
  assert.equal(facts.begin().names.length, 2048);
  assert.deepEqual(told.at(-1)?.unsubscribe, ['ip|0']);
});

test('a new stream begins with all that is known', () => {
  const { facts } = world();
  facts.factsOf(PEER);
  facts.end();
  assert.deepEqual(facts.begin(), { names: [PEER], versions: {} });
});
