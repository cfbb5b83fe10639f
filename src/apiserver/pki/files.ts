// The data folder's small files: keys and kubeconfigs, readable by their owner only.
import { chmodSync, closeSync, fsyncSync, mkdirSync, openSync } from 'node:fs';
import { readFileSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { OperatorError } from '#base/operator-error.ts';

const OWNER_ONLY_FOLDER = 0o700;
const OWNER_ONLY_FILE = 0o600;

/** @throws OperatorError FILE_UNREADABLE */
export function createFolder(path: string): void {
  guard(path, () => {
    mkdirSync(path, { recursive: true, mode: OWNER_ONLY_FOLDER });
    chmodSync(path, OWNER_ONLY_FOLDER);
  });
}

/** @returns undefined when there is no such file. @throws OperatorError FILE_UNREADABLE */
export function readText(path: string): string | undefined {
  return guard(path, () => {
    try {
      return readFileSync(path, 'utf8');
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
      throw error;
    }
  });
}

/**
 * Writes the whole file or nothing, so that a crash leaves the old one, and never a half.
 *
 * @throws OperatorError FILE_UNREADABLE
 */
export function writeSecretFile(folder: string, name: string, text: string): void {
  const path = join(folder, name);
  guard(path, () => {
    const temporary = `${path}.new`;
    const file = openSync(temporary, 'w', OWNER_ONLY_FILE);
    try {
      writeSync(file, text);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    chmodSync(temporary, OWNER_ONLY_FILE); // a file of that name may have been there before
    renameSync(temporary, path);
  });
}

function guard<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new OperatorError('FILE_UNREADABLE', `${path}: ${why}`, {
      remedy: 'check the data folder, its owner, its permissions and the space on its disk',
      cause: error,
    });
  }
}
