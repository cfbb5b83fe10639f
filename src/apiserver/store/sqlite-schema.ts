// The database's tables, and how a file is opened so that an acknowledged write is on the disk.
import { chmodSync, closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/**
 * Every state of every object is a row, as etcd keeps them: the current one has no successor. So
 * one table answers reads, consistent pages of old lists and watches, until compaction removes the
 * rows whose successor is old enough. A deletion is a row that supersedes itself.
 */
const TABLES = `
CREATE TABLE IF NOT EXISTS revision (
  revision      INTEGER PRIMARY KEY,
  resource      TEXT NOT NULL,
  namespace     TEXT NOT NULL,
  name          TEXT NOT NULL,
  superseded_at INTEGER,
  previous      INTEGER,
  is_deleted    INTEGER NOT NULL,
  object        TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS revision_current ON revision (resource, namespace, name)
  WHERE superseded_at IS NULL;
CREATE INDEX IF NOT EXISTS revision_by_key ON revision (resource, namespace, name, revision);
CREATE INDEX IF NOT EXISTS revision_superseded ON revision (superseded_at)
  WHERE superseded_at IS NOT NULL;
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
`;

/** Raised when the tables change in a way that this program cannot read any more. */
const FORMAT = 1;
const PAGE_BYTES = 4096;
/** The write-ahead log is folded into the database after so many pages: 4 MiB. */
const CHECKPOINT_PAGES = 1_000;

/**
 * Opens or creates the database, mode 0600, for this process alone.
 *
 * @param path a file, or `:memory:`
 * @param bytesMax the database never grows beyond; a write that needs more fails as on a full disk
 * @throws the SQLite error as it is; the caller words it
 */
export function openDatabase(path: string, bytesMax: number): DatabaseSync {
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
      PRAGMA synchronous = FULL;
      PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES};
      PRAGMA trusted_schema = OFF;
      PRAGMA page_size = ${PAGE_BYTES};
      PRAGMA max_page_count = ${Math.floor(bytesMax / PAGE_BYTES)};
    `);
    requireFormat(database);
    database.exec(TABLES);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function requireFormat(database: DatabaseSync): void {
  const format = Number(database.prepare('PRAGMA user_version').get()?.['user_version'] ?? 0);
  if (format === 0) {
    database.exec(`BEGIN EXCLUSIVE; PRAGMA user_version = ${FORMAT}; COMMIT;`);
  } else if (format !== FORMAT) {
    throw new Error(`the database has format ${format}, and this program reads format ${FORMAT}`);
  }
}
