import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock, withDeadline } from './clock.ts';
import { aborted } from './tasks.ts';

test('sleep ends with the reason of the signal', async () => {
  const owner = new AbortController();
  const sleep = systemClock.sleep(60_000, owner.signal);
  owner.abort(new Error('enough'));
  await assert.rejects(sleep, /enough/);
});

test('a deadline names what took too long', async () => {
  const slow = withDeadline({ what: 'the handshake', limitMs: 1 }, async (signal) => {
    await aborted(signal);
    signal.throwIfAborted();
  });
  await assert.rejects(slow, {
    name: 'TimeoutError',
    message: /the handshake took longer than 1 ms/,
  });
});

test('work within its deadline keeps its result and leaves no timer', async () => {
  assert.equal(await withDeadline({ what: 'it', limitMs: 60_000 }, () => Promise.resolve(7)), 7);
});

test('work is also ended by its parent', async () => {
  const parent = new AbortController();
  const work = withDeadline(
    { what: 'it', limitMs: 60_000, parent: parent.signal },
    async (signal) => {
      await aborted(signal);
      signal.throwIfAborted();
    },
  );
  parent.abort(new Error('leaving'));
  await assert.rejects(work, /leaving/);
});
