// Joins on disk: one file, replaced as a whole, so that a restart of the control plane forgets no
// token that was given out, and takes none twice.
import { chmod, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { OperatorError } from '#base/operator-error.ts';
import { JOIN_STEPS } from '#api/joins.ts';
import { isRecord } from '#kube/objects.ts';
import type { JoinRecord } from './view.ts';

const VERSION = 1;
const FILE_MODE = 0o600;
const DIR_MODE = 0o700;

export interface JoinStore {
  load(): Promise<readonly JoinRecord[]>;
  /** On disk when it returns. @throws OperatorError STORE_FAILED */
  save(records: readonly JoinRecord[]): Promise<void>;
}

/** @param path of the file; its folder is made */
export function createJoinStore(path: string): JoinStore {
  return {
    async load() {
      const text = await readFile(path, 'utf8').catch((error: unknown) => {
        if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
        throw failure(`cannot read ${path}`, error);
      });
      return text === undefined ? [] : parseRecords(text);
    },
    async save(records) {
      try {
        await replace(path, JSON.stringify({ version: VERSION, joins: records }));
      } catch (cause) {
        throw failure(`cannot write ${path}`, cause);
      }
    },
  };
}

async function replace(path: string, content: string): Promise<void> {
  const folder = dirname(path);
  await mkdir(folder, { recursive: true, mode: DIR_MODE });
  const temporary = `${path}.new`;
  await rm(temporary, { force: true });
  const file = await open(temporary, 'wx', FILE_MODE);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  await chmod(temporary, FILE_MODE);
  await rename(temporary, path);
  const directory = await open(folder);
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** What this program wrote itself; anything else is as good as nothing. */
export function parseRecords(text: string): readonly JoinRecord[] {
  try {
    const value: unknown = JSON.parse(text);
    const joins: unknown = isRecord(value) && value['version'] === VERSION ? value['joins'] : [];
    return Array.isArray(joins) ? joins.filter(isJoinRecord) : [];
  } catch {
    return [];
  }
}

function isJoinRecord(value: unknown): value is JoinRecord {
  if (!isRecord(value) || !isRecord(value['progress'])) return false;
  if (!isRecord(value['enrolment'])) return false;
  const { steps } = value['progress'];
  const texts = ['id', 'name', 'workload', 'namespace', 'tokenHash', 'host', 'entry'];
  return (
    Array.isArray(steps) &&
    steps.length === JOIN_STEPS.length &&
    texts.every((field) => typeof value[field] === 'string')
  );
}

const failure = (what: string, cause: unknown): OperatorError =>
  new OperatorError('STORE_FAILED', `${what}: ${String(cause)}`, {
    remedy: 'let isthmusd write to its --state-dir, or name another',
    cause,
  });
