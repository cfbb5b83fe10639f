// A visitor who comes to the library by its URL, as a browser would, and gives it a book.
import { randomUUID } from 'node:crypto';
import { withDeadline } from '#base/clock.ts';
import type { OutsideVisit } from '#lab/story/telling.ts';

const VISIT_LIMIT_MS = 10_000;
/** In the page's title. */
const LIBRARY = /<title>[^<]*Library/;

/** What is not there, or not taken, is for the story to judge: nothing is thrown. */
export async function visitLibrary(url: string, parent: AbortSignal): Promise<OutsideVisit> {
  const title = `A Book from Outside, ${randomUUID().slice(0, 8)}`;
  const limits = { what: 'the visit', limitMs: VISIT_LIMIT_MS, parent };
  try {
    return await withDeadline(limits, async (signal) => {
      const page = await fetch(url, { signal });
      const isPage = page.ok && LIBRARY.test(await page.text());
      const given = await fetch(new URL('api/books', url), {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ title, author: 'A Visitor', shelf: 'Novels' }),
        signal,
      });
      await given.body?.cancel();
      return { url, isPage, book: given.ok ? title : '' };
    });
  } catch {
    return { url, isPage: false, book: '' };
  }
}
