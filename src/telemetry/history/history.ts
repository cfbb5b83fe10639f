// The ring: what was, for as long as each kind of it is kept. All writes of one moment are one
// transaction, with the numbers of the batches that they came from, so that after a restart nothing
// is missing and nothing is counted twice.
import type { DatabaseSync, SQLInputValue, SQLOutputValue, StatementSync } from 'node:sqlite';
import { OperatorError } from '#base/operator-error.ts';
import { noQuantities } from '#telemetry/flows/quantities.ts';
import type { Denial } from '#api/events.ts';
import type { TalkedTo } from '#api/history.ts';
import type { StoredEdge } from '#telemetry/flows/edge-record.ts';
import type { EdgeStore } from '#telemetry/flows/edges.ts';
import type { Span } from '#telemetry/flows/flows.ts';
import type { Pending, StoredBehind } from '#telemetry/flows/pending.ts';
import type { Silence, StoredReporter, Talker } from '#telemetry/flows/pending.ts';
import { BehindRows } from './behind-rows.ts';
import { fold, HOUR_S, type Folded } from './fold.ts';
import { decodeChunk, decodeJournal, encodeChunk, encodeJournal } from './points.ts';
import { addPoint, type JournalEntry } from './points.ts';
import type { HistoryRows } from './read.ts';
import { CHUNKS, type StepSeconds } from './retention.ts';
import { openHistory } from './schema.ts';
import { bytesOf, edgeOf, secondsOf, talkedOf, textOf, type Seconds } from './rows.ts';

const WEEK_S = 7 * 24 * HOUR_S;
/** A journal's row is folded when whatever is late by so much has come. */
const FOLDED_AFTER_S = 15;
/** Of journal that is folded at once: what that takes of memory and time is bounded by it. */
const FOLDED_BYTES_MAX = 1 << 20;
/** Of one node that are added up. */
const NODE_EDGES_MAX = 5000;
const DENIALS_MAX = 10_000;
const DENIALS_TOLD_MAX = 1000;
/** isthmusd was there without a break when its ticks were no further apart. */
const BREAK_S = 5;
const FOREVER_S = 2 ** 40;

type Row = Record<string, SQLOutputValue>;

const NO_SUMS = noQuantities();

export class History implements EdgeStore, HistoryRows, Disposable {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  readonly #behind: BehindRows;
  #lastEdge: number;
  #lastTalker: number;
  #journalBytes = 0;
  #folds = 0;
  #uptime: { readonly from: number; to: number } | undefined;

  /** @throws OperatorError STORE_FAILED */
  constructor(path: string) {
    try {
      this.#database = openHistory(path);
    } catch (cause) {
      throw storeFailed(path, cause);
    }
    this.#behind = new BehindRows(this.#database);
    this.#lastEdge = this.#number(`SELECT seq AS n FROM sqlite_sequence WHERE name = 'edge'`);
    this.#lastTalker = this.#number(`SELECT seq AS n FROM sqlite_sequence WHERE name = 'talker'`);
    this.#journalBytes = this.#number('SELECT sum(length(entries)) AS n FROM journal');
    // whoever was silent when isthmusd ended may have come back: from then on uptime tells
    this.#run('UPDATE silence SET to_s = (SELECT max(to_s) FROM uptime) WHERE to_s IS NULL');
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }

  edgeById(id: string): StoredEdge | undefined {
    const row = this.#get('SELECT * FROM edge WHERE id = ?', id);
    return row && edgeOf(row);
  }

  /** Those that were seen last, the last first. */
  recentEdges(sinceMs: number, limit: number): readonly StoredEdge[] {
    const sql = 'SELECT * FROM edge WHERE last_ms >= ? ORDER BY last_ms DESC LIMIT ?';
    return this.#all(sql, sinceMs, limit).map(edgeOf);
  }

  /** Those that were seen last. */
  edgesOfNode(node: string): readonly StoredEdge[] {
    const sql = `SELECT * FROM edge WHERE client = ? UNION SELECT * FROM edge WHERE server = ?
      ORDER BY last_ms DESC LIMIT ${NODE_EDGES_MAX}`;
    return this.#all(sql, node, node).map(edgeOf);
  }

  talker(of: Omit<Talker, 'id'>): Talker | undefined {
    const row = this.#get(
      `SELECT id FROM talker WHERE edge = ? AND client_identity = ? AND server_identity = ?
       AND service = ?`,
      of.edge,
      of.clientIdentity,
      of.serverIdentity,
      of.service,
    );
    return row && { id: Number(row['id']), ...of };
  }

  newEdgeIndex(): number {
    return (this.#lastEdge += 1);
  }

  newTalkerId(): number {
    return (this.#lastTalker += 1);
  }

  reporter(key: string): StoredReporter | undefined {
    const row = this.#get('SELECT epoch, sequence FROM reporter WHERE key = ?', key);
    return row && { key, epoch: textOf(row['epoch']), sequence: Number(row['sequence']) };
  }

  behind(): Iterable<StoredBehind> {
    return this.#behind.all();
  }

  /**
   * Stores all of it, or nothing.
   *
   * @param behind of all edges: asked now and then, instead of what is pending of them
   * @throws OperatorError STORE_FAILED
   */
  store(pending: Pending, behind: () => Iterable<StoredBehind>, nowMs: number): void {
    this.#transaction(() => {
      for (const edge of pending.edges.values()) this.#putEdge(edge);
      for (const talker of pending.talkers.values()) this.#putTalker(talker);
      for (const [second, talkers] of pending.moved) {
        const entries = [...talkers].map(([{ edge, id }, { sums, durations }]) => ({
          edge,
          talker: id,
          point: { sums, open: undefined, durations },
        }));
        this.#putJournal(second, entries);
      }
      for (const { key, epoch, sequence } of pending.reporters.values()) {
        const sql = 'INSERT OR REPLACE INTO reporter VALUES (?, ?, ?, ?)';
        this.#run(sql, key, epoch, sequence, Math.round(nowMs));
      }
      for (const denial of pending.denials) {
        this.#run('INSERT INTO denial VALUES (?, ?)', denial.atMs, JSON.stringify(denial));
      }
      this.#behind.put(pending, behind);
    });
    this.#behind.committed();
  }

  /** A second has passed: isthmusd was there, and so many connections were open. */
  tick(
    nowMs: number,
    open: Iterable<{ readonly edge: number; readonly open: number }>,
    silences: readonly Silence[] = [],
  ): void {
    const second = Math.floor(nowMs / 1000);
    const entries = [...open].map((each) => ({
      edge: each.edge,
      talker: 0,
      point: { sums: NO_SUMS, open: each.open, durations: undefined },
    }));
    this.#transaction(() => {
      if (entries.length > 0) this.#putJournal(second, entries);
      for (const silence of silences) this.#putSilence(silence);
      if (!this.#uptime || second - this.#uptime.to > BREAK_S) {
        this.#uptime = { from: second, to: second };
      }
      this.#uptime.to = second;
      const { from, to } = this.#uptime;
      this.#run('INSERT OR REPLACE INTO uptime VALUES (?, ?)', from, to);
    });
  }

  /** Is there more than should be read whenever somebody asks for a series? */
  get isFoldDue(): boolean {
    return this.#journalBytes > FOLDED_BYTES_MAX;
  }

  /** Folds the journal into chunks, as far as it is old enough. @returns whether there is more */
  fold(nowMs: number): boolean {
    const beforeS = Math.floor(nowMs / 1000) - (this.isFoldDue ? 0 : FOLDED_AFTER_S);
    const rows: { seq: number; at: number; entries: Uint8Array }[] = [];
    let bytes = 0;
    const sql = 'SELECT seq, at_s, entries FROM journal ORDER BY seq';
    for (const row of this.#prepared(sql).iterate()) {
      const entries = bytesOf(row['entries']);
      if (Number(row['at_s']) >= beforeS) continue;
      if (bytes + entries.length > FOLDED_BYTES_MAX && bytes > 0) break;
      rows.push({ seq: Number(row['seq']), at: Number(row['at_s']), entries });
      bytes += entries.length;
    }
    if (rows.length === 0) return false;
    const folded = fold(rows.map(({ at, entries }) => ({ at, entries: decodeJournal(entries) })));
    this.#transaction(() => {
      this.#putFolded(folded);
      for (const { seq } of rows) this.#run('DELETE FROM journal WHERE seq = ?', seq);
    });
    this.#journalBytes -= bytes;
    this.#folds += 1;
    return bytes >= FOLDED_BYTES_MAX / 2;
  }

  /** Forgets what is older than is kept. */
  prune(nowMs: number): void {
    const nowS = Math.floor(nowMs / 1000);
    this.#transaction(() => {
      for (const { step, spanS, keptS } of CHUNKS) {
        const beforeS = nowS - keptS - spanS;
        this.#run('DELETE FROM chunk WHERE step = ? AND from_s < ?', step, beforeS);
      }
      const weekAgoS = nowS - WEEK_S;
      this.#run('DELETE FROM talked WHERE hour < ?', Math.floor(weekAgoS / HOUR_S));
      this.#run('DELETE FROM denial WHERE at_ms < ?', weekAgoS * 1000);
      this.#run(
        `DELETE FROM denial WHERE rowid <= (SELECT max(rowid) FROM denial) - ${DENIALS_MAX}`,
      );
      this.#run('DELETE FROM uptime WHERE to_s < ?', weekAgoS);
      this.#run('DELETE FROM silence WHERE to_s < ?', weekAgoS);
      this.#run('DELETE FROM reporter WHERE at_ms < ?', weekAgoS * 1000);
      this.#run('DELETE FROM edge WHERE last_ms < ?', weekAgoS * 1000);
      this.#run('DELETE FROM talker WHERE edge NOT IN (SELECT idx FROM edge)');
    });
  }

  chunk(step: StepSeconds, fromS: number, edge: number): Uint8Array | undefined {
    const sql = 'SELECT points FROM chunk WHERE step = ? AND from_s = ? AND edge = ?';
    const row = this.#get(sql, step, fromS, edge);
    return row && bytesOf(row['points']);
  }

  *journal(fromS: number, toS: number): ReturnType<HistoryRows['journal']> {
    const sql = 'SELECT at_s, entries FROM journal WHERE at_s >= ? AND at_s < ? ORDER BY seq';
    for (const row of this.#prepared(sql).iterate(fromS, toS)) {
      yield { at: Number(row['at_s']), entries: bytesOf(row['entries']) };
    }
  }

  /** How often rows of the journal have become chunks. */
  get folds(): number {
    return this.#folds;
  }

  /** When isthmusd was there, in seconds, both inclusive. */
  uptimes(span: Span): readonly Seconds[] {
    const sql = 'SELECT from_s, to_s FROM uptime WHERE to_s >= ? AND from_s <= ? ORDER BY from_s';
    const seconds = [Math.floor(span.fromMs / 1000), Math.ceil(span.toMs / 1000)];
    return this.#all(sql, ...seconds).map(secondsOf);
  }

  /** When nobody reported the edge, in seconds. */
  silences(edge: number, span: Span): readonly Seconds[] {
    const sql = `SELECT from_s, coalesce(to_s, ${FOREVER_S}) AS to_s FROM silence
      WHERE edge = ? AND from_s <= ? AND coalesce(to_s, ${FOREVER_S}) >= ?`;
    const [from, to] = [Math.floor(span.fromMs / 1000), Math.ceil(span.toMs / 1000)];
    return this.#all(sql, edge, to, from).map(secondsOf);
  }

  talkedTo(span: Span): readonly TalkedTo[] {
    this.#foldAll();
    const hours = [span.fromMs, span.toMs].map((ms) => Math.floor(ms / 1000 / HOUR_S));
    return this.#all(
      `SELECT client, server, port, protocol, talker.service, client_identity, server_identity,
         sum(to_server) AS to_server, sum(to_client) AS to_client, sum(opened) AS opened,
         max(last_s) AS last_s
       FROM talked JOIN talker ON talker.id = talked.talker JOIN edge ON edge.idx = talker.edge
       WHERE hour BETWEEN ? AND ? GROUP BY talker.id ORDER BY last_s DESC`,
      ...hours,
    ).map(talkedOf);
  }

  denials(span: Span): readonly Denial[] {
    const sql = `SELECT denial FROM denial WHERE at_ms >= ? AND at_ms < ? ORDER BY at_ms DESC
      LIMIT ${DENIALS_TOLD_MAX}`;
    const texts = this.#all(sql, Math.floor(span.fromMs), Math.ceil(span.toMs));
    return texts.map((row): Denial => JSON.parse(textOf(row['denial'])));
  }

  /** Whoever asks for sums gets all of it. */
  #foldAll(): void {
    while (this.fold(Number.MAX_SAFE_INTEGER));
  }

  #putEdge(edge: StoredEdge): void {
    const { index, id, from, to, port, protocol, application, service } = edge;
    this.#run(
      'INSERT OR REPLACE INTO edge VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
      index,
      id,
      from,
      to,
      port,
      protocol,
      application,
      service,
      Math.round(edge.firstSeenMs),
      Math.round(edge.lastSeenMs),
    );
  }

  #putTalker({ id, edge, clientIdentity, serverIdentity, service }: Talker): void {
    const sql = 'INSERT OR REPLACE INTO talker VALUES (?, ?, ?, ?, ?)';
    this.#run(sql, id, edge, clientIdentity, serverIdentity, service);
  }

  #putSilence({ edge, atMs, isOver }: Silence): void {
    const second = Math.floor(atMs / 1000);
    const end = 'UPDATE silence SET to_s = ? WHERE edge = ? AND to_s IS NULL';
    if (isOver) this.#run(end, second, edge);
    else this.#run('INSERT OR REPLACE INTO silence VALUES (?, ?, NULL)', edge, second);
  }

  #putJournal(second: number, entries: readonly JournalEntry[]): void {
    const bytes = encodeJournal(entries);
    this.#journalBytes += bytes.length;
    this.#run('INSERT INTO journal (at_s, entries) VALUES (?, ?)', second, bytes);
  }

  #putFolded({ chunks, talked, lastSeen }: Folded): void {
    for (const { step, from, edge, points } of chunks) {
      const known = this.chunk(step, from, edge);
      const chunk = known ? decodeChunk(known) : new Map();
      for (const [at, point] of points) {
        const before = chunk.get(at);
        if (before) addPoint(before, point);
        else chunk.set(at, point);
      }
      const put = 'INSERT OR REPLACE INTO chunk VALUES (?, ?, ?, ?)';
      this.#run(put, step, from, edge, encodeChunk(chunk));
    }
    for (const { hour, talker, toServer, toClient, opened, last } of talked) {
      this.#run(
        `INSERT INTO talked VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
           to_server = to_server + excluded.to_server, to_client = to_client + excluded.to_client,
           opened = opened + excluded.opened, last_s = max(last_s, excluded.last_s)`,
        hour,
        talker,
        toServer,
        toClient,
        opened,
        last,
      );
    }
    for (const [edge, second] of lastSeen) {
      this.#run('UPDATE edge SET last_ms = max(last_ms, ?) WHERE idx = ?', second * 1000, edge);
    }
  }

  #transaction(work: () => void): void {
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      work();
      this.#database.exec('COMMIT');
    } catch (cause) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      throw storeFailed('the history of flows', cause);
    }
  }

  #prepared(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known) return known;
    const statement = this.#database.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
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

  #number(sql: string): number {
    return Number(this.#get(sql)?.['n'] ?? 0);
  }
}

function storeFailed(what: string, cause: unknown): OperatorError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new OperatorError('STORE_FAILED', `${what}: ${reason}`, {
    remedy: 'check the disk and the folder of --state-dir; without flows.db history begins anew',
    cause,
  });
}
