// Where the past is kept: a database beside that of flows. A segment is a keyframe (all documents
// of one moment) and the changes after it, up to the next; what is over is packed.
import { promisify } from 'node:util';
import type { DatabaseSync, SQLInputValue, SQLOutputValue, StatementSync } from 'node:sqlite';
import { deflate, inflateSync } from 'node:zlib';
import type { HistoryMark } from '#api/history-marks.ts';
import type { IdentityEvent } from '#api/identity.ts';
import { OperatorError } from '#base/operator-error.ts';
import type { Span } from '#telemetry/flows/flows.ts';
import { openDatabase } from '#telemetry/history/schema.ts';
import { applyDelta, type Delta, type Documents } from './documents.ts';
import { BYTES_MAX, CERTIFICATE_EVENTS_MAX, FORMAT, LAST_MAX, MARKS_MAX } from './limits.ts';
import { MARKS_TOLD_MAX, NOTES_KEPT_MS, REFUSALS_MAX, STATE_KEPT_MS, TABLES } from './limits.ts';

type Row = Readonly<Record<string, SQLOutputValue>>;

/** One change, as it is written down. */
export type Line = readonly [atMs: number, delta: Delta];

/** What has left: a document as it was last. */
export type Left = { readonly key: string; readonly atMs: number; readonly document: unknown };

/** What is written at once. */
export type Batch = {
  /** Of the segment that is open: `from`, and up to when it is known. */
  readonly open: { readonly from: number; readonly toMs: number } | undefined;
  readonly lines: readonly string[];
  readonly marks: readonly HistoryMark[];
  readonly certificateEvents: readonly IdentityEvent[];
  readonly left: readonly Left[];
};

export type Moment = {
  /** What it is of: what was asked for, or the nearest that is known. */
  readonly atMs: number;
  readonly documents: Documents;
};

const packed = promisify(deflate);

/** Whoever is refused a certificate may ask as often as they like: they push nothing else out. */
const KINDS_OF_EVENTS = [
  [0, CERTIFICATE_EVENTS_MAX],
  [1, REFUSALS_MAX],
] as const;

/** A segment is told every few seconds that nothing has changed: a gap is longer than this. */
const GAP_MS = 10_000;

export class PastStore implements Disposable {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  /** @throws OperatorError STORE_FAILED */
  constructor(path: string) {
    try {
      this.#database = openDatabase(path, { tables: TABLES, format: FORMAT });
    } catch (cause) {
      throw storeFailed(path, cause);
    }
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }

  /** Up to when the past is known; 0: nothing is. */
  get endMs(): number {
    return Number(this.#get('SELECT max(to_ms) AS n FROM segment')?.['n'] ?? 0);
  }

  /** From now on changes are of this moment. @throws OperatorError STORE_FAILED */
  begin(atMs: number, documents: Documents): { readonly size: number } {
    const keyframe = JSON.stringify([...documents]);
    this.#transaction(() => {
      const sql = 'INSERT INTO segment (from_ms, to_ms, keyframe) VALUES (?, ?, ?)';
      this.#run(sql, atMs, atMs, Buffer.from(keyframe));
    });
    return { size: keyframe.length };
  }

  /** All of it, or nothing. @throws OperatorError STORE_FAILED */
  write({ open, lines, marks, certificateEvents, left }: Batch): void {
    this.#transaction(() => {
      if (open) this.#run('UPDATE segment SET to_ms = ? WHERE from_ms = ?', open.toMs, open.from);
      if (open && lines.length > 0) {
        const sql = 'INSERT INTO journal (segment, lines) VALUES (?, ?)';
        this.#run(sql, open.from, `[${lines.join()}]`);
      }
      for (const { atMs, kind, about, text } of marks) {
        const sql = 'INSERT OR IGNORE INTO mark (at_ms, kind, about, text) VALUES (?, ?, ?, ?)';
        this.#run(sql, Math.round(atMs), kind, about, text);
      }
      for (const { atMs, kind, workload, text } of certificateEvents) {
        const sql = `INSERT INTO certificate_event (at_ms, kind, workload, text)
          VALUES (?, ?, ?, ?)`;
        this.#run(sql, Math.round(atMs), kind, workload, text);
      }
      for (const { key, atMs, document } of left) {
        const sql = 'INSERT OR REPLACE INTO last VALUES (?, ?, ?)';
        this.#run(sql, key, Math.round(atMs), JSON.stringify(document));
      }
    });
  }

  /** Where nothing is known of that moment, the nearest before it; else the first that is known. */
  read(atMs: number): Moment | undefined {
    const sql = 'SELECT * FROM segment WHERE from_ms <= ? ORDER BY from_ms DESC LIMIT 1';
    const row = this.#get(sql, Math.floor(atMs));
    if (row) {
      const toMs = Number(row['to_ms']);
      const knownMs = atMs <= toMs + GAP_MS ? atMs : toMs;
      return { atMs: knownMs, documents: this.#documentsOf(row, atMs) };
    }
    const first = this.#get('SELECT * FROM segment ORDER BY from_ms LIMIT 1');
    if (!first) return undefined;
    const fromMs = Number(first['from_ms']);
    return { atMs: fromMs, documents: this.#documentsOf(first, fromMs) };
  }

  left(key: string): Left | undefined {
    const row = this.#get('SELECT at_ms, document FROM last WHERE key = ?', key);
    if (!row) return undefined;
    return { key, atMs: Number(row['at_ms']), document: JSON.parse(textOf(row['document'])) };
  }

  /** Oldest first; of too many the newest. */
  marks({ fromMs, toMs }: Span): readonly HistoryMark[] {
    const sql = `SELECT * FROM mark WHERE at_ms >= ? AND at_ms < ? ORDER BY at_ms DESC, seq DESC
      LIMIT ${MARKS_TOLD_MAX}`;
    const rows = this.#all(sql, Math.floor(fromMs), Math.ceil(toMs));
    return rows.toReversed().map((row) => ({
      atMs: Number(row['at_ms']),
      kind: oneOf(MARKS, row['kind']),
      about: textOf(row['about']),
      text: textOf(row['text']),
    }));
  }

  /** Up to that moment. */
  certificateEvents(toMs: number): readonly IdentityEvent[] {
    const sql = `SELECT * FROM certificate_event WHERE at_ms <= ? AND (kind = 'refused') = ?
      ORDER BY seq DESC LIMIT ?`;
    const rows = KINDS_OF_EVENTS.flatMap(([isRefused, most]) =>
      this.#all(sql, Math.floor(toMs), isRefused, most),
    );
    return rows.map((row) => ({
      atMs: Number(row['at_ms']),
      kind: oneOf(EVENTS, row['kind']),
      workload: textOf(row['workload']),
      text: textOf(row['text']),
    }));
  }

  /** Packs one segment that is over. @returns whether there was one */
  async packOne(openFrom: number | undefined): Promise<boolean> {
    const sql = `SELECT * FROM segment WHERE changes IS NULL AND from_ms IS NOT ?
      ORDER BY from_ms LIMIT 1`;
    const row = this.#get(sql, openFrom ?? null);
    if (!row) return false;
    const from = Number(row['from_ms']);
    const lines = this.#journalOf(from).map((text) => text.slice(1, -1));
    const [keyframe, changes] = await Promise.all([
      packed(bytesOf(row['keyframe'])),
      packed(`[${lines.join()}]`),
    ]);
    this.#transaction(() => {
      const put = 'UPDATE segment SET keyframe = ?, changes = ? WHERE from_ms = ?';
      this.#run(put, keyframe, changes, from);
      this.#run('DELETE FROM journal WHERE segment = ?', from);
    });
    return true;
  }

  /** Forgets what is older than is kept, and the oldest where it is too much. */
  prune(nowMs: number): void {
    this.#transaction(() => {
      this.#run('DELETE FROM segment WHERE to_ms < ?', nowMs - STATE_KEPT_MS);
      const size = 'length(keyframe) + coalesce(length(changes), 0)';
      this.#run(
        `DELETE FROM segment WHERE from_ms IN (
           SELECT from_ms FROM (
             SELECT from_ms, sum(${size}) OVER (ORDER BY from_ms DESC) AS so_far FROM segment)
           WHERE so_far > ${BYTES_MAX}
             AND from_ms < (SELECT max(from_ms) FROM segment))`,
      );
      this.#run('DELETE FROM journal WHERE segment NOT IN (SELECT from_ms FROM segment)');
      for (const table of ['mark', 'certificate_event', 'last']) {
        this.#run(`DELETE FROM ${table} WHERE at_ms < ?`, nowMs - NOTES_KEPT_MS);
      }
      this.#run(`DELETE FROM mark WHERE seq <= (SELECT max(seq) FROM mark) - ${MARKS_MAX}`);
      for (const [isRefused, most] of KINDS_OF_EVENTS) {
        const sql = `DELETE FROM certificate_event WHERE (kind = 'refused') = ? AND seq NOT IN (
            SELECT seq FROM certificate_event WHERE (kind = 'refused') = ?
            ORDER BY seq DESC LIMIT ?)`;
        this.#run(sql, isRefused, isRefused, most);
      }
      this.#run(
        `DELETE FROM last WHERE key NOT IN (
           SELECT key FROM last ORDER BY at_ms DESC LIMIT ${LAST_MAX})`,
      );
    });
  }

  #documentsOf(row: Row, atMs: number): Documents {
    const isPacked = row['changes'] !== null;
    const keyframe = bytesOf(row['keyframe']);
    const documents = new Map<string, unknown>(
      JSON.parse((isPacked ? inflateSync(keyframe) : Buffer.from(keyframe)).toString()),
    );
    const texts = isPacked
      ? [inflateSync(bytesOf(row['changes'])).toString()]
      : this.#journalOf(Number(row['from_ms']));
    for (const text of texts) {
      const lines: readonly Line[] = JSON.parse(text);
      for (const [lineMs, delta] of lines) {
        if (lineMs > atMs) return documents;
        applyDelta(documents, delta);
      }
    }
    return documents;
  }

  #journalOf(segment: number): string[] {
    const sql = 'SELECT lines FROM journal WHERE segment = ? ORDER BY seq';
    return this.#all(sql, segment).map((row) => textOf(row['lines']));
  }

  #transaction(work: () => void): void {
    try {
      this.#database.exec('BEGIN IMMEDIATE');
      work();
      this.#database.exec('COMMIT');
    } catch (cause) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      throw storeFailed('the past of the mesh', cause);
    }
  }

  #prepared(sql: string): StatementSync {
    const known = this.#statements.get(sql) ?? this.#database.prepare(sql);
    this.#statements.set(sql, known);
    return known;
  }

  #run(sql: string, ...values: readonly SQLInputValue[]): void {
    this.#prepared(sql).run(...values);
  }

  #get(sql: string, ...values: readonly SQLInputValue[]): Row | undefined {
    return this.#prepared(sql).get(...values);
  }

  #all(sql: string, ...values: readonly SQLInputValue[]): readonly Row[] {
    return this.#prepared(sql).all(...values);
  }
}

const MARKS = ['policy', 'join', 'rotation', 'denial', 'left'] as const;
const EVENTS = ['issued', 'rotated', 'refused', 'expired'] as const;

/** Only these were written; the first stands for what a later program has added. */
const oneOf = <T extends string>(
  words: readonly [T, ...T[]],
  value: SQLOutputValue | undefined,
): T => words.find((word) => word === value) ?? words[0];

const textOf = (value: SQLOutputValue | undefined): string =>
  typeof value === 'string' ? value : '';

const bytesOf = (value: SQLOutputValue | undefined): Uint8Array =>
  value instanceof Uint8Array ? value : new Uint8Array();

function storeFailed(what: string, cause: unknown): OperatorError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new OperatorError('STORE_FAILED', `${what}: ${reason}`, {
    remedy: 'check the disk and the folder of --state-dir; without past.db the past begins anew',
    cause,
  });
}
