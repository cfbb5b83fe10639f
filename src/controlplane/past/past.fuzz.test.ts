// Whatever is shown, whenever it is written down, and however often isthmusd starts anew: the past
// tells of a moment what was shown then.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { FakeClock } from '../../../test/fakes/clock.ts';
import { fuzz } from '../../../test/fuzz/harness.ts';
import type { Change } from './documents.ts';
import { Past } from './past.ts';

const NOW = Date.parse('2026-11-23T10:00:00Z');
const HOUR_MS = 3_600_000;

const put = (key: string, value: unknown): Change => ({ key, value });

type Step =
  | { readonly do: 'put'; readonly key: string; readonly value: unknown }
  | { readonly do: 'drop'; readonly key: string }
  | { readonly do: 'time'; readonly ms: number }
  | { readonly do: 'restart' | 'look' };

const key = fc.constantFrom('node:a', 'node:b', 'edge:x', 'status');
const steps: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: fc.constant('put' as const),
    key,
    value: fc.record({
      id: fc.constant('i'),
      v: fc.nat(3),
      in: fc.record({ x: fc.nat(2), y: fc.nat(2) }),
    }),
  }),
  fc.record({ do: fc.constant('put' as const), key, value: fc.object({ maxDepth: 1 }) }),
  fc.record({ do: fc.constant('drop' as const), key }),
  fc.record({ do: fc.constant('time' as const), ms: fc.nat({ max: 2 * HOUR_MS }) }),
  fc.record({ do: fc.constantFrom('restart' as const, 'look' as const) }),
);

const json = (documents: ReadonlyMap<string, unknown>): unknown =>
  JSON.parse(JSON.stringify([...documents].toSorted(([a], [b]) => (a < b ? -1 : 1))));

test('what the past tells of a moment is what was shown then', () => {
  fc.assert(
    fc.property(fc.array(steps, { maxLength: 40, size: 'max' }), (program) => {
      const clock = new FakeClock(NOW);
      const folder = mkdtempSync(join(tmpdir(), 'past-'));
      let past = new Past({ stateDir: folder, clock });
      past.begin(new Map());
      const shown = new Map<string, unknown>();
      const seen: { readonly atMs: number; readonly what: unknown }[] = [];
      for (const step of program) {
        if (step.do === 'put') {
          shown.set(step.key, step.value);
          past.take([put(step.key, step.value)]);
        }
        if (step.do === 'drop') {
          shown.delete(step.key);
          past.take([put(step.key, undefined)]);
        }
        if (step.do === 'time') clock.advance(step.ms);
        if (step.do === 'look') {
          // Whoever looks at a moment sees all of it: what comes later is later.
          seen.push({ atMs: clock.nowMs(), what: json(shown) });
          assert.deepEqual(json(past.at(clock.nowMs())?.documents ?? new Map()), json(shown));
          clock.advance(1);
        }
        if (step.do === 'restart') {
          past[Symbol.dispose]();
          clock.advance(1);
          past = new Past({ stateDir: folder, clock });
          assert.deepEqual(json(past.before() ?? new Map()), json(shown));
          past.begin(shown, past.before());
        }
      }
      for (const { atMs, what } of seen) {
        const moment = past.at(atMs);
        assert.equal(moment?.atMs, atMs);
        assert.deepEqual(json(moment.documents), what);
      }
      past[Symbol.dispose]();
      rmSync(folder, { recursive: true });
    }),
    fuzz(60),
  );
});
