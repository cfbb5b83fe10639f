// From single answers to a probe's verdict, by thresholds. Pure.
import type { ProbeSpec } from '../pod/spec.ts';

export type ProbeKind = 'startup' | 'readiness' | 'liveness';

export type ProbeState = {
  /** Undefined: no verdict yet. */
  readonly isPassing: boolean | undefined;
  /** Answers in a row that were the same. */
  readonly streak: number;
  readonly lastWasOk: boolean | undefined;
};

export const UNPROBED: ProbeState = { isPassing: undefined, streak: 0, lastWasOk: undefined };

/** The state after one more answer: the verdict changes once its threshold of answers agree. */
export function afterAnswer(
  state: ProbeState,
  isOk: boolean,
  { successThreshold, failureThreshold }: ProbeSpec,
): ProbeState {
  const streak = state.lastWasOk === isOk ? state.streak + 1 : 1;
  const isReached = streak >= (isOk ? successThreshold : failureThreshold);
  return { isPassing: isReached ? isOk : state.isPassing, streak, lastWasOk: isOk };
}
