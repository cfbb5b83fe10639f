// A Pod's status from the states of its containers: phase, conditions, container statuses. Pure;
// the rules are kubelet's.
// https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/
import { timestamp } from '#kube/event-recorder.ts';
import type { ContainerSpec, PodView, RecordedCondition } from './spec.ts';

export type ContainerState =
  | { readonly kind: 'waiting'; readonly reason: string; readonly message?: string }
  | { readonly kind: 'running'; readonly startedAtMs: number }
  | TerminatedState;

export type TerminatedState = {
  readonly kind: 'terminated';
  readonly exitCode: number;
  readonly reason: string;
  readonly message?: string;
  readonly startedAtMs: number;
  readonly finishedAtMs: number;
};

export type ContainerRecord = {
  readonly spec: ContainerSpec;
  readonly state: ContainerState;
  readonly lastState: TerminatedState | undefined;
  readonly restartCount: number;
  readonly isReady: boolean;
  readonly isStarted: boolean;
  /** Undefined before its first start. */
  readonly containerId: string | undefined;
};

export type PodRecord = {
  readonly hostIp: string;
  /** Undefined before it has its network. */
  readonly podIp: string | undefined;
  readonly startedAtMs: number;
  readonly init: readonly ContainerRecord[];
  readonly main: readonly ContainerRecord[];
  /** Set when the Pod as a whole has failed, whatever its containers did: `DeadlineExceeded`. */
  readonly failure: { readonly reason: string; readonly message: string } | undefined;
};

export type Phase = 'Pending' | 'Running' | 'Succeeded' | 'Failed';

/** An init container that has nothing more to do: completed, or a sidecar that has started. */
export const isInitDone = ({ spec, state, isStarted }: ContainerRecord): boolean =>
  spec.isSidecar ? isStarted : state.kind === 'terminated' && state.exitCode === 0;

export function phaseOf({ spec }: PodView, { init, main, failure }: PodRecord): Phase {
  if (failure) return 'Failed';
  const policy = spec.restartPolicy;
  const hasFailedInit = init.some(
    ({ spec, state }) => !spec.isSidecar && state.kind === 'terminated' && state.exitCode !== 0,
  );
  if (hasFailedInit && policy === 'Never') return 'Failed';
  if (!init.every(isInitDone) && main.every(({ state }) => state.kind === 'waiting')) {
    return 'Pending';
  }
  // A container that waits for its restart has run, and counts as what it last was.
  const past = main.map(({ state, lastState }) =>
    state.kind === 'waiting' && lastState ? lastState : state,
  );
  if (past.some(({ kind }) => kind === 'waiting')) return 'Pending';
  const ends = past.flatMap((state) => (state.kind === 'terminated' ? [state.exitCode] : []));
  if (ends.length < past.length || policy === 'Always') return 'Running';
  if (ends.every((exitCode) => exitCode === 0)) return 'Succeeded';
  return policy === 'Never' ? 'Failed' : 'Running';
}

/** The status to write; `conditions` in it are this node's, merged by type into the others'. */
export function podStatus(
  pod: PodView,
  record: PodRecord,
  nowMs: number,
): Readonly<Record<string, unknown>> {
  const { hostIp, podIp, startedAtMs, init, main, failure } = record;
  const phase = phaseOf(pod, record);
  return {
    phase,
    conditions: conditionsOf(pod, record, phase, timestamp(nowMs)),
    hostIP: hostIp,
    hostIPs: [{ ip: hostIp }],
    ...(podIp !== undefined && { podIP: podIp, podIPs: [{ ip: podIp }] }),
    startTime: timestamp(startedAtMs),
    ...(init.length > 0 && { initContainerStatuses: init.map(containerStatus) }),
    containerStatuses: main.map(containerStatus),
    ...failure,
  };
}

type Condition = {
  readonly type: string;
  readonly status: 'True' | 'False';
  readonly reason?: string;
  readonly message?: string;
};

function conditionsOf(
  { recorded, spec }: PodView,
  { init, main, podIp }: PodRecord,
  phase: Phase,
  now: string,
) {
  const isOver = phase === 'Succeeded' || phase === 'Failed';
  const waiting = init.filter((container) => !isInitDone(container));
  const unready = main.filter(({ isReady }) => !isReady);
  const hasContainers = unready.length === 0 && waiting.length === 0 && !isOver;
  const containersReady = hasContainers ? TRUE : { status: 'False' as const, ...whyNot() };
  const gates = spec.readinessGates.filter(
    (gate) => recorded.conditions.find(({ type }) => type === gate)?.status !== 'True',
  );
  const conditions: Condition[] = [
    { type: 'PodReadyToStartContainers', status: podIp && !isOver ? 'True' : 'False' },
    waiting.length === 0
      ? { type: 'Initialized', ...TRUE }
      : {
          type: 'Initialized',
          status: 'False',
          reason: 'ContainersNotInitialized',
          message: `containers with incomplete status: [${namesOf(waiting)}]`,
        },
    hasContainers && gates.length > 0
      ? { type: 'Ready', status: 'False', reason: 'ReadinessGatesNotReady', message: gateText() }
      : { type: 'Ready', ...containersReady },
    { type: 'ContainersReady', ...containersReady },
    { type: 'PodScheduled', ...TRUE },
  ];
  return conditions.map((condition) => withTransition(condition, recorded.conditions, now));

  function whyNot() {
    if (phase === 'Succeeded') return { reason: 'PodCompleted' };
    if (phase === 'Failed') return { reason: 'PodFailed' };
    const message = `containers with unready status: [${namesOf(unready)}]`;
    return { reason: 'ContainersNotReady', message };
  }
  function gateText(): string {
    return gates
      .map((gate) => `corresponding condition of pod readiness gate "${gate}"`)
      .join(', ');
  }
}

const TRUE = { status: 'True' } as const;

const namesOf = (containers: readonly ContainerRecord[]): string =>
  containers.map(({ spec }) => spec.name).join(' ');

/** The time of the last change stays while the status does; explanations that are gone go, too. */
function withTransition(
  condition: Condition,
  recorded: readonly RecordedCondition[],
  now: string,
): Readonly<Record<string, unknown>> {
  const before = recorded.find(({ type }) => type === condition.type);
  const isSame = before?.status === condition.status && before.lastTransitionTime !== '';
  return {
    lastProbeTime: null,
    lastTransitionTime: isSame ? before.lastTransitionTime : now,
    reason: null,
    message: null,
    ...condition,
  };
}

function containerStatus(record: ContainerRecord): Readonly<Record<string, unknown>> {
  const { spec, state, lastState, restartCount, isReady, isStarted, containerId } = record;
  return {
    name: spec.name,
    image: spec.image,
    imageID: containerId === undefined ? '' : `lab://${spec.image}`,
    ...(containerId !== undefined && { containerID: containerId }),
    state: stateFields(state, containerId),
    lastState: lastState ? stateFields(lastState, containerId) : {},
    ready: isReady,
    started: isStarted,
    restartCount,
  };
}

function stateFields(state: ContainerState, containerId: string | undefined) {
  switch (state.kind) {
    case 'waiting': {
      const { reason, message } = state;
      return { waiting: { reason, ...(message !== undefined && { message }) } };
    }
    case 'running':
      return { running: { startedAt: timestamp(state.startedAtMs) } };
    default: {
      const { exitCode, reason, message, startedAtMs, finishedAtMs } = state;
      return {
        terminated: {
          exitCode,
          reason,
          ...(message !== undefined && { message }),
          startedAt: timestamp(startedAtMs),
          finishedAt: timestamp(finishedAtMs),
          ...(containerId !== undefined && { containerID: containerId }),
        },
      };
    }
  }
}
