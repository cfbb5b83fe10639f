// SQLite's errors in words that an operator can act on.
import { OperatorError } from '#base/operator-error.ts';

/** Primary result codes, https://sqlite.org/rescode.html; extended codes carry them in 8 bits. */
const BUSY = 5;
const READ_ONLY = 8;
const IO_ERROR = 10;
const CORRUPT = 11;
const FULL = 13;
const CANNOT_OPEN = 14;
const NOT_A_DATABASE = 26;

/** A write that failed because nothing fits on the disk any more. */
export class StorageFullError extends OperatorError {}

/** Is this SQLite's own error for "no space is left"? */
export function isStorageFull(error: unknown): boolean {
  return sqliteCode(error) === FULL;
}

export function storeFailure(error: unknown, path: string): OperatorError {
  const code = sqliteCode(error);
  const options = (remedy: string) => ({ remedy, cause: error });
  switch (code) {
    case FULL:
      return new StorageFullError(
        'STORE_FAILED',
        `no space is left for ${path}; the write was not accepted`,
        options('free space on that disk and repeat the write; nothing accepted before is lost'),
      );
    case BUSY:
      return new OperatorError(
        'STORE_FAILED',
        `${path} is in use by another process`,
        options('stop the API server that runs on this folder, or give another --data-dir'),
      );
    case READ_ONLY:
    case CANNOT_OPEN:
    case IO_ERROR:
      return new OperatorError(
        'STORE_FAILED',
        `${path} cannot be read or written: ${messageOf(error)}`,
        options('check the disk, the folder and its permissions'),
      );
    case CORRUPT:
    case NOT_A_DATABASE:
      return new OperatorError(
        'STORE_FAILED',
        `${path} is damaged: ${messageOf(error)}`,
        options('restore the folder from a backup, or remove it to begin with an empty store'),
      );
    default:
      return new OperatorError(
        'STORE_FAILED',
        `${path} failed: ${messageOf(error)}`,
        options('check the folder of the database and its permissions'),
      );
  }
}

function sqliteCode(error: unknown): number | undefined {
  const code = error instanceof Error && 'errcode' in error ? error.errcode : undefined;
  return typeof code === 'number' ? code % 256 : undefined;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
