import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aborted, runTasks } from './tasks.ts';

const never = new AbortController().signal;

test('returns when every task has', async () => {
  const done: string[] = [];
  await runTasks(never, [async () => void done.push('a'), async () => void done.push('b')]);
  assert.deepEqual(done, ['a', 'b']);
});

test('the first failure stops the others, is thrown, and nobody is left running', async () => {
  let isStopped = false;
  const tasks = runTasks(never, [
    () => Promise.reject(new Error('broken')),
    async (signal) => {
      await aborted(signal);
      isStopped = true;
    },
  ]);
  await assert.rejects(tasks, /broken/);
  assert.equal(isStopped, true);
});

test('a failure while stopping is not lost', async () => {
  const tasks = runTasks(never, [
    () => Promise.reject(new Error('first')),
    async (signal) => {
      await aborted(signal);
      throw new Error('second');
    },
  ]);
  await assert.rejects(
    tasks,
    (error) => error instanceof AggregateError && error.errors.length === 2,
  );
});

test('being told to stop is not a failure', async () => {
  const owner = new AbortController();
  const tasks = runTasks(owner.signal, [
    async (signal) => {
      await aborted(signal);
      signal.throwIfAborted();
    },
  ]);
  owner.abort();
  await tasks;
});
