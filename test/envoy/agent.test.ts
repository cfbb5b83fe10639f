// The agent with a real Envoy: what must never cut a session, and what must heal.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { anyPack } from '@bufbuild/protobuf/wkt';
import { WorkloadFactsSchema } from '#gen/isthmus/v1/agent_pb.js';
import { Bench, canConnect, CLIENT_ID, eventually, portOf, SPIFFE_ID } from './agent-bench.ts';

/** Far beyond what any of these takes; what waits for ever has failed. */
const LIMIT = { timeout: 60_000 };
const LISTENER_TYPE = 'type.googleapis.com/envoy.config.listener.v3.Listener';

test('a joining workload becomes ready, and its sockets and files are its own', LIMIT, async () => {
  await using bench = await Bench.start();
  const agent = bench.startAgent();
  await agent.until(/agent: ready/);
  assert.deepEqual(await bench.ready(), { status: 200, body: 'ready\n' });
  const modeOf = async (path: string): Promise<number> =>
    (await stat(join(bench.dir, 'var/lib/istio', path))).mode & 0o777;
  assert.equal(await modeOf('proxy'), 0o700);
  assert.equal(await modeOf('data'), 0o700);
  assert.equal(await modeOf('proxy/XDS'), 0o600);
  assert.equal(await modeOf('proxy/agent.sock'), 0o600);
  const session = await bench.connect();
  await session.echo();
  await session.close();
  const log = await eventually(
    () => bench.readFile('var/log/istio/istio.log'),
    (text) => text !== '',
  );
  assert.match(log, /"127.0.0.1:\d+"/, 'the access log goes to istio.log');
  const second = bench.startAgent();
  assert.equal(await second.end(), 1);
  assert.match(second.output, /error ADDRESS_IN_USE: an agent runs here already \(pid \d+\)/);
});

test('a rotated certificate reaches Envoy, and the open session lives', LIMIT, async () => {
  await using bench = await Bench.start({ lifetimeMs: 8_000 });
  const agent = bench.startAgent();
  await agent.until(/agent: ready/);
  const session = await bench.connect();
  const renewed = await bench.mesh.until((seen) => seen.kind === 'issued', 1);
  assert(renewed.kind === 'issued');
  assert.equal(renewed.by, 'certificate');
  const next = await eventually(
    () => bench.connect(),
    ({ serial }) => serial === renewed.serial,
  );
  assert.notEqual(session.serial, next.serial);
  await session.echo();
  await next.echo();
  await session.close();
});

test(
  'the control plane restarts: Envoy says what it holds, and no session notices',
  LIMIT,
  async () => {
    await using bench = await Bench.start();
    const agent = bench.startAgent();
    await agent.until(/agent: ready/);
    const session = await bench.connect();
    let before = 0;
    await bench.restartControlPlane(async () => {
      before = bench.mesh.seen.length;
      await agent.until(/configuration stream lost/);
      await session.echo();
      await (await bench.connect()).echo(); // known destinations keep working
    });
    const again = await bench.mesh.until(
      (seen) => seen.kind === 'subscribed' && seen.type === LISTENER_TYPE,
      before,
    );
    assert(again.kind === 'subscribed');
    assert.deepEqual(Object.keys(again.initialVersions), ['virtualInbound']);
    assert.equal(again.spiffeId, SPIFFE_ID);
    await agent.until(/configuration stream works again/);
    await session.echo();
  },
);

test('an agent that is killed leaves Envoy; the next one takes it over', LIMIT, async () => {
  await using bench = await Bench.start({ lifetimeMs: 16_000 });
  const first = bench.startAgent();
  await first.until(/agent: ready/);
  const session = await bench.connect();
  const pid = await bench.envoyPid();

  await first.end('SIGKILL');
  await session.echo();
  await (await bench.connect()).echo();

  const second = bench.startAgent();
  await second.until(/running Envoy adopted/);
  await second.until(/agent: ready/);
  assert.equal((await bench.status()).envoy.pid, pid);
  assert.equal(await bench.envoyPid(), pid);
  await session.echo();

  const renewed = await bench.mesh.until((seen) => seen.kind === 'issued', 1);
  assert(renewed.kind === 'issued');
  await eventually(
    () => bench.connect(),
    ({ serial }) => serial === renewed.serial,
  );
  await session.echo();

  assert.equal(await second.end('SIGTERM'), 0, 'a stop in good order leaves Envoy too');
  await session.echo();
});

test('an Envoy that is killed is started again, and again', LIMIT, async () => {
  await using bench = await Bench.start();
  const agent = bench.startAgent();
  await agent.until(/agent: ready/);
  for (const restarts of [1, 2]) {
    const pid = await bench.envoyPid();
    process.kill(pid, 'SIGKILL');
    const status = await eventually(
      () => bench.status(),
      ({ envoy, unready }) => envoy.restarts === restarts && unready.length === 0,
    );
    assert.notEqual(status.envoy.pid, pid);
    await (await bench.connect()).echo();
  }
  assert.match(agent.output, /Envoy has ended, connections are refused until it is back/);
});

test('the adopted Envoy that dies is noticed without being a child', LIMIT, async () => {
  await using bench = await Bench.start();
  const first = bench.startAgent();
  await first.until(/agent: ready/);
  await first.end('SIGKILL');
  const second = bench.startAgent();
  await second.until(/running Envoy adopted/);
  process.kill(await bench.envoyPid(), 'SIGKILL');
  await second.until(/Envoy started/);
  await eventually(
    () => bench.ready(),
    ({ status }) => status === 200,
  );
  await (await bench.connect()).echo();
});

test('leave lets sessions end, then ends Envoy and the agent', LIMIT, async () => {
  await using bench = await Bench.start();
  const agent = bench.startAgent();
  await agent.until(/agent: ready/);
  const session = await bench.connect();
  await session.echo();
  const leave = bench.runLeave();
  await leave.until(/draining: 1 connections open, at most 20 s/);
  assert.equal(await canConnect('127.0.0.1', bench.ports.inbound), false, 'nothing new comes in');
  assert.equal((await bench.ready()).status, 503);
  await session.echo();
  await session.close();
  assert.equal(await leave.end(), 0);
  assert.match(leave.output, /this workload has left the mesh/);
  assert.equal(await agent.end(), 0);
  assert.equal(await canConnect('127.0.0.1', bench.ports.admin), false);
});

test('leave works without an agent, and when there is nothing to leave', LIMIT, async () => {
  await using bench = await Bench.start();
  const agent = bench.startAgent();
  await agent.until(/agent: ready/);
  await agent.end('SIGKILL');
  assert.equal(await canConnect('127.0.0.1', bench.ports.admin), true);
  assert.equal(await bench.runLeave().end(), 0);
  assert.equal(await canConnect('127.0.0.1', bench.ports.admin), false);
  assert.equal(await bench.runLeave().end(), 0);
});

test('an Envoy of another identity is replaced, after its sessions', LIMIT, async () => {
  await using bench = await Bench.start();
  const first = bench.startAgent();
  await first.until(/agent: ready/);
  const session = await bench.connect();
  const pid = await bench.envoyPid();
  await first.end('SIGTERM');
  const second = bench.startAgent({ SERVICE_ACCOUNT: 'other' });
  await second.until(/Envoy is replaced, as it is not for this identity; sessions drain/);
  await session.echo();
  await session.close();
  await second.until(/agent: ready/);
  assert.notEqual(await bench.envoyPid(), pid);
  await (await bench.connect()).echo();
});

test(
  'a leave that was interrupted does not leave a deaf Envoy to the next agent',
  LIMIT,
  async () => {
    await using bench = await Bench.start();
    const first = bench.startAgent();
    await first.until(/agent: ready/);
    const session = await bench.connect();
    const leave = bench.runLeave();
    await leave.until(/draining: 1 connections/);
    await first.end('SIGKILL');
    assert.equal(await leave.end(), 1);
    assert.match(leave.output, /leaving did not work: the agent ended meanwhile/);
    await session.close();
    const second = bench.startAgent();
    await second.until(/Envoy is replaced/);
    await second.until(/agent: ready/);
    await (await bench.connect()).echo();
  },
);

test('what Envoy complains of at its first start is what the operator reads', LIMIT, async () => {
  await using bench = await Bench.start();
  const taken = createServer().listen(bench.ports.admin, '127.0.0.1');
  await once(taken, 'listening');
  const agent = bench.startAgent();
  assert.equal(await agent.end(), 1);
  assert.match(agent.output, /error ENVOY_FAILED: Envoy ended at once: .*Address already in use/);
  const port = portOf(taken);
  assert.match(agent.output, new RegExp(`127.0.0.1:${port}`));
  taken.close();
});

test('every byte of a connection is counted once, under the names of its ends', LIMIT, async () => {
  await using bench = await Bench.start();
  bench.mesh.others.set(anyPackedFacts('').typeUrl, anyPackedFacts);
  const agent = bench.startAgent();
  await agent.until(/agent: ready/);
  const session = await bench.connect();
  await session.echo();
  const counted = async (name: string): Promise<readonly string[]> => {
    const lines = (await bench.metrics()).split('\n');
    return lines.filter((line) => line.startsWith(`istio_tcp_${name}_total`));
  };
  await eventually(
    () => counted('received_bytes'),
    ([line = '']) => Number(line.split(' ').at(-1)) > 0,
  );
  assert.equal((await bench.status()).connections, 1);
  for (let round = 0; round < 9; round += 1) await session.echo();
  await session.close();
  await eventually(
    () => bench.status(),
    ({ connections }) => connections === 0,
  );
  const bytes = 'line 1\n'.length * 9 + 'line 10\n'.length;
  for (const [name, value] of [
    ['received_bytes', bytes],
    ['sent_bytes', bytes],
    ['connections_opened', 1],
    ['connections_closed', 1],
  ] as const) {
    const lines = await counted(name);
    assert.equal(lines.length, 1, lines.join('\n'));
    assert.match(lines[0] ?? '', new RegExp(` ${value}$`));
    assert.match(lines[0] ?? '', /reporter="destination".*connection_security_policy="mutual_tls"/);
    assert(lines[0]?.includes(`source_principal="${CLIENT_ID}"`), lines[0]);
    assert.match(lines[0] ?? '', /source_workload="cert\|cluster.local\|.*"/);
  }
  assert.match(await bench.metrics(), /^istio_agent_cert_expiry_seconds \d+/m);
  assert.match(await bench.metrics(), /^envoy_server_live\{\} 1$/m);
});

/** Whoever is asked for is called what it is asked by. */
const anyPackedFacts = (name: string) =>
  anyPack(WorkloadFactsSchema, create(WorkloadFactsSchema, { known: true, workload: name }));
