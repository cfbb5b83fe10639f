// The store on SQLite: one row for each state of each object, one transaction for each write.
import type { DatabaseSync, SQLInputValue, SQLOutputValue, StatementSync } from 'node:sqlite';
import type { KubeObject } from '../object.ts';
import { isStorageFull, storeFailure } from './sqlite-failure.ts';
import { openDatabase } from './sqlite-schema.ts';
import { CompactedError } from './store.ts';
import type { EventQuery, ListQuery, ObjectKey, Store, StoreEvent, WriteResult } from './store.ts';

export type StoreLimits = {
  /** Superseded states are kept for at least so many revisions. */
  readonly historyRevisionsMax: number;
  /** Above so many bytes of superseded states, the older half of them goes. */
  readonly historyBytesMax: number;
  /** The whole database; a write that needs more is refused. */
  readonly databaseBytesMax: number;
};

/** History about as long as etcd's five minutes in a busy cluster; size as etcd's default quota. */
const DEFAULT_LIMITS: StoreLimits = {
  historyRevisionsMax: 10_000,
  historyBytesMax: 64 * 2 ** 20,
  databaseBytesMax: 2 * 2 ** 30,
};
/** Compaction runs within a write, once in so many, so that an idle server does nothing at all. */
const COMPACT_EVERY_WRITES = 500;

type Row = Readonly<Record<string, SQLOutputValue>>;
type Change = {
  readonly type: StoreEvent['type'];
  readonly key: ObjectKey;
  readonly object: KubeObject;
  readonly before: Current | undefined;
};
type Current = { readonly revision: number; readonly object: KubeObject };

export class SqliteStore implements Store {
  readonly #database: DatabaseSync;
  readonly #path: string;
  readonly #limits: StoreLimits;
  readonly #statements = new Map<string, StatementSync>();
  readonly #listeners = new Set<(event: StoreEvent) => void>();
  #revision: number;
  #compacted: number;
  #supersededBytes: number;
  #writesSinceCompaction = 0;

  private constructor(database: DatabaseSync, path: string, limits: StoreLimits) {
    this.#database = database;
    this.#path = path;
    this.#limits = limits;
    this.#compacted = this.#number('SELECT value FROM meta WHERE key = ?', 'compacted');
    this.#revision = this.#readRevision();
    this.#supersededBytes = this.#number(
      'SELECT SUM(length(object)) FROM revision WHERE superseded_at IS NOT NULL',
    );
  }

  /**
   * @param path the database's file, or `:memory:`
   * @throws OperatorError STORE_FAILED
   */
  static open(path: string, limits: Partial<StoreLimits> = {}): SqliteStore {
    const all = { ...DEFAULT_LIMITS, ...limits };
    try {
      return new SqliteStore(openDatabase(path, all.databaseBytesMax), path, all);
    } catch (error) {
      throw storeFailure(error, path);
    }
  }

  get revision(): number {
    return this.#revision;
  }

  get compactedRevision(): number {
    return this.#compacted;
  }

  get(key: ObjectKey): KubeObject | undefined {
    return this.#guard(() => this.#current(key)?.object);
  }

  list(query: ListQuery): readonly KubeObject[] {
    const { text, values } = this.#listConditions(query);
    const sql = `SELECT revision, object FROM revision WHERE ${text}
      ORDER BY namespace, name LIMIT ?`;
    return this.#guard(() =>
      this.#statement(sql)
        .all(...values, query.limit ?? -1)
        .map((row) => objectOf(row)),
    );
  }

  count(query: ListQuery): number {
    const { text, values } = this.#listConditions(query);
    return this.#guard(() =>
      this.#number(`SELECT COUNT(*) FROM revision WHERE ${text}`, ...values),
    );
  }

  events({ resource, namespace, after, limit }: EventQuery): readonly StoreEvent[] {
    if (after < this.#compacted) throw new CompactedError(after, this.#compacted);
    const within = namespace === undefined ? '' : 'AND +e.namespace = ?';
    // The unary plus keeps SQLite on the order of revisions rather than on the index of keys.
    const sql = `SELECT e.*, p.object AS previous_object FROM revision AS e
      LEFT JOIN revision AS p ON p.revision = e.previous
      WHERE e.revision > ? AND +e.resource = ? ${within}
      ORDER BY e.revision LIMIT ?`;
    const values = [after, resource, ...(namespace === undefined ? [] : [namespace]), limit];
    return this.#guard(() =>
      this.#statement(sql)
        .all(...values)
        .map((row) => eventOf(row)),
    );
  }

  create(key: ObjectKey, object: KubeObject): WriteResult {
    return this.#guard(() => {
      if (this.#current(key)) return { ok: false, reason: 'exists' };
      return this.#writeOrMakeRoom({ type: 'ADDED', key, object, before: undefined });
    });
  }

  update(key: ObjectKey, object: KubeObject, expected: string): WriteResult {
    return this.#replace('MODIFIED', key, object, expected);
  }

  remove(key: ObjectKey, last: KubeObject, expected: string): WriteResult {
    return this.#replace('DELETED', key, last, expected);
  }

  subscribe(listener: (event: StoreEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  compact(revision: number): void {
    const target = Math.min(revision, this.#revision);
    if (target <= this.#compacted) return;
    this.#guard(() => {
      this.#transaction(() => {
        this.#run('DELETE FROM revision WHERE superseded_at <= ?', target);
        this.#run('INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)', 'compacted', target);
      });
      this.#compacted = target;
      this.#supersededBytes = this.#number(
        'SELECT SUM(length(object)) FROM revision WHERE superseded_at IS NOT NULL',
      );
    });
  }

  [Symbol.dispose](): void {
    this.#listeners.clear();
    if (this.#database.isOpen) this.#database.close();
  }

  #replace(
    type: 'MODIFIED' | 'DELETED',
    key: ObjectKey,
    object: KubeObject,
    expected: string,
  ): WriteResult {
    return this.#guard(() => {
      const before = this.#current(key);
      if (!before) return { ok: false, reason: 'missing' };
      if (String(before.revision) !== expected) return { ok: false, reason: 'conflict' };
      return this.#writeOrMakeRoom({ type, key, object, before });
    });
  }

  /** When nothing fits any more, history is what can be spared: then the write is tried again. */
  #writeOrMakeRoom(change: Change): WriteResult {
    try {
      return this.#write(change);
    } catch (error) {
      if (!isStorageFull(error) || this.#compacted === this.#revision) throw error;
      this.compact(this.#revision);
      return this.#write(change);
    }
  }

  /** One durable transaction; memory follows only after it, and then the subscribers. */
  #write(change: Change): WriteResult {
    const { type, key, before } = change;
    const revision = this.#revision + 1;
    const text = serialize(change.object);
    this.#transaction(() => {
      if (before) {
        this.#run(
          'UPDATE revision SET superseded_at = ? WHERE revision = ?',
          revision,
          before.revision,
        );
      }
      this.#run(
        `INSERT INTO revision
          (revision, resource, namespace, name, superseded_at, previous, is_deleted, object)
          VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
        revision,
        key.resource,
        key.namespace,
        key.name,
        type === 'DELETED' ? revision : null,
        before?.revision ?? null,
        type === 'DELETED' ? 1 : 0,
        text,
      );
    });
    this.#revision = revision;
    this.#supersededBytes += before ? text.length : 0;
    const object = parse(text, revision);
    this.#tell({ type, revision, key, object, previous: before?.object });
    this.#compactIfDue();
    return { ok: true, object };
  }

  #tell(event: StoreEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  #compactIfDue(): void {
    this.#writesSinceCompaction += 1;
    const isTooLarge = this.#supersededBytes > this.#limits.historyBytesMax;
    if (this.#writesSinceCompaction < COMPACT_EVERY_WRITES && !isTooLarge) return;
    this.#writesSinceCompaction = 0;
    const keptMax = isTooLarge ? (this.#revision - this.#compacted) / 2 : Infinity;
    const kept = Math.min(this.#limits.historyRevisionsMax, Math.floor(keptMax));
    try {
      this.compact(this.#revision - kept);
    } catch {
      // The write before it is acknowledged; compaction is tried again with a later one.
    }
  }

  #current(key: ObjectKey): Current | undefined {
    const row = this.#statement(
      `SELECT revision, object FROM revision
        WHERE resource = ? AND namespace = ? AND name = ? AND superseded_at IS NULL`,
    ).get(key.resource, key.namespace, key.name);
    return row && { revision: Number(row['revision']), object: objectOf(row) };
  }

  #listConditions(query: ListQuery): { readonly text: string; readonly values: SQLInputValue[] } {
    const { resource, namespace, revision, after } = query;
    if (revision !== undefined && revision < this.#compacted) {
      throw new CompactedError(revision, this.#compacted);
    }
    const conditions: [string, ...SQLInputValue[]][] = [['resource = ?', resource]];
    if (namespace !== undefined) conditions.push(['namespace = ?', namespace]);
    if (after) conditions.push(['(namespace, name) > (?, ?)', after.namespace, after.name]);
    if (revision === undefined || revision >= this.#revision) {
      conditions.push(['superseded_at IS NULL']);
    } else {
      const alive = 'revision <= ? AND (superseded_at IS NULL OR superseded_at > ?)';
      conditions.push([alive, revision, revision]);
    }
    return {
      text: conditions.map(([text]) => text).join(' AND '),
      values: conditions.flatMap(([, ...values]) => values),
    };
  }

  /** Runs `work` in a transaction; when anything fails, nothing of it stays. */
  #transaction(work: () => void): void {
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      work();
      this.#database.exec('COMMIT');
    } catch (error) {
      // SQLite has rolled back by itself after some failures, a full disk among them.
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      throw error;
    }
  }

  #guard<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      if (error instanceof Error && 'errcode' in error) throw storeFailure(error, this.#path);
      throw error;
    }
  }

  #readRevision(): number {
    return Math.max(this.#number('SELECT MAX(revision) FROM revision'), this.#compacted);
  }

  #run(sql: string, ...values: SQLInputValue[]): void {
    this.#statement(sql).run(...values);
  }

  /** The first column of the first row; 0 when there is none. */
  #number(sql: string, ...values: SQLInputValue[]): number {
    const row = this.#statement(sql).get(...values);
    return Number(Object.values(row ?? {})[0] ?? 0);
  }

  /** Prepared once each. The texts are few: this file's, times their optional conditions. */
  #statement(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known) return known;
    const statement = this.#database.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }
}

/** The revision is the row's own, so the text is the same whatever revision it was written at. */
function serialize(object: KubeObject): string {
  const { resourceVersion: _, ...metadata } = object.metadata;
  return JSON.stringify({ ...object, metadata });
}

function parse(text: string, revision: number): KubeObject {
  const object: KubeObject = JSON.parse(text);
  return { ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } };
}

function objectOf(row: Row): KubeObject {
  return parse(String(row['object']), Number(row['revision']));
}

function eventOf(row: Row): StoreEvent {
  const previous = row['previous_object'];
  return {
    type: row['is_deleted'] ? 'DELETED' : previous === null ? 'ADDED' : 'MODIFIED',
    revision: Number(row['revision']),
    key: {
      resource: String(row['resource']),
      namespace: String(row['namespace']),
      name: String(row['name']),
    },
    object: objectOf(row),
    previous: typeof previous === 'string' ? parse(previous, Number(row['previous'])) : undefined,
  };
}
