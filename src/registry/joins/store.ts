// Joins on disk, so that a restart of the control plane forgets no token that was given out, and
// takes none twice.
import { JOIN_STEPS } from '#api/joins.ts';
import { recordFile, type RecordFile } from '#base/record-file.ts';
import { isRecord } from '#kube/objects.ts';
import type { JoinRecord } from './view.ts';

export type JoinStore = RecordFile<JoinRecord>;

export const createJoinStore = (path: string): JoinStore => recordFile(path, isJoinRecord);

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
