// Every hand-written TypeScript file of the project, read once for the tidy tests.
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export type Source = {
  /** Path from the repository's root, with forward slashes. */
  readonly path: string;
  readonly text: string;
  readonly lines: readonly string[];
};

/** A scan that read next to nothing has not checked anything. */
const FILES_MIN = 20;

export const sources: readonly Source[] = globSync(
  [
    'src/**/*.ts',
    'scripts/**/*.ts',
    'test/**/*.ts',
    'library/**/*.ts',
    'console/src/**/*.{ts,tsx}',
  ],
  { cwd: ROOT, exclude: (path) => path.startsWith('src/gen') },
)
  .filter((path) => !path.endsWith('.d.ts') && !path.startsWith('src/gen/'))
  .toSorted()
  .map((path) => {
    const text = readFileSync(join(ROOT, path), 'utf8');
    return { path, text, lines: text.split('\n') };
  });

assert(sources.length >= FILES_MIN, `the tidy tests found only ${sources.length} files`);

export const isTest = (path: string): boolean =>
  path.startsWith('test/') || path.endsWith('.test.ts');

/** The text without comments and string contents, so that prose about a rule does not break it. */
export function codeOf(text: string): string {
  return text
    .replaceAll(/\/\*[\s\S]*?\*\//g, (comment) => comment.replaceAll(/[^\n]/g, ' '))
    .replaceAll(/(^|[^:'"`\\])\/\/[^\n]*/g, '$1')
    .replaceAll(/'(?:[^'\\\n]|\\.)*'/g, "''")
    .replaceAll(/"(?:[^"\\\n]|\\.)*"/g, '""');
}
