// The service that takes reports: who may call it, when it acknowledges, and what a flood costs.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { test } from 'node:test';
import { create, fromBinary, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import { silentLogger } from '#base/log.ts';
import type { WorkloadIdentity } from '#base/workload-identity.ts';
import { FlowAckSchema, FlowBatchSchema } from '#gen/isthmus/v1/flows_pb.js';
import { GrpcStatus } from '#grpc/status.ts';
import { FLOW_METHOD } from '#telemetry/flows/limits.ts';
import type { FlowTick } from '#telemetry/flows/flows.ts';
import { FakeCall } from '#xds/fake-call.ts';
import { FakeClock } from '../../../test/fakes/clock.ts';
import { CLIENT, NAMES, SERVER } from '../../../test/fakes/flow-agents.ts';
import { FlowKeeper } from './flow-keeper.ts';

const INVENTORY: WorkloadIdentity = {
  trustDomain: 'cluster.local',
  namespace: 'default',
  serviceAccount: 'inventory',
  workload: { kind: 'Pod', name: 'inventory' },
};
const STORE_DELAY_MS = 200;

/** A call whose reading can be seen to stop. */
class PausableCall extends FakeCall {
  isPaused = false;
  override pause(): void {
    this.isPaused = true;
  }
  override resume(): void {
    this.isPaused = false;
  }
}

class World implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'flows-'));
  readonly clock = new FakeClock(1_800_000_000_000);
  readonly keeper: FlowKeeper;
  readonly ticks: FlowTick[] = [];
  readonly #end = new AbortController();
  readonly #running: Promise<void>;
  #sequence = 0;

  constructor(isAllowed = true) {
    this.keeper = new FlowKeeper({
      stateDir: this.folder,
      names: NAMES,
      authenticate: () =>
        isAllowed
          ? { ok: true, proxy: INVENTORY, id: CLIENT.key }
          : { ok: false, code: GrpcStatus.unauthenticated, message: 'who are you?' },
      clock: this.clock,
      log: silentLogger,
    });
    this.keeper.onTick((tick) => this.ticks.push(tick));
    this.#running = this.keeper.run(this.#end.signal).catch(() => undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort();
    await this.#running;
    this.keeper[Symbol.dispose]();
    rmSync(this.folder, { recursive: true });
  }

  call(): PausableCall {
    const call = new PausableCall();
    this.keeper.methods[FLOW_METHOD]?.(call);
    return call;
  }

  batch(more: MessageInitShape<typeof FlowBatchSchema> = {}): Uint8Array {
    this.#sequence += 1;
    const nowMs = this.clock.nowMs();
    const numbers = { epoch: 'run', sequence: this.#sequence, sentMs: nowMs, atMs: nowMs };
    return toBinary(FlowBatchSchema, create(FlowBatchSchema, { ...numbers, ...more }));
  }

  async stored(): Promise<void> {
    await this.clock.untilSleeping(STORE_DELAY_MS);
    this.clock.advance(STORE_DELAY_MS);
    await turn();
  }
}

const edges = [
  {
    number: 1,
    clientPeer: CLIENT.peer,
    clientPrincipal: CLIENT.spiffeId,
    serverPeer: SERVER.peer,
    serverPrincipal: SERVER.spiffeId,
    port: 5432,
    protocol: 'tcp',
    security: 'mutual',
  },
];

test('a batch is acknowledged when it is stored, and told with the second', async () => {
  await using world = new World();
  const call = world.call();
  call.onMessage(world.batch({ edges, sums: [{ edge: 1, toServer: 300, opened: 1 }] }));
  assert.equal(call.sent.length, 0);
  const span = { fromMs: 0, toMs: world.clock.nowMs() + 1000 };
  assert.deepEqual(world.keeper.talkedTo(span), []);
  await world.stored();
  assert.equal(fromBinary(FlowAckSchema, call.sent[0] ?? new Uint8Array()).sequence, 1);
  assert.equal(world.keeper.talkedTo(span)[0]?.toServerBytes, 300);
  world.clock.advance(1000);
  await turn();
  const [tick] = world.ticks;
  const [edge] = world.keeper.edges();
  assert(tick && edge);
  assert.deepEqual([...tick.changed], [edge.id]);
  assert.equal(tick.samples[0]?.[1], 300);
  assert.equal(world.keeper.edge(edge.id)?.to, 'wl:default/postgresql');
  const told = async (): Promise<number> => {
    const asked = { of: { node: edge.to }, fromMs: 0, toMs: world.clock.nowMs() };
    const series = await world.keeper.series(asked);
    assert.equal(series?.stepSeconds, 80); // a day, whatever is asked for
    return Math.max(...series.toServerBytes.map(Number)) * 80;
  };
  assert.equal(await told(), 0, 'the part of a step would look like a fall');
  world.clock.advance(82_000);
  assert.equal(await told(), 300);
  assert.equal(await world.keeper.series({ of: { edge: 'none' }, ...span }), undefined);
});

test('the second of a moment gone by is told as it was, and what is not known is not told', async () => {
  await using world = new World();
  world.clock.advance(1000);
  await turn();
  const beganMs = world.clock.nowMs();
  world.call().onMessage(world.batch({ edges, sums: [{ edge: 1, toServer: 300, opened: 1 }] }));
  await world.stored();
  world.clock.advance(3000);
  await turn();
  const known = [...world.keeper.edges()];
  const at = async (atMs: number) => await world.keeper.samplesAt(atMs, known);
  const [sample, ...others] = await at(beganMs + 500);
  assert.deepEqual([sample?.[0], sample?.[1], others.length], [known[0]?.index, 300, 0]);
  assert.equal((await at(beganMs + 2500))[0]?.[1], 0);
  assert.deepEqual(await at(beganMs - 60_000), []);
  assert.deepEqual(await at(0), []);
  const stranger = { index: 99, firstSeenMs: world.clock.nowMs() };
  assert.deepEqual(await world.keeper.samplesAt(beganMs, [stranger]), []);
});

test('a stranger is refused, and so is what is no batch', async () => {
  await using strange = new World(false);
  assert.equal(strange.call().outcome?.code, GrpcStatus.unauthenticated);
  await using world = new World();
  const call = world.call();
  call.onMessage(Uint8Array.of(255));
  assert.equal(call.outcome?.code, GrpcStatus.invalidArgument);
});

test('a flood waits in its own connection', async () => {
  await using world = new World();
  const [flood, other] = [world.call(), world.call()];
  const metrics = Array.from({ length: 4000 }, (_, number) => ({ number, help: 'x'.repeat(900) }));
  for (let sent = 0; sent < 3; sent++) flood.onMessage(world.batch({ metrics }));
  assert(flood.isPaused);
  assert(!other.isPaused);
  world.clock.advance(60_000);
  await turn();
  assert(!flood.isPaused);
});

test('an agent has few streams at once, and the room of those that are over', async () => {
  await using world = new World();
  const calls = Array.from({ length: 4 }, () => world.call());
  assert.equal(world.call().outcome?.code, GrpcStatus.resourceExhausted);
  const connections = [{ number: 1, edge: 1, key: 'a' }];
  calls[0]?.onMessage(world.batch({ edges, connections }));
  assert.equal(world.keeper.figures.openConnections, 1);
  for (const call of calls) call.onClose();
  assert.equal(world.call().outcome, undefined);
});
