// The console's files as Vite built them: named by their content and kept for ever by browsers, but
// for the page itself, which is asked for anew each time.
import { createHash } from 'node:crypto';
import { readFile, readdir, stat } from 'node:fs/promises';
import { extname, join, sep } from 'node:path';
import { gzipSync } from 'node:zlib';

export type StaticFile = {
  readonly contentType: string;
  readonly body: Buffer;
  /** Undefined: it is not worth it. */
  readonly gzipped: Buffer | undefined;
  readonly etag: string;
  readonly cacheControl: string;
};

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.webmanifest': 'application/manifest+json',
  '.woff2': 'font/woff2',
};
const COMPRESSED = /^(text|application|image\/svg)/;
const COMPRESSED_BYTES_MIN = 1024;
/** Vite puts there what it names by a hash of the content. */
const HASHED = /^\/assets\//;
const FILES_MAX = 500;
const FILE_BYTES_MAX = 8 << 20;
export const PAGE = '/index.html';

/** Files by path, `/assets/…`: exactly those that are in the folder, and no other path. */
export type StaticFiles = ReadonlyMap<string, StaticFile>;

/** @returns undefined: there is no console in that folder, because nobody has built it */
export async function loadStaticFiles(folder: string): Promise<StaticFiles | undefined> {
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  const files = new Map<string, StaticFile>();
  for (const name of names.slice(0, FILES_MAX)) {
    const type = TYPES[extname(name)];
    const path = join(folder, name);
    const found = await stat(path);
    if (type === undefined || !found.isFile() || found.size > FILE_BYTES_MAX) continue;
    const urlPath = `/${name.split(sep).join('/')}`;
    files.set(urlPath, staticFile(urlPath, type, await readFile(path)));
  }
  return files.has(PAGE) ? files : undefined;
}

function staticFile(urlPath: string, contentType: string, body: Buffer): StaticFile {
  const isSmall = body.length < COMPRESSED_BYTES_MIN || !COMPRESSED.test(contentType);
  return {
    contentType,
    body,
    gzipped: isSmall ? undefined : gzipSync(body, { level: 9 }),
    etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`,
    cacheControl: HASHED.test(urlPath) ? 'public, max-age=31536000, immutable' : 'no-cache',
  };
}

/**
 * The file for a path: a page of the console (`/workloads/default/books`) is made by the one page
 * that there is. Undefined: nothing is there, such as an asset of another version.
 */
export function fileFor(files: StaticFiles, pathname: string): StaticFile | undefined {
  if (pathname === '/') return files.get(PAGE);
  return files.get(pathname) ?? (extname(pathname) === '' ? files.get(PAGE) : undefined);
}

/** Said instead of the console where it was not built: the API works all the same. */
export const NOT_BUILT = `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Isthmus</title>
<h1>The console is not built</h1>
<p>This isthmusd serves its API, but there is no <code>console/dist</code>. Build it with
<code>npm run setup</code> in the source folder and load this page again.</p>
<p>Until then: <code>isthmus top</code>, <code>isthmus graph</code>, <code>isthmus tap</code>.</p>
</html>
`;
