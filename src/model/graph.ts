// A graph of collections: makes them, and commits what was written to its sources.
import { DerivedStep } from './derived-step.ts';
import type { DerivedRule } from './derived-step.ts';
import { IndexStep } from './index-step.ts';
import { Source } from './source.ts';
import { Recorder, Table } from './table.ts';
import type {
  Collection,
  CommitState,
  Derivation,
  DerivationFailure,
  Equal,
  FailureReporter,
  Index,
  Step,
} from './collection.ts';

export class Graph {
  readonly #recorder = new Recorder();
  readonly #commit: CommitState = { isRunning: false, failed: [], computationCount: 0 };
  readonly #steps: Step[] = [];
  readonly #tables: { readonly cellCount: number }[] = [];
  readonly #onFailures: FailureReporter;
  #failureCount = 0;

  /** @param options.onFailures by default `commit()` throws, after it has completed the commit */
  constructor(options: { readonly onFailures?: FailureReporter } = {}) {
    this.#onFailures = options.onFailures ?? throwFailures;
  }

  /** How many derivations have run since the graph was made. */
  get computationCount(): number {
    return this.#commit.computationCount;
  }

  /** How often a derivation has thrown since the graph was made. For metrics. */
  get failureCount(): number {
    return this.#failureCount;
  }

  /** How many cells all its collections hold, those of absent keys included. For tests. */
  get cellCount(): number {
    return this.#tables.reduce((sum, { cellCount }) => sum + cellCount, 0);
  }

  /** A collection that is written from outside. */
  source<V>(name: string, equal: Equal<V> = Object.is): Source<V> {
    const source = new Source<V>(this.#table(name), equal, this.#commit);
    this.#steps.push(source);
    return source;
  }

  /** One value for each key of `parent` for which the derivation has one. */
  derive<P, V>(
    name: string,
    parent: Collection<P>,
    derivation: Derivation<P, V>,
    equal: Equal<V> = Object.is,
  ): Collection<V> {
    const prepare = (key: string): (() => V | undefined) | undefined => {
      const input = parent.get(key);
      return input === undefined ? undefined : () => derivation(input, key);
    };
    return this.#derived(name, { parents: [parent], prepare, equal });
  }

  /** The keys that at least one of `parents` has. */
  union(name: string, parents: readonly Collection<unknown>[]): Collection<true> {
    const prepare = (key: string): (() => true) | undefined =>
      parents.some((parent) => parent.get(key) !== undefined) ? () => true : undefined;
    return this.#derived<true>(name, { parents, prepare, equal: Object.is });
  }

  /** The parent's keys, grouped by the names that `groupsOf` (a pure function) gives each value. */
  index<P>(
    name: string,
    parent: Collection<P>,
    groupsOf: (value: P, key: string) => Iterable<string>,
  ): Index {
    const prepare = (key: string): (() => Iterable<string>) | undefined => {
      const value = parent.get(key);
      return value === undefined ? undefined : () => groupsOf(value, key);
    };
    const table = this.#table<Set<string>>(name);
    const recorder = this.#recorder;
    this.#steps.push(new IndexStep(table, { parent, prepare, recorder }, this.#commit));
    return table;
  }

  /** Brings everything up to date with what was written to the sources since the last commit. */
  commit(): void {
    const commit = this.#commit;
    if (commit.isRunning) throw new Error('commit() was called inside of a commit');
    commit.isRunning = true;
    try {
      for (const step of this.#steps) step.clearChanged();
      for (const step of this.#steps) step.settle();
    } finally {
      commit.isRunning = false;
    }
    if (commit.failed.length === 0) return;
    const failed = commit.failed;
    commit.failed = [];
    this.#failureCount += failed.length;
    this.#onFailures(failed);
  }

  /** Every derivation that threw when it ran last, and so still has the value from before. */
  failures(): readonly DerivationFailure[] {
    return this.#steps.flatMap((step) => [...step.failures()]);
  }

  #derived<V>(name: string, rule: DerivedRule<V>): Collection<V> {
    const table = this.#table<V>(name);
    this.#steps.push(new DerivedStep(table, { ...rule, recorder: this.#recorder }, this.#commit));
    return table;
  }

  #table<V>(name: string): Table<V> {
    const table = new Table<V>({ name, order: this.#steps.length, recorder: this.#recorder });
    this.#tables.push(table);
    return table;
  }
}

function throwFailures(failures: readonly DerivationFailure[]): never {
  const errors = failures.map(
    ({ collection, key, error }) => new Error(`deriving ${collection} ${key}`, { cause: error }),
  );
  throw errors.length === 1 ? errors[0] : new AggregateError(errors, 'several derivations threw');
}
