import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planInvitation, PORTS } from './invitation.ts';

const SETTINGS = ['export KUBECONFIG=/demo/kubeconfig'];

test('doors where they are looked for need no words', () => {
  const { url, remarks, settings } = planInvitation(PORTS, SETTINGS);
  assert.equal(url, 'http://127.0.0.1:8080/');
  assert.deepEqual(remarks, []);
  assert.deepEqual(settings, SETTINGS);
});

test('a port that was taken is said, and isthmus is told where to ask', () => {
  const elsewhere = { library: 40_001, api: 40_002, isthmusd: 40_003 };
  const { url, remarks, settings } = planInvitation(elsewhere, SETTINGS);
  assert.equal(url, 'http://127.0.0.1:40001/');
  assert.deepEqual(remarks, ['port 8080 is taken']);
  assert.deepEqual(settings, [...SETTINGS, 'export ISTHMUSD=http://127.0.0.1:40003']);
});
