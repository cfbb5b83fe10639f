// A WorkloadGroup is checked and kept: machines are registered one by one, as yet.
import { UNUSED, type ParseUnused } from '../acted-on.ts';
import { parseObject } from '../kind.ts';
import { checkLabels } from '../syntax.ts';
import { workloadGroupKind } from './schema.ts';

const METHODS = ['httpGet', 'tcpSocket', 'exec', 'grpc'] as const;

export const parseWorkloadGroup: ParseUnused = (object) =>
  parseObject(workloadGroupKind, object, ({ metadata, probe }, _, at) => {
    if (probe && METHODS.every((method) => probe[method] === undefined)) {
      at.property('probe').refuse(`Required value: one of ${METHODS.join(', ')}`);
    }
    checkLabels(metadata?.labels ?? {}, at.property('metadata').property('labels'));
    if (probe?.exec?.command.length === 0) {
      at.property('probe').property('exec').property('command').missing();
    }
    return UNUSED;
  });
