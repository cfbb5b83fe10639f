import assert from 'node:assert/strict';
import { appendFileSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { BookLog, BookLogError } from './book-log.ts';
import { bookNumber, temporaryFolder } from './books.fixture.ts';

const LIMITS = { pendingMax: 5, doneMax: 3 };
const never = new AbortController().signal;
const numbersOf = (books: readonly { readonly id: string }[]): number[] =>
  books.map(({ id }) => Number(id.slice(-12)));

test('books wait in order, and outlive the process', async () => {
  using folder = temporaryFolder();
  {
    using log = new BookLog(folder.path('deep/er/books'), LIMITS);
    for (const n of [1, 2, 3]) assert.equal(log.add(bookNumber(n)), 'added');
    log.finish(bookNumber(1).id);
    log.refuse(bookNumber(2).id, 'a reason');
  }
  using log = new BookLog(folder.path('deep/er/books'), LIMITS);
  assert.deepEqual(numbersOf(log.pending), [3]);
  assert.deepEqual(numbersOf(log.done), [1]);
  assert.deepEqual(log.refused, [{ book: bookNumber(2), reason: 'a reason' }]);
  assert.deepEqual(await log.next(never), bookNumber(3));
});

test('a book is taken once, also after it is done', () => {
  using folder = temporaryFolder();
  using log = new BookLog(folder.path('books'), LIMITS);
  assert.equal(log.add(bookNumber(1)), 'added');
  assert.equal(log.add(bookNumber(1)), 'known');
  log.finish(bookNumber(1).id);
  assert.equal(log.add(bookNumber(1)), 'known');
  log.finish(bookNumber(1).id);
  assert.equal(log.doneCount, 1);
});

test('no more than the limit waits', () => {
  using folder = temporaryFolder();
  using log = new BookLog(folder.path('books'), LIMITS);
  for (let n = 1; n <= LIMITS.pendingMax; n += 1) log.add(bookNumber(n));
  assert.equal(log.add(bookNumber(99)), 'full');
  log.finish(bookNumber(1).id);
  assert.equal(log.add(bookNumber(99)), 'added');
});

test('who waits for a book gets it as soon as it comes', async () => {
  using folder = temporaryFolder();
  using log = new BookLog(folder.path('books'), LIMITS);
  const next = log.next(never);
  log.add(bookNumber(1));
  assert.deepEqual(await next, bookNumber(1));
  log.finish(bookNumber(1).id);
  const stop = new AbortController();
  const waiting = log.next(stop.signal);
  stop.abort(new Error('stopped'));
  await assert.rejects(waiting, /stopped/);
});

test('the file stays small, and the count is kept', () => {
  using folder = temporaryFolder();
  const file = folder.path('books');
  {
    using log = new BookLog(file, LIMITS);
    for (let n = 1; n <= 500; n += 1) {
      log.add(bookNumber(n));
      log.finish(bookNumber(n).id);
    }
  }
  assert(statSync(file).size < 10_000, `${statSync(file).size} bytes`);
  using log = new BookLog(file, LIMITS);
  assert.equal(log.doneCount, 500);
  assert.deepEqual(numbersOf(log.done), [500, 499, 498]);
});

test('half a line at the end was never acknowledged, and is dropped', () => {
  using folder = temporaryFolder();
  const file = folder.path('books');
  {
    using log = new BookLog(file, LIMITS);
    log.add(bookNumber(1));
  }
  appendFileSync(file, JSON.stringify({ add: bookNumber(2) }).slice(0, 40));
  {
    using log = new BookLog(file, LIMITS);
    assert.deepEqual(numbersOf(log.pending), [1]);
    log.add(bookNumber(3));
  }
  using log = new BookLog(file, LIMITS);
  assert.deepEqual(numbersOf(log.pending), [1, 3]);
});

test('a line that is damaged is said, and nothing is lost by starting', () => {
  using folder = temporaryFolder();
  const file = folder.path('books');
  const text = `{"add":${JSON.stringify(bookNumber(1))}}\nnonsense\n{"done":"x"}\n`;
  writeFileSync(file, text);
  assert.throws(
    () => new BookLog(file, LIMITS),
    (error: unknown) => error instanceof BookLogError && /damaged in line 2/.test(error.message),
  );
  assert.equal(readFileSync(file, 'utf8'), text);
});

test('a place that cannot be written is said', () => {
  assert.throws(() => new BookLog('/proc/books', LIMITS), BookLogError);
});

type Step =
  | { readonly kind: 'add' | 'finish' | 'refuse'; readonly n: number }
  | { readonly kind: 'reopen' };

test('after any history, what is read back is what was acknowledged', () => {
  const number = fc.integer({ min: 1, max: 12 });
  const step: fc.Arbitrary<Step> = fc.oneof(
    fc.record({
      kind: fc.constantFrom('add' as const, 'finish' as const, 'refuse' as const),
      n: number,
    }),
    fc.constant({ kind: 'reopen' as const }),
  );
  const property = fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    using folder = temporaryFolder();
    let log = new BookLog(folder.path('books'), LIMITS);
    for (const action of steps) {
      if (action.kind === 'reopen') {
        const before = stateOf(log);
        log[Symbol.dispose]();
        log = new BookLog(folder.path('books'), LIMITS);
        assert.deepEqual(stateOf(log), before);
      } else if (action.kind === 'add') log.add(bookNumber(action.n));
      else if (action.kind === 'finish') log.finish(bookNumber(action.n).id);
      else log.refuse(bookNumber(action.n).id, 'no');
      assert(log.pending.length <= LIMITS.pendingMax && log.done.length <= LIMITS.doneMax);
    }
    log[Symbol.dispose]();
  });
  fc.assert(property, { numRuns: 60, interruptAfterTimeLimit: 8000 });
});

const stateOf = (log: BookLog): unknown => ({
  pending: log.pending,
  done: log.done,
  refused: log.refused,
  doneCount: log.doneCount,
});
