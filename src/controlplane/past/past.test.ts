import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { FakeClock } from '../../../test/fakes/clock.ts';
import type { Change } from './documents.ts';
import { Past } from './past.ts';

const NOW = Date.parse('2026-11-23T10:00:00Z');
const HOUR_MS = 3_600_000;

let stateDir: string;

beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), 'past-'));
});

afterEach(() => rmSync(stateDir, { recursive: true }));

const put = (key: string, value: unknown): Change => ({ key, value });
const mark = (atMs: number, text: string) => ({ atMs, kind: 'policy', about: 'p', text }) as const;

/** One second of the loop that writes. */
async function second(clock: FakeClock): Promise<void> {
  await clock.untilSleeping(1000);
  clock.advance(1000);
  await clock.untilSleeping(1000);
}

describe('a moment', () => {
  test('is told as it was, to the millisecond', () => {
    const clock = new FakeClock(NOW);
    using past = new Past({ clock });
    past.begin(new Map([['node:a', { id: 'a', v: 1, agent: { x: 1, y: 1 } }]]));
    clock.advance(1000);
    past.take([
      put('node:a', { id: 'a', v: 1, agent: { x: 2, y: 1 } }),
      put('node:b', { id: 'b' }),
    ]);
    clock.advance(1000);
    past.take([put('node:a', undefined)]);
    const at = (afterMs: number) => Object.fromEntries(past.at(NOW + afterMs)?.documents ?? []);
    assert.deepEqual(at(999), { 'node:a': { id: 'a', v: 1, agent: { x: 1, y: 1 } } });
    assert.deepEqual(at(1000), {
      'node:a': { id: 'a', v: 1, agent: { x: 2, y: 1 } },
      'node:b': { id: 'b' },
    });
    assert.deepEqual(at(2000), { 'node:b': { id: 'b' } });
    assert.deepEqual(past.left('node:a')?.document, { id: 'a', v: 1, agent: { x: 2, y: 1 } });
    assert.equal(past.left('node:a')?.atMs, NOW + 2000);
  });

  test('before all that is known is the first that is; nothing is told before the beginning', () => {
    const clock = new FakeClock(NOW);
    using past = new Past({ clock });
    past.take([put('node:a', { id: 'a' })]);
    assert.equal(past.at(NOW), undefined);
    past.begin(new Map([['node:b', { id: 'b' }]]));
    assert.deepEqual(past.at(NOW - HOUR_MS), {
      atMs: past.at(NOW + 1)?.atMs,
      documents: new Map([['node:b', { id: 'b' }]]),
    });
  });

  test('in a gap is the last before it, and says so', () => {
    const clock = new FakeClock(NOW);
    {
      using past = new Past({ stateDir, clock });
      past.begin(new Map([['node:a', { id: 'a' }]]));
      clock.advance(5000);
      past.take([put('node:a', { id: 'a', v: 2 })]);
    }
    clock.advance(HOUR_MS);
    using past = new Past({ stateDir, clock });
    past.begin(new Map([['node:z', { id: 'z' }]]), past.before());
    const gap = past.at(NOW + HOUR_MS / 2);
    assert.deepEqual(gap, {
      atMs: NOW + 5000,
      documents: new Map([['node:a', { id: 'a', v: 2 }]]),
    });
    assert.equal(past.at(NOW + 8000)?.atMs, NOW + 8000);
    assert.deepEqual([...(past.at(clock.nowMs())?.documents.keys() ?? [])], ['node:z']);
    assert.deepEqual(past.left('node:a')?.document, { id: 'a', v: 2 });
  });
});

test('marks and certificates’ events outlive isthmusd, and no mark is there twice', () => {
  const clock = new FakeClock(NOW);
  {
    using past = new Past({ stateDir, clock });
    past.note(mark(NOW, 'saved'));
    past.note(mark(NOW, 'saved'));
    past.note(mark(NOW + 1, 'saved again'));
    past.noteCertificate({ atMs: NOW, kind: 'issued', workload: 'w', text: 't' });
  }
  using past = new Past({ stateDir, clock });
  assert.deepEqual(
    past.marks({ fromMs: NOW, toMs: NOW + 2 }).map(({ text }) => text),
    ['saved', 'saved again'],
  );
  assert.deepEqual(past.marks({ fromMs: NOW + 1, toMs: NOW + 1 }), []);
  assert.equal(past.certificateEvents(NOW).length, 1);
  assert.equal(past.certificateEvents(NOW - 1).length, 0);
  assert.equal(statSync(join(stateDir, 'past.db')).mode & 0o777, 0o600);
});

test('what is over is packed and read as before; what is older than a day is forgotten', async () => {
  const clock = new FakeClock(NOW);
  using past = new Past({ stateDir, clock });
  past.begin(new Map([['node:a', { id: 'a', v: 0 }]]));
  const stop = new AbortController();
  const running = past.run(stop.signal);
  for (let hour = 1; hour <= 30; hour += 1) {
    past.take([put('node:a', { id: 'a', v: hour })]);
    await second(clock);
    clock.advance(HOUR_MS - 1000);
  }
  await second(clock);
  const nodeAt = (atMs: number) => past.at(atMs)?.documents.get('node:a');
  for (const hour of [8, 15, 29]) {
    assert.deepEqual(nodeAt(NOW + (hour - 1) * HOUR_MS + 30_000), { id: 'a', v: hour });
  }
  const oldest = past.at(NOW);
  assert(oldest && oldest.atMs > NOW + 4 * HOUR_MS && oldest.atMs < NOW + 7 * HOUR_MS);
  stop.abort();
  clock.advance(1000);
  await running;
});
