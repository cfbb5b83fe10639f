// One book into PostgreSQL: one connection, one transaction, and a plain word on how it went.
import { Socket } from 'node:net';
import { Client, DatabaseError } from 'pg';
import type { Book } from '../shared/book.ts';
import type { Outcome } from '../shared/delivery.ts';
import { reasonOf } from '../shared/http.ts';
import { systemClock } from '../shared/clock.ts';

export type Database = {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly name: string;
};

export type InsertLimits = { readonly connectMs: number; readonly queryMs: number };
export const INSERT_LIMITS: InsertLimits = { connectMs: 3000, queryMs: 5000 };

/** How long the server may take to close the connection after we have said goodbye. */
const GOODBYE_MS = 500;

const CREATE_TABLE = `CREATE TABLE IF NOT EXISTS books (
  id uuid PRIMARY KEY,
  title text NOT NULL,
  author text NOT NULL,
  shelf text NOT NULL,
  added_at timestamptz NOT NULL,
  inserted_at timestamptz NOT NULL DEFAULT now()
)`;
const INSERT = `INSERT INTO books (id, title, author, shelf, added_at)
  VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`;

/** SQLSTATE of a table that is not there. */
const UNDEFINED_TABLE = '42P01';
/** SQLSTATE classes that are about this very book: data exception, integrity violation. */
const BOOK_IS_WRONG = /^(22|23)/;

/**
 * Inserts a book and commits. `done` means that the row is committed, now or by an earlier attempt
 * whose answer was lost: the id is the primary key, so trying again never doubles a book.
 *
 * @param signal gives up on connecting; a transaction under way is brought to its end
 */
export async function insertBook(
  book: Book,
  database: Database,
  signal: AbortSignal,
  limits: InsertLimits = INSERT_LIMITS,
): Promise<Outcome> {
  const { host, port, user, password, name } = database;
  const socket = new Socket();
  const client = new Client({
    host,
    port,
    user,
    password,
    database: name,
    ssl: false,
    application_name: 'inventory',
    connectionTimeoutMillis: limits.connectMs,
    query_timeout: limits.queryMs,
    stream: () => socket,
  });
  client.on('error', () => undefined); // a lost connection also fails the query that waits for it
  const giveUp = (): void => void socket.destroy(new Error('stopped while connecting'));
  try {
    signal.throwIfAborted();
    signal.addEventListener('abort', giveUp, { once: true });
    await client.connect();
    signal.removeEventListener('abort', giveUp);
    await insertAndCommit(client, book);
    return { kind: 'done' };
  } catch (error) {
    return outcomeOf(error, `${host}:${port}`, limits);
  } finally {
    signal.removeEventListener('abort', giveUp);
    const goodbye = new AbortController();
    const tooLong = systemClock.sleep(GOODBYE_MS, goodbye.signal).catch(() => undefined);
    await Promise.race([client.end().catch(() => undefined), tooLong]);
    goodbye.abort();
    socket.destroy();
  }
}

async function insertAndCommit(client: Client, book: Book): Promise<void> {
  const { id, title, author, shelf, addedAt } = book;
  const insert = async (): Promise<void> => {
    await client.query('BEGIN');
    await client.query(INSERT, [id, title, author, shelf, addedAt]);
    await client.query('COMMIT');
  };
  try {
    await insert();
  } catch (error) {
    if (!(error instanceof DatabaseError && error.code === UNDEFINED_TABLE)) throw error;
    await client.query('ROLLBACK');
    await client.query(CREATE_TABLE);
    await insert();
  }
}

function outcomeOf(error: unknown, where: string, limits: InsertLimits): Outcome {
  if (error instanceof DatabaseError) {
    const kind = BOOK_IS_WRONG.test(error.code ?? '') ? 'refused' : 'retry';
    return { kind, reason: error.message };
  }
  const reason = reasonOf(error);
  if (reason === 'timeout expired') {
    return { kind: 'retry', reason: `no answer from ${where} within ${limits.connectMs / 1000} s` };
  }
  if (reason === 'Query read timeout') {
    return { kind: 'retry', reason: `${where} stopped answering` };
  }
  return { kind: 'retry', reason };
}
