// A long time of many edges is read in slices: how long each is, and that what happens between two
// of them changes nothing of the sum.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { noDurations } from '#base/durations.ts';
import { Pending, type Talker } from '#telemetry/flows/pending.ts';
import { FAILED, noQuantities, REQUESTS, TO_SERVER } from '#telemetry/flows/quantities.ts';
import { History } from './history.ts';
import { readSlices, ROWS_AT_ONCE } from './read.ts';
import { samplesAt } from './samples.ts';
import { seriesOf } from './series.ts';
import { StepSums } from './step-sums.ts';

const NOW_MS = 1_800_000_000_000;
const HOUR_MS = 3_600_000;
const DAY = { fromMs: NOW_MS - 24 * HOUR_MS, toMs: NOW_MS };

const talkerOf = (edge: number): Talker => ({
  id: edge,
  edge,
  clientIdentity: '',
  serverIdentity: '',
  service: '',
});

/** So many bytes on each of the edges, in one second. */
function carry(history: History, edges: readonly number[], bytes: number, atMs: number): void {
  const pending = new Pending();
  const sums = noQuantities();
  sums[TO_SERVER] = bytes;
  for (const edge of edges) pending.count(talkerOf(edge), atMs, sums);
  history.store(pending, () => [], atMs);
}

const edgesTo = (count: number): readonly number[] =>
  Array.from({ length: count }, (_, at) => at + 1);

const total = (sums: StepSums): number =>
  [...sums.finish().values()].reduce((all, one) => all + (one.sums[TO_SERVER] ?? 0), 0);

describe('a day of a thousand edges', () => {
  const edges = edgesTo(1000);

  function filled(): History {
    const history = new History(':memory:');
    for (const ageMs of [20, 10, 1].map((hours) => hours * HOUR_MS)) {
      carry(history, edges, 7, NOW_MS - ageMs);
    }
    while (history.fold(NOW_MS));
    carry(history, edges, 5, NOW_MS - 2000);
    return history;
  }

  test('is read so many rows at a time, and no more', () => {
    using history = filled();
    const sums = new StepSums(120);
    const slices = [...readSlices(history, { edges, span: DAY, step: 10 }, sums)];
    assert.equal(Math.max(...slices), ROWS_AT_ONCE);
    const chunks = 24 * 6; // of ten minutes each
    assert.equal(
      slices.reduce((all, rows) => all + rows, 0),
      1000 * chunks,
    );
    assert.equal(total(sums), 1000 * (3 * 7 + 5));
    assert(sums.finish().size <= 4, 'only sums are kept');
  });

  test('is the same though the journal becomes chunks, and more comes, meanwhile', () => {
    using history = filled();
    const sums = new StepSums(120);
    const inLast = Math.ceil((143.5 * 1000) / ROWS_AT_ONCE);
    let slice = 0;
    let added = 0;
    for (const _ of readSlices(history, { edges, span: DAY, step: 10 }, sums)) {
      slice += 1;
      // in the midst of the last ten minutes, of which a part is still in the journal
      if (slice === inLast) while (history.fold(NOW_MS + HOUR_MS));
      if (slice % 100 === 0) {
        carry(history, edges, 1, NOW_MS - 23 * HOUR_MS); // of what has been read
        added += 1;
      }
    }
    assert(added > 0 && history.folds > 1);
    assert.equal(total(sums), 1000 * (3 * 7 + 5));
  });
});

test('requests are told with the percentiles of each end; who tells none is unknown', () => {
  using history = new History(':memory:');
  const pending = new Pending();
  const sums = noQuantities();
  sums[REQUESTS] = 4;
  sums[FAILED] = 1;
  const [fast, slow] = [noDurations(), noDurations()];
  fast[1] = 4;
  slow[9] = 4;
  for (const [second, ends] of [['source', 'destination'], ['destination'], []].entries()) {
    const talker = talkerOf(second === 2 ? 2 : 1);
    const atMs = NOW_MS + second * 1000;
    pending.count(talker, atMs, sums);
    if (ends.includes('source')) pending.time(talker, atMs, 'source', slow);
    if (ends.includes('destination')) pending.time(talker, atMs, 'destination', fast);
  }
  history.store(pending, () => [], NOW_MS);
  const span = { fromMs: NOW_MS, toMs: NOW_MS + 3000 };
  const read = (step: number) => {
    const steps = new StepSums(step, (edge) => edge === 1);
    const wanted = { edges: [1, 2], span, step: 1 } as const;
    for (const _ of readSlices(history, wanted, steps));
    const known = { sums: steps.finish(), uptimes: [], silences: [], firstSeenMs: 0 };
    return seriesOf(known, span, step);
  };
  const seconds = read(1);
  assert.deepEqual(seconds.requests, [4, 4, 4]);
  assert.deepEqual(
    seconds.p95Ms.map((ms) => ms !== null && ms > 56),
    [true, false, false],
  );
  assert.deepEqual(
    seconds.serverP95Ms.map((ms) => ms !== null && ms <= 1),
    [true, true, false],
  );
  assert.deepEqual(seconds.clientErrors, [0, 0, null]);
  // what fails on an edge of connections is no request
  assert.deepEqual(
    [seconds.failed, seconds.requestErrors],
    [
      [1, 1, 1],
      [1, 1, 0],
    ],
  );
  const whole = read(3);
  assert.equal(whole.requests[0], 4);
  assert((whole.p50Ms[0] ?? 0) > 56);
});

test('a moment gone by tells the requests of the minute before it', async () => {
  using history = new History(':memory:');
  const pending = new Pending();
  const sums = noQuantities();
  sums[REQUESTS] = 4;
  sums[FAILED] = 1;
  const slow = noDurations();
  slow[9] = 4;
  for (const age of [0, 30, 90]) {
    pending.count(talkerOf(1), NOW_MS - age * 1000, sums);
    if (age === 30) pending.time(talkerOf(1), NOW_MS - age * 1000, 'source', slow);
  }
  history.store(pending, () => [], NOW_MS);
  const edges = [{ index: 1, firstSeenMs: 0 }];
  const [sample] = await samplesAt(history, { atMs: NOW_MS, edges, nowMs: NOW_MS });
  assert(sample);
  assert.deepEqual(sample.slice(5, 10), [1, 4, 0, 0.25, 0]);
  assert((sample[11] ?? 0) > 56 && (sample[11] ?? 0) <= 100);
});
