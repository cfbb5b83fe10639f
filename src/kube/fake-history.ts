// A fake of what an API server keeps of one kind: its objects, their history, and the ways in which
// lists and watches fail. For tests of everything that lists and watches.
import { OperatorError } from '#base/operator-error.ts';
import type { ChangeType, KubeClient, KubeList, WatchEvent, WatchOptions } from './client.ts';
import { objectKey, type KubeObject, type ObjectRef } from './objects.ts';
import { KubeStatusError } from './status.ts';

type Entry = { readonly version: number; readonly type: ChangeType; readonly object: KubeObject };

/** How an open watch ends: the server closes it, the connection breaks, its version is too old. */
export type WatchEnd = 'closed' | 'broken' | 'expired';

export class FakeHistory implements Pick<KubeClient, 'list' | 'watch'> {
  /** Calls so far, for tests that ask what was needed. */
  readonly calls = { list: 0, watch: 0 };
  /** The next so many calls find nobody listening. */
  refusals = 0;
  /** The next so many continued pages are too late. */
  expiredPages = 0;
  readonly #objects = new Map<string, KubeObject>();
  #log: Entry[] = [];
  #version = 100;
  #compactedTo = 100;
  #uids = 0;
  readonly #watches = new Set<(end: WatchEnd | undefined) => void>();

  /** The present objects, by key. */
  get objects(): ReadonlyMap<string, KubeObject> {
    return this.#objects;
  }

  /** Creates or changes an object. */
  put(ref: ObjectRef, fields: Readonly<Record<string, unknown>> = {}): KubeObject {
    const key = objectKey(ref);
    const before = this.#objects.get(key);
    const uid = before?.metadata.uid ?? `uid-${(this.#uids += 1)}`;
    const object: KubeObject = { ...fields, metadata: metadataOf(ref, uid, this.#next()) };
    this.#objects.set(key, object);
    this.#record(before ? 'MODIFIED' : 'ADDED', object);
    return object;
  }

  remove(ref: ObjectRef): void {
    const before = this.#objects.get(objectKey(ref));
    if (!before) return;
    this.#objects.delete(objectKey(ref));
    const metadata = metadataOf(ref, before.metadata.uid ?? '', this.#next());
    this.#record('DELETED', { ...before, metadata });
  }

  /** Forgets the history: a watch from before now is told that its version is too old. */
  compact(): void {
    this.#compactedTo = this.#version;
    this.#log = [];
  }

  /** Ends all open watches. */
  endWatches(end: WatchEnd): void {
    for (const wake of this.#watches) wake(end);
  }

  /** As if restored from a backup: the version goes back, and the history is gone. */
  restore(objects: readonly ObjectRef[], version: number): void {
    this.#objects.clear();
    this.#version = version;
    for (const ref of objects) this.put(ref);
    this.compact();
  }

  list: KubeClient['list'] = async (_type, options = {}) => {
    this.calls.list += 1;
    await Promise.resolve();
    this.#refuse();
    const all = [...this.#objects.values()].toSorted((a, b) =>
      objectKey(a.metadata) < objectKey(b.metadata) ? -1 : 1,
    );
    const { limit = all.length, continueToken } = options;
    if (continueToken === undefined) return page(all, { from: 0, limit, version: this.#version });
    if (this.expiredPages > 0) {
      this.expiredPages -= 1;
      throw expired('the provided continue parameter is too old');
    }
    const { from, version, objects } = decodeToken(continueToken);
    return page(objects, { from, limit, version });
  };

  watch: KubeClient['watch'] = (_type, options) => this.#watch(options);

  async *#watch(options: WatchOptions): AsyncGenerator<WatchEvent, void, undefined> {
    this.calls.watch += 1;
    await Promise.resolve();
    this.#refuse();
    let position = Number(options.resourceVersion);
    const signal = options.signal;
    for (;;) {
      signal?.throwIfAborted();
      if (position < this.#compactedTo) throw expired(`too old resource version: ${position}`);
      const entry = this.#log.find(({ version }) => version > position);
      if (entry) {
        position = entry.version;
        yield { type: entry.type, object: entry.object };
        continue;
      }
      const end = await this.#nextWake(signal);
      if (end === 'closed') return;
      if (end === 'broken') throw unreachable();
      if (end === 'expired') throw expired('etcd event received with an older version');
    }
  }

  #nextWake(signal: AbortSignal | undefined): Promise<WatchEnd | undefined> {
    return new Promise((resolve) => {
      const wake = (end: WatchEnd | undefined): void => {
        this.#watches.delete(wake);
        signal?.removeEventListener('abort', onAbort);
        resolve(end);
      };
      const onAbort = (): void => wake(undefined);
      signal?.addEventListener('abort', onAbort);
      this.#watches.add(wake);
    });
  }

  #record(type: ChangeType, object: KubeObject): void {
    this.#log.push({ version: this.#version, type, object });
    for (const wake of this.#watches) wake(undefined);
  }

  #next(): string {
    this.#version += 1;
    return String(this.#version);
  }

  #refuse(): void {
    if (this.refusals === 0) return;
    this.refusals -= 1;
    throw unreachable();
  }
}

const metadataOf = ({ namespace, name }: ObjectRef, uid: string, resourceVersion: string) => ({
  name,
  ...(namespace !== undefined && { namespace }),
  uid,
  resourceVersion,
});

/** A snapshot that later pages are cut from, held by its token as the real server holds it. */
const snapshots = new Map<string, { from: number; version: number; objects: KubeObject[] }>();

function page(
  objects: KubeObject[],
  { from, limit, version }: { from: number; limit: number; version: number },
): KubeList {
  const end = from + limit;
  const continueToken = end < objects.length ? `${version}/${end}/${snapshots.size}` : undefined;
  if (continueToken) snapshots.set(continueToken, { from: end, version, objects });
  return { items: objects.slice(from, end), resourceVersion: String(version), continueToken };
}

function decodeToken(token: string) {
  const snapshot = snapshots.get(token);
  if (!snapshot) throw expired('unknown continue token');
  return snapshot;
}

function expired(message: string): KubeStatusError {
  const details = { causes: [], retryAfterSeconds: undefined };
  return new KubeStatusError({ code: 410, reason: 'Expired', message, details });
}

function unreachable(): OperatorError {
  const remedy = 'start it';
  return new OperatorError('API_SERVER_UNREACHABLE', 'connect ECONNREFUSED', { remedy });
}
