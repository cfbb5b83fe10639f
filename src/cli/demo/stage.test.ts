import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { FakeClock } from '../../../test/fakes/clock.ts';
import { Stage } from './stage.ts';
import { createPaint } from './view.ts';

const look = { paint: createPaint(false, {}), columns: undefined };
const never = new AbortController().signal;

function openStage(keys?: NodeJS.ReadableStream) {
  const clock = new FakeClock();
  const written: string[] = [];
  const write = (text: string): void => void written.push(text);
  const stage = new Stage({ look, isTerminal: true, write, keys, clock });
  return { stage, clock, text: () => written.join('') };
}

test('the clock stands while the audience takes its time, and the prompt goes again', async () => {
  const keys = new PassThrough();
  const { stage, clock, text } = openStage(keys);
  clock.advance(1_000);
  const waiting = stage.pause(never);
  clock.advance(60_000);
  keys.write('\n');
  await waiting;
  assert.equal(stage.elapsedMs, 1_000);
  assert(text().endsWith('\n  ⏎ Enter \u001B[2A\u001B[0J'), JSON.stringify(text()));
  stage.close();
});

test('when no Enter can come any more, that is said once and nobody waits', async () => {
  const keys = new PassThrough();
  const { stage, text } = openStage(keys);
  const waiting = stage.pause(never);
  keys.end();
  await waiting;
  await stage.pause(never);
  assert.equal(text().match(/standard input has ended/g)?.length, 1);
  assert.equal(text().match(/Enter/g)?.length, 1);
  stage.close();
});

test('an interruption ends the wait without a word', async () => {
  const { stage, text } = openStage(new PassThrough());
  const stop = new AbortController();
  const waiting = stage.pause(stop.signal);
  stop.abort();
  await waiting;
  assert(text().endsWith('Enter '));
  stage.close();
});

test('without --step nobody is waited for', async () => {
  await openStage().stage.pause(never);
});

test('the first ✅ is noted with its time', () => {
  const { stage, clock } = openStage();
  assert.equal(stage.firstRowMs, -1);
  clock.advance(500);
  stage.show({ kind: 'line', text: '❌ no' });
  assert.equal(stage.firstRowMs, -1);
  for (const title of ['one', 'two']) {
    stage.show({ kind: 'line', text: `✅ inserted ${title}` });
    clock.advance(500);
  }
  assert.equal(stage.firstRowMs, 500);
});

test('books after the story are one line that is drawn over; elsewhere they would be noise', () => {
  const { stage, text } = openStage();
  stage.showBook({ kind: 'book', title: 'A', count: 1 });
  stage.showBook({ kind: 'book', title: 'B', count: 2 });
  stage.close();
  assert.match(text(), /\n\r\S+ {2}1 books.*A\r\S+ {2}2 books.*B\n$/);
});
