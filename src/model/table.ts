// The inside of the incremental engine: cells, who reads them, and the tables that hold them.
// Only the engine's own files use it; everybody else sees a `Table` as a `Collection`.
import type { Collection } from './collection.ts';

/** A derived cell as the cells that it has read know it. */
export interface Reader {
  /** Place of the reader's collection in the order in which collections settle. */
  readonly order: number;
  readonly collectionName: string;
  /** Asks for the cell to be computed again when its collection settles next. */
  invalidate(): void;
  recordDependency(dependency: Dependency): void;
}

/** A cell as the cells that have read it know it. */
export interface Dependency {
  /** Only takes the reader off: a recomputation may well put it back at once. */
  removeReader(reader: Reader): void;
  /** Lets the cell go when it has no value and nobody waits for one. */
  forgetIfIdle(): void;
}

/** Whose reads are being recorded. One for each graph. */
export class Recorder {
  #reader: Reader | undefined;
  #isReadingRefused = false;

  /** Runs a derivation; every read until it returns or throws becomes a dependency of `reader`. */
  record<V>(reader: Reader, derivation: () => V): V {
    this.#reader = reader;
    try {
      return derivation();
    } finally {
      this.#reader = undefined;
    }
  }

  /** Runs a function that may look at its arguments only. */
  refuseReads<V>(compute: () => V): V {
    this.#isReadingRefused = true;
    try {
      return compute();
    } finally {
      this.#isReadingRefused = false;
    }
  }

  /**
   * The cell to which a read of the collection `name` belongs; undefined outside of derivations.
   *
   * @throws Error when the running function may not read that collection
   */
  readerOf(name: string, order: number): Reader | undefined {
    if (this.#isReadingRefused) throw new Error(`keys of an index must not depend on ${name}`);
    const reader = this.#reader;
    if (reader !== undefined && reader.order <= order) {
      throw new Error(`${reader.collectionName} reads ${name}, which is not made before it`);
    }
    return reader;
  }

  /** @throws Error inside of a derivation: a walk over all keys cannot be tracked */
  assertNotRecording(name: string): void {
    if (this.#reader !== undefined || this.#isReadingRefused) {
      throw new Error(`a derivation walks over ${name}: read keys, found through an index`);
    }
  }
}

/** One value of one collection, or the place of a value that somebody has looked for in vain. */
export class Cell<V> implements Reader, Dependency {
  readonly key: string;
  value: V | undefined = undefined;
  readonly #table: Table<V>;
  #readers: Set<Reader> | undefined = undefined;
  #dependencies: Dependency[] | undefined = undefined;

  constructor(table: Table<V>, key: string) {
    this.#table = table;
    this.key = key;
  }

  get order(): number {
    return this.#table.order;
  }

  get collectionName(): string {
    return this.#table.name;
  }

  invalidate(): void {
    this.#table.dirty.add(this);
  }

  addReader(reader: Reader): void {
    this.#readers ??= new Set();
    if (this.#readers.has(reader)) return;
    this.#readers.add(reader);
    reader.recordDependency(this);
  }

  removeReader(reader: Reader): void {
    this.#readers?.delete(reader);
    if (this.#readers?.size === 0) this.#readers = undefined;
  }

  invalidateReaders(): void {
    if (this.#readers === undefined) return;
    for (const reader of this.#readers) reader.invalidate();
  }

  recordDependency(dependency: Dependency): void {
    (this.#dependencies ??= []).push(dependency);
  }

  /** Takes this cell off everything that it has read. The caller ends with `forgetIfIdle` on it. */
  dropDependencies(): readonly Dependency[] {
    const dropped = this.#dependencies ?? [];
    this.#dependencies = undefined;
    for (const dependency of dropped) dependency.removeReader(this);
    return dropped;
  }

  forgetIfIdle(): void {
    if (this.value !== undefined || this.#readers || this.#dependencies) return;
    this.#table.forget(this);
  }
}

const NO_KEYS: ReadonlySet<string> = new Set();

/** The cells of one collection. */
export class Table<V> implements Collection<V> {
  readonly name: string;
  readonly order: number;
  /** Cells to be computed when the collection settles next. */
  readonly dirty = new Set<Cell<V>>();
  readonly #recorder: Recorder;
  readonly #cells = new Map<string, Cell<V>>();
  readonly #followers: ((key: string) => void)[] = [];
  #changed: Set<string> | undefined = undefined;
  #valueCount = 0;

  constructor(options: {
    readonly name: string;
    readonly order: number;
    readonly recorder: Recorder;
  }) {
    this.name = options.name;
    this.order = options.order;
    this.#recorder = options.recorder;
  }

  get changed(): ReadonlySet<string> {
    return this.#changed ?? NO_KEYS;
  }

  get size(): number {
    return this.#valueCount;
  }

  get cellCount(): number {
    return this.#cells.size;
  }

  get(key: string): V | undefined {
    const reader = this.#recorder.readerOf(this.name, this.order);
    if (reader === undefined) return this.#cells.get(key)?.value;
    const cell = this.cellOf(key);
    cell.addReader(reader);
    return cell.value;
  }

  *entries(): IterableIterator<readonly [string, V]> {
    this.#recorder.assertNotRecording(this.name);
    for (const [key, cell] of this.#cells) {
      if (cell.value !== undefined) yield [key, cell.value];
    }
  }

  /** The cell of a key, made if need be. */
  cellOf(key: string): Cell<V> {
    const present = this.#cells.get(key);
    if (present !== undefined) return present;
    const cell = new Cell<V>(this, key);
    this.#cells.set(key, cell);
    return cell;
  }

  follow(follower: (key: string) => void): void {
    this.#followers.push(follower);
    for (const [key] of this.entries()) follower(key);
  }

  clearChanged(): void {
    this.#changed = undefined;
  }

  /** Gives a cell its value (undefined: none) and tells everybody who depends on it. */
  publish(cell: Cell<V>, value: V | undefined): void {
    this.#valueCount += Number(value !== undefined) - Number(cell.value !== undefined);
    cell.value = value;
    (this.#changed ??= new Set()).add(cell.key);
    cell.invalidateReaders();
    for (const follower of this.#followers) follower(cell.key);
  }

  /** Hands out the dirty cells and starts a new, empty set. */
  takeDirty(): readonly Cell<V>[] {
    const dirty = [...this.dirty];
    this.dirty.clear();
    return dirty;
  }

  forget(cell: Cell<V>): void {
    if (this.#cells.get(cell.key) === cell) this.#cells.delete(cell.key);
  }
}
