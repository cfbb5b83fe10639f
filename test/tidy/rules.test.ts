// House rules that no linter knows: banned calls with their replacement, lengths, header sentences.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { codeOf, isTest, sources, type Source } from './sources.ts';

const LINE_LENGTH_MAX = 100;
const FILE_LINES_MAX = 400;
/** Tables grow longer than code without being harder to read. */
const TEST_LINES_MAX = 600;
const FUNCTION_LINES_MAX = 70;
/** A component is mostly markup, which is longer for what it says. */
const COMPONENT_LINES_MAX = 85;

type Ban = {
  readonly pattern: RegExp;
  readonly instead: string;
  readonly appliesTo: (path: string) => boolean;
};

const outsideBase = (path: string): boolean =>
  path.startsWith('src/') && !path.startsWith('src/base/') && !isTest(path);
const everywhere = (): boolean => true;

const BANS: readonly Ban[] = [
  { pattern: /\bDate\.now\(/, instead: 'take a Clock', appliesTo: outsideBase },
  { pattern: /\bperformance\.now\(/, instead: 'take a Clock', appliesTo: outsideBase },
  { pattern: /\bMath\.random\(/, instead: 'take the random number', appliesTo: outsideBase },
  {
    pattern: /\bset(Timeout|Interval|Immediate)\(/,
    instead: 'clock.sleep',
    appliesTo: outsideBase,
  },
  { pattern: /\bAbortSignal\.timeout\(/, instead: 'withDeadline', appliesTo: outsideBase },
  {
    pattern: /import \{[^}]*\bexec(Sync)?\b[^}]*\}/,
    instead: 'runCommand, without a shell',
    appliesTo: everywhere,
  },
  { pattern: /\bshell:\s*true/, instead: 'runCommand, without a shell', appliesTo: everywhere },
  { pattern: /\b(test|it|describe)\.(only|skip|todo)\(/, instead: 'a test', appliesTo: everywhere },
  { pattern: /@ts-(ignore|expect-error|nocheck)/, instead: 'a type', appliesTo: everywhere },
  { pattern: /\bas any\b|:\s+any\b/, instead: 'unknown and a parser', appliesTo: everywhere },
];

/** Bans that look at comments too. */
const BANNED_WORDS = /\b(TODO|FIXME|XXX|HACK)\b/;

const places = (source: Source, matches: (line: string) => boolean, lines = source.lines) =>
  lines.flatMap((line, index) => (matches(line) ? [`${source.path}:${index + 1}`] : []));

for (const { pattern, instead, appliesTo } of BANS) {
  test(`no ${pattern.source}: ${instead}`, () => {
    const found = sources
      .filter(({ path }) => appliesTo(path) && !path.startsWith('test/tidy/'))
      .flatMap((source) =>
        places(source, (line) => pattern.test(line), codeOf(source.text).split('\n')),
      );
    assert.deepEqual(found, []);
  });
}

test('nothing is left for later', () => {
  const found = sources
    .filter(({ path }) => !path.startsWith('test/tidy/'))
    .flatMap((source) => places(source, (line) => BANNED_WORDS.test(line)));
  assert.deepEqual(found, []);
});

test(`lines are at most ${LINE_LENGTH_MAX} characters`, () => {
  const isLong = (line: string): boolean =>
    line.length > LINE_LENGTH_MAX && !/https?:\/\/|['"`].{60,}|from '#gen\//.test(line);
  assert.deepEqual(
    sources.flatMap((source) => places(source, isLong)),
    [],
  );
});

test(`files are at most ${FILE_LINES_MAX} lines, or say in their header why they are one thing`, () => {
  const long = sources
    .filter(({ path, lines }) => lines.length > (isTest(path) ? TEST_LINES_MAX : FILE_LINES_MAX))
    .filter(({ lines }) => !lines.slice(0, 12).join(' ').includes('One file because'))
    .map(({ path, lines }) => `${path}: ${lines.length}`);
  assert.deepEqual(long, []);
});

test('a file begins with a sentence that says what it is for', () => {
  const silent = sources
    .filter(({ path }) => path.startsWith('src/') && !isTest(path))
    .filter(({ lines }) => lines.length > 40 && !/^(\/\/|\/\*\*)/.test(lines[0] ?? ''))
    .map(({ path }) => path);
  assert.deepEqual(silent, []);
});

test(`functions are at most ${FUNCTION_LINES_MAX} lines`, () => {
  assert.deepEqual(sources.filter(({ path }) => !isTest(path)).flatMap(longFunctions), []);
});

/**
 * A function starts at a line that opens one and ends at the first line that closes at the same
 * indentation: exact for formatted code.
 */
function longFunctions({ path, lines }: Source): string[] {
  const found: string[] = [];
  lines.forEach((line, start) => {
    const isFunction =
      /\bfunction\b.*[({]$|=>\s*\{$|^\s+(async |static |get |#)?[\w#]+\(.*\{$/.test(line);
    if (!isFunction || /^\s*(if|for|while|switch|catch)\b/.test(line)) return;
    const indent = /^\s*/.exec(line)?.[0] ?? '';
    const isEnd = (later: string): boolean => later.startsWith(`${indent}}`);
    const length = lines.slice(start + 1).findIndex(isEnd) + 2;
    const most = path.endsWith('.tsx') ? COMPONENT_LINES_MAX : FUNCTION_LINES_MAX;
    if (length > most) found.push(`${path}:${start + 1}: ${length} lines`);
  });
  return found;
}
