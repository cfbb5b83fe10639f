import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { after, before, test } from 'node:test';
import type { Clock } from '#base/clock.ts';
import { ContainerLog, LineCutter, parseLogLine, renderLogLine } from './log.ts';
import { type LogRequest, parseLogRequest, renderEntry, selectEntries } from './log-request.ts';

let folder: string;
const nowMs = Date.UTC(2026, 10, 22, 12);
const clock: Clock = { nowMs: () => nowMs, sleep: () => Promise.resolve() };

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'isthmus-log-'));
});

after(() => rmSync(folder, { recursive: true }));

const texts = (log: ContainerLog): string[] => log.entries().map(({ text }) => text);

async function write(log: ContainerLog, ...chunks: readonly string[]): Promise<void> {
  const stream = new PassThrough();
  log.follow('stdout', stream);
  for (const chunk of chunks) stream.write(chunk);
  stream.end();
  await log.ended;
}

test('lines have their time and stream, as the container runtime writes them', async () => {
  const log = new ContainerLog(join(folder, 'a', '0.log'), { clock });
  await write(log, 'one\ntw', 'o\n', 'no newline');
  const [first, second, third] = log.entries();
  assert.equal(
    renderLogLine(first ?? assert.fail()),
    '2026-11-22T12:00:00.000000000Z stdout F one\n',
  );
  assert.equal(second?.text, 'two');
  assert.deepEqual([third?.text, third?.isWhole], ['no newline', false]);
});

test('a follower gets what comes, and its end', async () => {
  const log = new ContainerLog(join(folder, 'b.log'), { clock });
  const seen: string[] = [];
  const stop = log.onEntry(({ text }) => seen.push(text));
  await write(log, 'one\n', 'two\n');
  stop();
  assert.deepEqual(seen, ['one', 'two']);
});

test('a log is bounded: the oldest entries go', async () => {
  const path = join(folder, 'c.log');
  const log = new ContainerLog(path, { clock, bytesMax: 2_000 });
  await write(log, ...Array.from({ length: 500 }, (_, index) => `line ${index}\n`));
  const kept = texts(log);
  assert(kept.length < 100 && kept.length >= 30, `${kept.length} kept`);
  assert.equal(kept.at(-1), 'line 499');
  const bytes = ContainerLog.filesAt(path).reduce((sum, file) => sum + statSync(file).size, 0);
  assert(bytes <= 4_000);
});

test('a line that is too long comes in pieces', () => {
  const pieces: [number, boolean][] = [];
  const cutter = new LineCutter((text, isWhole) => pieces.push([text.length, isWhole]));
  for (let index = 0; index < 4; index += 1) cutter.add('x'.repeat(10_000));
  cutter.add('\n\nshort\n');
  cutter.end();
  assert.deepEqual(pieces, [
    [16_384, false],
    [16_384, false],
    [7_232, true],
    [0, true],
    [5, true],
  ]);
});

test('what is no entry is not read', () => {
  assert.equal(parseLogLine('nonsense'), undefined);
  assert.equal(parseLogLine('t stdin F x'), undefined);
  assert.equal(parseLogLine('t stdout F ')?.text, '');
});

const ENTRIES = [0, 10, 20].map((seconds) => ({
  time: new Date(nowMs + seconds * 1000).toISOString(),
  stream: 'stdout' as const,
  isWhole: true,
  text: String(seconds),
}));

const request = (query: string): LogRequest =>
  parseLogRequest(new URLSearchParams(query), nowMs + 25_000);

const SELECTIONS: readonly [query: string, expected: readonly string[]][] = [
  ['', ['0', '10', '20']],
  ['tailLines=2', ['10', '20']],
  ['tailLines=0', []],
  ['sinceSeconds=15', ['10', '20']],
  ['sinceTime=2026-11-22T12:00:20Z', ['20']],
  ['sinceSeconds=15&tailLines=1', ['20']],
];

for (const [query, expected] of SELECTIONS) {
  test(`logs?${query}`, () => {
    assert.deepEqual(
      selectEntries(ENTRIES, request(query)).map(({ text }) => text),
      expected,
    );
  });
}

for (const query of [
  'tailLines=-1',
  'tailLines=x',
  'sinceSeconds=0',
  'sinceTime=x',
  'limitBytes=0',
]) {
  test(`logs?${query} is refused`, () => assert.throws(() => request(query), { code: 'USAGE' }));
}

test('a piece has no newline of its own', () => {
  const [entry = assert.fail()] = ENTRIES;
  assert.equal(renderEntry(entry, request('timestamps=true')), '2026-11-22T12:00:00.000Z 0\n');
  assert.equal(renderEntry({ ...entry, isWhole: false }, request('')), '0');
});
