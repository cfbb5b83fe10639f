// Books and folders for tests.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Book } from './book.ts';

/** The n-th book of a test; always the same for the same number. */
export function bookNumber(n: number, title = `Book ${n}`): Book {
  return {
    id: `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`,
    title,
    author: 'A. N. Author',
    shelf: 'Novels',
    addedAt: new Date(Date.UTC(2026, 0, 1) + n * 1000).toISOString(),
  };
}

/** A folder that is gone when its scope ends. */
export function temporaryFolder(): Disposable & { readonly path: (name: string) => string } {
  const folder = mkdtempSync(join(tmpdir(), 'library-'));
  return {
    path: (name) => join(folder, name),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}
