// Configuration on demand against the real Envoy. Each test is a row of the hard cases that the
// design rests on: what Envoy does is asserted as well as what the server makes of it, so that a
// new Envoy that behaves otherwise is noticed here.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CLUSTER_TYPE, ENDPOINTS_TYPE } from '#xds/type-urls.ts';
import { eventually } from './envoy-process.ts';
import {
  assignment,
  edsCluster,
  ON_DEMAND_TIMEOUT_SECONDS,
  staticCluster,
  tombstone,
} from './on-demand-resources.ts';
import { startEcho, World } from './on-demand-world.ts';

const DESTINATION = '127.1.0.1';
const OTHER = '127.1.0.2';
/** An answer that did not wait for the on-demand timeout. */
const AT_ONCE_MS = ON_DEMAND_TIMEOUT_SECONDS * 1000 * 0.7;
const TIMEOUT_MS_MIN = ON_DEMAND_TIMEOUT_SECONDS * 1000 * 0.9;

test('the first connection to a destination asks for its cluster; later ones pay nothing', async (t) => {
  const echo = await startEcho(t, 'a');
  const world = await World.start(t);
  const name = world.nameOf(DESTINATION);
  world.controlPlane.put(CLUSTER_TYPE, staticCluster(name, [echo]));
  assert.equal((await world.dial(DESTINATION)).said, 'a to 127.0.0.1');
  assert.equal((await world.dial(DESTINATION)).said, 'a to 127.0.0.1');
  assert.equal(world.controlPlane.asked(name), 1);
  // the cluster is held by the name that was asked, and counted by the service's
  const statName = `outbound|5432||${name}`.replaceAll(':', '_');
  assert.equal(await world.envoy.stat(`cluster.${statName}.upstream_cx_total`), 2);
});

test('an unknown destination is a tombstone: closed at once each time, healed by push', async (t) => {
  const echo = await startEcho(t, 'a');
  const world = await World.start(t);
  for (let i = 0; i < 3; i++) {
    const { said, afterMs } = await world.dial(DESTINATION);
    assert.equal(said, 'closed');
    assert(afterMs < AT_ONCE_MS, `closed after ${afterMs} ms`);
  }
  const name = world.nameOf(DESTINATION);
  world.controlPlane.put(CLUSTER_TYPE, staticCluster(name, [echo]));
  await eventually('taken', () => world.controlPlane.isTaken(CLUSTER_TYPE, name));
  assert.equal((await world.dial(DESTINATION)).said, 'a to 127.0.0.1');
  assert.equal(world.controlPlane.asked(name), 1);
});

test('a destination that goes away becomes a tombstone, and works again when it is back', async (t) => {
  const echo = await startEcho(t, 'a');
  const world = await World.start(t);
  const name = world.nameOf(DESTINATION);
  const cluster = staticCluster(name, [echo]);
  world.controlPlane.put(CLUSTER_TYPE, cluster);
  const held = await world.hold(DESTINATION);
  world.controlPlane.remove(CLUSTER_TYPE, name);
  const gone = await eventually('the tombstone is in force', async () => {
    const outcome = await world.dial(DESTINATION);
    return outcome.said === 'closed' && outcome;
  });
  assert(gone.afterMs < AT_ONCE_MS, `closed after ${gone.afterMs} ms`);
  assert.equal(await held.say('still'), 'a to 127.0.0.1', 'an open session lives on');
  held.close();
  world.controlPlane.put(CLUSTER_TYPE, cluster);
  await eventually('taken', () => world.controlPlane.isTaken(CLUSTER_TYPE, name));
  assert.equal((await world.dial(DESTINATION)).said, 'a to 127.0.0.1');
});

test('why tombstones: after "removed" Envoy never asks again, and makes connections wait', async (t) => {
  const echo = await startEcho(t, 'a');
  const world = await World.start(t, { hasTombstones: false });
  const name = world.nameOf(DESTINATION);
  const first = await world.dial(DESTINATION);
  assert.equal(first.said, 'closed');
  assert(first.afterMs < AT_ONCE_MS);
  const second = await world.dial(DESTINATION);
  assert.equal(second.said, 'closed');
  assert(second.afterMs > TIMEOUT_MS_MIN, `closed after ${second.afterMs} ms`);
  assert.equal(world.controlPlane.asked(name), 1);
  world.controlPlane.put(CLUSTER_TYPE, staticCluster(name, [echo]));
  await eventually('taken', () => world.controlPlane.isTaken(CLUSTER_TYPE, name));
  assert.equal((await world.dial(DESTINATION)).said, 'a to 127.0.0.1', 'added by push, it works');
  world.controlPlane.remove(CLUSTER_TYPE, name);
  const last = await eventually('the removal is in force', async () => {
    const outcome = await world.dial(DESTINATION);
    return outcome.said === 'closed' && outcome;
  });
  assert(last.afterMs > TIMEOUT_MS_MIN, `an on-demand cluster removed: ${last.afterMs} ms`);
});

test('two hundred new destinations at once', async (t) => {
  const echo = await startEcho(t, 'a');
  const world = await World.start(t);
  const addresses = Array.from({ length: 200 }, (_, index) => `127.2.0.${index + 1}`);
  for (const address of addresses) {
    const name = world.nameOf(address);
    world.controlPlane.catalog.put(CLUSTER_TYPE, staticCluster(name, [echo]));
  }
  world.controlPlane.catalog.settle();
  const outcomes = await Promise.all(addresses.map((address) => world.dial(address)));
  const failed = outcomes.filter(({ said }) => said !== 'a to 127.0.0.1');
  assert.deepEqual(failed, []);
  assert.equal(world.controlPlane.catalog.heldCount, 200 + 2, 'and the two wildcards');
});

test('a scan: over quota every address is still answered at once, and held by nobody', async (t) => {
  const echo = await startEcho(t, 'a');
  const world = await World.start(t, { limits: { unknownNamesMax: 10 } });
  const scanned = Array.from({ length: 100 }, (_, index) => `127.3.0.${index + 1}`);
  const outcomes = await Promise.all(scanned.map((address) => world.dial(address)));
  assert(outcomes.every(({ said }) => said === 'closed'));
  const again = await Promise.all(scanned.map((address) => world.dial(address)));
  const slowest = Math.max(...again.map(({ afterMs }) => afterMs));
  assert(slowest < AT_ONCE_MS, `the slowest was closed after ${slowest} ms`);
  const [status] = world.controlPlane.xds.status();
  assert.deepEqual(status?.counts, { names: 10, unknown: 10, refusals: 90 });
  const name = world.nameOf(DESTINATION);
  world.controlPlane.put(CLUSTER_TYPE, staticCluster(name, [echo]));
  assert.equal((await world.dial(DESTINATION)).said, 'a to 127.0.0.1', 'real ones are unharmed');
  // Envoy never lets go of a name: it brings them all back, and no more is held than before
  await world.stopControlPlane();
  await world.startControlPlane(({ catalog }) => {
    catalog.put(CLUSTER_TYPE, staticCluster(name, [echo]));
  });
  await eventually('asked again', () => world.controlPlane.asked(name) === 1);
  const asked = scanned.filter((address) => world.controlPlane.asked(world.nameOf(address)) === 1);
  assert.equal(asked.length, scanned.length);
  const { counts } = world.controlPlane.xds.status()[0] ?? {};
  assert.deepEqual(counts, { names: 11, unknown: 10, refusals: 90 });
  assert.equal((await world.dial(DESTINATION)).said, 'a to 127.0.0.1');
});

test('a control plane that is gone, or back but not synced, breaks no known destination', async (t) => {
  const echo = await startEcho(t, 'a');
  const other = await startEcho(t, 'b');
  const world = await World.start(t);
  const name = world.nameOf(DESTINATION);
  const changed = world.nameOf(OTHER);
  world.controlPlane.put(CLUSTER_TYPE, staticCluster(name, [echo]));
  world.controlPlane.put(CLUSTER_TYPE, staticCluster(changed, [echo]));
  const held = await world.hold(DESTINATION);
  assert.equal((await world.dial(OTHER)).said, 'a to 127.0.0.1');
  await world.stopControlPlane();
  assert.equal((await world.dial(DESTINATION)).said, 'a to 127.0.0.1', 'while it is gone');
  // it comes back empty; were it to answer now, it would take everything away
  await world.startControlPlane((controlPlane) => (controlPlane.isReady = false));
  const { xds, catalog } = world.controlPlane;
  await eventually('Envoy has come, and was refused', () => xds.counters.refusedStreams > 0);
  assert.equal((await world.dial(DESTINATION)).said, 'a to 127.0.0.1', 'while it is not synced');
  catalog.put(CLUSTER_TYPE, staticCluster(name, [echo]));
  catalog.put(CLUSTER_TYPE, staticCluster(changed, [other]));
  catalog.settle();
  world.controlPlane.isReady = true;
  await eventually('taken', () => world.controlPlane.isTaken(CLUSTER_TYPE, changed));
  assert.equal((await world.dial(DESTINATION)).said, 'a to 127.0.0.1', 'when it is synced');
  assert.equal((await world.dial(OTHER)).said, 'b to 127.0.0.1', 'what changed meanwhile has');
  assert.equal(await held.say('still'), 'a to 127.0.0.1', 'an open session has lived through it');
  held.close();
});

test('after a reconnect Envoy says what it has, and only what differs is sent', async (t) => {
  const echo = await startEcho(t, 'a');
  const world = await World.start(t);
  const names = [DESTINATION, OTHER].map((address) => world.nameOf(address));
  const [same = '', gone = ''] = names;
  for (const name of names) world.controlPlane.put(CLUSTER_TYPE, staticCluster(name, [echo]));
  await Promise.all([world.dial(DESTINATION), world.dial(OTHER)]);
  await world.stopControlPlane();
  await world.startControlPlane(({ catalog }) => {
    catalog.put(CLUSTER_TYPE, staticCluster(same, [echo]));
  });
  const first = await eventually('asked again', () =>
    world.controlPlane.requests.find(({ typeUrl }) => typeUrl === CLUSTER_TYPE),
  );
  assert.deepEqual([...first.subscribe].toSorted(), ['*', ...names].toSorted());
  assert.equal(first.initialVersions.get(same), staticCluster(same, [echo]).version);
  await eventually('the tombstone is in force', async () => {
    const { said } = await world.dial(OTHER);
    return said === 'closed';
  });
  const sent = world.controlPlane.xds.resourcesOf('the only proxy');
  const versions = new Map(sent.map(({ name, version }) => [name, version]));
  assert.equal(versions.get(gone), tombstone(gone).version);
  // one for the tombstone and nothing for the other, one empty for the listeners' wildcard
  assert.equal(world.controlPlane.xds.counters.responses, 2);
  assert.equal((await world.dial(DESTINATION)).said, 'a to 127.0.0.1');
});

test('a changed EDS cluster is in force once it is acknowledged, on the next connection', async (t) => {
  const echo = await startEcho(t, 'a');
  const world = await World.start(t);
  const name = world.nameOf(DESTINATION);
  world.controlPlane.put(CLUSTER_TYPE, edsCluster(name, 'endpoints', { from: '127.0.0.8' }));
  world.controlPlane.put(ENDPOINTS_TYPE, assignment('endpoints', [echo]));
  const held = await world.hold(DESTINATION);
  assert.equal((await world.dial(DESTINATION)).said, 'a to 127.0.0.8');
  world.controlPlane.put(CLUSTER_TYPE, edsCluster(name, 'endpoints', { from: '127.0.0.9' }));
  await eventually(
    'the cluster and its endpoints are taken',
    () =>
      world.controlPlane.isTaken(CLUSTER_TYPE, name) &&
      world.controlPlane.isTaken(ENDPOINTS_TYPE, 'endpoints'),
  );
  // without the assignment sent again, the old settings would stay in force for 15 s
  assert.equal((await world.dial(DESTINATION)).said, 'a to 127.0.0.9');
  assert.equal(await held.say('still'), 'a to 127.0.0.8', 'an open session lives on as it was');
  held.close();
  assert.equal(await world.envoy.stat('cluster_manager.warming_clusters'), 0);
});

test('a changed EDS cluster is in force at once also when it changed while we were away', async (t) => {
  const echo = await startEcho(t, 'a');
  const world = await World.start(t);
  const name = world.nameOf(DESTINATION);
  const fill = (from: string) => (controlPlane: World['controlPlane']) => {
    controlPlane.put(CLUSTER_TYPE, edsCluster(name, 'endpoints', { from }));
    controlPlane.put(ENDPOINTS_TYPE, assignment('endpoints', [echo]));
  };
  fill('127.0.0.8')(world.controlPlane);
  assert.equal((await world.dial(DESTINATION)).said, 'a to 127.0.0.8');
  await world.stopControlPlane();
  await world.startControlPlane(fill('127.0.0.9'));
  await eventually(
    'taken',
    () =>
      world.controlPlane.isTaken(CLUSTER_TYPE, name) &&
      world.controlPlane.isTaken(ENDPOINTS_TYPE, 'endpoints'),
  );
  assert.equal((await world.dial(DESTINATION)).said, 'a to 127.0.0.9');
});

test('endpoints added and removed reach new connections; open ones live', async (t) => {
  const [a, b] = [await startEcho(t, 'a'), await startEcho(t, 'b')];
  const world = await World.start(t);
  const name = world.nameOf(DESTINATION);
  world.controlPlane.put(CLUSTER_TYPE, edsCluster(name, 'endpoints'));
  world.controlPlane.put(ENDPOINTS_TYPE, assignment('endpoints', [a]));
  const held = await world.hold(DESTINATION);
  world.controlPlane.put(ENDPOINTS_TYPE, assignment('endpoints', [b]));
  await eventually('taken', () => world.controlPlane.isTaken(ENDPOINTS_TYPE, 'endpoints'));
  assert.equal((await world.dial(DESTINATION)).said, 'b to 127.0.0.1');
  assert.equal(await held.say('still'), 'a to 127.0.0.1');
  held.close();
  assert.equal(
    world.controlPlane.requests.filter(({ rejection }) => rejection !== undefined).length,
    0,
  );
});
