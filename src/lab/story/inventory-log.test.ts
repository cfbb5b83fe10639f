import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { LabProcess } from '../process.ts';
import { failuresAfter, insertedTitles, InventoryLog } from './inventory-log.ts';

const logsDir = mkdtempSync(join(tmpdir(), 'isthmus-inventory-log-'));
after(() => rmSync(logsDir, { recursive: true }));

const LINES = [
  'inventory: ready on http://127.0.0.1:8080',
  '❌ Fun Home: getaddrinfo ENOTFOUND db',
  '✅ inserted Fun Home',
  '✅ inserted ❌ Not a Failure',
  '❌ Kokoro: refused',
];

test('what was committed is what lines say that begin so', () => {
  assert.deepEqual(insertedTitles(LINES), ['Fun Home', '❌ Not a Failure']);
});

test('failures count from the first book on', () => {
  assert.deepEqual(failuresAfter(/^✅ /, LINES), ['❌ Kokoro: refused']);
  assert.deepEqual(failuresAfter(/^✅ /, LINES.slice(0, 2)), []);
});

/** Its standard input comes out as the log does. */
function openLog(): { readonly log: InventoryLog; readonly say: (line: string) => void } {
  let cat: LabProcess | undefined;
  const follow = (name: string, _: readonly string[], onLine?: (line: string) => void) => {
    const options = { name, command: ['cat'], env: process.env, logsDir };
    cat = new LabProcess({ ...options, ...(onLine && { onLine }) });
    return cat;
  };
  const log = new InventoryLog({ follow });
  return { log, say: (line) => cat?.writeLine(line) };
}

test('lines of a kind are waited for and shown, as many as were asked for', async () => {
  const { log, say } = openLog();
  await using _log = log;
  const shown: string[] = [];
  const onLine = (line: string): void => void shown.push(line);
  const wanted = { what: 'books', matches: /^✅ /, count: 2, limitMs: 5_000, onLine };
  const waiting = log.wait(wanted);
  for (const line of [...LINES, '✅ inserted Kokoro']) say(line);
  assert.deepEqual(await waiting, LINES.slice(2, 4));
  assert.deepEqual(shown, LINES.slice(2, 4));
});

test('what does not come is said with what came last', async () => {
  const { log, say } = openLog();
  await using _log = log;
  const quiet = { onLine: () => undefined, count: 1 };
  const first = log.wait({ ...quiet, what: 'a line', matches: /❌/, limitMs: 5_000 });
  say('❌ Fun Home: no answer');
  await first;
  await assert.rejects(log.wait({ ...quiet, what: 'books', matches: /^✅ /, limitMs: 10 }), {
    code: 'LAB_FAILED',
    message: 'books: the inventory last said: ❌ Fun Home: no answer',
  });
});
