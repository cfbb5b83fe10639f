// Keyed incremental collections. A `Source` is written; what is derived from it follows at
// `Graph.commit()`. While a derived value is computed every `get()` is recorded, so exactly the
// values that have read something which changed are computed again.
//
// - Creation order is settle order: a collection reads only those made before it, so each value is
//   computed at most once in a commit, and from settled inputs (no glitches, no cycles).
// - A value equal to the one before stops the wave: nothing that reads it runs.
// - A commit costs what it changes, whatever the sizes of the collections.
// - A derivation that throws keeps its last value, is reported once the commit is complete, and
//   runs again when its parent's value, or anything that it had read before it threw, changes.
//
// Derivations must be pure, synchronous, and read through `get()` only. What they return must be
// in an order of its own (sorted), for the order in which an index names its members is history.
export interface Collection<V> {
  readonly name: string;
  /** The value of a key as of the last commit. In a derivation the read becomes a dependency. */
  get(key: string): V | undefined;
  /** Everything, in no particular order. Outside of derivations only: a walk is not tracked. */
  entries(): IterableIterator<readonly [string, V]>;
  /** How many keys have a value. */
  readonly size: number;
  /** The keys whose values the last commit changed (added, replaced, removed). */
  readonly changed: ReadonlySet<string>;
  /** How many cells are held, those of absent keys that somebody reads included. For tests. */
  readonly cellCount: number;
  /**
   * For collections that are made of this one: calls back for each key that has a value, and then
   * in each commit for each key that changes.
   */
  follow(follower: (key: string) => void): void;
}

/** undefined is "no value"; a function that says `true` too seldom costs time, too often is a bug. */
export type Equal<V> = (a: V, b: V) => boolean;

/** The value of `key`, made of the parent's value of the same key; undefined for "no value". */
export type Derivation<P, V> = (value: P, key: string) => V | undefined;

/** A derivation that threw. Its collection still has the value from before. */
export type DerivationFailure = {
  readonly collection: string;
  readonly key: string;
  readonly error: unknown;
};

/** Called after a complete commit, if anything in it threw. */
export type FailureReporter = (failures: readonly DerivationFailure[]) => void;

/** Another collection's keys, grouped: the name of a group → the keys in it (never empty). */
export type Index = Collection<ReadonlySet<string>>;

/**
 * The members of a group in code-unit order, for derivations whose result is ordered.
 * The set of `index.get()` is only good for asking after a member: it changes in place.
 */
export function membersOf(index: Index, group: string): readonly string[] {
  return [...(index.get(group) ?? [])].sort();
}

/** What a collection does in a commit. For the engine's own files. */
export interface Step {
  settle(): void;
  clearChanged(): void;
  failures(): Iterable<DerivationFailure>;
}

/** The commit that is running, as the steps of a graph share it. For the engine's own files. */
export type CommitState = {
  isRunning: boolean;
  failed: DerivationFailure[];
  computationCount: number;
};
