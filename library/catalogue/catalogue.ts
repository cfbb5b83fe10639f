// The catalogue: which books stand on which shelf. Each new book is on disk here before it is
// acknowledged, and is then handed over to the inventory, however long that takes.
import type { BookLog } from '../shared/book-log.ts';
import { SHELVES, type Book } from '../shared/book.ts';
import type { Clock } from '../shared/clock.ts';
import type { Outcome } from '../shared/delivery.ts';
import { call, json } from '../shared/http.ts';
import {
  portSetting,
  setting,
  urlSetting,
  type Environment,
  type RunningService,
} from '../shared/program.ts';
import { startQueueService } from '../shared/queue-service.ts';
import type { ShelvedBook, Shelves } from '../shared/shelves.ts';

export type CatalogueConfig = {
  readonly port: number;
  readonly booksFile: string;
  readonly inventoryUrl: string;
};

/** What tests replace. */
export type CatalogueParts = { readonly clock?: Clock; readonly random?: () => number };

/** Books that wait to be handed over. */
const PENDING_MAX = 1000;
/** Books that stand on the shelves at most; the oldest make room. */
const DONE_MAX = 2000;
/** Of each shelf, so many are shown, the newest. */
const SHOWN_MAX = 60;

/** @throws SettingError */
export function catalogueConfig(env: Environment): CatalogueConfig {
  return {
    port: portSetting(env, 'PORT', 8080),
    booksFile: setting(env, 'BOOKS_FILE', '/var/lib/library/catalogue.jsonl'),
    inventoryUrl: urlSetting(env, 'INVENTORY_URL'),
  };
}

export function startCatalogue(
  config: CatalogueConfig,
  parts: CatalogueParts = {},
): Promise<RunningService> {
  return startQueueService({
    port: config.port,
    file: config.booksFile,
    limits: { pendingMax: PENDING_MAX, doneMax: DONE_MAX },
    acceptedStatus: 201,
    deliver: (book, signal) => handOver(book, config.inventoryUrl, signal),
    report: changesOnly((line) => void process.stdout.write(`${line}\n`)),
    routes: (log) => ({ 'GET /shelves': () => json(200, shelvesOf(log)) }),
    ...parts,
  });
}

async function handOver(book: Book, inventoryUrl: string, signal: AbortSignal): Promise<Outcome> {
  const result = await call(`${inventoryUrl}/books`, { method: 'POST', body: book, signal });
  if (!result.ok) return { kind: 'retry', reason: result.reason };
  if (result.status === 200 || result.status === 202) return { kind: 'done' };
  const reason = `the inventory answered ${result.status}`;
  return { kind: result.status === 400 ? 'refused' : 'retry', reason };
}

/** Says when the inventory goes away and when it is back, not each failure in between. */
function changesOnly(print: (line: string) => void) {
  let last = '';
  return (book: Book, outcome: Outcome): void => {
    const reason = outcome.kind === 'done' ? '' : outcome.reason;
    if (outcome.kind === 'refused') print(`catalogue: ${book.title} was refused: ${reason}`);
    else if (reason !== last) {
      print(`catalogue: the inventory ${reason === '' ? 'is back' : `is away: ${reason}`}`);
    }
    last = reason;
  };
}

function shelvesOf(log: BookLog): Shelves {
  const books: ShelvedBook[] = [
    ...log.pending.toReversed().map((book) => ({ ...book, isHandedOver: false })),
    ...log.done.map((book) => ({ ...book, isHandedOver: true })),
  ];
  const byShelf = Map.groupBy(books, ({ shelf }) => shelf);
  const shelves = SHELVES.map((name) => {
    const all = byShelf.get(name) ?? [];
    return { name, count: all.length, books: all.slice(0, SHOWN_MAX) };
  });
  return { total: log.doneCount + log.pending.length, shelves };
}
