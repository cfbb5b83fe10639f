// Capture in a real kernel, with a real Envoy behind it.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { create } from '@bufbuild/protobuf';
import { array, assert as assertProperty, asyncProperty, constantFrom, record } from 'fast-check';
import { ClusterSchema } from '#gen/envoy/config/cluster/v3/cluster_pb.js';
import {
  AdditionalAddressSchema,
  ListenerSchema,
} from '#gen/envoy/config/listener/v3/listener_pb.js';
import { MeshAddressesSchema } from '#gen/isthmus/v1/agent_pb.js';
import { captureSets } from '../../src/agent/capture/addresses.ts';
import { listingFingerprint } from '../../src/agent/capture/listing.ts';
import { removeCapture, systemNft } from '../../src/agent/capture/nft.ts';
import { planCapture, planSetUpdate } from '../../src/agent/capture/plan.ts';
import { parseAgentConfig } from '../../src/agent/config.ts';
import { Bench, eventually, Session, type AgentProcess } from './agent-bench.ts';
import { isInside, Neighbour, run, runInside } from './agent-namespace.ts';
import { capturedInboundListener, outboundListener, staticCluster } from './agent-resources.ts';

const OWN = '10.128.0.14';
const NEIGHBOUR = '10.128.0.1';
const OWN6 = 'fd00:128::14';
const ECHO_PORT = 9000;
const ECHO = `require('net').createServer((s) => s.on('error', () => 0).pipe(s)).listen(${ECHO_PORT})`;
const CAPTURE = { ISTIO_INBOUND_INTERCEPTION_MODE: 'REDIRECT', ISTIO_INBOUND_PORTS: '5432' };

if (isInside) insideTests();
else {
  test('capture, in namespaces of its own', { timeout: 120_000 }, async () => {
    const { status, output } = await runInside(import.meta.url);
    assert.equal(status, 0, output);
    assert.match(output, /^ℹ pass [1-9]|^# pass [1-9]/m, output);
  });
}

function insideTests(): void {
  test('nft takes every golden plan', async () => {
    const dir = fileURLToPath(new URL('../../src/agent/capture/testdata', import.meta.url));
    const plans = readdirSync(dir).filter((name) => name.endsWith('.nft'));
    assert(plans.length > 0);
    for (const plan of plans) await run('nft', '-c', '-f', `${dir}/${plan}`);
  });

  test('any sequence of updates leaves what one whole plan would', updatesEqualPlan);
  test('a workload is captured, and stays so whatever happens to its agent', captureLives);
  test('a workload with IPv6 is captured in both families', capturesBothFamilies);
}

async function updatesEqualPlan(): Promise<void> {
  const input = { argv: [], env: {}, hostname: 'vm', readFile: () => undefined };
  const config = parseAgentConfig({ ...input, parseYaml: () => undefined }).capture;
  const prefix = constantFrom(
    '10.0.0.0/8',
    '10.0.0.0/16',
    '10.1.0.0/16',
    '10.2.0.0/15',
    '0.0.0.0/0',
  );
  const single = constantFrom('10.0.0.1', '192.0.2.1', '192.0.2.2', '2001:db8::1', '240.240.0.1');
  const v6 = constantFrom('2001:db8::/32', '2001:db8::/64', '2001:db9::/32');
  const mesh = record({
    ranges: array(prefix, { maxLength: 3 }).chain((some) =>
      array(v6, { maxLength: 2 }).map((more) => [...some, ...more]),
    ),
    addresses: array(single, { maxLength: 4 }),
  });
  const fingerprint = async (): Promise<string> => {
    const listing = await systemNft.list();
    return (listing !== undefined && listingFingerprint(listing)) || 'no listing';
  };
  const history = array(mesh, { minLength: 2, maxLength: 6 });
  const holds = asyncProperty(history, async (meshes) => {
    const all = meshes.map((one) => captureSets({ mesh: one, ranges: [], controlPlane: [] }));
    const planOf = (sets: (typeof all)[number]) => planCapture({ config, sets, ownPorts: [] });
    let [before] = all;
    assert(before);
    await systemNft.apply(planOf(before));
    for (const sets of all.slice(1)) {
      const update = planSetUpdate(before, sets);
      if (update !== undefined) await systemNft.apply(update);
      before = sets;
    }
    const updated = await fingerprint();
    await systemNft.apply(planOf(before));
    assert.equal(updated, await fingerprint());
  });
  await assertProperty(holds, { numRuns: 40 });
  await removeCapture(systemNft);
  assert.equal(await systemNft.list(), undefined);
}

const handles = async (): Promise<string> =>
  (await run('nft', '-a', 'list', 'chain', 'inet', 'isthmus', 'output')) +
  (await run('nft', '-a', 'list', 'chain', 'inet', 'isthmus', 'prerouting'));

function setMesh(bench: Bench, ...ranges: string[]): void {
  const message = create(MeshAddressesSchema, { ranges, addresses: [] });
  bench.controlPlane.set('mesh', MeshAddressesSchema, message);
}

/** A session to an address that only capture makes reachable; undefined when it is not. */
async function dial(host: string, port = 5432): Promise<Session | undefined> {
  const socket = connect({ host, port });
  const isOpen = await Promise.race([
    once(socket, 'connect').then(
      () => true,
      () => false,
    ),
    new Promise<boolean>((resolve) => setTimeout(resolve, 300, false)),
  ]);
  if (isOpen) return new Session(socket);
  socket.destroy();
  return undefined;
}

async function mustDial(host: string): Promise<Session> {
  const session = await dial(host);
  assert(session, `${host} was not captured`);
  await session.echo();
  return session;
}

async function captureLives(): Promise<void> {
  await using neighbour = await Neighbour.plugIn(OWN, NEIGHBOUR);
  neighbour.start(process.execPath, '-e', ECHO);
  await using bench = await Bench.start();
  // the echo server's address is in the mesh: without its mark, Envoy would capture itself
  const echo = staticCluster('echo', NEIGHBOUR, ECHO_PORT);
  bench.controlPlane.set('echo', ClusterSchema, echo);
  const local = staticCluster('local', '127.0.0.1', bench.echoPort);
  bench.controlPlane.set('local', ClusterSchema, local);
  const outbound = outboundListener(15001, 'echo');
  bench.controlPlane.set('virtualOutbound', ListenerSchema, outbound);
  const inbound = capturedInboundListener(15006, 'local');
  bench.controlPlane.set('virtualInbound', ListenerSchema, inbound);
  setMesh(bench, '10.96.0.0/16', '10.128.0.0/24');

  const agent = bench.startAgent(CAPTURE);
  await agent.until(/capture verified/);
  await agent.until(/agent: ready/);
  const session = await mustDial('10.96.0.5');

  // inbound: the declared port and no other
  const viaProxy = await neighbour.run('sh', '-c', askFor(5432));
  assert.equal(viaProxy, 'through the proxy\n');
  await assert.rejects(neighbour.run('sh', '-c', askFor(5433)));

  // the mesh grows: new addresses are captured, no rule is touched, no session is cut
  const before = await handles();
  const { pid } = (await bench.status()).envoy;
  assert.equal(await dial('10.97.0.5'), undefined, 'not inside the mesh yet');
  setMesh(bench, '10.96.0.0/16', '10.97.0.0/16', '10.128.0.0/24');
  const late = await eventually(
    () => dial('10.97.0.5'),
    (found) => found !== undefined,
  );
  await late?.echo();
  await session.echo();
  assert.equal(await handles(), before);
  assert.equal((await bench.status()).envoy.pid, pid);

  await outlivesItsAgent(bench, agent, session);
}

async function outlivesItsAgent(
  bench: Bench,
  agent: AgentProcess,
  session: Session,
): Promise<void> {
  const before = await handles();
  await agent.end('SIGKILL');
  assert.equal(await handles(), before);
  await session.echo();
  await mustDial('10.96.0.6');

  const second = bench.startAgent(CAPTURE);
  await second.until(/capture rules adopted/);
  await second.until(/agent: ready/);
  assert.equal(await handles(), before, 'not one rule is replaced');
  await session.echo();

  // another program flushes all rules: they are put back at the next look, sessions live
  await run('nft', 'flush', 'ruleset');
  setMesh(bench, '10.96.0.0/16', '10.98.0.0/16', '10.128.0.0/24');
  await second.until(/capture rules were changed by another program|putting all in place/);
  await eventually(
    () => dial('10.98.0.5'),
    (found) => found !== undefined,
  );
  await session.echo();

  // without an agent to start it again, a dead Envoy means refusal, not plaintext
  await second.end('SIGKILL');
  process.kill(await bench.envoyPid(), 'SIGKILL');
  const refused = await eventually(
    () => errorOf('10.96.0.5'),
    (code) => code !== undefined,
  );
  assert.equal(refused, 'ECONNREFUSED');

  const third = await rebootsAlone(bench);
  await (await mustDial('10.96.0.5')).close();
  const leave = bench.runLeave(CAPTURE);
  assert.equal(await leave.end(), 0, leave.output);
  assert.match(leave.output, /capture removed/);
  assert.equal(await systemNft.list(), undefined);
  assert.equal(await third.end(), 0);
}

/**
 * After a reboot the rules are gone; with the control plane away, and nothing kept for Envoy to
 * start with, refusal must come first, and stay.
 */
async function rebootsAlone(bench: Bench): Promise<AgentProcess> {
  await run('nft', 'flush', 'ruleset');
  await rm(join(bench.dir, 'var/lib/istio/data/xds.sealed'), { force: true });
  let agent: AgentProcess | undefined;
  await bench.restartControlPlane(async () => {
    agent = bench.startAgent(CAPTURE);
    await agent.until(/capture rules put in place/);
    assert.equal(await errorOf('10.96.0.5'), 'ECONNREFUSED');
    assert.equal(await errorOf('10.98.0.5'), 'ECONNREFUSED', 'the addresses are remembered');
    assert.equal((await bench.ready()).status, 503);
  });
  assert(agent);
  await agent.until(/agent: ready/);
  return agent;
}

async function errorOf(host: string): Promise<string | undefined> {
  const socket = connect({ host, port: 5432 });
  try {
    await once(socket, 'connect');
    return undefined;
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
  } finally {
    socket.destroy();
  }
}

/** A shell script for another machine: sends a line to this one's port and prints the answer. */
const askFor = (port: number): string =>
  `exec timeout 3 bash -c 'exec 3<>/dev/tcp/${OWN}/${port}; echo through the proxy >&3; head -1 <&3'`;

async function capturesBothFamilies(): Promise<void> {
  await using _neighbour = await Neighbour.plugIn(OWN, NEIGHBOUR);
  await run('ip', 'address', 'add', `${OWN6}/64`, 'dev', 'near', 'nodad');
  await run('ip', 'route', 'add', 'fd00:96::/32', 'dev', 'near');
  await using bench = await Bench.start();
  const echo = staticCluster('echo', '127.0.0.1', bench.echoPort);
  bench.controlPlane.set('echo', ClusterSchema, echo);
  const listeners = [
    ['virtualOutbound', outboundListener(15001, 'echo')],
    ['virtualInbound', capturedInboundListener(15006, 'echo')],
  ] as const;
  for (const [name, listener] of listeners) {
    const address = structuredClone(listener.address);
    assert(address?.address.case === 'socketAddress');
    address.address.value.address = '::';
    listener.additionalAddresses.push(create(AdditionalAddressSchema, { address }));
    bench.controlPlane.set(name, ListenerSchema, listener);
  }
  setMesh(bench, '10.96.0.0/16', 'fd00:96::/32');
  const agent = bench.startAgent(CAPTURE);
  await agent.until(/capture verified/);
  for (const host of ['10.96.0.5', 'fd00:96::5']) await (await mustDial(host)).close();
}
