// What was written through the console, and what undoes it: one file, replaced as a whole, so that
// a restart forgets no promise to undo.
import { readFile } from 'node:fs/promises';
import type { PolicyMode, PolicyReference } from '#api/policies.ts';
import { replaceFile } from '#base/atomic-file.ts';
import { OperatorError } from '#base/operator-error.ts';
import { isKubeObject, isRecord, type KubeObject } from '#kube/objects.ts';

/** The last write of one policy. */
export type PolicyRecord = {
  readonly ref: PolicyReference;
  readonly mode: PolicyMode;
  readonly by: { readonly username: string; readonly groups: readonly string[] };
  readonly atMs: number;
  /** What was there before; null: nothing. */
  readonly previous: KubeObject | null;
  /** `fingerprintOf` what was written; empty: it was deleted. */
  readonly written: string;
  /** When it undoes itself; null: it does not (any more). */
  readonly revertsAtMs: number | null;
  /** Until when `:undo` brings back what was before. */
  readonly undoUntilMs: number;
};

export interface PolicyStore {
  load(): Promise<readonly PolicyRecord[]>;
  /** On disk when it returns. @throws OperatorError STORE_FAILED */
  save(records: readonly PolicyRecord[]): Promise<void>;
}

const VERSION = 1;
const MODES: readonly unknown[] = ['shadow', 'confirm', 'keep'] satisfies readonly PolicyMode[];

export function createPolicyStore(path: string): PolicyStore {
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
        await replaceFile(path, JSON.stringify({ version: VERSION, policies: records }));
      } catch (cause) {
        throw failure(`cannot write ${path}`, cause);
      }
    },
  };
}

/** What this program wrote itself; anything else is as good as nothing. */
function parseRecords(text: string): readonly PolicyRecord[] {
  try {
    const value: unknown = JSON.parse(text);
    const list: unknown = isRecord(value) && value['version'] === VERSION ? value['policies'] : [];
    return Array.isArray(list) ? list.filter(isRecordOfPolicy) : [];
  } catch {
    return [];
  }
}

function isRecordOfPolicy(value: unknown): value is PolicyRecord {
  if (!isRecord(value)) return false;
  const { ref, mode, by, atMs, previous, written, revertsAtMs, undoUntilMs } = value;
  return (
    isRecord(ref) &&
    ['kind', 'namespace', 'name'].every((field) => typeof ref[field] === 'string') &&
    isRecord(by) &&
    typeof by['username'] === 'string' &&
    Array.isArray(by['groups']) &&
    by['groups'].every((group) => typeof group === 'string') &&
    MODES.includes(mode) &&
    typeof written === 'string' &&
    [atMs, undoUntilMs].every((it) => typeof it === 'number') &&
    (revertsAtMs === null || typeof revertsAtMs === 'number') &&
    (previous === null || isKubeObject(previous))
  );
}

const failure = (what: string, cause: unknown): OperatorError =>
  new OperatorError('STORE_FAILED', `${what}: ${String(cause)}`, {
    remedy: 'let isthmusd write to its --state-dir, or name another',
    cause,
  });
