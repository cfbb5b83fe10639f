import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planInvitation, PORTS } from './invitation.ts';

const SETTINGS = ['export KUBECONFIG=/demo/kubeconfig'];
const OPEN = { settings: SETTINGS, code: 'c0de' };

test('doors where they are looked for need no words, but for the console', () => {
  const { url, console, remarks, settings } = planInvitation(PORTS, OPEN);
  assert.equal(url, 'http://127.0.0.1:8080/');
  assert.deepEqual(remarks, []);
  assert.equal(console, 'http://127.0.0.1:8081/#code=c0de');
  assert.deepEqual(settings, [...SETTINGS, 'export ISTHMUS_CONSOLE=http://127.0.0.1:8081']);
});

test('a port that was taken is said, and isthmus is told where to ask', () => {
  const elsewhere = { library: 40_001, api: 40_002, isthmusd: 40_003, console: 40_004 };
  const { url, remarks, settings } = planInvitation(elsewhere, OPEN);
  assert.equal(url, 'http://127.0.0.1:40001/');
  assert.deepEqual(remarks, ['port 8080 is taken']);
  assert.deepEqual(settings, [
    ...SETTINGS,
    'export ISTHMUSD=http://127.0.0.1:40003',
    'export ISTHMUS_CONSOLE=http://127.0.0.1:40004',
  ]);
});
