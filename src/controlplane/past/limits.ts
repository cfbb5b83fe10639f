// What of the past is kept, and for how long; and the tables that it is in.

/** The mesh as it was: as long as the ring has rates. */
export const STATE_KEPT_MS = 24 * 3_600_000;
/** What happened, and what has left: as long as denials are remembered. */
export const NOTES_KEPT_MS = 7 * 24 * 3_600_000;
/** Of keyframes and changes; about a day of 1,000 edges that are always in use. */
export const BYTES_MAX = 128 << 20;
export const MARKS_MAX = 20_000;
export const MARKS_TOLD_MAX = 2000;
export const CERTIFICATE_EVENTS_MAX = 1000;
/** Of requests for a certificate. */
export const REFUSALS_MAX = 200;
/** Workloads and edges that have left. */
export const LAST_MAX = 5000;

/** Raised when the tables change in a way that this program cannot read any more. */
export const FORMAT = 1;

/**
 * The keyframe is JSON of all documents, the journal JSON of the changes after it. Once a segment
 * is over both are deflated, and its journal's rows become `changes`.
 */
export const TABLES = `
CREATE TABLE IF NOT EXISTS segment (
  from_ms INTEGER PRIMARY KEY,
  to_ms INTEGER NOT NULL,
  keyframe BLOB NOT NULL,
  changes BLOB
) STRICT;
CREATE TABLE IF NOT EXISTS journal (
  seq INTEGER PRIMARY KEY,
  segment INTEGER NOT NULL,
  lines TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS journal_segment ON journal (segment);
CREATE TABLE IF NOT EXISTS mark (
  seq INTEGER PRIMARY KEY,
  at_ms INTEGER NOT NULL,
  kind TEXT NOT NULL,
  about TEXT NOT NULL,
  text TEXT NOT NULL,
  UNIQUE (at_ms, kind, about, text)
) STRICT;
CREATE TABLE IF NOT EXISTS certificate_event (
  seq INTEGER PRIMARY KEY,
  at_ms INTEGER NOT NULL,
  kind TEXT NOT NULL,
  workload TEXT NOT NULL,
  text TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS last (
  key TEXT PRIMARY KEY,
  at_ms INTEGER NOT NULL,
  document TEXT NOT NULL
) STRICT, WITHOUT ROWID;
`;
