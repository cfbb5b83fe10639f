// Whatever is written, and wherever a client begins or pauses: a list and the events after it make
// up exactly what the server has.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { TestServer, versionOf } from '../../../test/fakes/api-core.ts';
import type { TestWatch } from '../../../test/fakes/api-core.ts';
import type { JsonObject } from '../object.ts';
import { objectAt, objectsAt } from '../object.ts';

type Step =
  | { readonly kind: 'put'; readonly namespace: string; readonly name: string; readonly x: string }
  | { readonly kind: 'delete'; readonly namespace: string; readonly name: string }
  | { readonly kind: 'begin'; readonly selector: string; readonly namespace: string }
  | { readonly kind: 'pause' | 'drain' | 'reconnect'; readonly client: number }
  | { readonly kind: 'compact' };

const place = {
  namespace: fc.constantFrom('default', 'kube-system'),
  name: fc.constantFrom('a', 'b', 'c'),
};
const client = fc.nat({ max: 3 });

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('put'), ...place, x: fc.constantFrom('1', '2', '3') }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('delete'), ...place }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('begin'),
      selector: fc.constantFrom('', 'x=1', 'x in (1,2)', '!x'),
      namespace: fc.constantFrom('', 'default'),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constantFrom('pause', 'drain', 'reconnect'), client }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('compact') }) },
);

function pathOf(namespace: string): string {
  return namespace === '' ? '/api/v1/configmaps' : `/api/v1/namespaces/${namespace}/configmaps`;
}

function keyOf(object: JsonObject): string {
  const { namespace, name } = Object(objectAt(object, 'metadata'));
  return `${namespace}/${name}`;
}

/** Lists, then watches, and keeps the objects it was told of. */
class Reader {
  readonly #server: TestServer;
  readonly #path: string;
  readonly #selector: string;
  readonly objects = new Map<string, JsonObject>();
  #version = '';
  #watch: TestWatch | undefined;

  constructor(server: TestServer, path: string, selector: string) {
    this.#server = server;
    this.#path = path;
    this.#selector = selector;
  }

  async begin(): Promise<void> {
    const query = { labelSelector: this.#selector };
    const list = await this.#server.get(this.#path, query);
    this.objects.clear();
    for (const item of objectsAt(list, 'items')) {
      this.objects.set(keyOf(item), { ...item, kind: 'ConfigMap', apiVersion: 'v1' });
    }
    this.#version = versionOf(list);
    await this.#open();
  }

  pause(): void {
    if (this.#watch) this.#watch.isReading = false;
  }

  /** Takes what came; begins anew when told to. */
  async drain(): Promise<void> {
    this.#watch?.drain();
    for (const { type, object } of this.#watch?.take() ?? []) {
      if (type === 'ERROR') {
        await this.begin();
        return;
      }
      const version = object.metadata.resourceVersion ?? '';
      assert(Number(version) > Number(this.#version), 'versions rise');
      this.#version = version;
      const isKnown = this.objects.has(keyOf(object));
      assert.equal(isKnown, type !== 'ADDED', `${type} fits what was told before`);
      if (type === 'DELETED') this.objects.delete(keyOf(object));
      else this.objects.set(keyOf(object), object);
    }
  }

  /** The connection breaks; the client goes on from the last version it saw. */
  async reconnect(): Promise<void> {
    this.#watch?.close();
    await this.#open();
    await this.drain();
  }

  async #open(): Promise<void> {
    const query = { labelSelector: this.#selector, resourceVersion: this.#version };
    this.#watch = await this.#server.watch(this.#path, { query });
  }

  async expected(): Promise<ReadonlyMap<string, JsonObject>> {
    const list = await this.#server.get(this.#path, { labelSelector: this.#selector });
    const items = objectsAt(list, 'items');
    return new Map(
      items.map((item) => [keyOf(item), { ...item, kind: 'ConfigMap', apiVersion: 'v1' }]),
    );
  }
}

async function take(server: TestServer, readers: Reader[], action: Step): Promise<void> {
  switch (action.kind) {
    case 'put': {
      const { namespace, name, x } = action;
      const body = { metadata: { name, ...(x !== '3' && { labels: { x } }) }, data: { x } };
      const put = await server.call('PUT', `${pathOf(namespace)}/${name}`, { body });
      if (put.status === 404) await server.create(pathOf(namespace), body);
      return;
    }
    case 'delete':
      await server.call('DELETE', `${pathOf(action.namespace)}/${action.name}`);
      return;
    case 'begin': {
      const reader = new Reader(server, pathOf(action.namespace), action.selector);
      await reader.begin();
      readers.push(reader);
      return;
    }
    case 'compact':
      server.store.compact(server.store.revision);
      return;
    default:
      await readers[action.client]?.[action.kind]();
  }
}

test('list and watch make up the store, from any point, at any pace', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 80 }), async (steps) => {
      await using server = await TestServer.start();
      const readers: Reader[] = [];
      await take(server, readers, { kind: 'begin', selector: '', namespace: '' });
      for (const action of steps) await take(server, readers, action);
      for (const reader of readers) {
        await reader.drain();
        await reader.drain(); // a second time for those that had to begin anew
        assert.deepEqual(reader.objects, await reader.expected());
      }
    }),
    { numRuns: 150 },
  );
});
