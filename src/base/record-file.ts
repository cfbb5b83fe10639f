// Records that must outlive a restart: one small file, replaced as a whole. What it holds was
// promised to somebody, so content that is not ours is a failure, and never "nothing".
import { readFile } from 'node:fs/promises';
import { replaceFile } from './atomic-file.ts';
import { OperatorError } from './operator-error.ts';

export interface RecordFile<T> {
  /** Empty where there is no file yet. @throws OperatorError STORE_FAILED, also of a spoiled one */
  load(): Promise<readonly T[]>;
  /** On disk when it returns. @throws OperatorError STORE_FAILED; the old content is then intact */
  save(records: readonly T[]): Promise<void>;
}

const VERSION = 1;

/** @param path of the file; its folder is made */
export function recordFile<T>(path: string, isOurs: (value: unknown) => value is T): RecordFile<T> {
  return {
    async load() {
      const text = await readFile(path, 'utf8').catch((error: unknown) => {
        if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
        throw failure(`cannot read ${path}: ${String(error)}`, error);
      });
      if (text === undefined) return [];
      const records = parse(text);
      if (records?.every(isOurs)) return records;
      throw failure(`${path} is not what isthmusd has written`, undefined);
    },
    async save(records) {
      try {
        await replaceFile(path, JSON.stringify({ version: VERSION, records }));
      } catch (cause) {
        throw failure(`cannot write ${path}: ${String(cause)}`, cause);
      }
    },
  };
}

function parse(text: string): readonly unknown[] | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null) return undefined;
    const isCurrent = 'version' in value && value.version === VERSION;
    return isCurrent && 'records' in value && Array.isArray(value.records)
      ? value.records
      : undefined;
  } catch {
    return undefined;
  }
}

const failure = (message: string, cause: unknown): OperatorError =>
  new OperatorError('STORE_FAILED', message, {
    remedy: 'let isthmusd read and write its --state-dir, or move that file away',
    cause,
  });
