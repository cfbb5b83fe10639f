// Policy on a live port, by extension config discovery, and listeners that Envoy refuses: against
// the real Envoy, through the real server.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { CLUSTER_TYPE, EXTENSION_TYPE, LISTENER_TYPE } from '#xds/type-urls.ts';
import { eventually } from './envoy-process.ts';
import { guardedListener, rbacAllowing, staticCluster } from './on-demand-resources.ts';
import { dial, HeldConnection, startEcho, World } from './on-demand-world.ts';

const RBAC = 'rbac-5432';
const FRIEND = '127.0.0.1';
const STRANGER = '127.0.0.2';
/** As the kernel chooses; it stays the same while the listener is updated in place. */
const ANY_PORT = 0;

const listener = (options: { readonly address?: string } = {}) =>
  guardedListener({ name: 'inbound', port: ANY_PORT, rbac: RBAC, cluster: 'database', ...options });

async function startGuarded(t: TestContext): Promise<{ world: World; port: number }> {
  const echo = await startEcho(t, 'db');
  const world = await World.start(t);
  const { controlPlane } = world;
  controlPlane.put(CLUSTER_TYPE, staticCluster('database', [echo]), { isMember: true });
  controlPlane.put(EXTENSION_TYPE, rbacAllowing(RBAC, FRIEND));
  controlPlane.put(LISTENER_TYPE, listener(), { isMember: true });
  await eventually('the listener is there', async () =>
    (await world.envoy.admin('/listeners')).includes('inbound::'),
  );
  return { world, port: await world.envoy.listenerPort('inbound') };
}

/** What a new connection from this address gets. */
const dialFrom = async (port: number, from: string): Promise<string> =>
  (await dial({ host: '127.0.0.1', port, from })).said;

test('a policy that changes governs new connections at once and cuts no session', async (t) => {
  const { world, port } = await startGuarded(t);
  const { controlPlane } = world;
  const held = await HeldConnection.open('127.0.0.1', port);
  assert.equal(await dialFrom(port, FRIEND), 'db to 127.0.0.1');
  assert.equal(await dialFrom(port, STRANGER), 'closed');
  controlPlane.put(EXTENSION_TYPE, rbacAllowing(RBAC, STRANGER));
  await eventually('taken', () => controlPlane.isTaken(EXTENSION_TYPE, RBAC));
  assert.equal(await dialFrom(port, FRIEND), 'closed');
  assert.equal(await dialFrom(port, STRANGER), 'db to 127.0.0.1');
  assert.equal(await held.say('still'), 'db to 127.0.0.1', 'a session that is now forbidden lives');
  held.close();
});

test('a policy that goes away fails closed, and the sessions live', async (t) => {
  const { world, port } = await startGuarded(t);
  const { controlPlane } = world;
  const held = await HeldConnection.open('127.0.0.1', port);
  controlPlane.remove(EXTENSION_TYPE, RBAC);
  await eventually('it is in force', async () => (await dialFrom(port, FRIEND)) === 'closed');
  assert.equal(await held.say('still'), 'db to 127.0.0.1');
  controlPlane.put(EXTENSION_TYPE, rbacAllowing(RBAC, FRIEND));
  await eventually('taken', () => controlPlane.isTaken(EXTENSION_TYPE, RBAC));
  assert.equal(await dialFrom(port, FRIEND), 'db to 127.0.0.1', 'back by push');
  held.close();
});

test('a listener that Envoy refuses: the old one serves, the reason is known, no loop', async (t) => {
  const { world, port } = await startGuarded(t);
  const { controlPlane } = world;
  const held = await HeldConnection.open('127.0.0.1', port);
  controlPlane.put(LISTENER_TYPE, listener({ address: 'not-an-ip' }), { isMember: true });
  const [rejection] = await eventually('it is refused', () => {
    const types = controlPlane.xds.status().flatMap(({ types }) => types);
    const found = types.flatMap(({ rejections }) => rejections);
    return found.length > 0 && found;
  });
  assert.equal(rejection?.name, 'inbound');
  assert.match(rejection?.message ?? '', /malformed IP address: not-an-ip/);
  assert.equal(await dialFrom(port, FRIEND), 'db to 127.0.0.1');
  // other changes still arrive, and the refused listener does not come with them
  controlPlane.put(EXTENSION_TYPE, rbacAllowing(RBAC, STRANGER));
  await eventually('taken', () => controlPlane.isTaken(EXTENSION_TYPE, RBAC));
  assert.equal(controlPlane.xds.counters.rejections, 1);
  assert.equal(await world.envoy.stat('listener_manager.lds.update_rejected'), 1);
  controlPlane.put(LISTENER_TYPE, listener(), { isMember: true });
  await eventually('taken', () => controlPlane.isTaken(LISTENER_TYPE, 'inbound'));
  assert.equal(await held.say('still'), 'db to 127.0.0.1', 'sessions have lived through it');
  held.close();
});

test('a good listener is served although it came together with a bad one', async (t) => {
  const { world } = await startGuarded(t);
  const { controlPlane } = world;
  const other = (name: string, address: string) =>
    guardedListener({ name, address, port: ANY_PORT, rbac: RBAC, cluster: 'database' });
  controlPlane.catalog.put(LISTENER_TYPE, other('bad', 'nonsense'), { isMember: true });
  controlPlane.catalog.put(LISTENER_TYPE, other('good', '127.0.0.1'), { isMember: true });
  controlPlane.catalog.settle();
  await eventually('the good one is taken', () => controlPlane.isTaken(LISTENER_TYPE, 'good'));
  const goodPort = await eventually('it listens', () =>
    world.envoy.listenerPort('good').catch(() => undefined),
  );
  assert.equal(await dialFrom(goodPort, FRIEND), 'db to 127.0.0.1');
  const bad = controlPlane.xds.resourcesOf('the only proxy').find(({ name }) => name === 'bad');
  assert.match(bad?.rejection ?? '', /malformed IP address: nonsense/);
});
