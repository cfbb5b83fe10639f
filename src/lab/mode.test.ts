import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OperatorError } from '#base/operator-error.ts';
import { chooseLabMode } from './mode.ts';

const never = async (): Promise<never> => Promise.reject(new Error('nobody asked'));

test('the mode is what is asked for, without a probe', async () => {
  assert.deepEqual(await chooseLabMode('namespaces', { env: {}, probe: never }), {
    kind: 'namespaces',
  });
  assert.equal(
    (await chooseLabMode('explicit-ports', { env: {}, probe: never })).kind,
    'explicit-ports',
  );
});

test('the mode is what the machine allows, and its words are the reason', async () => {
  assert.deepEqual(await chooseLabMode(undefined, { env: {}, probe: async () => undefined }), {
    kind: 'namespaces',
  });
  const reason = 'unshare: Operation not permitted';
  const mode = { kind: 'explicit-ports', reason };
  assert.deepEqual(await chooseLabMode(undefined, { env: {}, probe: async () => reason }), mode);
});

test('another mode is refused with both names', async () => {
  await assert.rejects(chooseLabMode('docker', { env: {}, probe: never }), (error: unknown) => {
    assert(error instanceof OperatorError);
    assert.match(error.message, /"docker", expected namespaces or explicit-ports/);
    return true;
  });
});
