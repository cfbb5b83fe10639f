// A collection that is written from outside.
import type { Collection, CommitState, DerivationFailure, Equal, Step } from './collection.ts';
import type { Table } from './table.ts';

/** What is written shows at the next `Graph.commit()`; until then `get()` tells what was before. */
export class Source<V> implements Collection<V>, Step {
  readonly #table: Table<V>;
  readonly #equal: Equal<V>;
  readonly #commit: CommitState;
  readonly #written = new Map<string, V | undefined>();

  constructor(table: Table<V>, equal: Equal<V>, commit: CommitState) {
    this.#table = table;
    this.#equal = equal;
    this.#commit = commit;
  }

  set(key: string, value: V): void {
    this.#write(key, value);
  }

  /** Deleting what is not there is no change. */
  delete(key: string): void {
    this.#write(key, undefined);
  }

  /** The value as the next commit will show it. */
  latest(key: string): V | undefined {
    return this.#written.has(key) ? this.#written.get(key) : this.#table.get(key);
  }

  get name(): string {
    return this.#table.name;
  }

  get size(): number {
    return this.#table.size;
  }

  get changed(): ReadonlySet<string> {
    return this.#table.changed;
  }

  get cellCount(): number {
    return this.#table.cellCount;
  }

  get(key: string): V | undefined {
    return this.#table.get(key);
  }

  entries(): IterableIterator<readonly [string, V]> {
    return this.#table.entries();
  }

  follow(follower: (key: string) => void): void {
    this.#table.follow(follower);
  }

  settle(): void {
    for (const [key, value] of this.#written) {
      const cell = this.#table.cellOf(key);
      if (!isSame(this.#equal, cell.value, value)) this.#table.publish(cell, value);
      cell.forgetIfIdle();
    }
    this.#written.clear();
  }

  clearChanged(): void {
    this.#table.clearChanged();
  }

  failures(): Iterable<DerivationFailure> {
    return [];
  }

  #write(key: string, value: V | undefined): void {
    if (this.#commit.isRunning) throw new Error(`${this.name} is written inside of a commit`);
    this.#written.set(key, value);
  }
}

/** Are two values, or their absences, the same? */
export function isSame<V>(equal: Equal<V>, a: V | undefined, b: V | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return equal(a, b);
}
