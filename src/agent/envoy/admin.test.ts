import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sumOfConnections } from './admin.ts';

test('open connections are those of the traffic listeners, each counted once', () => {
  const stats = [
    'http.admin.downstream_cx_active: 1',
    'listener.0.0.0.0_15001.downstream_cx_active: 3',
    'listener.0.0.0.0_15001.worker_0.downstream_cx_active: 1',
    'listener.0.0.0.0_15001.worker_1.downstream_cx_active: 2',
    'listener.0.0.0.0_15006.downstream_cx_active: 4',
    'listener.admin.downstream_cx_active: 1',
    'listener.admin.main_thread.downstream_cx_active: 1',
    '',
  ].join('\n');
  assert.equal(sumOfConnections(stats), 7);
  assert.equal(sumOfConnections(''), 0);
});
