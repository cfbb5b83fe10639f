// The database of flows: its tables, and how its file is opened.
import { chmodSync, closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/**
 * What was counted is first a row of the journal, one for each time that it is stored; a minute
 * later it is folded into chunks, one edge's minute of seconds and ten minutes of ten seconds each,
 * and into the hours of the week's record. Chunks are keyed by time first, so that what is too old
 * is at one end.
 */
const TABLES = `
CREATE TABLE IF NOT EXISTS edge (
  idx INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  client TEXT NOT NULL,
  server TEXT NOT NULL,
  port INTEGER NOT NULL,
  protocol TEXT NOT NULL,
  application TEXT NOT NULL,
  service TEXT NOT NULL,
  first_ms INTEGER NOT NULL,
  last_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS edge_client ON edge (client);
CREATE INDEX IF NOT EXISTS edge_server ON edge (server);
CREATE TABLE IF NOT EXISTS talker (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  edge INTEGER NOT NULL,
  client_identity TEXT NOT NULL,
  server_identity TEXT NOT NULL,
  service TEXT NOT NULL,
  UNIQUE (edge, client_identity, server_identity, service)
) STRICT;
CREATE TABLE IF NOT EXISTS journal (
  seq INTEGER PRIMARY KEY,
  at_s INTEGER NOT NULL,
  entries BLOB NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS chunk (
  step INTEGER NOT NULL,
  from_s INTEGER NOT NULL,
  edge INTEGER NOT NULL,
  points BLOB NOT NULL,
  PRIMARY KEY (step, from_s, edge)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS talked (
  hour INTEGER NOT NULL,
  talker INTEGER NOT NULL,
  to_server REAL NOT NULL,
  to_client REAL NOT NULL,
  opened REAL NOT NULL,
  last_s INTEGER NOT NULL,
  PRIMARY KEY (hour, talker)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS reporter (
  key TEXT PRIMARY KEY,
  epoch TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS behind (seq INTEGER PRIMARY KEY, entries BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS denial (at_ms INTEGER NOT NULL, denial TEXT NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS denial_at ON denial (at_ms);
CREATE TABLE IF NOT EXISTS uptime (from_s INTEGER PRIMARY KEY, to_s INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS silence (
  edge INTEGER NOT NULL,
  from_s INTEGER NOT NULL,
  to_s INTEGER,
  PRIMARY KEY (edge, from_s)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
`;

/** Raised when an older program can no longer read what this one writes; 2: points of requests. */
export const FORMAT = 2;
/** SQLite's own memory, in KiB: what is read of the past does not add up. */
const CACHE_KIB = 4096;
const CHECKPOINT_PAGES = 1000;

/** @throws the SQLite error as it is; the caller words it */
export const openHistory = (path: string): DatabaseSync =>
  openDatabase(path, { tables: TABLES, format: FORMAT });

/**
 * Opens or creates a database, mode 0600, for this process alone. A crash of the machine may cost
 * the last seconds, one of the program nothing.
 *
 * @param path a file, or `:memory:`
 * @throws the SQLite error as it is; the caller words it
 */
export function openDatabase(
  path: string,
  { tables, format }: { readonly tables: string; readonly format: number },
): DatabaseSync {
  if (path !== ':memory:') {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    closeSync(openSync(path, 'a', 0o600)); // SQLite gives its -wal file the mode of this one
    chmodSync(path, 0o600);
  }
  const database = new DatabaseSync(path);
  try {
    // EXCLUSIVE before WAL: no second process may write, and no shared-memory file is needed.
    database.exec(`
      PRAGMA locking_mode = EXCLUSIVE;
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = NORMAL;
      PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES};
      PRAGMA journal_size_limit = 8388608;
      PRAGMA cache_size = -${CACHE_KIB};
      PRAGMA trusted_schema = OFF;
    `);
    const { user_version: version } = database.prepare('PRAGMA user_version').get() ?? {};
    if (Number(version) > format) {
      throw new Error(`format ${String(version)} of a newer isthmusd, not ${format}`);
    }
    database.exec(tables);
    database.exec(`PRAGMA user_version = ${format}`);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}
