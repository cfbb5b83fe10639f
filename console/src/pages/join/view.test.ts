import assert from 'node:assert/strict';
import { test } from 'node:test';
import { JOIN_STEPS, type Join, type JoinStep } from '../../api/types.ts';
import { currentStep, orderJoins, progressText, stepViews, STEP_WORDS } from './view.ts';

/** A join of which the first `done` steps each took a second. */
function aJoin(done: number, facts: Partial<Join> = {}, next: Partial<JoinStep> = {}): Join {
  const steps = JOIN_STEPS.map((name, index): JoinStep => {
    const isDone = index < done;
    const step: JoinStep = {
      name,
      state: isDone ? 'done' : 'waiting',
      startedAtMs: isDone ? index * 1000 : null,
      endedAtMs: isDone ? (index + 1) * 1000 : null,
      evidence: isDone ? 'seen' : '',
      problem: '',
      usualMs: 2000,
      causes: [],
    };
    return index === done ? { ...step, ...next } : step;
  });
  return {
    id: 'j1',
    name: 'mysql-2-vm',
    namespace: 'default',
    node: 'wl:default/mysql-2-vm',
    by: 'kim',
    startedAtMs: 0,
    endedAtMs: null,
    state: 'running',
    steps,
    ...facts,
  };
}

test('there are words for all nine steps', () => {
  assert.equal(JOIN_STEPS.length, 9);
  for (const name of JOIN_STEPS) assert.notEqual(STEP_WORDS[name].title, '');
});

test('steps are told with what they took and what the present one has waited', () => {
  const views = stepViews(aJoin(2), 5500);
  assert.deepEqual(views.map(({ number, took, waited }) => [number, took, waited]).slice(0, 4), [
    [1, '', ''],
    [2, '+1.0 s', ''],
    [3, '', '3.5 s'],
    [4, '', ''],
  ]);
  assert.equal(views[2]?.usual, 'usually 2.0 s');
});

test('a step is stuck after three times as long as usual, never before ten seconds', () => {
  const look = (usualMs: number | null, nowMs: number): string | undefined =>
    stepViews(aJoin(1, {}, { usualMs }), nowMs)[1]?.look;
  assert.equal(look(2000, 11_000), 'waiting', 'ten seconds are not over');
  assert.equal(look(2000, 11_001), 'stuck');
  assert.equal(look(null, 11_001), 'stuck', 'nobody joined before');
  assert.equal(look(8000, 24_000), 'waiting');
  assert.equal(look(8000, 25_001), 'stuck');
});

test('what runs can be stuck, too; what has failed stays failed', () => {
  const run = aJoin(4, {}, { state: 'running', startedAtMs: 4000 });
  assert.equal(stepViews(run, 15_000)[4]?.look, 'stuck');
  assert.equal(stepViews(run, 6000)[4]?.look, 'running');
  const failed = aJoin(4, { state: 'failed' }, { state: 'failed', problem: 'cannot bind' });
  assert.equal(stepViews(failed, 60_000)[4]?.look, 'failed');
});

test('waiting for a client is not alarming unless the control plane says why', () => {
  assert.equal(stepViews(aJoin(8), 3_600_000)[8]?.look, 'waiting');
  const causes = [{ text: 'nobody calls it', command: 'isthmus why' }];
  assert.equal(stepViews(aJoin(8, { state: 'stuck' }, { causes }), 60_000)[8]?.look, 'stuck');
});

test('only the present step is ever stuck, and none of a join that is over', () => {
  const views = stepViews(aJoin(1), 99_000);
  assert.deepEqual(
    views.map(({ look }) => look).filter((look) => look === 'stuck'),
    ['stuck'],
  );
  assert.equal(currentStep(aJoin(1, { endedAtMs: 9000, state: 'cancelled' })), undefined);
});

test('progress is one phrase', () => {
  assert.equal(progressText(aJoin(4)), 'step 5 of 9');
  assert.equal(progressText(aJoin(4, { state: 'stuck' })), 'stuck at step 5 of 9');
  assert.equal(progressText(aJoin(9, { state: 'done', endedAtMs: 38_000 })), 'done in 38 s');
  const failed = aJoin(4, { state: 'failed' }, { state: 'failed' });
  assert.equal(progressText(failed), 'failed at step 5 of 9');
});

test('joins that go on are first, then the newest', () => {
  const over = aJoin(9, { id: 'over', endedAtMs: 9, startedAtMs: 100 });
  const joins = [
    over,
    aJoin(1, { id: 'old', startedAtMs: 1 }),
    aJoin(1, { id: 'new', startedAtMs: 2 }),
  ];
  assert.deepEqual(
    orderJoins(joins).map(({ id }) => id),
    ['new', 'old', 'over'],
  );
});
