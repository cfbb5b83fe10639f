// A join as the API shows it: states, usual durations, what may be wrong. Pure.
import { JOIN_STEPS, type Join, type JoinStep, type JoinStepName } from '#api/joins.ts';
import type { Enrolment } from '../enrol.ts';
import { causesOf } from './causes.ts';
import { currentStep, type Progress, type StepRecord } from './machine.ts';

/** What is kept of a join, beside its progress. */
export type JoinRecord = {
  readonly id: string;
  /** Of the machine. */
  readonly name: string;
  /** Of the registration: of the service that it serves, and on the map. */
  readonly workload: string;
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly by: string;
  readonly startedAtMs: number;
  readonly expiresAtMs: number;
  /** Of the token's secret. */
  readonly tokenHash: string;
  readonly usedAtMs: number | null;
  /** What leads to the control plane. */
  readonly host: string;
  readonly port: number;
  readonly ports: readonly number[];
  /** The one address that it may have; empty: the machine says it. */
  readonly address: string;
  /** Its WorkloadEntry; empty until the machine has called. */
  readonly entry: string;
  /** What it was registered with: for its entry, which is made when it calls. */
  readonly enrolment: Enrolment;
  readonly progress: Progress;
};

/** By step; null: there was none to learn from. */
export type UsualMs = ReadonlyMap<JoinStepName, number | null>;

const STUCK_MIN_MS = 10_000;
const STUCK_FACTOR = 3;

/** These wait for somebody else: so long nothing is at work. */
const WAITS: ReadonlySet<JoinStepName> = new Set(['agent-called-in', 'first-encrypted-bytes']);

export function viewJoin(record: JoinRecord, usual: UsualMs, nowMs: number): Join {
  const { progress } = record;
  const current = currentStep(progress);
  const steps = progress.steps.map((step, index) =>
    viewStep(record, step, { index, current, usual, nowMs }),
  );
  const { id, name, namespace, by, startedAtMs } = record;
  const node = `wl:${namespace}/${record.workload}`;
  const { endedAtMs } = progress;
  const state = stateOf(record, usual, nowMs);
  return { id, name, namespace, node, by, startedAtMs, endedAtMs, state, steps };
}

function stateOf({ progress }: JoinRecord, usual: UsualMs, nowMs: number): Join['state'] {
  if (progress.end !== undefined) return progress.end;
  if (progress.steps.some(({ problem }) => problem !== '')) return 'failed';
  return isStuck(progress, usual, nowMs) ? 'stuck' : 'running';
}

/**
 * Does the present step take longer than three times the usual, and than 10 s? Traffic is nobody's
 * duty: a workload that nobody has called is not stuck.
 */
export function isStuck(progress: Progress, usual: UsualMs, nowMs: number): boolean {
  const index = currentStep(progress);
  const name = JOIN_STEPS[index];
  const startedAtMs = progress.steps[index]?.startedAtMs ?? null;
  if (name === undefined || startedAtMs === null || progress.end !== undefined) return false;
  if (name === 'first-encrypted-bytes') return false;
  return nowMs - startedAtMs > stuckAfterMs(usual.get(name) ?? null);
}

export const stuckAfterMs = (usualMs: number | null): number =>
  Math.max(STUCK_FACTOR * (usualMs ?? 0), STUCK_MIN_MS);

function viewStep(
  record: JoinRecord,
  step: StepRecord,
  context: {
    readonly index: number;
    readonly current: number;
    readonly usual: UsualMs;
    readonly nowMs: number;
  },
): JoinStep {
  const { index, current, usual, nowMs } = context;
  const name = JOIN_STEPS[index] ?? 'token-issued';
  const { startedAtMs, endedAtMs, evidence, problem } = step;
  const usualMs = usual.get(name) ?? null;
  const isCurrent = index === current;
  const isLate = isCurrent && startedAtMs !== null && nowMs - startedAtMs > stuckAfterMs(usualMs);
  return {
    name,
    state: stepState(step, { name, isCurrent, isOver: record.progress.end !== undefined }),
    startedAtMs,
    endedAtMs,
    evidence,
    problem,
    usualMs,
    causes:
      problem !== '' || isLate ? causesOf(name, { ...record, name: record.workload, problem }) : [],
  };
}

function stepState(
  step: StepRecord,
  context: { readonly name: JoinStepName; readonly isCurrent: boolean; readonly isOver: boolean },
): JoinStep['state'] {
  const { name, isCurrent, isOver } = context;
  if (step.endedAtMs !== null) return step.isSkipped ? 'skipped' : 'done';
  if (step.problem !== '') return 'failed';
  if (!isCurrent || isOver) return 'waiting';
  return WAITS.has(name) && step.evidence === '' ? 'waiting' : 'running';
}

/** So many joins are learned from. */
const LEARNED_MAX = 50;

/** The median of the joins that came to their end, by step. */
export function usualDurations(records: Iterable<JoinRecord>): UsualMs {
  const done = [...records]
    .filter(({ progress }) => progress.end === 'done')
    .toSorted((a, b) => b.startedAtMs - a.startedAtMs)
    .slice(0, LEARNED_MAX);
  const durationsOf = (index: number): number[] =>
    done.flatMap(({ progress }) => {
      const { startedAtMs = null, endedAtMs = null, isSkipped } = progress.steps[index] ?? {};
      return startedAtMs === null || endedAtMs === null || isSkipped
        ? []
        : [endedAtMs - startedAtMs];
    });
  return new Map(JOIN_STEPS.map((name, index) => [name, median(durationsOf(index))]));
}

function median(values: readonly number[]): number | null {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [low, high] = [sorted[sorted.length % 2 === 0 ? middle - 1 : middle], sorted[middle]];
  return low === undefined || high === undefined ? null : (low + high) / 2;
}
