import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { fakeContainer, fakePod } from './fake-pod.ts';
import { readPod } from './read.ts';

test('a Pod that is being deleted has the time it gets', () => {
  const metadata = { deletionTimestamp: '2026-11-22T12:00:00Z', deletionGracePeriodSeconds: 5 };
  assert.deepEqual(fakePod({}, { metadata }).deletion, { graceSeconds: 5 });
  assert.equal(fakePod().deletion, undefined);
});

test('what a node before this one has written', () => {
  const status = {
    phase: 'Running',
    containerStatuses: [{ name: 'main', restartCount: 4, state: { running: {} } }],
    initContainerStatuses: [{ name: 'a', state: { terminated: { exitCode: 0 } } }],
  };
  const { recorded } = fakePod({}, { status });
  assert.deepEqual(recorded.containers.get('main'), {
    restartCount: 4,
    wasRunning: true,
    isCompleted: false,
  });
  assert.equal(recorded.containers.get('a')?.isCompleted, true);
});

test('a probe with defaults, by name or number', () => {
  const { container } = fakeContainer({
    readinessProbe: { httpGet: { port: 'http' } },
    livenessProbe: { tcpSocket: { port: '5432' }, periodSeconds: 2, timeoutSeconds: 0 },
    startupProbe: { grpc: { port: 1 } },
  });
  assert.deepEqual(container.readinessProbe, {
    action: { kind: 'http', host: '', port: 'http', path: '/', scheme: 'HTTP', headers: [] },
    initialDelayMs: 0,
    periodMs: 10_000,
    timeoutMs: 1000,
    successThreshold: 1,
    failureThreshold: 3,
  });
  assert.deepEqual(container.livenessProbe?.action, { kind: 'tcp', host: '', port: 5432 });
  assert.equal(container.livenessProbe.timeoutMs, 1000);
  assert.deepEqual(container.startupProbe?.action, { kind: 'unsupported', what: 'grpc' });
});

test('a container’s user goes before its Pod’s', () => {
  const containers = [
    { name: 'a', image: 'a', securityContext: { runAsUser: 7 } },
    { name: 'b', image: 'b' },
  ];
  const { spec } = fakePod({ containers, securityContext: { runAsUser: 1, runAsGroup: 2 } });
  assert.deepEqual(
    spec.containers.map(({ user }) => user),
    [
      { uid: 7, gid: 2 },
      { uid: 1, gid: 2 },
    ],
  );
  assert.equal(fakeContainer({}).container.user, undefined);
});

test('a volume without a kind is an emptyDir; an unknown kind is named', () => {
  const { spec } = fakePod({ volumes: [{ name: 'a' }, { name: 'b', nfs: { server: 'x' } }] });
  assert.deepEqual(
    spec.volumes.map(({ source }) => source),
    [{ kind: 'empty' }, { kind: 'unsupported', what: 'nfs' }],
  );
});

test('whatever is in spec and status, it is read', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), fc.array(fc.jsonValue()), (spec, status, list) => {
      const metadata = { name: 'a' };
      readPod({ metadata, spec, status });
      const containers = { containers: list, initContainers: list, volumes: list };
      readPod({ metadata, spec: containers, status: { containerStatuses: list } });
    }),
  );
});
