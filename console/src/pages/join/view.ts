// A join as it is told: nine steps with titles, times and durations, and when one takes too long.
import { JOIN_STEPS, type Join, type JoinStep, type JoinStepName } from '../../api/types.ts';
import { formatDuration } from '../../components/format.ts';

type StepWords = {
  readonly title: string;
  /** What it waits for, while it does. */
  readonly waitsFor: string;
  /** For whoever meets the word for the first time. */
  readonly meaning: string;
};

export const STEP_WORDS: Readonly<Record<JoinStepName, StepWords>> = {
  'token-issued': {
    title: 'Token issued',
    waitsFor: 'the token',
    meaning: 'A secret for one machine, good once and for a short time.',
  },
  'agent-called-in': {
    title: 'Agent called in',
    waitsFor: 'the command to be run on the VM',
    meaning: 'The agent on the machine has opened a connection to the control plane.',
  },
  'machine-proven': {
    title: 'Machine proven',
    waitsFor: 'the agent to show its token',
    meaning: 'The token is right and the request for a certificate is well formed.',
  },
  'certificate-issued': {
    title: 'Certificate issued',
    waitsFor: 'the certificate authority',
    meaning: 'The machine has a name that others can check, and a key that never left it.',
  },
  'configuration-accepted': {
    title: 'Configuration accepted',
    waitsFor: 'its Envoy to accept every type of configuration',
    meaning: 'Envoy runs with what the control plane meant it to do.',
  },
  'traffic-captured': {
    title: 'Traffic captured',
    waitsFor: 'the redirection rules to be in force',
    meaning: 'Connections of programs on the machine go through its Envoy.',
  },
  registered: {
    title: 'Registered and resolvable',
    waitsFor: 'a workload in the cluster to find its name',
    meaning: 'Others in the mesh can look its name up.',
  },
  healthy: {
    title: 'Healthy',
    waitsFor: 'its health checks to pass',
    meaning: 'Its program answers, so that it is given connections.',
  },
  'first-encrypted-bytes': {
    title: 'First encrypted bytes',
    waitsFor: 'somebody to connect',
    meaning: 'A connection with both identities was seen at both ends.',
  },
};

export type StepLook = 'waiting' | 'running' | 'done' | 'failed' | 'skipped' | 'stuck';

export type StepView = {
  readonly number: number;
  readonly step: JoinStep;
  readonly words: StepWords;
  readonly look: StepLook;
  /** It is what the join waits for now. */
  readonly isCurrent: boolean;
  /** Since the step before ended: `+19 s`; empty: it has not ended. */
  readonly took: string;
  /** How long it has been waited for, where it is; empty otherwise. */
  readonly waited: string;
  /** `usually 2 s`; empty: there were no joins before. */
  readonly usual: string;
};

/** A step may take three times as long as usual before it alarms anybody, and ten seconds. */
const STUCK_FACTOR = 3;
const STUCK_MS_MIN = 10_000;

export function stepViews(join: Join, nowMs: number): StepView[] {
  const current = currentStep(join);
  let beforeMs = join.startedAtMs;
  return join.steps.map((step, index) => {
    const sinceMs = step.startedAtMs ?? beforeMs;
    const took =
      step.endedAtMs === null || index === 0 ? '' : formatDuration(step.endedAtMs - beforeMs);
    beforeMs = step.endedAtMs ?? beforeMs;
    const waitedMs = step === current ? nowMs - sinceMs : null;
    return {
      number: index + 1,
      step,
      words: STEP_WORDS[step.name],
      look: lookOf(join, step, waitedMs),
      isCurrent: step === current,
      took: took === '' ? '' : `+${took}`,
      waited: waitedMs === null || step.state === 'failed' ? '' : formatDuration(waitedMs),
      usual: step.usualMs === null ? '' : `usually ${formatDuration(step.usualMs)}`,
    };
  });
}

/** The first that is neither done nor skipped, of a join that goes on. */
export function currentStep({ steps, endedAtMs }: Join): JoinStep | undefined {
  if (endedAtMs !== null) return undefined;
  return steps.find(({ state }) => state !== 'done' && state !== 'skipped');
}

/** Before the control plane has said so, too: events come when something happens. */
export const isStuck = (join: Join, nowMs: number): boolean =>
  stepViews(join, nowMs).some(({ look }) => look === 'stuck');

/**
 * The last step waits for a client, and how long that takes says nothing about the machine: it is
 * only ever alarming when the control plane gives causes.
 */
function lookOf(join: Join, step: JoinStep, waitedMs: number | null): StepLook {
  if (step.state !== 'waiting' && step.state !== 'running') return step.state;
  if (waitedMs === null) return step.state;
  const limitMs = Math.max(STUCK_FACTOR * (step.usualMs ?? 0), STUCK_MS_MIN);
  const isLong = waitedMs > limitMs && step.name !== 'first-encrypted-bytes';
  return isLong || (join.state === 'stuck' && step.causes.length > 0) ? 'stuck' : step.state;
}

/** `step 5 of 9`, `done in 38 s`, `failed at step 5 of 9`: one sentence for lists and headings. */
export function progressText(join: Join): string {
  const total = JOIN_STEPS.length;
  const done = join.steps.filter(({ state }) => state === 'done' || state === 'skipped').length;
  const number = Math.min(done + 1, total);
  switch (join.state) {
    case 'done':
      return `done in ${formatDuration((join.endedAtMs ?? join.startedAtMs) - join.startedAtMs)}`;
    case 'failed': {
      const failed = join.steps.findIndex(({ state }) => state === 'failed');
      return `failed at step ${failed < 0 ? number : failed + 1} of ${total}`;
    }
    case 'cancelled':
      return `cancelled at step ${number} of ${total}`;
    case 'stuck':
      return `stuck at step ${number} of ${total}`;
    case 'running':
      return `step ${number} of ${total}`;
  }
}

/** Those that go on first, the newest first among each. */
export function orderJoins(joins: Iterable<Join>): Join[] {
  const isOver = (join: Join): number => (join.endedAtMs === null ? 0 : 1);
  return [...joins].toSorted(
    (a, b) => isOver(a) - isOver(b) || b.startedAtMs - a.startedAtMs || a.id.localeCompare(b.id),
  );
}
