import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { PolicyMode } from '#api/policies.ts';
import { silentLogger as log } from '#base/log.ts';
import type { KubeObject } from '#kube/objects.ts';
import { KubeStatusError } from '#kube/status.ts';
import { FakeClock } from '../../../test/fakes/clock.ts';
import { FakePolicies, FakeStore } from './fake-policies.ts';
import { PolicyKeeper, PolicyRefusal } from './keeper.ts';
import type { Condition } from './keeper.ts';
import { createPolicyStore } from './store.ts';

const REF = { kind: 'AuthorizationPolicy', namespace: 'default', name: 'p' };
const KIM = { username: 'kim', uid: '', groups: ['dev'], extra: {} };
const BEFORE = { rules: [{ from: [{ source: { namespaces: ['a'] } }] }] };
const AFTER = { rules: [{ from: [{ source: { namespaces: ['b'] } }] }] };

const object = (spec: unknown): KubeObject => ({
  apiVersion: 'security.istio.io/v1',
  kind: REF.kind,
  metadata: { name: 'p', namespace: 'default' },
  spec,
});

class World {
  readonly server = new FakePolicies();
  readonly store = new FakeStore();
  readonly clock = new FakeClock(1_000_000);
  keeper: PolicyKeeper;
  #stop = new AbortController();
  #running: Promise<void>;

  constructor() {
    [this.keeper, this.#running] = this.#start();
  }

  #start(): [PolicyKeeper, Promise<void>] {
    const { server, store, clock } = this;
    const keeper = new PolicyKeeper({ client: server, store, clock, random: () => 0, log });
    return [keeper, keeper.run(this.#stop.signal)];
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  /** As isthmusd that is killed and comes back. */
  async restart(): Promise<void> {
    await this.stop();
    this.#stop = new AbortController();
    [this.keeper, this.#running] = this.#start();
  }

  write(
    spec: unknown,
    mode: PolicyMode,
    options: { readonly condition?: Condition; readonly user?: typeof KIM } = {},
  ): Promise<void> {
    const resourceVersion = this.server.find('p')?.metadata.resourceVersion ?? '';
    const { condition = { kind: 'version', resourceVersion } as const, user = KIM } = options;
    const written = spec === undefined ? undefined : object(spec);
    const write = { ref: REF, object: written, mode, ttlSeconds: 120, condition };
    return this.keeper.write(write, user);
  }

  get spec(): unknown {
    return this.server.find('p')?.spec;
  }
}

async function inWorld(work: (world: World) => Promise<void>): Promise<void> {
  const world = new World();
  try {
    await work(world);
  } finally {
    await world.stop();
  }
}

/** Time passes, and whatever is due has happened. */
async function pass(world: World, ms: number): Promise<void> {
  await world.clock.untilSleeping(ms);
  world.clock.advance(ms);
  // a question of its own waits behind the undoing
  await world.keeper.confirm({ ...REF, name: 'nobody' }).catch(() => undefined);
  await world.keeper.confirm({ ...REF, name: 'nobody' }).catch(() => undefined);
}

const isRefusal = (reason: PolicyRefusal['reason']) => (error: unknown) =>
  error instanceof PolicyRefusal && error.reason === reason;

describe('an apply that nobody confirms undoes itself', () => {
  test('by the clock', () =>
    inWorld(async (world) => {
      world.server.put('p', BEFORE);
      await world.write(AFTER, 'confirm');
      assert.deepEqual(world.spec, AFTER);
      await pass(world, 120_000);
      assert.deepEqual(world.spec, BEFORE);
      assert.deepEqual(world.server.writes, ['kim update default/p', 'kim update default/p']);
      assert.equal(await world.keeper.record(REF), undefined);
    }));

  test('though isthmusd was restarted meanwhile', () =>
    inWorld(async (world) => {
      world.server.put('p', BEFORE);
      await world.write(AFTER, 'confirm');
      await world.clock.untilSleeping(120_000);
      await world.restart();
      await pass(world, 120_000);
      assert.deepEqual(world.spec, BEFORE);
    }));

  test('at once, when isthmusd was away when it was due', () =>
    inWorld(async (world) => {
      world.server.put('p', BEFORE);
      await world.write(AFTER, 'confirm');
      await world.stop();
      world.clock.advance(500_000);
      await world.restart();
      await world.server.untilWrites(2);
      assert.deepEqual(world.spec, BEFORE);
    }));

  test('a new policy goes, a deleted one comes back', () =>
    inWorld(async (world) => {
      await world.write(AFTER, 'confirm', { condition: { kind: 'new' } });
      await pass(world, 120_000);
      assert.equal(world.server.find('p'), undefined);
      world.server.put('p', BEFORE);
      await world.write(undefined, 'confirm');
      assert.equal(world.server.find('p'), undefined);
      await pass(world, 120_000);
      assert.deepEqual(world.spec, BEFORE);
    }));

  test('not over what somebody else has written since', () =>
    inWorld(async (world) => {
      world.server.put('p', BEFORE);
      await world.write(AFTER, 'confirm');
      world.server.put('p', { rules: [] });
      await pass(world, 120_000);
      assert.deepEqual(world.spec, { rules: [] });
    }));

  test('to what was confirmed last, past what was not', () =>
    inWorld(async (world) => {
      world.server.put('p', BEFORE);
      await world.write(AFTER, 'confirm');
      await world.write({ rules: [{}] }, 'confirm');
      await pass(world, 120_000);
      assert.deepEqual(world.spec, BEFORE);
    }));

  test('though admission writes into what is stored', () =>
    inWorld(async (world) => {
      world.server.put('p', BEFORE);
      world.server.admit = (given) => ({
        ...given,
        metadata: { ...given.metadata, labels: { admitted: 'yes' } },
      });
      await world.write(AFTER, 'confirm');
      await pass(world, 120_000);
      assert.deepEqual(world.spec, BEFORE);
    }));
});

test('what is confirmed stays, and can be undone for a day', () =>
  inWorld(async (world) => {
    world.server.put('p', BEFORE);
    await world.write(AFTER, 'confirm');
    await world.keeper.confirm(REF);
    assert.equal((await world.keeper.record(REF))?.revertsAtMs, null);
    world.clock.advance(3_600_000);
    assert.deepEqual(world.spec, AFTER);
    await world.keeper.undo(REF, KIM);
    assert.deepEqual(world.spec, BEFORE);
    await assert.rejects(world.keeper.undo(REF, KIM), isRefusal('nothing'));
  }));

test('after a day there is nothing to undo', () =>
  inWorld(async (world) => {
    world.server.put('p', BEFORE);
    await world.write(AFTER, 'keep');
    world.clock.advance(24 * 3_600_000);
    await assert.rejects(world.keeper.undo(REF, KIM), isRefusal('nothing'));
    assert.deepEqual(world.spec, AFTER);
  }));

describe('a shadow', () => {
  test('leaves what is in force alone, and goes by itself', () =>
    inWorld(async (world) => {
      world.server.put('p', BEFORE);
      await world.write(AFTER, 'shadow');
      assert.deepEqual(world.spec, BEFORE);
      const shadow = world.server.find('p-shadow');
      assert.deepEqual(shadow?.spec, AFTER);
      assert.equal(shadow?.metadata.annotations?.['istio.io/dry-run'], 'true');
      await assert.rejects(world.keeper.confirm(REF), isRefusal('bad'));
      await pass(world, 24 * 3_600_000);
      assert.equal(world.server.find('p-shadow'), undefined);
      assert.deepEqual(world.spec, BEFORE);
    }));

  test('gives way to what is applied', () =>
    inWorld(async (world) => {
      world.server.put('p', BEFORE);
      await world.write(AFTER, 'shadow');
      await world.write(AFTER, 'confirm');
      assert.equal(world.server.find('p-shadow'), undefined);
      assert.deepEqual(world.spec, AFTER);
    }));
});

describe('nothing is overwritten', () => {
  test('of a version that is not the present', () =>
    inWorld(async (world) => {
      world.server.put('p', BEFORE);
      const condition = { kind: 'version', resourceVersion: '1' } as const;
      await assert.rejects(world.write(AFTER, 'keep', { condition }), isRefusal('conflict'));
      await assert.rejects(
        world.write(AFTER, 'keep', { condition: { kind: 'new' } }),
        isRefusal('conflict'),
      );
      assert.deepEqual([world.spec, world.server.writes], [BEFORE, []]);
      assert.equal(await world.keeper.record(REF), undefined);
    }));

  test('by whoever may not, and no promise is left of it', () =>
    inWorld(async (world) => {
      world.server.put('p', BEFORE);
      world.server.viewers.add('kim');
      await assert.rejects(world.write(AFTER, 'confirm'), KubeStatusError);
      assert.deepEqual(world.spec, BEFORE);
      assert.equal(await world.keeper.record(REF), undefined);
    }));
});

test('the store reads what it wrote', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'policies-'));
  try {
    const store = createPolicyStore(join(folder, 'state', 'policies.json'));
    assert.deepEqual(await store.load(), []);
    const record = {
      ref: REF,
      mode: 'confirm',
      by: { username: 'kim', groups: [] },
      atMs: 1,
      previous: object(BEFORE),
      written: 'x',
      revertsAtMs: 5,
      undoUntilMs: 9,
    } as const;
    await store.save([record]);
    assert.deepEqual(await createPolicyStore(join(folder, 'state', 'policies.json')).load(), [
      record,
    ]);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('what cannot be undone for a day is given up, and said', () =>
  inWorld(async (world) => {
    world.server.put('p', BEFORE);
    await world.write(AFTER, 'confirm');
    world.server.viewers.add('kim');
    await world.stop();
    world.clock.advance(25 * 3_600_000);
    await world.restart();
    await assert.rejects(world.keeper.confirm({ ...REF, name: 'q' }), isRefusal('conflict'));
    await assert.rejects(world.keeper.confirm({ ...REF, name: 'q' }), isRefusal('conflict'));
    assert.equal(await world.keeper.record(REF), undefined);
    assert.deepEqual(world.spec, AFTER);
  }));
