import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../../test/fakes/clock.ts';
import { silentLogger } from '#base/log.ts';
import { createEventRecorder, type EventNote } from './event-recorder.ts';
import { FakeKubeClient, refusal } from './fake-kube-client.ts';
import { EVENT, POD } from './resources.ts';

const pod = { metadata: { namespace: 'shop', name: 'web-1', uid: 'u1', resourceVersion: '7' } };
const note: EventNote = { type: 'Warning', reason: 'FailedScheduling', message: 'no node' };

function start() {
  const client = new FakeKubeClient();
  const patches: unknown[] = [];
  const clock = new FakeClock(Date.parse('2026-11-22T12:00:00Z'));
  let draws = 0;
  const recorder = createEventRecorder({
    client: {
      create: client.create,
      patch: (type, ref, patch, options) => {
        patches.push(patch);
        return client.patch(type, ref, patch, options);
      },
    },
    component: 'default-scheduler',
    clock,
    random: () => (draws += 1) / 1000,
    log: silentLogger,
  });
  return {
    client,
    patches,
    clock,
    record: (one = note) => recorder.record({ type: POD, object: pod }, one),
  };
}

test('an Event says what happened to which object', async () => {
  const { client, record } = start();
  await record();
  const [event] = client.kind(EVENT).objects.values();
  assert.equal(event?.metadata.namespace, 'shop');
  assert.match(event.metadata.name, /^web-1\.[0-9a-f]+$/);
  const { involvedObject, reason, message, type, count, lastTimestamp, source } = event;
  assert.deepEqual(
    { involvedObject, reason, message, type, count, lastTimestamp, source },
    {
      involvedObject: {
        apiVersion: 'v1',
        kind: 'Pod',
        name: 'web-1',
        namespace: 'shop',
        uid: 'u1',
        resourceVersion: '7',
      },
      ...note,
      count: 1,
      lastTimestamp: '2026-11-22T12:00:00Z',
      source: { component: 'default-scheduler' },
    },
  );
});

test('the same thing said again counts up; another thing is another Event', async () => {
  const { client, patches, clock, record } = start();
  await record();
  clock.advance(60_000);
  await record();
  await record({ ...note, message: 'still no node' });
  assert.deepEqual(patches, [{ count: 2, lastTimestamp: '2026-11-22T12:01:00Z' }]);
  assert.equal(client.kind(EVENT).objects.size, 2);
});

test('an Event that has expired is said anew', async () => {
  const { client, record } = start();
  await record();
  for (const { metadata } of client.kind(EVENT).objects.values())
    client.kind(EVENT).remove(metadata);
  await record();
  assert.equal(client.kind(EVENT).objects.size, 1);
});

test('a refused Event stops nothing', async () => {
  const { client, record } = start();
  client.beforeWrite = (_verb, type, ref) => {
    throw refusal(403, 'Forbidden', type, ref, 'is forbidden');
  };
  await record();
  assert.equal(client.kind(EVENT).objects.size, 0);
});
