// The inventory: a record in PostgreSQL for each book. Books wait in a queue on disk until they are
// committed. On standard output, once for each book that is committed: `✅ inserted <title>`; for
// each attempt that failed: `❌ <title>: <reason>`.
import type { BookLog } from '../shared/book-log.ts';
import type { Book } from '../shared/book.ts';
import type { Clock } from '../shared/clock.ts';
import type { Delivery, Outcome } from '../shared/delivery.ts';
import { json } from '../shared/http.ts';
import {
  SettingError,
  portSetting,
  setting,
  type Environment,
  type RunningService,
} from '../shared/program.ts';
import { startQueueService } from '../shared/queue-service.ts';
import { insertBook, type Database } from './insert.ts';

export type InventoryConfig = {
  readonly port: number;
  readonly queueFile: string;
  readonly database: Database;
};

/** What tests replace. */
export type InventoryParts = {
  readonly insert?: (book: Book, signal: AbortSignal) => Promise<Outcome>;
  readonly print?: (line: string) => void;
  readonly clock?: Clock;
  readonly random?: () => number;
  readonly pendingMax?: number;
};

/** Books that wait for the database: half an hour of outage at a book every two seconds. */
const PENDING_MAX = 1000;
/** Inserted books that can be asked for. All are in the database. */
const DONE_MAX = 2000;

/** @throws SettingError */
export function inventoryConfig(env: Environment): InventoryConfig {
  const sslMode = setting(env, 'PGSSLMODE', 'disable');
  if (sslMode !== 'disable') {
    throw new SettingError(`PGSSLMODE is ${sslMode}, but this client knows only "disable"`);
  }
  return {
    port: portSetting(env, 'PORT', 8080),
    queueFile: setting(env, 'QUEUE_FILE', '/var/lib/library/inventory.jsonl'),
    database: {
      host: setting(env, 'PGHOST'),
      port: portSetting(env, 'PGPORT', 5432),
      user: setting(env, 'PGUSER'),
      password: setting(env, 'PGPASSWORD'),
      name: setting(env, 'PGDATABASE'),
    },
  };
}

export function startInventory(
  config: InventoryConfig,
  parts: InventoryParts = {},
): Promise<RunningService> {
  const { insert, pendingMax = PENDING_MAX } = parts;
  const print = parts.print ?? ((line) => void process.stdout.write(`${line}\n`));
  return startQueueService({
    port: config.port,
    file: config.queueFile,
    limits: { pendingMax, doneMax: DONE_MAX },
    acceptedStatus: 202,
    deliver: insert ?? ((book, signal) => insertBook(book, config.database, signal)),
    // before the log knows: a crash in between repeats a line, and never leaves one out
    report: (book, outcome) => print(renderOutcome(book, outcome)),
    routes: (log, delivery) => ({
      'GET /queue': () => json(200, { pendingMax, ...queueOf(log, delivery) }),
      'GET /inserted': () => json(200, insertedOf(log)),
    }),
    clock: parts.clock,
    random: parts.random,
  });
}

const renderOutcome = ({ title }: Book, outcome: Outcome): string =>
  outcome.kind === 'done' ? `✅ inserted ${title}` : `❌ ${title}: ${outcome.reason}`;

function queueOf(log: BookLog, delivery: Delivery) {
  const { trouble } = delivery;
  return {
    pending: log.pending.map(({ id, title }) => ({
      id,
      title,
      ...(trouble?.id === id && { attempts: trouble.attempts, reason: trouble.reason }),
    })),
    refused: log.refused.map(({ book: { id, title }, reason }) => ({ id, title, reason })),
  };
}

const insertedOf = (log: BookLog): unknown => ({
  total: log.doneCount,
  books: log.done.map(({ id, title }) => ({ id, title })),
});
