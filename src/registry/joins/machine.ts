// One join as a state machine: what is seen of it, in whatever order, becomes nine steps that end
// in their own order. Pure; `joins.ts` keeps them.
import { JOIN_STEPS, type JoinStepName } from '#api/joins.ts';

export type StepRecord = {
  /** When it became the one that is waited for. */
  readonly startedAtMs: number | null;
  /** When it was seen to be so; it ends no earlier than the step before it. */
  readonly provedAtMs: number | null;
  readonly endedAtMs: number | null;
  readonly isSkipped: boolean;
  readonly evidence: string;
  readonly problem: string;
};

export type Progress = {
  /** As many as there are names of steps, in their order. */
  readonly steps: readonly StepRecord[];
  readonly endedAtMs: number | null;
  readonly end: 'done' | 'failed' | 'cancelled' | undefined;
};

export type JoinEvent =
  /** It is so. */
  | { readonly kind: 'proved'; readonly step: JoinStepName; readonly evidence: string }
  /** Something of it was seen. */
  | { readonly kind: 'seen'; readonly step: JoinStepName; readonly evidence: string }
  /** It cannot be, as things are; later it may. */
  | { readonly kind: 'failed'; readonly step: JoinStepName; readonly problem: string }
  | { readonly kind: 'skipped'; readonly step: JoinStepName; readonly evidence: string }
  /** Nothing more will come of it. */
  | { readonly kind: 'given-up'; readonly problem: string }
  | { readonly kind: 'cancelled' };

/** Of evidence and of problems. */
const TEXT_LENGTH_MAX = 1_000;

const BEGUN: StepRecord = {
  startedAtMs: null,
  provedAtMs: null,
  endedAtMs: null,
  isSkipped: false,
  evidence: '',
  problem: '',
};

export function beginJoin(atMs: number, evidence: string): Progress {
  const begun = { steps: JOIN_STEPS.map(() => BEGUN), endedAtMs: null, end: undefined };
  return applyEvent(begun, { kind: 'proved', step: 'token-issued', evidence }, atMs);
}

/** Index of the step that is waited for; as many as there are steps when none is. */
export const currentStep = ({ steps }: Pick<Progress, 'steps'>): number => {
  const index = steps.findIndex(({ endedAtMs }) => endedAtMs === null);
  return index < 0 ? steps.length : index;
};

/** @returns the same value when nothing has changed; what has ended does not change any more */
export function applyEvent(progress: Progress, event: JoinEvent, atMs: number): Progress {
  if (progress.end !== undefined) return progress;
  if (event.kind === 'cancelled') return { ...progress, endedAtMs: atMs, end: 'cancelled' };
  if (event.kind === 'given-up') return giveUp(progress, event.problem, atMs);
  const index = JOIN_STEPS.indexOf(event.step);
  const before = progress.steps[index];
  if (!before || before.endedAtMs !== null) return progress;
  const after = changeStep(before, event, atMs);
  if (isSame(before, after)) return progress;
  return settle({ ...progress, steps: progress.steps.with(index, after) }, atMs);
}

function changeStep(
  before: StepRecord,
  event: Exclude<JoinEvent, { readonly kind: 'cancelled' | 'given-up' }>,
  atMs: number,
): StepRecord {
  switch (event.kind) {
    case 'failed':
      return { ...before, provedAtMs: null, problem: cut(event.problem) || 'it failed' };
    case 'seen':
      return { ...before, evidence: cut(event.evidence), problem: '' };
    default:
      return {
        ...before,
        provedAtMs: before.provedAtMs ?? atMs,
        isSkipped: event.kind === 'skipped',
        evidence: cut(event.evidence),
        problem: '',
      };
  }
}

function giveUp(progress: Progress, problem: string, atMs: number): Progress {
  const index = currentStep(progress);
  const step = progress.steps[index];
  if (!step) return progress;
  const failed = { ...step, problem: step.problem || cut(problem) };
  return { steps: progress.steps.with(index, failed), endedAtMs: atMs, end: 'failed' };
}

/** Ends what is proved and whose turn it is; begins the next. */
function settle(progress: Progress, atMs: number): Progress {
  const steps: StepRecord[] = [];
  let turnMs: number | null = null;
  let isTurn = true;
  for (const step of progress.steps) {
    if (!isTurn) {
      steps.push(step);
      continue;
    }
    const startedAtMs: number = step.startedAtMs ?? turnMs ?? step.provedAtMs ?? atMs;
    isTurn = step.provedAtMs !== null;
    turnMs = isTurn ? (step.endedAtMs ?? Math.max(step.provedAtMs ?? 0, startedAtMs)) : null;
    steps.push({ ...step, startedAtMs, endedAtMs: turnMs });
  }
  if (!isTurn) return { ...progress, steps };
  return { steps, endedAtMs: turnMs, end: 'done' };
}

const isSame = (a: StepRecord, b: StepRecord): boolean =>
  a.provedAtMs === b.provedAtMs &&
  a.isSkipped === b.isSkipped &&
  a.evidence === b.evidence &&
  a.problem === b.problem;

const cut = (text: string): string => text.slice(0, TEXT_LENGTH_MAX);
