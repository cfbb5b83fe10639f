// What reports prove: that packets passed, that the server answered, or that nobody was there to.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { FlowBatchSchema, type FlowBatch } from '#gen/isthmus/v1/flows_pb.js';
import { History } from '#telemetry/history/history.ts';
import { CLIENT, NAMES, SERVER } from '../../../test/fakes/flow-agents.ts';
import { FlowTable } from './flow-table.ts';
import type { AgentIdentity } from './reporters.ts';

type Batch = Omit<Exclude<MessageInitShape<typeof FlowBatchSchema>, FlowBatch>, '$typeName'>;

const NOW_MS = 1_000_000_000;
const FACTS = {
  number: 1,
  clientPeer: CLIENT.peer,
  clientPrincipal: CLIENT.spiffeId,
  serverPeer: SERVER.peer,
  serverPrincipal: SERVER.spiffeId,
  port: 5432,
  protocol: 'tcp',
  serviceHost: 'postgresql.default.svc.cluster.local',
  security: 'mutual',
};
const BY_SERVER = { ...FACTS, isDestination: true };
const CONNECTION = { number: 7, edge: 1, key: 'x', client: '10.0.0.1:40000', server: '' };

function world() {
  const table = new FlowTable({ store: new History(':memory:'), names: NAMES, nowMs: 0 });
  const streams = new Map<string, ReturnType<FlowTable['open']>>();
  let sequence = 0;
  let nowMs = NOW_MS;
  const edge = () => {
    const [only, ...others] = [...table.edges.all()];
    assert(only);
    assert.deepEqual(others, []);
    return only;
  };
  return {
    edge,
    later: (byMs: number): void => void (nowMs += byMs),
    state: () => edge().state(nowMs),
    /** Since the beginning; undefined: never. */
    witness: () => {
      const { reachedMs, answeredMs } = edge().witness();
      const since = (atMs: number) => (atMs === 0 ? undefined : atMs - NOW_MS);
      return [since(reachedMs), since(answeredMs)];
    },
    tell: (agent: AgentIdentity, batch: Batch): void => {
      const stream = streams.get(agent.key) ?? table.open(agent);
      streams.set(agent.key, stream);
      sequence += 1;
      const common = { epoch: 'run', sequence, sentMs: nowMs, atMs: nowMs };
      table.apply(stream, create(FlowBatchSchema, { ...common, ...batch }), nowMs);
    },
  };
}

const opened = (edge: object): Batch => ({ edges: [edge], connections: [CONNECTION], opened: [7] });
const moved = (toServer: number, toClient: number): Batch => ({
  moved: [7],
  toServer: [toServer],
  toClient: [toClient],
});

describe('what a connection proves', () => {
  test('that it came about: packets pass; that it stands: nothing', () => {
    const { tell, later, witness } = world();
    tell(CLIENT, opened(FACTS));
    assert.deepEqual(witness(), [0, undefined]);
    later(60_000);
    tell(CLIENT, {});
    assert.deepEqual(witness(), [0, undefined]);
  });

  test('what was sent off need not have arrived; what arrived has', () => {
    const { tell, later, witness } = world();
    tell(CLIENT, opened(FACTS));
    tell(SERVER, opened(BY_SERVER));
    later(1000);
    tell(CLIENT, moved(10, 0));
    assert.deepEqual(witness(), [0, undefined]);
    later(1000);
    tell(SERVER, moved(10, 0));
    assert.deepEqual(witness(), [2000, undefined]);
    later(1000);
    tell(CLIENT, moved(0, 5));
    assert.deepEqual(witness(), [3000, 3000]);
  });

  test('one that was refused by policy did get there', () => {
    const { tell, witness } = world();
    const closed = [{ connection: 7, hasFailed: true, deniedBy: '-' }];
    tell(SERVER, { ...opened({ ...BY_SERVER, security: 'none' }), closed });
    assert.deepEqual(witness(), [0, undefined]);
  });

  test('one that did not come about proves nothing, and who tells it is known', () => {
    const { tell, witness, state } = world();
    const closed = [{ connection: 7, hasFailed: true, flags: 'UF' }];
    tell(CLIENT, { ...opened({ ...FACTS, serverPrincipal: '', security: '' }), closed });
    assert.deepEqual(witness(), [undefined, undefined]);
    assert.equal(state().failure?.reporter, 'source');
  });
});

test('requests prove as much, where some of them were answered', () => {
  const http = { ...FACTS, protocol: 'http', port: 80 };
  const told = (sums: object) => {
    const { tell, witness } = world();
    tell(CLIENT, { edges: [http], sums: [{ edge: 1, toClient: 100, ...sums }] });
    return witness();
  };
  assert.deepEqual(told({ requests: 3 }), [0, 0]);
  assert.deepEqual(told({ requests: 3, failed: 1, flags: 'UT' }), [0, 0]);
  assert.deepEqual(told({ requests: 3, failed: 3, flags: 'UT' }), [0, undefined]);
});

test('what is led nowhere is called by its name, and goes to no host of that name', () => {
  const { tell, state } = world();
  const nobody = { ...FACTS, serverPeer: '', serverPrincipal: '', security: '' };
  const facts = { ...nobody, serviceHost: 'BlackHoleCluster', dialled: '203.0.113.9' };
  const closed = [{ connection: 7, hasFailed: true, flags: 'UH' }];
  tell(CLIENT, { ...opened(facts), closed });
  const { to, service, failure } = state();
  assert.deepEqual([to, service], ['ip:203.0.113.9', 'BlackHoleCluster']);
  assert.match(failure?.text ?? '', /^led nowhere \(BlackHoleCluster\)/);
});
