// A machine that restarts while the control plane is away: real agent, real Envoy.
import assert from 'node:assert/strict';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { Bench, type AgentProcess, eventually } from './agent-bench.ts';

/** Far beyond what any of these takes; what waits for ever has failed. */
const LIMIT = { timeout: 60_000 };
const LISTENER_TYPE = 'type.googleapis.com/envoy.config.listener.v3.Listener';

/** An agent and its Envoy that have everything, on disk too; then both are gone. */
async function crash(bench: Bench, agent: AgentProcess): Promise<void> {
  await agent.end('SIGTERM'); // writes what there is; Envoy goes on
  process.kill(await bench.envoyPid(), 'SIGKILL');
}

test('it serves with what it last accepted, and then follows again', LIMIT, async () => {
  await using bench = await Bench.start();
  const first = bench.startAgent();
  await first.until(/agent: ready/);
  await (await bench.connect()).echo();
  const seen = bench.mesh.seen.length;
  let second: AgentProcess | undefined;
  await bench.restartControlPlane(async () => {
    await crash(bench, first);
    second = bench.startAgent();
    await second.until(/the control plane is away: Envoy starts with what it last accepted/);
    await second.until(/agent: ready/);
    await (await bench.connect()).echo();
    assert.deepEqual((await bench.status()).xds.offlineStreams, 1);
  });
  const session = await bench.connect();
  const again = await bench.mesh.until(
    (event) => event.kind === 'subscribed' && event.type === LISTENER_TYPE,
    seen,
  );
  assert(again.kind === 'subscribed');
  assert.deepEqual(Object.keys(again.initialVersions), ['virtualInbound'], 'it says what it holds');
  await eventually(
    () => bench.status(),
    ({ xds }) => xds.offlineStreams === 0 && xds.openStreams === 1,
  );
  await session.echo();
});

test('what was changed on disk is not believed', LIMIT, async () => {
  await using bench = await Bench.start();
  const first = bench.startAgent();
  await first.until(/agent: ready/);
  await bench.restartControlPlane(async () => {
    await crash(bench, first);
    const file = await open(join(bench.dir, 'var/lib/istio/data/xds.sealed'), 'r+');
    await file.write(Buffer.from([0]), 0, 1, 40);
    await file.close();
    const second = bench.startAgent();
    await second.until(/the kept configuration is not ours, and not used/);
    await second.until(/configuration stream lost/);
    assert.equal((await bench.status()).xds.offlineStreams, 0);
  });
  await eventually(
    () => bench.ready(),
    ({ status }) => status === 200,
  );
  await (await bench.connect()).echo();
});
