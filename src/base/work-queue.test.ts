import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../../test/fakes/clock.ts';
import { silentLogger } from './log.ts';
import { WorkQueue, type Reconcile } from './work-queue.ts';

/** A queue at work, and a way to wait for the next key that it takes. */
function start(reconcile: Reconcile) {
  const clock = new FakeClock();
  const queue = new WorkQueue({ clock, random: () => 0, log: silentLogger });
  const stop = new AbortController();
  const worked: string[] = [];
  const waiters: (() => void)[] = [];
  const running = queue.run((key) => {
    worked.push(key);
    waiters.splice(0).forEach((wake) => wake());
    return reconcile(key);
  }, stop.signal);
  return {
    clock,
    queue,
    worked,
    async untilWorked(count: number) {
      while (worked.length < count) await new Promise<void>((resolve) => waiters.push(resolve));
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
    },
  };
}

test('a key that waits is worked once, however often it was added', async () => {
  await using it = start(() => Promise.resolve());
  for (const key of ['a', 'b', 'a', 'a']) it.queue.add(key);
  await it.untilWorked(2);
  it.queue.add('c');
  await it.untilWorked(3);
  assert.deepEqual(it.worked, ['a', 'b', 'c']);
});

test('a key that is added while it is worked on is worked once more', async () => {
  const gate = Promise.withResolvers<void>();
  await using it = start(() => gate.promise);
  it.queue.add('a');
  await it.untilWorked(1);
  it.queue.add('a');
  gate.resolve();
  await it.untilWorked(2);
});

test('a failing key is tried again, later each time', async () => {
  await using it = start(() => Promise.reject(new Error('no')));
  it.queue.add('a');
  for (const delayMs of [25, 50, 100]) {
    await it.clock.untilSleeping(delayMs);
    it.clock.advance(delayMs);
  }
  await it.untilWorked(4);
});

test('a key may ask for its time, and an event comes before it', async () => {
  await using it = start(() => Promise.resolve(1000));
  it.queue.add('a');
  await it.clock.untilSleeping(1000);
  it.queue.add('a');
  await it.untilWorked(2);
  await it.clock.untilSleeping(1000);
  it.clock.advance(1000);
  await it.untilWorked(3);
});
