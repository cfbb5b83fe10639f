import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { JOIN_STEPS, type JoinStepName } from '#api/joins.ts';
import { applyEvent, beginJoin, currentStep, type JoinEvent, type Progress } from './machine.ts';
import { isStuck, stuckAfterMs, usualDurations, viewJoin, type JoinRecord } from './view.ts';

const step = fc.constantFrom(...JOIN_STEPS);
const event: fc.Arbitrary<JoinEvent> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('proved' as const), step, evidence: fc.string() }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('seen' as const), step, evidence: fc.string() }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('failed' as const), step, problem: fc.string() }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('skipped' as const), step, evidence: fc.string() }),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom<JoinEvent>(
      { kind: 'cancelled' },
      { kind: 'given-up', problem: 'late' },
    ),
  },
);

const recordOf = (progress: Progress): JoinRecord => ({
  id: 'id',
  name: 'db',
  namespace: 'default',
  serviceAccount: 'db',
  by: 'kim',
  startedAtMs: 0,
  expiresAtMs: 900_000,
  tokenHash: '',
  usedAtMs: null,
  host: '203.0.113.7',
  port: 15_012,
  ports: [5432],
  address: '',
  entry: '',
  workload: 'db',
  enrolment: {
    name: 'db',
    workload: 'db',
    namespace: 'default',
    ports: [],
    serviceAccount: '',
    network: '',
  },
  progress,
});

const isWhole = (progress: Progress, nowMs: number): void => {
  const { steps } = progress;
  assert.equal(steps.length, JOIN_STEPS.length);
  const ended = steps.map(({ endedAtMs }) => endedAtMs);
  const current = ended.includes(null) ? ended.indexOf(null) : ended.length;
  assert.equal(current, currentStep(progress));
  assert(
    ended.slice(current).every((endedAtMs) => endedAtMs === null),
    'a step ends after those before',
  );
  let beforeMs = 0;
  for (const { startedAtMs, endedAtMs, provedAtMs } of steps.slice(0, current)) {
    assert(provedAtMs !== null, 'nothing ends without having been seen');
    assert(startedAtMs !== null && endedAtMs !== null);
    assert(startedAtMs >= beforeMs && endedAtMs >= startedAtMs && endedAtMs <= nowMs);
    beforeMs = endedAtMs;
  }
  assert.equal(progress.end === 'done', current === steps.length);
  assert.equal(progress.end === undefined, progress.endedAtMs === null);
  const view = viewJoin(recordOf(progress), new Map(), nowMs);
  for (const [index, shown] of view.steps.entries()) {
    const isGreen = shown.state === 'done' || shown.state === 'skipped';
    assert.equal(isGreen, index < current, 'no step is green before its turn');
    assert.equal(shown.state === 'failed', shown.problem !== '' && !isGreen);
  }
  assert(view.steps.filter(({ state }) => state === 'running').length <= 1);
};

test('whatever is seen in whatever order, steps end in theirs', () => {
  const events = fc.array(fc.tuple(event, fc.nat({ max: 5_000 })), { maxLength: 40 });
  fc.assert(
    fc.property(events, (list) => {
      let nowMs = 1_000;
      let progress = beginJoin(nowMs, 'by kim');
      isWhole(progress, nowMs);
      for (const [one, laterMs] of list) {
        nowMs += laterMs;
        const before = progress;
        progress = applyEvent(progress, one, nowMs);
        isWhole(progress, nowMs);
        assert(currentStep(progress) >= currentStep(before), 'what has ended stays so');
        assert.equal(applyEvent(progress, { ...one }, nowMs).steps.length, JOIN_STEPS.length);
        if (before.end !== undefined) assert.equal(progress, before);
      }
    }),
    { numRuns: 400, seed: 4711 },
  );
});

test('all nine proved in any order is a join that is done', () => {
  const order = fc.shuffledSubarray(JOIN_STEPS.slice(1), { minLength: 8, maxLength: 8 });
  fc.assert(
    fc.property(order, (names) => {
      let progress = beginJoin(0, '');
      names.forEach((name, index) => {
        assert.equal(progress.end, undefined);
        progress = applyEvent(progress, proved(name), (index + 1) * 10);
      });
      assert.equal(progress.end, 'done');
      assert.equal(progress.endedAtMs, 80);
    }),
    { numRuns: 100, seed: 4711 },
  );
});

const proved = (name: JoinStepName): JoinEvent => ({ kind: 'proved', step: name, evidence: 'e' });

test('a failure is no end: what works later is done', () => {
  const problem = "0.0.0.0:15006: cannot bind '0.0.0.0:15006': Address already in use";
  let progress = ['agent-called-in', 'machine-proven', 'certificate-issued'].reduce(
    (before, name) =>
      applyEvent(before, proved(JOIN_STEPS.find((it) => it === name) ?? 'healthy'), 10),
    beginJoin(0, ''),
  );
  progress = applyEvent(progress, { kind: 'failed', step: 'configuration-accepted', problem }, 20);
  const failed = viewJoin(recordOf(progress), new Map(), 30);
  assert.equal(failed.state, 'failed');
  const shown = failed.steps[4];
  assert.equal(shown?.state, 'failed');
  assert.equal(shown?.problem, problem);
  assert.equal(shown?.causes[0]?.command, "ss -ltnp 'sport = :15006'");
  progress = applyEvent(progress, proved('configuration-accepted'), 40);
  const mended = viewJoin(recordOf(progress), new Map(), 50);
  assert.deepEqual([mended.state, mended.steps[4]?.state], ['running', 'done']);
});

test('what takes too long is stuck, after three times the usual and 10 s', () => {
  const progress = beginJoin(0, '');
  const usual = new Map([['agent-called-in' as const, 5_000]]);
  assert.equal(stuckAfterMs(null), 10_000);
  assert.equal(isStuck(progress, new Map(), 10_000), false);
  assert.equal(isStuck(progress, new Map(), 10_001), true);
  assert.equal(isStuck(progress, usual, 15_000), false);
  assert.equal(isStuck(progress, usual, 15_001), true);
  const join = viewJoin(recordOf(progress), new Map(), 10_001);
  assert.equal(join.state, 'stuck');
  const waiting = join.steps[1];
  assert.equal(waiting?.state, 'waiting');
  assert.match(waiting?.causes[0]?.text ?? '', /203\.0\.113\.7, TCP port 15012/);
  assert.match(waiting?.causes[0]?.command ?? '', /203\.0\.113\.7\/15012/);
});

test('traffic is nobody’s duty', () => {
  const names = JOIN_STEPS.slice(1, -1);
  const progress = names.reduce(
    (before, name) => applyEvent(before, proved(name), 10),
    beginJoin(0, ''),
  );
  const join = viewJoin(recordOf(progress), new Map(), 3_600_000);
  assert.equal(join.state, 'running');
  assert.equal(join.steps.at(-1)?.state, 'waiting');
  assert.match(
    join.steps.at(-1)?.causes[0]?.command ?? '',
    /^isthmus why CLIENT db\.default:5432$/,
  );
});

test('usual is the median of those that came to their end', () => {
  const ended = [1_000, 2_000, 9_000].map((atMs) => {
    const events = JOIN_STEPS.slice(1).map(proved);
    return recordOf(events.reduce((one, it) => applyEvent(one, it, atMs), beginJoin(0, '')));
  });
  const usual = usualDurations([...ended, recordOf(beginJoin(0, ''))]);
  assert.equal(usual.get('agent-called-in'), 2_000);
  assert.equal(usual.get('healthy'), 0);
  assert.equal(usualDurations([]).get('healthy'), null);
});
