// What a batch does to edges, and what a hostile one cannot do.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { create, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import { FlowBatchSchema, type FlowBatch } from '#gen/isthmus/v1/flows_pb.js';
import { History } from '#telemetry/history/history.ts';
import { agentOf, CLIENT, NAMES, SERVER } from '../../../test/fakes/flow-agents.ts';
import { decodeBatch } from './check-batch.ts';
import { FlowTable } from './flow-table.ts';
import type { AgentIdentity } from './reporters.ts';

type Batch = Omit<Exclude<MessageInitShape<typeof FlowBatchSchema>, FlowBatch>, '$typeName'>;
type EdgeFacts = NonNullable<Batch['edges']>[number];

const NOW_MS = 1_000_000_000;

const FROM_CLIENT: EdgeFacts = {
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
const FROM_SERVER: EdgeFacts = { ...FROM_CLIENT, isDestination: true, tlsVersion: 'TLSv1.3' };

const connection = {
  number: 7,
  edge: 1,
  key: 'x',
  client: '10.0.0.1:40000',
  server: '10.0.0.2:5432',
};

class World {
  readonly table: FlowTable;
  readonly #streams = new Map<string, ReturnType<FlowTable['open']>>();
  readonly #sequences = new Map<string, number>();
  nowMs = NOW_MS;

  constructor(names = NAMES) {
    this.table = new FlowTable({ store: new History(':memory:'), names, nowMs: NOW_MS - 600_000 });
  }

  /** As the agent's next batch, unless it says otherwise. */
  tell(agent: AgentIdentity, batch: Batch): void {
    const { key } = agent;
    let stream = this.#streams.get(key);
    if (!stream) this.#streams.set(key, (stream = this.table.open(agent)));
    const sequence = (this.#sequences.get(key) ?? 0) + 1;
    this.#sequences.set(key, sequence);
    const common = { epoch: 'run', sequence, sentMs: this.nowMs, atMs: this.nowMs };
    const bytes = toBinary(FlowBatchSchema, create(FlowBatchSchema, { ...common, ...batch }));
    const decoded = decodeBatch(bytes);
    assert(decoded, 'a batch');
    this.table.apply(stream, decoded, this.nowMs);
  }

  /** The agent's stream ends; what it tells next begins another. */
  close({ key }: AgentIdentity): void {
    const stream = this.#streams.get(key);
    assert(stream);
    this.table.close(stream);
    this.#streams.delete(key);
  }

  edges() {
    return [...this.table.edges.all()].map((edge) => edge.state(this.nowMs));
  }

  edge() {
    const [edge, ...others] = this.edges();
    assert(edge);
    assert.equal(others.length, 0);
    return edge;
  }

  second() {
    this.nowMs += 1000;
    return this.table.tick(this.nowMs);
  }
}

const moved = (toServer: number, toClient: number): Batch => ({
  edges: [FROM_CLIENT],
  connections: [connection],
  opened: [7],
  moved: [7],
  toServer: [toServer],
  toClient: [toClient],
});

describe('one edge of two reports', () => {
  test('is one-sided first, and mutual when both have seen the session', () => {
    const world = new World();
    world.tell(CLIENT, moved(100, 200));
    assert.equal(world.edge().encryption.state, 'one-sided');
    world.tell(SERVER, { ...moved(100, 200), edges: [FROM_SERVER] });
    const { encryption, reporters, application } = world.edge();
    assert.equal(encryption.state, 'mutual');
    assert.equal(encryption.version, 'TLSv1.3');
    assert.equal(encryption.clientIdentity, CLIENT.spiffeId);
    assert.deepEqual(reporters, ['source', 'destination']);
    assert.equal(application, 'postgres');
    const [listed, ...more] = world.table.connections.list({ limit: 10 });
    assert.deepEqual(more, []);
    assert.deepEqual(listed?.seenBy, ['source', 'destination']);
    assert.equal(listed?.toServerBytes, 100);
  });

  test('its rate is what moved once, then nothing, then not told', () => {
    const world = new World();
    world.tell(CLIENT, moved(3000, 6000));
    world.tell(SERVER, { ...moved(3000, 6000), edges: [FROM_SERVER] });
    const rates = [1, 2, 3, 4, 5].map(() => world.second().samples[0]?.slice(1, 5));
    assert.deepEqual(rates, [
      [3000, 6000, 1, 1],
      [1500, 3000, 1, 0],
      [1000, 2000, 1, 0],
      [0, 0, 1, 0],
      undefined,
    ]);
  });

  test('the same session seen differently is a disagreement, plaintext beside TLS is mixed', () => {
    const world = new World();
    world.tell(CLIENT, moved(1, 1));
    world.tell(SERVER, { ...moved(1, 1), edges: [{ ...FROM_SERVER, security: 'none' }] });
    const { encryption, disagreement } = world.edge();
    assert.equal(encryption.state, 'mixed');
    assert.deepEqual(disagreement, {
      about: 'encryption',
      source: 'TLS',
      destination: 'plaintext',
    });
  });

  test('an end that counts a fifth less for long is a disagreement', () => {
    const world = new World();
    for (let second = 0; second < 40; second++) {
      world.tell(CLIENT, moved(100_000, 0));
      world.tell(SERVER, { ...moved(80_000, 0), edges: [FROM_SERVER] });
      world.second();
    }
    assert.equal(world.edge().disagreement?.about, 'bytes');
  });

  test('ends that tell at other times agree', () => {
    const world = new World();
    for (let second = 0; second < 60; second++) {
      const burst = second % 10 === 9 ? 1_000_000 : 1000;
      world.tell(CLIENT, moved(burst, 0));
      world.second();
      world.tell(SERVER, { ...moved(burst, 0), edges: [FROM_SERVER] });
      assert.equal(world.edge().disagreement, null, `second ${second}`);
    }
  });

  test('goes on by the other end when the one that is ahead goes silent', () => {
    const world = new World();
    world.tell(CLIENT, moved(1_000_000, 0)); // of which the server's agent knew nothing
    world.second();
    for (let second = 0; second < 20; second++) {
      world.tell(SERVER, { ...moved(1000, 0), edges: [FROM_SERVER] });
      world.second();
    }
    const [sample] = world.table.samples();
    assert.equal(sample?.[1], 1000);
  });

  test('when all who report it are gone, it is silent until one is back', () => {
    const world = new World();
    world.tell(CLIENT, moved(1, 1));
    const heardMs = world.nowMs;
    for (let second = 0; second < 40; second++) world.second();
    assert.deepEqual(world.table.takeSilences(), [{ edge: 1, atMs: heardMs, isOver: false }]);
    for (let second = 0; second < 20; second++) {
      world.tell(CLIENT, {});
      world.second();
    }
    assert.deepEqual(
      world.table.takeSilences().map(({ isOver }) => isOver),
      [true],
    );
  });

  test('a clock that is wrong by an hour changes nothing', () => {
    const world = new World();
    const wrongMs = NOW_MS - 3600_000;
    world.tell(CLIENT, { ...moved(500, 0), sentMs: wrongMs, atMs: wrongMs - 200 });
    assert.equal(world.second().samples[0]?.[1], 500);
    assert.equal(world.edge().lastSeenMs, NOW_MS);
  });

  test('a refused connection is a failure in words, and a denial', () => {
    const world = new World();
    const denials: object[] = [];
    world.table.onDenial((denial) => denials.push(denial));
    const closed = [{ connection: 7, hasFailed: true, deniedBy: 'default/pg-deny' }];
    world.tell(SERVER, { ...moved(0, 0), edges: [FROM_SERVER], closed });
    assert.equal(world.edge().failure?.text, 'denied by default/pg-deny');
    const { from, to } = world.edge();
    const policy = 'default/pg-deny';
    const clientIdentity = CLIENT.spiffeId;
    const edge = world.edge().id;
    assert.deepEqual(denials, [
      { edge, from, to, port: 5432, clientIdentity, policy, atMs: NOW_MS },
    ]);
  });

  test('an address that becomes a workload takes its open connections along', () => {
    let isKnown = false;
    const nodeOf = (peer: string): string | undefined =>
      peer === 'ip|10.0.0.9' ? (isKnown ? 'wl:default/late' : undefined) : NAMES.nodeOf(peer);
    const world = new World({ ...NAMES, nodeOf });
    const edges = [{ ...FROM_SERVER, clientPeer: 'ip|10.0.0.9', clientPrincipal: '' }];
    world.tell(SERVER, { ...moved(1, 1), edges });
    assert.equal(world.edge().from, 'ip:10.0.0.9');
    isKnown = true;
    world.nowMs += 6000;
    world.tell(SERVER, { moved: [7], toServer: [1], toClient: [1] });
    const open = [...world.table.edges.all()].map((edge) => [edge.from, edge.openConnections]);
    assert.deepEqual(open, [
      ['ip:10.0.0.9', 0],
      ['wl:default/late', 1],
    ]);
  });
});

describe('a hostile agent', () => {
  const EVIL = agentOf('Pod', 'evil');

  test('says nothing in the name of others', () => {
    const world = new World();
    world.tell(EVIL, moved(1e9, 1e9));
    world.tell(EVIL, { ...moved(1e9, 1e9), edges: [FROM_SERVER] });
    const ip = { ...FROM_CLIENT, clientPeer: '', clientPrincipal: CLIENT.spiffeId };
    world.tell(EVIL, { ...moved(1e9, 1e9), edges: [ip] });
    world.tell(EVIL, { ...moved(1e9, 1e9), edges: [{ ...FROM_CLIENT, clientPrincipal: '' }] });
    assert.deepEqual(world.edges(), []);
    assert.deepEqual(world.table.connections.list({ limit: 10 }), []);
    assert(world.table.counts.refused >= 4);
  });

  test('cannot make an edge mutual that the other end has not seen', () => {
    const world = new World();
    world.tell(EVIL, {
      ...moved(1, 1),
      edges: [{ ...FROM_CLIENT, clientPeer: EVIL.peer, clientPrincipal: EVIL.spiffeId }],
    });
    assert.equal(world.edge().encryption.state, 'one-sided');
    assert.equal(world.edge().from, 'wl:default/evil');
  });

  const own: EdgeFacts = { ...FROM_CLIENT, clientPeer: EVIL.peer, clientPrincipal: EVIL.spiffeId };

  test('numbers that are none, and texts that are too much, are refused', () => {
    const world = new World();
    for (const toServer of [-1, NaN, Infinity, 1e300]) {
      world.tell(EVIL, { ...moved(toServer, 0), edges: [own] });
    }
    const huge = 'h'.repeat(100_000);
    const edges = [
      { ...own, number: 2, serviceHost: huge },
      { ...own, number: 3, serverPeer: huge },
      { ...own, number: 4, protocol: '<b>' },
      { ...own, number: 5, port: 70_000 },
      { ...own, number: 6, serviceHost: 'a\u202eb' },
    ];
    world.tell(EVIL, {
      edges,
      sums: [
        { edge: 2, toServer: 5 },
        { edge: 99, toServer: 5 },
      ],
    });
    world.tell(EVIL, { sums: [{ edge: 1, failed: 1, flags: '<script>\u0000', requests: -5 }] });
    world.tell(EVIL, { sums: [{ edge: 1, failed: 1, flags: '<script>\u0000' }] });
    const tick = world.second();
    assert.deepEqual(tick.samples[0]?.slice(1, 4), [0, 0, 1]);
    assert.equal(world.edge().failure?.flags, 'script');
    assert(world.table.counts.refused >= 4 + 5 + 2 + 1);
  });

  test('what is no batch is none', () => {
    const encode = (batch: Batch): Uint8Array =>
      toBinary(FlowBatchSchema, create(FlowBatchSchema, batch));
    const good = { epoch: 'run', sequence: 1, sentMs: 1, atMs: 1 };
    assert(decodeBatch(encode(good)));
    assert.equal(decodeBatch(encode({ ...good, epoch: 'a b' })), undefined);
    assert.equal(decodeBatch(encode({ ...good, sequence: 0 })), undefined);
    assert.equal(decodeBatch(encode({ ...good, sentMs: NaN })), undefined);
    assert.equal(decodeBatch(encode({ ...good, moved: [1] })), undefined);
    assert.equal(decodeBatch(Uint8Array.of(1, 2, 3)), undefined);
  });

  test('a flood of names ends up in one edge, and others are not pushed out by it', () => {
    const world = new World();
    world.tell(CLIENT, moved(1, 1));
    for (let round = 0; round < 5; round++) {
      const edges = Array.from({ length: 800 }, (_, at) => ({
        ...own,
        number: at + 1 + round * 800,
        serverPeer: `ip|10.${round}.${at >> 8}.${at & 255}`,
        serverPrincipal: '',
        serviceHost: '',
      }));
      world.tell(EVIL, { edges });
    }
    const all = world.edges();
    assert(all.length <= 2002, `${all.length} edges`);
    assert(all.some(({ from }) => from === 'wl:default/inventory'));
    assert(all.some(({ to }) => to === 'ip:others'));
    assert(world.table.counts.refused > 1000);
  });

  test('connections beyond the quota are refused', () => {
    const world = new World();
    world.tell(EVIL, { edges: [own] });
    for (let round = 0; round < 7; round++) {
      const connections = Array.from({ length: 10_000 }, (_, at) => {
        const number = round * 10_000 + at + 1;
        return { number, edge: 1, key: `k${number}` };
      });
      world.tell(EVIL, { connections });
    }
    assert.equal(world.table.openConnections(), 65_536);
    assert(world.table.connections.list({ limit: 1e9 }).length <= 1000);
  });
});

const PATH: EdgeFacts = { ...FROM_CLIENT, protocol: 'http', port: 8080 };

describe('requests', () => {
  /** Ten requests: buckets 1 (to 1 ms) and 9 (to 100 ms). */
  const asked = (more: NonNullable<Batch['sums']>[number] = {}): Batch => ({
    edges: [PATH],
    sums: [{ edge: 1, requests: 10, requestMs: 500, durations: [1, 5, 9, 5], ...more }],
  });
  const answered = (batch: Batch): Batch => ({
    ...batch,
    edges: [{ ...PATH, isDestination: true }],
  });

  test('are timed at both ends, each for itself, and counted once', () => {
    const world = new World();
    world.tell(CLIENT, asked({ failed: 1, clientErrors: 2 }));
    world.tell(SERVER, answered(asked({ failed: 1, clientErrors: 2, durations: [1, 10] })));
    const { http } = world.edge();
    assert(http?.client && http.server);
    assert.deepEqual([http.requests, http.failed, http.clientErrors], [10, 1, 2]);
    assert(http.client.p50Ms <= 1 && http.client.p95Ms > 56 && http.client.p95Ms <= 100);
    assert(http.server.p99Ms <= 1);
    const [sample] = world.second().samples;
    assert.deepEqual(sample?.slice(8), [0.1, 0.2, http.client.p50Ms, http.client.p95Ms, 98.9]);
  });

  test('of an older agent: how long they took is not known, and not 0', () => {
    const world = new World();
    world.tell(CLIENT, asked({ durations: [] }));
    const { http } = world.edge();
    assert.deepEqual(http, {
      requests: 10,
      failed: 0,
      clientErrors: null,
      client: null,
      server: null,
    });
    assert.deepEqual(world.second().samples[0]?.slice(8), [0, null, null, null, null]);
    world.tell(SERVER, answered(asked()));
    const server = world.edge().http?.server;
    assert(server);
    const [sample] = world.second().samples;
    assert.equal(sample?.[11], server.p95Ms, 'the server’s stand for the client’s');
  });

  test('are forgotten after a minute, and that is told though nothing moves', () => {
    const world = new World();
    world.tell(CLIENT, asked());
    const told = Array.from({ length: 70 }, () => world.second().samples[0]?.length);
    assert.equal(told[0], 13);
    assert.deepEqual(
      told.slice(5).filter((length) => length !== undefined),
      [8],
    );
    assert.equal(world.edge().http, null);
  });

  test('told as nonsense are refused', () => {
    const world = new World();
    const lies = [[1], [24, 1], [1, 11], [1, 6, 2, 5], Array<number>(50).fill(0)];
    for (const durations of lies) world.tell(CLIENT, asked({ durations }));
    world.tell(CLIENT, asked({ clientErrors: -1 }));
    assert.equal(world.table.counts.refused, lies.length + 1);
    assert.equal(world.edge().http, null);
    world.tell(CLIENT, asked({ durations: [1, 4, 9, 6] }));
    assert.equal(world.edge().http?.requests, 10);
  });
});

describe('more open connections than there is room for', () => {
  const many = (from: number, count: number) =>
    Array.from({ length: count }, (_, at) => ({
      ...connection,
      number: from + at,
      key: `k${from + at}`,
    }));

  test('are counted, and their bytes; another agent is not worse off', () => {
    const world = new World();
    world.tell(CLIENT, { edges: [FROM_CLIENT], connections: many(1, 40_000) });
    const { budget } = world.table;
    assert.deepEqual([budget.kept, budget.crowded, budget.named], [10_000, 30_000, 40_000]);
    world.tell(CLIENT, { moved: [39_999], toServer: [700], toClient: [0] });
    world.tell(SERVER, { edges: [FROM_SERVER], connections: many(1, 100) });
    assert.deepEqual([budget.kept, budget.crowded], [10_008, 30_092]);
    const [sample] = world.second().samples;
    assert.equal(sample?.[3], 40_000);
    assert.equal(sample?.[1], 700);
    const closed = many(1, 40_000).map(({ number }) => ({ connection: number }));
    world.tell(CLIENT, { closed: closed.slice(0, 39_990) });
    assert.equal(world.second().samples[0]?.[3], 100);
    world.close(CLIENT);
    assert.equal(budget.named, 100);
    world.close(SERVER);
    assert.deepEqual([budget.crowded, budget.named], [0, 0]);
  });

  test('named again on the next stream they are no more than before', () => {
    const world = new World();
    for (let stream = 0; stream < 3; stream++) {
      const connections = many(1, 40_000);
      world.tell(CLIENT, { edges: [FROM_CLIENT], connections, isComplete: true });
      assert.equal(world.table.openConnections(), 40_000);
      world.close(CLIENT);
    }
    assert.equal(world.table.budget.kept, 10_000);
  });

  test('so do kinds of traffic: what there is no room for is told together', () => {
    const world = new World();
    const kinds = (agent: AgentIdentity, count: number): EdgeFacts[] =>
      Array.from({ length: count }, (_, at) => ({
        ...FROM_CLIENT,
        number: at + 1,
        clientPeer: agent.peer,
        clientPrincipal: agent.spiffeId,
        port: at + 1,
      }));
    const agents = Array.from({ length: 12 }, (_, at) => agentOf('Pod', `client-${at}`));
    for (const agent of agents) world.tell(agent, { edges: kinds(agent, 1900) });
    const { budget, edges } = world.table;
    assert(budget.uses > 16_000 && budget.uses < 16_100, `${budget.uses} are at hand`);
    assert(edges.size <= 5000);
    const last = agents.at(-1) ?? CLIENT;
    world.tell(last, {
      sums: [
        { edge: 1899, toServer: 300 },
        { edge: 1, toServer: 5 },
      ],
    });
    const moved = world.second().samples.map(([index, toServer]) => {
      const { to, port } = world.edges().find((edge) => edge.index === index) ?? {};
      return [to, port, toServer];
    });
    const byPort = moved.toSorted((a, b) => Number(a[1]) - Number(b[1]));
    assert.deepEqual(byPort, [
      ['ip:others', 0, 300],
      ['wl:default/postgresql', 1, 5],
    ]);
    for (const agent of agents) world.close(agent);
    assert.equal(budget.uses, 0);
  });
});
