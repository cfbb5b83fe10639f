import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Check } from '#lab/story/checks.ts';
import { createPaint, renderChecks, renderEvent, renderVerdict } from './demo-view.ts';

const plain = createPaint(false, {});
const check = (name: string, ok: boolean, figures: Check['figures'] = {}): Check => ({
  name,
  ok,
  says: `${name} says`,
  figures,
});

test('events carry their time, lines of the client do not', () => {
  assert.equal(renderEvent({ kind: 'step', text: 'joined' }, 2_340, plain), '  2.3 s  joined\n');
  assert.equal(renderEvent({ kind: 'line', text: '✅ x' }, 2_340, plain), '         ✅ x\n');
  assert.equal(renderEvent({ kind: 'chapter', title: 'Next' }, 2_340, plain), '\nNext\n');
});

test('claims in a column, with the lines of the logs below theirs', () => {
  const checks = [
    check('rows', true),
    check('access log', false, { vmLine: '[a] x', clientLine: '[b] y' }),
  ];
  assert.equal(
    renderChecks(checks, plain),
    `
Seen from the far side
  ✓ rows        rows says
  ✗ access log  access log says
                VM      [a] x
                client  [b] y
`,
  );
});

test('the verdict', () => {
  const run = (...oks: readonly boolean[]) => ({
    checks: oks.map((ok) => check('x', ok)),
    durationMs: 8_949,
  });
  assert.equal(renderVerdict(run(true, true), plain), '\nAll of it was seen, in 8.9 s.\n');
  assert.equal(renderVerdict(run(true, false), plain), '\nOne claim was not seen, in 8.9 s.\n');
  assert.equal(renderVerdict(run(false, false), plain), '\n2 claims were not seen, in 8.9 s.\n');
});

test('colours for a terminal only, and not where NO_COLOR is set', () => {
  assert.equal(createPaint(true, {})('red', 'x'), '\u001B[31mx\u001B[0m');
  for (const env of [{ NO_COLOR: '1' }, { TERM: 'dumb' }]) {
    assert.equal(createPaint(true, env)('red', 'x'), 'x');
  }
});
