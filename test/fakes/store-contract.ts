// What every Store must do, told once and run against each implementation.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '#apiserver/object.ts';
import { CompactedError } from '#apiserver/store/store.ts';
import type { ObjectKey, Store, StoreEvent, WriteResult } from '#apiserver/store/store.ts';

export function keyOf(name: string, namespace = 'default', resource = 'configmaps'): ObjectKey {
  return { resource, namespace, name };
}

export function configMap(key: ObjectKey, value: string): KubeObject {
  const { name, namespace } = key;
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace }, data: { value } };
}

export function accepted(result: WriteResult): KubeObject {
  assert(result.ok, 'the write is accepted');
  return result.object;
}

export function versionOf(object: KubeObject | undefined): string {
  return object?.metadata.resourceVersion ?? '';
}

/** Creates or replaces, whatever the current revision is. */
export function put(store: Store, key: ObjectKey, value: string): KubeObject {
  const current = store.get(key);
  const next = configMap(key, value);
  return accepted(current ? store.update(key, next, versionOf(current)) : store.create(key, next));
}

export function drop(store: Store, key: ObjectKey): KubeObject {
  const current = store.get(key);
  assert(current, 'there is something to remove');
  return accepted(store.remove(key, current, versionOf(current)));
}

function names(objects: readonly KubeObject[]): string[] {
  return objects.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`);
}

export function testStoreContract(title: string, open: () => Store): void {
  for (const [sentence, body] of CONTRACT) {
    test(`${title}: ${sentence}`, () => {
      using store = open();
      body(store);
    });
  }
}

const CONTRACT: readonly (readonly [sentence: string, body: (store: Store) => void])[] = [
  [
    'revisions rise by one over all resources, and are the objects own',
    (store) => {
      const first = put(store, keyOf('a'), '1');
      const second = put(store, keyOf('a', 'default', 'secrets'), '1');
      const third = put(store, keyOf('a'), '2');
      assert.equal(Number(versionOf(second)), Number(versionOf(first)) + 1);
      assert.equal(Number(versionOf(third)), Number(versionOf(second)) + 1);
      assert.equal(store.revision, Number(versionOf(third)));
      assert.deepEqual(store.get(keyOf('a')), third);
    },
  ],

  [
    'refuses to create what exists and to change or remove what does not',
    (store) => {
      put(store, keyOf('a'), '1');
      const before = store.revision;
      const object = configMap(keyOf('a'), '2');
      assert.deepEqual(store.create(keyOf('a'), object), { ok: false, reason: 'exists' });
      assert.deepEqual(store.update(keyOf('b'), object, '1'), { ok: false, reason: 'missing' });
      assert.deepEqual(store.remove(keyOf('b'), object, '1'), { ok: false, reason: 'missing' });
      assert.equal(store.revision, before, 'a refused write takes no revision');
    },
  ],

  [
    'accepts a write only against the current resourceVersion',
    (store) => {
      const first = put(store, keyOf('a'), '1');
      put(store, keyOf('a'), '2');
      const late = configMap(keyOf('a'), 'late');
      const refused = { ok: false, reason: 'conflict' } as const;
      assert.deepEqual(store.update(keyOf('a'), late, versionOf(first)), refused);
      assert.deepEqual(store.remove(keyOf('a'), late, versionOf(first)), refused);
      assert.deepEqual(store.get(keyOf('a'))?.['data'], { value: '2' });
    },
  ],

  [
    'lists one resource in the order of namespace and name',
    (store) => {
      for (const [name, namespace] of [
        ['b', 'z'],
        ['b', 'a'],
        ['a', 'z'],
      ]) {
        put(store, keyOf(name ?? '', namespace), '1');
      }
      put(store, keyOf('other', 'a', 'secrets'), '1');
      const resource = 'configmaps';
      assert.deepEqual(names(store.list({ resource })), ['a/b', 'z/a', 'z/b']);
      assert.deepEqual(names(store.list({ resource, namespace: 'z' })), ['z/a', 'z/b']);
      const after = { namespace: 'a', name: 'b' };
      assert.deepEqual(names(store.list({ resource, after, limit: 1 })), ['z/a']);
      assert.equal(store.count({ resource, after }), 2);
    },
  ],

  [
    'lists the state as of an older revision',
    (store) => {
      const resource = 'configmaps';
      const then = new Map<number, readonly KubeObject[]>();
      const steps = [
        () => put(store, keyOf('a'), '1'),
        () => put(store, keyOf('b'), '1'),
        () => put(store, keyOf('a'), '2'),
        () => drop(store, keyOf('b')),
        () => put(store, keyOf('b'), '2'),
        () => drop(store, keyOf('a')),
      ];
      for (const step of steps) {
        step();
        then.set(store.revision, store.list({ resource }));
      }
      for (const [revision, objects] of then) {
        assert.deepEqual(store.list({ resource, revision }), objects);
        assert.equal(store.count({ resource, revision }), objects.length);
      }
    },
  ],

  [
    'replays events with the states before and after',
    (store) => {
      const after = store.revision;
      put(store, keyOf('a'), '1');
      put(store, keyOf('x', 'default', 'secrets'), '1');
      put(store, keyOf('a'), '2');
      drop(store, keyOf('a'));
      put(store, keyOf('a'), '3');
      const events = store.events({ resource: 'configmaps', after, limit: 10 });
      const seen = events.map(({ type, object, previous }) => [
        type,
        object['data'],
        previous?.['data'],
      ]);
      assert.deepEqual(seen, [
        ['ADDED', { value: '1' }, undefined],
        ['MODIFIED', { value: '2' }, { value: '1' }],
        ['DELETED', { value: '2' }, { value: '2' }],
        ['ADDED', { value: '3' }, undefined],
      ]);
      for (const { revision, object } of events) assert.equal(versionOf(object), String(revision));
    },
  ],

  [
    'tells subscribers just what it replays',
    (store) => {
      const live: StoreEvent[] = [];
      const end = store.subscribe((event) => live.push(event));
      const after = store.revision;
      put(store, keyOf('a'), '1');
      put(store, keyOf('a'), '2');
      drop(store, keyOf('a'));
      end();
      put(store, keyOf('b'), '1');
      assert.deepEqual(store.events({ resource: 'configmaps', after, limit: 3 }), live);
    },
  ],

  [
    'after compaction old states are refused, and current ones are whole',
    (store) => {
      const start = store.revision;
      put(store, keyOf('kept'), '1');
      put(store, keyOf('a'), '1');
      put(store, keyOf('a'), '2');
      drop(store, keyOf('a'));
      const { revision } = store;
      put(store, keyOf('a'), '3');
      store.compact(revision);
      assert.equal(store.compactedRevision, revision);
      const resource = 'configmaps';
      assert.throws(() => store.list({ resource, revision: revision - 1 }), CompactedError);
      assert.throws(() => store.events({ resource, after: start, limit: 1 }), CompactedError);
      assert.deepEqual(names(store.list({ resource, revision })), ['default/kept']);
      assert.equal(store.events({ resource, after: revision, limit: 9 }).length, 1);
      assert.deepEqual(names(store.list({ resource })), ['default/a', 'default/kept']);
    },
  ],
];
