import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '#kube/objects.ts';
import { SERVICE } from '#kube/resources.ts';
import { createIngestStore } from './ingest.ts';

const object = (name: string, resourceVersion: string): KubeObject => ({
  metadata: { name, namespace: 'default', resourceVersion },
});

test('objects go into the model by key, and what vanished between two lists goes out', () => {
  const said: string[] = [];
  let changes = 0;
  const store = createIngestStore(
    SERVICE,
    {
      ingest: (type, { metadata }, change) =>
        said.push(`${change} ${type.kind} ${metadata.namespace}/${metadata.name}`),
    },
    () => changes++,
  );
  store.replace([object('a', '1'), object('b', '2')]);
  store.apply('ADDED', object('c', '3'));
  store.replace([object('b', '2'), object('c', '4')]);
  assert.deepEqual(said, [
    'applied Service default/a',
    'applied Service default/b',
    'applied Service default/c',
    'deleted Service default/a',
    'applied Service default/c',
  ]);
  assert.equal(changes, 3);
});
