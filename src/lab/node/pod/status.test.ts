import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fieldsOf, objectsAt, textAt } from '#kube/fields.ts';
import { fakePod } from './fake-pod.ts';
import type { PodView } from './spec.ts';
import {
  type ContainerRecord,
  type ContainerState,
  phaseOf,
  type PodRecord,
  podStatus,
  type TerminatedState,
} from './status.ts';

const SECOND = 1000;
const NOW = Date.UTC(2026, 10, 22, 12);

const WAITING: ContainerState = { kind: 'waiting', reason: 'ContainerCreating' };
const RUNNING: ContainerState = { kind: 'running', startedAtMs: NOW };
const ended = (exitCode: number): TerminatedState => ({
  kind: 'terminated',
  exitCode,
  reason: exitCode === 0 ? 'Completed' : 'Error',
  startedAtMs: NOW - 2 * SECOND,
  finishedAtMs: NOW,
});

type Given = {
  readonly state: ContainerState;
  readonly last?: TerminatedState;
  readonly isReady?: boolean;
};

function record(
  pod: PodView,
  given: { init?: readonly Given[]; main: readonly Given[] },
): PodRecord {
  const { initContainers, containers } = pod.spec;
  const all = (specs: typeof containers, states: readonly Given[]): ContainerRecord[] =>
    states.flatMap(({ state, last, isReady = state.kind === 'running' }, index) => {
      const spec = specs[index];
      if (!spec) return [];
      const isStarted = state.kind === 'running';
      const common = { restartCount: last ? 1 : 0, isReady, isStarted };
      return [{ spec, state, lastState: last, containerId: undefined, ...common }];
    });
  return {
    hostIp: '10.24.0.2',
    podIp: '10.24.2.7',
    startedAtMs: NOW,
    init: all(initContainers, given.init ?? []),
    main: all(containers, given.main),
    failure: undefined,
  };
}

const two = (policy: string) =>
  fakePod({ restartPolicy: policy, containers: ['a', 'b'].map((name) => ({ name, image: name })) });

const PHASES: readonly [string, string, readonly Given[], string][] = [
  ['Always', 'one not started yet', [{ state: RUNNING }, { state: WAITING }], 'Pending'],
  ['Always', 'both running', [{ state: RUNNING }, { state: RUNNING }], 'Running'],
  [
    'Always',
    'one between two runs',
    [{ state: RUNNING }, { state: WAITING, last: ended(1) }],
    'Running',
  ],
  ['Always', 'both ended', [{ state: ended(0) }, { state: ended(0) }], 'Running'],
  ['OnFailure', 'both well ended', [{ state: ended(0) }, { state: ended(0) }], 'Succeeded'],
  ['OnFailure', 'one to be restarted', [{ state: ended(0) }, { state: ended(1) }], 'Running'],
  ['Never', 'one still running', [{ state: RUNNING }, { state: ended(1) }], 'Running'],
  ['Never', 'one failed', [{ state: ended(0) }, { state: ended(1) }], 'Failed'],
];

for (const [policy, says, main, expected] of PHASES) {
  test(`phase with policy ${policy}: ${says}`, () => {
    const pod = two(policy);
    assert.equal(phaseOf(pod, record(pod, { main })), expected);
  });
}

const INIT_PHASES: readonly [string, string, ContainerState, ContainerState, string][] = [
  ['Always', 'still running', RUNNING, WAITING, 'Pending'],
  ['Always', 'to be tried again', ended(1), WAITING, 'Pending'],
  ['Never', 'failed', ended(1), WAITING, 'Failed'],
  ['Always', 'done', ended(0), RUNNING, 'Running'],
];

for (const [policy, says, init, main, expected] of INIT_PHASES) {
  test(`phase while an init container with policy ${policy} is ${says}`, () => {
    const initContainers = [{ name: 'first', image: 'a' }];
    const pod = fakePod({ restartPolicy: policy, initContainers });
    const states = { init: [{ state: init }], main: [{ state: main }] };
    assert.equal(phaseOf(pod, record(pod, states)), expected);
  });
}

test('a sidecar among the init containers is done once it has started', () => {
  const initContainers = [{ name: 'proxy', image: 'a', restartPolicy: 'Always' }];
  const pod = fakePod({ initContainers });
  const states = { init: [{ state: RUNNING }], main: [{ state: RUNNING }] };
  assert.equal(phaseOf(pod, record(pod, states)), 'Running');
  assert.equal(conditionsOf(pod, record(pod, states))['Initialized'], 'True');
});

function conditionsOf(pod: PodView, of: PodRecord): Readonly<Record<string, string>> {
  const conditions = objectsAt(podStatus(pod, of, NOW), 'conditions');
  return Object.fromEntries(
    conditions.map((it) => {
      const why = [textAt(it, 'reason'), textAt(it, 'message')].filter(Boolean).join(': ');
      return [textAt(it, 'type'), `${textAt(it, 'status')} ${why}`.trim()];
    }),
  );
}

test('conditions say which containers are missing', () => {
  const pod = two('Always');
  const unready = record(pod, { main: [{ state: RUNNING }, { state: RUNNING, isReady: false }] });
  const why = 'False ContainersNotReady: containers with unready status: [b]';
  assert.deepEqual(conditionsOf(pod, unready), {
    PodReadyToStartContainers: 'True',
    Initialized: 'True',
    Ready: why,
    ContainersReady: why,
    PodScheduled: 'True',
  });
  const over = two('Never');
  const done = record(over, { main: [{ state: ended(0) }, { state: ended(0) }] });
  assert.equal(conditionsOf(over, done)['Ready'], 'False PodCompleted');
});

test('readiness gates are other people’s conditions', () => {
  const spec = { readinessGates: [{ conditionType: 'example.com/open' }] };
  const states = { main: [{ state: RUNNING }] };
  const closed = fakePod(spec);
  const unready = conditionsOf(closed, record(closed, states));
  assert.match(unready['Ready'] ?? '', /^False ReadinessGatesNotReady: .*"example\.com\/open"/);
  assert.equal(unready['ContainersReady'], 'True');
  const status = { conditions: [{ type: 'example.com/open', status: 'True' }] };
  const open = fakePod(spec, { status });
  assert.equal(conditionsOf(open, record(open, states))['Ready'], 'True');
});

test('a condition that stays keeps the time of its last change', () => {
  const before = { type: 'Ready', status: 'True', lastTransitionTime: '2026-11-22T11:00:00Z' };
  const pod = fakePod({}, { status: { conditions: [before] } });
  const time = (state: ContainerState): string => {
    const status = podStatus(pod, record(pod, { main: [{ state }] }), NOW);
    const ready = objectsAt(status, 'conditions').find((it) => textAt(it, 'type') === 'Ready');
    return textAt(fieldsOf(ready), 'lastTransitionTime');
  };
  assert.equal(time(RUNNING), '2026-11-22T11:00:00Z');
  assert.equal(time(ended(1)), '2026-11-22T12:00:00Z');
});

test('container statuses: what it is, and what it was before', () => {
  const pod = fakePod();
  const looping: ContainerState = { kind: 'waiting', reason: 'CrashLoopBackOff', message: 'm' };
  const status = podStatus(pod, record(pod, { main: [{ state: looping, last: ended(3) }] }), NOW);
  const [main] = objectsAt(status, 'containerStatuses');
  assert.deepEqual(main?.['state'], { waiting: { reason: 'CrashLoopBackOff', message: 'm' } });
  assert.deepEqual(main?.['lastState'], {
    terminated: {
      exitCode: 3,
      reason: 'Error',
      startedAt: '2026-11-22T11:59:58Z',
      finishedAt: '2026-11-22T12:00:00Z',
    },
  });
  assert.equal(main?.['ready'], false);
});
