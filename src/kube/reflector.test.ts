import assert from 'node:assert/strict';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { Clock } from '#base/clock.ts';
import { createLogger, silentLogger } from '#base/log.ts';
import { OperatorError } from '#base/operator-error.ts';
import { createDiffingStore, type Change } from './diffing-store.ts';
import { FakeHistory, type WatchEnd } from './fake-history.ts';
import { objectKey, type KubeObject, type ObjectRef } from './objects.ts';
import { createReflector, runReflector, type ReflectorOptions } from './reflector.ts';
import { SERVICE } from './resources.ts';
import { KubeStatusError } from './status.ts';

test('the present objects come first, then each change', async () => {
  const server = new FakeHistory();
  server.put(ref('b'));
  server.put(ref('a'));
  await using copy = await startCopy(server);
  assert.deepEqual(copy.heard, ['replace a b']);
  server.put(ref('c'));
  server.put(ref('a'));
  server.remove(ref('b'));
  await copy.settle();
  assert.deepEqual(copy.heard.slice(1), ['ADDED c', 'MODIFIED a', 'DELETED b']);
});

test('a list of many pages is one state of the server, in its order', async () => {
  const server = new FakeHistory();
  for (let index = 0; index < 1200; index += 1) server.put(ref(`s${1000 + index}`));
  await using copy = await startCopy(server);
  assert.equal(server.calls.list, 3);
  assert.equal(copy.heard.length, 1);
  assert.equal(copy.items.size, 1200);
});

test('pages that expire are listed again at once', async () => {
  const server = new FakeHistory();
  for (let index = 0; index < 600; index += 1) server.put(ref(`s${1000 + index}`));
  server.expiredPages = 1;
  await using copy = await startCopy(server);
  assert.equal(copy.items.size, 600);
  assert.equal(copy.heard.length, 1);
});

for (const end of ['closed', 'broken'] as const) {
  test(`after a watch that was ${end} it goes on from where it was, without a list`, async () => {
    const server = new FakeHistory();
    server.put(ref('a'));
    await using copy = await startCopy(server);
    server.endWatches(end);
    server.put(ref('b')); // while nobody watches
    server.remove(ref('a'));
    await copy.settle();
    assert.deepEqual(copy.heard.slice(1), ['ADDED b', 'DELETED a']);
  });
}

test('a deletion whose event is lost to compaction is found by the next list', async () => {
  const server = new FakeHistory();
  server.put(ref('a'));
  server.put(ref('b'));
  await using copy = await startCopy(server);
  server.endWatches('broken');
  server.remove(ref('a'));
  server.put(ref('c'));
  server.compact();
  await copy.settle();
  assert.deepEqual(copy.heard.slice(1), ['replace b c']);
  assert.deepEqual(copy.changes.slice(2), ['deleted a', 'applied c']);
});

test('a server that is away is asked again until it is back, and nothing is lost', async () => {
  const server = new FakeHistory();
  server.put(ref('a'));
  await using copy = await startCopy(server);
  server.refusals = 20;
  server.endWatches('broken');
  server.put(ref('b'));
  await copy.settle();
  assert.deepEqual(copy.heard, ['replace a', 'ADDED b']);
  assert(copy.sleptMs.every((ms) => ms <= 5000));
  assert.equal(copy.sleptMs.at(-1), 3750, 'half of the bound and half of the jitter');
});

test('a server that was restored from a backup is listed again', async () => {
  const server = new FakeHistory();
  for (const name of ['a', 'b', 'c']) server.put(ref(name));
  await using copy = await startCopy(server);
  server.endWatches('broken');
  server.restore([ref('a')], 10);
  await copy.settle();
  assert.deepEqual(copy.heard.slice(1), ['replace a']);
  server.put(ref('d'));
  await copy.settle();
  assert.deepEqual(copy.heard.slice(2), ['ADDED d']);
});

test('a kind that the server does not know counts as empty, if optional', async () => {
  const missing = new KubeStatusError({
    code: 404,
    reason: 'NotFound',
    message: 'the server could not find the requested resource',
    details: { causes: [], retryAfterSeconds: undefined },
  });
  const server = new FakeHistory();
  let isKnown = false;
  const unknownKind: ReflectorOptions['client'] = {
    list: (...call) => (isKnown ? server.list(...call) : Promise.reject(missing)),
    watch: server.watch,
  };
  await using copy = await copyOf(unknownKind, { isOptional: true });
  assert.deepEqual(copy.heard, ['replace ']);
  isKnown = true;
  server.put(ref('a'));
  await copy.settle();
  assert.deepEqual(copy.heard.at(-1), 'replace a');
});

test('problems are said once, and their end', async () => {
  const lines: string[] = [];
  const log = createLogger('kube', { sink: (line) => lines.push(line.slice(25)), nowMs: () => 0 });
  const server = new FakeHistory();
  await using copy = await startCopy(server, { log });
  server.refusals = 5;
  server.endWatches('broken');
  server.put(ref('a'));
  await copy.settle();
  assert.deepEqual(lines, [
    'info  kube: listed resource=services objects=0 resourceVersion=100',
    'warn  kube: interrupted resource=services problem="connect ECONNREFUSED"',
    'info  kube: watching again resource=services failures=6',
  ]);
});

test('what a store throws is a bug and ends the reflector', async () => {
  const server = new FakeHistory();
  const bug = new Error('store is broken');
  const { clock } = virtualTime();
  const store = {
    replace: () => {
      throw bug;
    },
    apply: () => undefined,
  };
  const options = { client: server, type: SERVICE, clock, random, log: silentLogger, store };
  await assert.rejects(runReflector(options, new AbortController().signal), bug);
});

test('an aborted reflector ends quietly, also while it waits', async () => {
  const server = new FakeHistory();
  server.refusals = Number.POSITIVE_INFINITY;
  const stop = new AbortController();
  const clock: Clock = {
    nowMs: () => 0,
    sleep: (_, signal) => {
      stop.abort();
      return Promise.reject(signal?.reason);
    },
  };
  const store = { replace: () => assert.fail(), apply: () => assert.fail() };
  const options = { client: server, type: SERVICE, clock, random, log: silentLogger, store };
  await runReflector(options, stop.signal);
});

type Step =
  | { readonly kind: 'put'; readonly name: string }
  | { readonly kind: 'remove'; readonly name: string }
  | { readonly kind: 'end'; readonly end: WatchEnd }
  | { readonly kind: 'refuse'; readonly count: number }
  | { readonly kind: 'turns'; readonly count: number }
  | { readonly kind: 'compact' };

const name = fc.constantFrom('a', 'b', 'c', 'd');
const count = fc.integer({ min: 1, max: 4 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('put' as const), name }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('remove' as const), name }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('end' as const),
      end: fc.constantFrom<WatchEnd>('closed', 'broken', 'expired'),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('refuse' as const), count }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('turns' as const), count }) },
  { weight: 2, arbitrary: fc.constant<Step>({ kind: 'compact' }) },
);

test('whatever happens, no event is lost and none is invented', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const server = new FakeHistory();
      await using copy = await copyOf(server);
      const states = new Set<string>();
      for (const it of steps) {
        if (it.kind === 'put') states.add(stateOf(server.put(ref(it.name))));
        else if (it.kind === 'remove') server.remove(ref(it.name));
        else if (it.kind === 'end') server.endWatches(it.end);
        else if (it.kind === 'refuse') server.refusals += it.count;
        else if (it.kind === 'compact') server.compact();
        else for (let turn = 0; turn < it.count; turn += 1) await nextTurn();
      }
      await copy.settle();
      assert.deepEqual(copy.items, new Map(server.objects));
      assert.deepEqual(copy.states.difference(states), new Set(), 'states the server never had');
      assert.deepEqual(replay(copy.changes), new Set(server.objects.keys()));
    }),
    { numRuns: 300 },
  );
});

/** The keys there are after these changes. Only what is there can go. */
function replay(changes: readonly string[]): Set<string> {
  const present = new Set<string>();
  for (const change of changes) {
    const [kind = '', key = ''] = change.split(' ');
    if (kind === 'applied') present.add(key);
    else assert(present.delete(key), `${key} went twice`);
  }
  return present;
}

const ref = (name: string): ObjectRef => ({ namespace: undefined, name });
const stateOf = ({ metadata }: KubeObject): string =>
  `${objectKey(metadata)} ${metadata.uid} ${metadata.resourceVersion}`;
const random = (): number => 0.5;

/** Waiting takes no time; only what is longer than any retry (a deadline) is never over. */
function virtualTime(): { clock: Clock; sleptMs: number[] } {
  const sleptMs: number[] = [];
  let nowMs = 0;
  const clock: Clock = {
    nowMs: () => nowMs,
    async sleep(delayMs, signal) {
      if (delayMs > 60_000) {
        return new Promise((_, reject) => {
          signal?.addEventListener('abort', () => reject(signal.reason));
        });
      }
      sleptMs.push(delayMs);
      nowMs += delayMs;
      await nextTurn();
      signal?.throwIfAborted();
    },
  };
  return { clock, sleptMs };
}

/** A local copy whose first watch is open. */
async function startCopy(...options: Parameters<typeof copyOf>) {
  const copy = await copyOf(...options);
  await copy.settle();
  return copy;
}

/** A local copy kept by a reflector, with all that it heard. */
async function copyOf(client: ReflectorOptions['client'], options: Partial<ReflectorOptions> = {}) {
  const heard: string[] = [];
  const changes: string[] = [];
  const states = new Set<string>();
  const items = new Map<string, KubeObject>();
  const { clock, sleptMs } = virtualTime();
  const diffing = createDiffingStore((found) => changes.push(...found.map(describe)));
  const store = {
    replace(objects: readonly KubeObject[]) {
      heard.push(`replace ${objects.map(({ metadata }) => objectKey(metadata)).join(' ')}`);
      items.clear();
      for (const object of objects) {
        items.set(objectKey(object.metadata), object);
        states.add(stateOf(object));
      }
      diffing.replace(objects);
    },
    apply(type: 'ADDED' | 'MODIFIED' | 'DELETED', object: KubeObject) {
      const key = objectKey(object.metadata);
      heard.push(`${type} ${key}`);
      if (type === 'DELETED') assert(items.delete(key), `${key} was not there`);
      else states.add(stateOf(object));
      if (type === 'ADDED') assert(!items.has(key), `${key} was there`);
      if (type === 'MODIFIED') assert(items.has(key), `${key} was not there`);
      if (type !== 'DELETED') items.set(key, object);
      diffing.apply(type, object);
    },
  };
  const stop = new AbortController();
  const log = silentLogger;
  const all = { client, type: SERVICE, clock, random, log, store, ...options };
  const reflector = createReflector(all);
  const running = reflector.run(stop.signal);
  await reflector.synced;
  return {
    heard,
    changes,
    states,
    items,
    sleptMs,
    /** Until nothing has been heard, and nobody has waited, for a good while. */
    async settle() {
      let quiet = 0;
      while (quiet < 20) {
        const before = heard.length + sleptMs.length;
        await nextTurn();
        quiet = heard.length + sleptMs.length === before ? quiet + 1 : 0;
      }
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
    },
  };
}

const describe = (change: Change): string =>
  change.kind === 'applied'
    ? `applied ${objectKey(change.object.metadata)}`
    : `deleted ${objectKey(change.ref)}`;

test('the fake refuses as the real client does', async () => {
  const server = new FakeHistory();
  server.refusals = 1;
  await assert.rejects(server.list(SERVICE), OperatorError);
});
