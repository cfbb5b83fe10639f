// How far the ends of edges are behind each other, written with every transaction: of the edges
// that it touched, and now and then of all of them anew. So what is counted after a restart is
// counted once.
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Pending, StoredBehind } from '#telemetry/flows/pending.ts';
import { noQuantities } from '#telemetry/flows/quantities.ts';
import { bytesOf, textOf } from './rows.ts';
import { ByteReader, ByteWriter } from './varint.ts';

/** A minute of them or more: then it is written as a whole again. */
const ROWS_MAX = 300;

export class BehindRows {
  readonly #database: DatabaseSync;
  readonly #insert: StatementSync;
  #rows = 0;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#insert = database.prepare('INSERT INTO behind (entries) VALUES (?)');
  }

  /** As the last transaction left it. */
  all(): Iterable<StoredBehind> {
    const told = new Map<number, StoredBehind>();
    const sql = `SELECT value FROM meta WHERE key = 'behind'`; // of format 1
    const row = this.#database.prepare(sql).get();
    const older: StoredBehind[] = row ? JSON.parse(textOf(row['value'])) : [];
    for (const each of older) told.set(each.edge, each);
    const rows = this.#database.prepare('SELECT entries FROM behind ORDER BY seq').iterate();
    for (const { entries } of rows) {
      for (const each of decodeBehind(bytesOf(entries))) told.set(each.edge, each);
    }
    return told.values();
  }

  /** @param whole of all edges, if it is time for that */
  put({ accounts }: Pending, whole: () => Iterable<StoredBehind>): void {
    const isWhole = this.#rows % ROWS_MAX === 0;
    if (isWhole) this.#database.exec(`DELETE FROM behind; DELETE FROM meta WHERE key = 'behind'`);
    const touched = [...accounts].map(([edge, account]) => account.stored(edge));
    const entries = encodeBehind(isWhole ? whole() : touched);
    if (entries.length > 0) this.#insert.run(entries);
  }

  /** What was put last is there to stay. */
  committed(): void {
    this.#rows += 1;
  }
}

function encodeBehind(all: Iterable<StoredBehind>): Uint8Array {
  const writer = new ByteWriter();
  for (const { edge, source, destination, sourceAtMs, destinationAtMs } of all) {
    writer.varint(edge);
    writer.varint(Math.round(sourceAtMs));
    writer.varint(Math.round(destinationAtMs));
    writeLag(writer, source);
    writeLag(writer, destination);
  }
  return writer.bytes();
}

function* decodeBehind(bytes: Uint8Array): Iterable<StoredBehind> {
  const reader = new ByteReader(bytes);
  while (!reader.isAtEnd) {
    const edge = reader.varint();
    const sourceAtMs = reader.varint();
    const destinationAtMs = reader.varint();
    const source = readLag(reader);
    yield { edge, source, destination: readLag(reader), sourceAtMs, destinationAtMs };
  }
}

/** Which quantities are not 0, and these. */
function writeLag(writer: ByteWriter, lag: ArrayLike<number>): void {
  let bits = 0;
  for (let at = 0; at < lag.length; at++) if (Math.round(lag[at] ?? 0) > 0) bits |= 1 << at;
  writer.varint(bits);
  for (let at = 0; at < lag.length; at++) {
    if (bits & (1 << at)) writer.varint(Math.round(lag[at] ?? 0));
  }
}

function readLag(reader: ByteReader): ArrayLike<number> {
  const lag = noQuantities();
  const bits = reader.varint();
  for (let at = 0; at < lag.length; at++) if (bits & (1 << at)) lag[at] = reader.varint();
  return lag;
}
