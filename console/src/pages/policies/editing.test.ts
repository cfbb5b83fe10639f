import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PolicyDocument } from '../../api/types.ts';
import * as editing from './editing.ts';

const document = (change: Partial<PolicyDocument> = {}): PolicyDocument => ({
  kind: 'AuthorizationPolicy',
  namespace: 'default',
  name: 'pg-allow',
  scope: 'namespace',
  targets: [],
  effect: '',
  allowed: null,
  denied: null,
  conflicts: [],
  changedAtMs: 0,
  changedBy: 'kim',
  managedBy: '',
  resourceVersion: '1',
  yaml: 'a: 1\n',
  pending: null,
  previousYaml: '',
  shadowYaml: '',
  ...change,
});

const NEWER = document({ resourceVersion: '2', yaml: 'a: 2\n' });
const begun = editing.loaded(editing.opened(undefined), document(), false);

test('while nothing is typed the text is the cluster’s', () => {
  assert.equal(begun.text, 'a: 1\n');
  const next = editing.loaded(begun, NEWER, false);
  assert.equal(next.text, 'a: 2\n');
  assert.equal(next.theirs, undefined);
  assert.ok(!editing.isChanged(next));
});

test('what is typed stays, and keeps the version that it began with', () => {
  const next = editing.loaded(editing.typed(begun, 'a: 3\n'), NEWER, false);
  assert.equal(next.text, 'a: 3\n');
  assert.equal(next.document?.resourceVersion, '1');
  assert.equal(next.theirs?.resourceVersion, '2');
});

test('putting together goes on top of theirs', () => {
  const conflict = editing.conflicting(editing.typed(begun, 'a: 3\n'), NEWER);
  assert.ok(conflict.isComparing);
  assert.equal(conflict.text, 'a: 3\n');
  const next = editing.resolved(conflict, 'a: 4\n');
  assert.equal(next.document?.resourceVersion, '2');
  assert.equal(next.text, 'a: 4\n');
  assert.ok(editing.isChanged(next));
});

test('a text that was handed over is an edit of what is there', () => {
  const next = editing.loaded(editing.opened('a: 9\n'), document(), true);
  assert.equal(next.text, 'a: 9\n');
  assert.equal(next.document?.resourceVersion, '1');
  assert.ok(editing.isChanged(next));
  assert.ok(editing.isChanged(editing.loaded(editing.opened('a: 9\n'), undefined, true)));
});

test('an apply that undid itself is said, one that was kept is not', () => {
  const pending = { revertsAtMs: 1, by: 'kim', mode: 'confirm', wouldDeny: null } as const;
  const applied = editing.written(
    begun,
    document({ pending, resourceVersion: '2', yaml: 'b' }),
    'Applied.',
  );
  assert.equal(applied.text, 'b');
  const reverted = editing.loaded(applied, document({ resourceVersion: '3' }), false);
  assert.match(reverted.said, /undid itself/);
  assert.equal(reverted.text, 'a: 1\n');
  const kept = editing.loaded(applied, document({ resourceVersion: '3', yaml: 'b' }), false);
  assert.equal(kept.said, 'Applied.');
});
