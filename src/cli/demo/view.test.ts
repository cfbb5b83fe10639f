import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Check } from '#lab/story/checks.ts';
import {
  createPaint,
  type Look,
  renderBook,
  renderChecks,
  renderEvent,
  renderInvitation,
  renderVerdict,
} from './view.ts';

const file: Look = { paint: createPaint(false, {}), columns: undefined };
const NOW = { elapsedMs: 0 };
const narrow: Look = { ...file, columns: 40 };
const check = (name: string, ok: boolean, figures: Check['figures'] = {}): Check => ({
  name,
  ok,
  says: `${name} says`,
  figures,
});

test('chapters with their time, what is typed, what that prints, and remarks', () => {
  const [heading] = renderEvent({ kind: 'chapter', title: '2  Next' }, { elapsedMs: 2_340 }, file)
    .trim()
    .split('\n');
  assert.match(heading ?? '', /^── 2 {2}Next ─+ 2\.3 s$/);
  assert.equal(heading?.length, 96);
  assert.equal(renderEvent({ kind: 'command', text: 'ls' }, NOW, file), '\n  $ ls\n');
  assert.equal(renderEvent({ kind: 'line', text: 'a  b' }, NOW, file), '    a  b\n');
  assert.equal(renderEvent({ kind: 'line', text: '' }, NOW, file), '\n');
  assert.equal(renderEvent({ kind: 'step', text: 'joined' }, NOW, file), '\n  › joined\n');
});

test('remarks stand together, and nothing sticks to a heading', () => {
  const step = { kind: 'step', text: 'b' } as const;
  assert.equal(renderEvent(step, { elapsedMs: 0, after: 'step' }, file), '  › b\n');
  const line = { kind: 'line', text: 'b' } as const;
  assert.equal(renderEvent(line, { elapsedMs: 0, after: 'chapter' }, file), '\n    b\n');
});

test('a terminal has long lines broken between words; a file has them whole', () => {
  const text = 'one two three four five six seven eight nine';
  const line = { kind: 'line', text } as const;
  assert.equal(renderEvent(line, NOW, file), `    ${text}\n`);
  assert.equal(
    renderEvent(line, NOW, narrow),
    '    one two three four five six seven\n      eight nine\n',
  );
  const row = { kind: 'line', text: `NAME   ${'x'.repeat(60)}` } as const;
  assert.equal(renderEvent(row, NOW, narrow), `    NAME   ${'x'.repeat(28)}…\n`);
  const word = { kind: 'line', text: 'x'.repeat(60) } as const;
  assert.equal(renderEvent(word, NOW, narrow), `    ${'x'.repeat(60)}\n`);
});

test('claims in a column, with the lines of the logs below theirs', () => {
  const checks = [
    check('rows', true),
    check('access log', false, { vmLine: '[a] x', clientLine: '[b] y' }),
  ];
  assert.equal(
    renderChecks(checks, file),
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
  assert.equal(renderVerdict(run(true, true), file), '\nAll of it was seen, in 8.9 s.\n');
  assert.equal(renderVerdict(run(true, false), file), '\nOne claim was not seen, in 8.9 s.\n');
  assert.equal(renderVerdict(run(false, false), file), '\n2 claims were not seen, in 8.9 s.\n');
});

test('what is for another terminal stands alone on its line, so that it can be copied', () => {
  const text = renderInvitation(
    {
      url: 'http://127.0.0.1:1/',
      console: 'http://127.0.0.1:2/#code=c',
      remarks: ['port 8080 is taken'],
      settings: ['a'],
      commands: ['b'],
    },
    file,
  );
  assert.match(text, /^── It goes on until you press Ctrl-C ─/m);
  assert.match(text, / {2}The library {3}http:\/\/127\.0\.0\.1:1\/\n +\(port 8080 is taken\)\n/);
  assert.match(text, / {2}The mesh {6}http:\/\/127\.0\.0\.1:2\/#code=c\n/);
  assert.match(text, /^ {4}a\n\n {4}b$/m);
});

test('the last book is drawn over the one before, within the line', () => {
  assert.equal(
    renderBook('A Very Long Title of a Book', 7, { ...file, columns: 50 }),
    '\r\u001B[2K  7 books in PostgreSQL, the last one ✅ A Very L…',
  );
});

test('colours for a terminal only, and not where NO_COLOR is set', () => {
  assert.equal(createPaint(true, {})('red', 'x'), '\u001B[31mx\u001B[0m');
  for (const env of [{ NO_COLOR: '1' }, { TERM: 'dumb' }]) {
    assert.equal(createPaint(true, env)('red', 'x'), 'x');
  }
});
