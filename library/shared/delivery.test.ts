import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../../test/fakes/clock.ts';
import { BookLog } from './book-log.ts';
import { bookNumber, temporaryFolder } from './books.fixture.ts';
import { Delivery, backoffMs, type Outcome } from './delivery.ts';

const LIMITS = { pendingMax: 10, doneMax: 10 };
const retry = (reason: string): Outcome => ({ kind: 'retry', reason });

/** A delivery whose far side answers by the list, and then always `done`. */
function deliveryWith(log: BookLog, answers: Outcome[]) {
  const clock = new FakeClock();
  const reported: string[] = [];
  const settled = Promise.withResolvers<void>();
  const delivery = new Delivery({
    log,
    deliver: async () => answers.shift() ?? { kind: 'done' },
    report: ({ title }, outcome) => {
      reported.push(`${title}: ${outcome.kind}`);
      if (log.pending.length === 1 && outcome.kind !== 'retry') settled.resolve();
    },
    clock,
    random: () => 0,
  });
  return { clock, delivery, reported, settled: settled.promise };
}

test('each book is tried until it is done, the others wait their turn', async () => {
  using folder = temporaryFolder();
  using log = new BookLog(folder.path('books'), LIMITS);
  log.add(bookNumber(1));
  log.add(bookNumber(2));
  const { clock, delivery, reported, settled } = deliveryWith(log, [retry('away'), retry('away')]);
  const stop = new AbortController();
  const running = delivery.run(stop.signal);
  await clock.untilSleeping(125);
  assert.deepEqual(delivery.trouble, {
    id: bookNumber(1).id,
    attempts: 1,
    reason: 'away',
    retryAtMs: 125,
  });
  clock.advance(125);
  await clock.untilSleeping(250);
  clock.advance(250);
  await settled;
  stop.abort();
  await running;
  assert.deepEqual(reported, ['Book 1: retry', 'Book 1: retry', 'Book 1: done', 'Book 2: done']);
  assert.equal(log.doneCount, 2);
  assert.equal(delivery.trouble, undefined);
});

test('a book that can never be delivered does not hold up the next', async () => {
  using folder = temporaryFolder();
  using log = new BookLog(folder.path('books'), LIMITS);
  log.add(bookNumber(1));
  log.add(bookNumber(2));
  const { delivery, settled } = deliveryWith(log, [{ kind: 'refused', reason: 'not a book' }]);
  const stop = new AbortController();
  const running = delivery.run(stop.signal);
  await settled;
  stop.abort();
  await running;
  assert.deepEqual(log.refused, [{ book: bookNumber(1), reason: 'not a book' }]);
  assert.equal(log.doneCount, 1);
});

test('the pause doubles up to two seconds', () => {
  assert.deepEqual(
    [1, 2, 3, 4, 5, 50].map((attempts) => backoffMs(attempts, 0.999_999)).map(Math.round),
    [250, 500, 1000, 2000, 2000, 2000],
  );
  assert.equal(backoffMs(4, 0), 1000);
});
