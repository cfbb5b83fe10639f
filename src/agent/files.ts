// Small files that must survive a crash and be nobody else's: state, keys, the bootstrap.
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { OperatorError } from '#base/operator-error.ts';

/** Far above what any of the agent's own files holds; a larger one is not ours. */
const FILE_BYTES_MAX = 16 << 20;
const PRIVATE_FILE = 0o600;
const PRIVATE_DIR = 0o700;

/**
 * Replaces a file as one step: a reader, or the next start after a power cut, sees the old
 * content or the new one. Mode 0600.
 *
 * @throws OperatorError STORE_FAILED (full disk, missing permission); the old content is then
 *   intact
 */
export async function writeFileAtomic(path: string, content: string | Uint8Array): Promise<void> {
  const temporary = `${path}.new`;
  try {
    await rm(temporary, { force: true }); // left by a crash, perhaps with other permissions
    const file = await open(temporary, 'wx', PRIVATE_FILE);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    await syncDirectory(dirname(path));
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw storeFailure(`cannot write ${path}`, cause);
  }
}

/** Makes the rename itself durable. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path);
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** The text of a file, or undefined when there is none. @throws OperatorError FILE_UNREADABLE */
export async function readFileIfPresent(path: string): Promise<string | undefined> {
  return (await readBytesIfPresent(path))?.toString('utf8');
}

/** As `readFileIfPresent`, as it is. */
export async function readBytesIfPresent(path: string): Promise<Buffer | undefined> {
  try {
    const content = await readFile(path);
    if (content.length > FILE_BYTES_MAX) throw new Error(`longer than ${FILE_BYTES_MAX} bytes`);
    return content;
  } catch (cause) {
    if (isMissing(cause)) return undefined;
    throw new OperatorError('FILE_UNREADABLE', `cannot read ${path}: ${reasonOf(cause)}`, {
      remedy: `make it a readable file for the agent's user`,
      cause,
    });
  }
}

/** Makes a directory that only its owner may enter. @throws OperatorError STORE_FAILED */
export async function makePrivateDir(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: PRIVATE_DIR });
    const directory = await open(path);
    try {
      await directory.chmod(PRIVATE_DIR); // it may have been there before
    } finally {
      await directory.close();
    }
  } catch (cause) {
    throw storeFailure(`cannot make the directory ${path}`, cause);
  }
}

/** Parses JSON that the agent wrote itself; anything else is as good as no file. */
export function parseState(text: string | undefined): Readonly<Record<string, unknown>> {
  if (text === undefined) return {};
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}

function storeFailure(what: string, cause: unknown): OperatorError {
  return new OperatorError('STORE_FAILED', `${what}: ${reasonOf(cause)}`, {
    remedy: 'free disk space, or let the agent write there',
    cause,
  });
}

export const isMissing = (error: unknown): boolean =>
  error instanceof Error &&
  'code' in error &&
  (error.code === 'ENOENT' || error.code === 'ENOTDIR');

export const reasonOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);
