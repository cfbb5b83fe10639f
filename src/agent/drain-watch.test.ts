import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLogger } from '#base/log.ts';
import { drainChange, runDrainWatch } from './drain-watch.ts';
import { sumOfDraining } from './envoy/admin.ts';

test('more chains is a beginning, none after some is an end, fewer is neither', () => {
  assert.equal(drainChange(0, 0), undefined);
  assert.equal(drainChange(0, 2), 'begun');
  assert.equal(drainChange(2, 3), 'begun');
  assert.equal(drainChange(3, 2), undefined);
  assert.equal(drainChange(2, 0), 'ended');
});

test('a drain is said once, with its time, and its end', async () => {
  const readings = [0, 2, 2, undefined, 1];
  const owner = new AbortController();
  const lines: string[] = [];
  const sleep = (_: number, signal?: AbortSignal): Promise<void> => {
    if (readings.length === 0) owner.abort(new Error('enough'));
    signal?.throwIfAborted();
    return Promise.resolve();
  };
  const watch = runDrainWatch(
    {
      draining: () => Promise.resolve(readings.shift()),
      drainMs: 45_000,
      clock: { nowMs: () => 0, sleep },
      log: createLogger('agent', { sink: (line) => lines.push(line), nowMs: () => 0 }),
    },
    owner.signal,
  );
  await assert.rejects(watch, /enough/);
  const said = lines.map((line) => line.replace(/^\S+ /, ''));
  const begun = (chains: number): string =>
    'warn  agent: settings changed that open sessions cannot take: they will be cut ' +
    `filterChains=${chains} withinSeconds=45`;
  const ended = 'info  agent: the drain has ended, its sessions are cut';
  assert.deepEqual(said, [begun(2), ended, begun(1)]);
});

test('the gauges are read by name', () => {
  const stats =
    'listener_manager.total_filter_chains_draining: 2\nlistener_manager.total_listeners_draining: 1\n';
  assert.equal(sumOfDraining(stats), 3);
  assert.equal(sumOfDraining(''), 0);
});
