// What was written through the console, and what undoes it: one file, replaced as a whole, so that
// a restart forgets no promise to undo.
import type { PolicyMode, PolicyReference } from '#api/policies.ts';
import { recordFile, type RecordFile } from '#base/record-file.ts';
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

export type PolicyStore = RecordFile<PolicyRecord>;

const MODES: readonly unknown[] = ['shadow', 'confirm', 'keep'] satisfies readonly PolicyMode[];

export const createPolicyStore = (path: string): PolicyStore => recordFile(path, isRecordOfPolicy);

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
