// What the API server asks of its storage, and nothing that is SQLite's.
import type { KubeObject } from '../object.ts';

/** One object's place. `resource` is `plural.group`, or the plural alone in the core group. */
export type ObjectKey = {
  readonly resource: string;
  /** Empty for cluster-scoped objects. */
  readonly namespace: string;
  readonly name: string;
};

export type StoreEventType = 'ADDED' | 'MODIFIED' | 'DELETED';

/** One acknowledged write. Revisions rise by one from event to event, over all resources. */
export type StoreEvent = {
  readonly type: StoreEventType;
  readonly revision: number;
  readonly key: ObjectKey;
  /** The new state; for DELETED the last one, with the revision of the deletion. */
  readonly object: KubeObject;
  /** The state before; undefined for ADDED. */
  readonly previous: KubeObject | undefined;
};

export type WriteResult =
  | { readonly ok: true; readonly object: KubeObject }
  | { readonly ok: false; readonly reason: 'exists' | 'missing' | 'conflict' };

export type ListQuery = {
  readonly resource: string;
  /** Only this namespace; undefined for all. */
  readonly namespace?: string | undefined;
  /** The state as of this revision; undefined for the current one. */
  readonly revision?: number | undefined;
  /** Only objects that come after this place in the order (namespace, name). */
  readonly after?: { readonly namespace: string; readonly name: string } | undefined;
  /** At most so many objects; undefined for all. */
  readonly limit?: number | undefined;
};

export type EventQuery = {
  readonly resource: string;
  readonly namespace?: string | undefined;
  /** Only events of later revisions. */
  readonly after: number;
  readonly limit: number;
};

/** The revision asked for is older than the history that is kept. */
export class CompactedError extends Error {
  override readonly name = 'CompactedError';
  readonly requested: number;
  readonly compacted: number;

  constructor(requested: number, compacted: number) {
    super(`too old resource version: ${requested} (${compacted})`);
    this.requested = requested;
    this.compacted = compacted;
  }
}

/**
 * Versioned objects with one global, rising revision. A write is durable when the call returns and
 * is then told to every subscriber, in order, within the same call.
 *
 * Every method may throw an OperatorError STORE_FAILED; the write was then not accepted.
 */
export interface Store extends Disposable {
  /** The revision of the last acknowledged write. */
  readonly revision: number;
  /** Events up to this revision, and older states, are gone. */
  readonly compactedRevision: number;
  get(key: ObjectKey): KubeObject | undefined;
  /** In the order (namespace, name). @throws CompactedError */
  list(query: ListQuery): readonly KubeObject[];
  /** How many objects `list` would return. */
  count(query: ListQuery): number;
  /** In the order of revisions. @throws CompactedError */
  events(query: EventQuery): readonly StoreEvent[];
  /** Stores a new object and gives it its resourceVersion. */
  create(key: ObjectKey, object: KubeObject): WriteResult;
  /** Replaces the object if `expected` is its current resourceVersion. */
  update(key: ObjectKey, object: KubeObject, expected: string): WriteResult;
  /** Removes the object; `last` is the state that watchers are told. */
  remove(key: ObjectKey, last: KubeObject, expected: string): WriteResult;
  /** @returns a function that ends the subscription */
  subscribe(listener: (event: StoreEvent) => void): () => void;
  /** Forgets states that were superseded at or before this revision. */
  compact(revision: number): void;
}
