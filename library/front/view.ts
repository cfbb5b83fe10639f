// What the page shows, from what the other services say. Pure. What a service does not say is
// unknown, and shown so: never guessed.
import { isRecord } from '../shared/book.ts';
import { listOf, type ShelvedBook, type Shelves } from '../shared/shelves.ts';

export type BookStatus =
  /** In the catalogue; the inventory does not have it yet. */
  | { readonly kind: 'shelved' }
  /** Waits in the inventory. */
  | { readonly kind: 'queued' }
  /** Committed in the database. */
  | { readonly kind: 'inserted' }
  /** Was tried and will be again. */
  | { readonly kind: 'failing'; readonly reason: string; readonly attempts: number }
  /** Will never be inserted. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** The inventory does not answer. */
  | { readonly kind: 'unknown' };

export type ViewedBook = {
  readonly id: string;
  readonly title: string;
  readonly author: string;
  readonly addedAt: string;
  readonly status: BookStatus;
};

export type Pick = {
  readonly id: string;
  readonly title: string;
  readonly author: string;
  readonly shelf: string;
  readonly reason: string;
};

export type LibraryView = {
  readonly total: number;
  /** Books waiting for the inventory or in it; undefined while it does not answer. */
  readonly waiting: number | undefined;
  readonly inserted: number | undefined;
  readonly shelves: readonly {
    readonly name: string;
    readonly count: number;
    readonly books: readonly ViewedBook[];
  }[];
  readonly picks: readonly Pick[];
  /** Services that do not answer, as the reader should know them. */
  readonly missing: readonly string[];
};

/** What the inventory says, read leniently: a book missing in it is merely not known of. */
export type InventoryState = {
  readonly pending: ReadonlyMap<string, BookStatus>;
  readonly refused: ReadonlyMap<string, BookStatus>;
  readonly insertedCount: number;
};

export function buildView(
  catalogue: Shelves | undefined,
  inventory: InventoryState | undefined,
  picks: readonly Pick[] | undefined,
): LibraryView {
  const missing = [
    ...(catalogue ? [] : ['catalogue']),
    ...(inventory ? [] : ['inventory']),
    ...(picks ? [] : ['recommendations']),
  ];
  const shelves = (catalogue?.shelves ?? []).map(({ name, count, books }) => ({
    name,
    count,
    books: books.map((book) => viewBook(book, inventory)),
  }));
  const notHandedOver = (catalogue?.shelves ?? [])
    .flatMap(({ books }) => books)
    .filter(({ isHandedOver }) => !isHandedOver).length;
  return {
    total: catalogue?.total ?? 0,
    waiting: inventory && inventory.pending.size + notHandedOver,
    inserted: inventory?.insertedCount,
    shelves,
    picks: picks ?? [],
    missing,
  };
}

function viewBook(book: ShelvedBook, inventory: InventoryState | undefined): ViewedBook {
  const { id, title, author, addedAt } = book;
  return { id, title, author, addedAt, status: statusOf(book, inventory) };
}

function statusOf(book: ShelvedBook, inventory: InventoryState | undefined): BookStatus {
  if (!book.isHandedOver) return { kind: 'shelved' };
  if (!inventory) return { kind: 'unknown' };
  // what was handed over and waits no longer was committed: the inventory drops nothing else
  const inserted = { kind: 'inserted' } as const;
  return inventory.pending.get(book.id) ?? inventory.refused.get(book.id) ?? inserted;
}

/** Undefined when these are not the inventory's answers. */
export function parseInventory(queue: unknown, inserted: unknown): InventoryState | undefined {
  if (!isRecord(queue) || !isRecord(inserted) || typeof inserted['total'] !== 'number') {
    return undefined;
  }
  const pending = new Map<string, BookStatus>();
  for (const entry of listOf(queue['pending']).filter(isRecord)) {
    const { id, attempts, reason } = entry;
    const isFailing = typeof attempts === 'number' && typeof reason === 'string';
    pending.set(String(id), isFailing ? { kind: 'failing', attempts, reason } : { kind: 'queued' });
  }
  const refused = new Map<string, BookStatus>();
  for (const { id, reason } of listOf(queue['refused']).filter(isRecord)) {
    refused.set(String(id), { kind: 'refused', reason: String(reason) });
  }
  return { pending, refused, insertedCount: inserted['total'] };
}

/** Undefined when these are no recommendations. */
export function parsePicks(value: unknown): Pick[] | undefined {
  if (!isRecord(value) || !Array.isArray(value['picks'])) return undefined;
  return listOf(value['picks'])
    .filter(isRecord)
    .map(({ id, title, author, shelf, reason }) => ({
      id: String(id),
      title: String(title),
      author: String(author),
      shelf: String(shelf),
      reason: String(reason),
    }));
}
