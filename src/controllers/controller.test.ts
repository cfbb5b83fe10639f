import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../../test/fakes/clock.ts';
import { silentLogger } from '#base/log.ts';
import type { KubeClient } from '#kube/client.ts';
import { refusal } from '#kube/fake-kube-client.ts';
import type { KubeObject } from '#kube/objects.ts';
import { EVENT, POD, REPLICA_SET } from '#kube/resources.ts';
import { createWorker } from './controller.ts';
import { FakeCluster } from './fake-cluster.ts';
import { template } from './fake-workloads.ts';
import { ObjectCache } from './object-cache.ts';
import { Caches } from './reader.ts';
import { REPLICA_SET_CONTROLLER } from './replicaset/controller.ts';

const watch: KubeClient['watch'] = () => assert.fail('the test feeds the caches');

const replicaSet = (name: string): KubeObject => ({
  metadata: { name, namespace: 'shop' },
  spec: {
    replicas: 1,
    selector: { matchLabels: { app: name } },
    template: { ...template('web:1'), metadata: { labels: { app: name } } },
  },
});

/** The controller at work on caches that know only what the test tells them. */
function start(cluster: FakeCluster) {
  const clock = new FakeClock(cluster.nowMs);
  const caches = new Caches([REPLICA_SET, POD]);
  const { get, list, create, update, patch, bind, remove } = cluster;
  const client = { get, list, create, update, patch, bind, remove, watch };
  const parts = { client, clock, random: () => 0.5, log: silentLogger };
  const worker = createWorker(REPLICA_SET_CONTROLLER, caches, parts);
  const stop = new AbortController();
  const running = worker.run(stop.signal);
  return {
    clock,
    /** Puts a ReplicaSet, and lets the cache hear of it. */
    tell: (name: string) =>
      caches.of(REPLICA_SET).apply('MODIFIED', cluster.put(REPLICA_SET, replicaSet(name))),
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
    },
  };
}

/** Resolves when a Pod of the ReplicaSet is about to be created. */
function untilCreated(cluster: FakeCluster, name: string): Promise<void> {
  const before = cluster.beforeWrite;
  const { promise, resolve } = Promise.withResolvers<void>();
  cluster.beforeWrite = (verb, type, object) => {
    before(verb, type, object);
    if (verb === 'create' && object.metadata.name.startsWith(`${name}-`)) resolve();
  };
  return promise;
}

test('what the caches do not show yet is not made twice', async () => {
  const cluster = new FakeCluster();
  await using it = start(cluster);
  it.tell('web');
  await untilCreated(cluster, 'web');
  // The Pod is there, but its cache has not heard of it. One key is worked after the other.
  it.tell('web');
  it.tell('next');
  await untilCreated(cluster, 'next');
  const creations = cluster.writes.filter((write) => write.startsWith('create Pod web-'));
  assert.equal(creations.length, 1);
});

test('a refused write is tried again with backoff; one that came too late, soon', async () => {
  const cluster = new FakeCluster();
  const reasons = ['Forbidden', 'Conflict'];
  cluster.beforeWrite = (verb, type, object) => {
    if (type === EVENT || verb !== 'create') return;
    const reason = reasons.shift();
    if (reason === 'Forbidden') throw refusal(403, reason, type, object.metadata, 'is forbidden');
    if (reason === 'Conflict') throw refusal(409, reason, type, object.metadata, 'has changed');
  };
  await using it = start(cluster);
  it.tell('web');
  await it.clock.untilSleeping(37.5);
  it.clock.advance(37.5);
  await it.clock.untilSleeping(50);
  const created = untilCreated(cluster, 'web');
  it.clock.advance(50);
  await created;
});

test('a namespace that is being deleted is left in peace', async () => {
  const cluster = new FakeCluster();
  cluster.beforeWrite = (verb, type, object) => {
    if (verb !== 'create' || !object.metadata.name.startsWith('web-')) return;
    const why =
      'is forbidden: unable to create new content in namespace shop because it is being terminated';
    throw refusal(403, 'Forbidden', type, object.metadata, why);
  };
  await using it = start(cluster);
  it.tell('web');
  it.tell('next');
  await untilCreated(cluster, 'next');
  assert.deepEqual(it.clock.pendingMs(), [], 'nothing waits to be tried again');
  assert.deepEqual(cluster.events, []);
});

test('a cache tells what came, changed and went, once', () => {
  const cache = new ObjectCache();
  const told: string[] = [];
  const versionOf = (object: KubeObject | undefined) => object?.metadata.resourceVersion ?? '-';
  cache.onChange(({ before, after }) => told.push(`${versionOf(before)}>${versionOf(after)}`));
  const object = (name: string, resourceVersion: string): KubeObject => ({
    metadata: { namespace: 'shop', name, resourceVersion },
  });
  cache.replace([object('a', '1'), object('b', '2')]);
  cache.apply('MODIFIED', object('a', '3'));
  cache.apply('DELETED', object('b', '4'));
  cache.replace([object('a', '3'), object('c', '5')]);
  cache.replace([]);
  assert.deepEqual(told, ['->1', '->2', '1>3', '2>-', '->5', '3>-', '5>-']);
  assert.deepEqual(cache.list(), []);
});
