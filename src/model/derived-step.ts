// How a derived collection settles: what is dirty is computed again, from settled inputs.
import type { Collection, CommitState, DerivationFailure, Equal, Step } from './collection.ts';
import { isSame } from './source.ts';
import type { Cell, Recorder, Table } from './table.ts';

export type DerivedRule<V> = {
  /** A change of a key in one of these makes the same key here dirty. */
  readonly parents: readonly Collection<unknown>[];
  /** The computation of a key, or undefined where no parent has the key (any more). */
  readonly prepare: (key: string) => (() => V | undefined) | undefined;
  readonly equal: Equal<V>;
};

export class DerivedStep<V> implements Step {
  readonly #table: Table<V>;
  readonly #rule: DerivedRule<V>;
  readonly #recorder: Recorder;
  readonly #commit: CommitState;
  /** Why a key still has its last value: what its computation threw. */
  readonly #errors = new Map<string, unknown>();

  constructor(
    table: Table<V>,
    rule: DerivedRule<V> & { readonly recorder: Recorder },
    commit: CommitState,
  ) {
    this.#table = table;
    this.#rule = rule;
    this.#recorder = rule.recorder;
    this.#commit = commit;
    for (const parent of rule.parents) {
      parent.follow((key) => table.cellOf(key).invalidate());
    }
  }

  settle(): void {
    for (const cell of this.#table.takeDirty()) this.#compute(cell);
  }

  clearChanged(): void {
    this.#table.clearChanged();
  }

  *failures(): Iterable<DerivationFailure> {
    for (const [key, error] of this.#errors) yield { collection: this.#table.name, key, error };
  }

  #compute(cell: Cell<V>): void {
    const before = cell.dropDependencies();
    const outcome = this.#outcomeOf(cell);
    if (outcome.isChanged) this.#table.publish(cell, outcome.value);
    // Only now: most of them have been read again, and are not to be made anew.
    for (const dependency of before) dependency.forgetIfIdle();
    cell.forgetIfIdle();
  }

  #outcomeOf(cell: Cell<V>): { readonly isChanged: boolean; readonly value?: V | undefined } {
    const { key } = cell;
    const computation = this.#rule.prepare(key);
    try {
      let value: V | undefined;
      if (computation !== undefined) {
        this.#commit.computationCount += 1;
        value = this.#recorder.record(cell, computation);
      }
      const isChanged = !isSame(this.#rule.equal, cell.value, value);
      this.#errors.delete(key);
      return { isChanged, value };
    } catch (error) {
      // What it read before it threw is recorded, so a change of that makes the cell dirty again.
      this.#errors.set(key, error);
      this.#commit.failed.push({ collection: this.#table.name, key, error });
      return { isChanged: false };
    }
  }
}
