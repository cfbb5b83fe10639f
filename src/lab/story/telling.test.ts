import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readTelling, readVisit, type Telling } from './telling.ts';

const TELLINGS: readonly Telling[] = [
  { kind: 'chapter', title: 'One' },
  { kind: 'step', text: 'a' },
  { kind: 'command', text: 'ls' },
  { kind: 'line', text: '' },
  { kind: 'pause' },
  { kind: 'ruled', problem: '' },
  { kind: 'open', kubeconfig: 'apiVersion: v1', code: 'c0de' },
  { kind: 'book', title: 'Kokoro', count: 3 },
  { kind: 'failed', text: 'error', exitStatus: 1 },
  {
    kind: 'judged',
    checks: [{ name: 'rows', ok: true, says: 'all', figures: { rows: 1, ok: true, of: ['a'] } }],
  },
];

for (const telling of TELLINGS) {
  test(`${telling.kind} is read as it was told`, () => {
    const message: unknown = JSON.parse(JSON.stringify(telling));
    assert.deepEqual(readTelling({ kind: '', ...Object(message) }), telling);
  });
}

test('what nobody of this version says is not read', () => {
  const strange = [
    { kind: 'song' },
    { kind: 'line' },
    { kind: 'chapter', text: 'One' },
    { kind: 'book', title: 'Kokoro', count: '3' },
    { kind: 'judged', checks: [{ name: 'rows' }] },
    { kind: 'failed', text: 'error' },
  ];
  for (const message of strange) assert.equal(readTelling(message), undefined, message.kind);
});

test('a visit of which little is known is one that saw nothing', () => {
  assert.deepEqual(readVisit({ kind: 'visited' }), { url: '', isPage: false, book: '' });
});
