// What came of a visit to the library by its door, from outside of the lab. The judgement is pure.
import { eventually } from '../eventually.ts';
import type { Check } from './checks.ts';
import type { LibraryWorld } from './library-world.ts';
import type { OutsideVisit } from './telling.ts';

/** A visit, and what PostgreSQL has of it. */
export type OutsideEvidence = OutsideVisit & {
  /** Rows with the title of the book that was given. */
  readonly rows: number;
};

/** Waits until the visitor's book has arrived, if one was taken. @throws OperatorError LAB_FAILED */
export async function followVisit(
  { postgres }: LibraryWorld,
  visit: OutsideVisit,
): Promise<OutsideEvidence> {
  if (visit.book === '') return { ...visit, rows: 0 };
  const title = visit.book.replaceAll("'", "''");
  const rows = await eventually("the visitor's book in PostgreSQL", async () => {
    const [count] = await postgres.query(`SELECT count(*) FROM books WHERE title = '${title}'`);
    return Number(count) || undefined;
  });
  return { ...visit, rows };
}

export function judgeOutside({ url, isPage, book, rows }: OutsideEvidence): Check {
  const ok = isPage && book !== '' && rows === 1;
  const says = ((): string => {
    if (!isPage) return `${url} does not answer with the library's page`;
    if (book === '') return `the page at ${url} takes no book`;
    if (rows !== 1) return `the book that was given at ${url} is in PostgreSQL ${rows} times`;
    return `the page answers at ${url}, outside of the lab; a book given there is in PostgreSQL once`;
  })();
  return { name: 'outside', ok, says, figures: { url, isPage, rows } };
}
