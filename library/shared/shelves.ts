// What the catalogue says of its shelves, and how its readers take it in.
import { isRecord, parseBook, type Book } from './book.ts';

/** A book on a shelf, as others see it. */
export type ShelvedBook = Book & {
  /** Does the inventory have it? */
  readonly isHandedOver: boolean;
};

export type ShelfContent = {
  readonly name: string;
  /** All books on it, also those not shown. */
  readonly count: number;
  /** Newest first. */
  readonly books: readonly ShelvedBook[];
};

export type Shelves = { readonly total: number; readonly shelves: readonly ShelfContent[] };

/** Undefined when this is not what the catalogue says. A book that cannot be read is left out. */
export function parseShelves(value: unknown): Shelves | undefined {
  if (!isRecord(value) || typeof value['total'] !== 'number') return undefined;
  const shelves = listOf(value['shelves']).flatMap((shelf): ShelfContent[] => {
    if (!isRecord(shelf)) return [];
    const { name, count, books } = shelf;
    if (typeof name !== 'string' || typeof count !== 'number') return [];
    return [{ name, count, books: listOf(books).flatMap(parseShelved) }];
  });
  return { total: value['total'], shelves };
}

function parseShelved(value: unknown): ShelvedBook[] {
  const parsed = parseBook(value, 0);
  if (!parsed.ok || !isRecord(value)) return [];
  return [{ ...parsed.book, isHandedOver: value['isHandedOver'] === true }];
}

/** The elements of an array; none when it is no array. */
export const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
