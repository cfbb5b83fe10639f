// What a book is, to all services: its shape, its limits, and how it is read from a request.
import { randomUUID } from 'node:crypto';

export const SHELVES = [
  'Novels',
  'Mysteries',
  'Other worlds',
  'Lives & pictures',
  'Verse & stage',
  'Ideas',
  'For the young',
] as const;

export type Shelf = (typeof SHELVES)[number];

export type Book = {
  /** A UUID, made by whoever adds the book: adding it twice adds it once. */
  readonly id: string;
  readonly title: string;
  readonly author: string;
  readonly shelf: Shelf;
  /** RFC 3339, UTC. */
  readonly addedAt: string;
};

/** What was wrong with which field, in words for the person at the form. */
export type FieldProblem = { readonly field: string; readonly message: string };

export type ParsedBook =
  | { readonly ok: true; readonly book: Book }
  | { readonly ok: false; readonly problems: readonly FieldProblem[] };

const TITLE_LENGTH_MAX = 200;
const AUTHOR_LENGTH_MAX = 120;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
/** Control characters would forge lines in logs; a NUL no database takes. */
const CONTROL = /\p{Cc}/u;

/**
 * Reads a book from a request. Without an id it gets one; the time of adding is `addedAtMs` unless
 * the book has one, because it was added elsewhere before.
 */
export function parseBook(value: unknown, addedAtMs: number): ParsedBook {
  const fields = isRecord(value) ? value : {};
  const problems: FieldProblem[] = [];
  const report = (field: string, message: string): string => {
    problems.push({ field, message });
    return '';
  };
  const text = (field: string, what: string, lengthMax: number): string => {
    const given = fields[field];
    const trimmed = typeof given === 'string' ? given.trim() : '';
    if (trimmed === '') return report(field, `Please give the ${what}.`);
    if (trimmed.length > lengthMax) return report(field, `At most ${lengthMax} characters.`);
    if (CONTROL.test(trimmed)) return report(field, 'No line breaks or control characters.');
    return trimmed;
  };
  const title = text('title', 'title', TITLE_LENGTH_MAX);
  const author = text('author', 'author', AUTHOR_LENGTH_MAX);
  const shelf = SHELVES.find((name) => name === fields['shelf']);
  if (!shelf) report('shelf', `Choose one of: ${SHELVES.join(', ')}.`);
  const { id = randomUUID(), addedAt = new Date(addedAtMs).toISOString() } = fields;
  if (typeof id !== 'string' || !UUID.test(id)) report('id', 'Not a UUID.');
  if (typeof addedAt !== 'string' || !isTime(addedAt)) report('addedAt', 'Not a time.');
  if (problems.length > 0 || !shelf) return { ok: false, problems };
  return { ok: true, book: { id: String(id), title, author, shelf, addedAt: String(addedAt) } };
}

const isTime = (text: string): boolean =>
  /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z$/.test(text) && !Number.isNaN(Date.parse(text));

export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
