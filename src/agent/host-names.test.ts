// Names asked of a control plane that comes and goes.
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { anyPack } from '@bufbuild/protobuf/wkt';
import { systemClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import type { NameRecord } from '#dns/zone.ts';
import { HostAddressesSchema } from '#gen/isthmus/v1/agent_pb.js';
import { FakeControlPlane } from '../../test/envoy/agent-control-plane.ts';
import { OwnStreamBench } from '../../test/envoy/agent-own-stream.ts';
import { HostNames, loadHostNames } from './host-names.ts';

/** Far beyond what any of these takes; what waits for ever has failed. */
const LIMIT = { timeout: 20_000 };
const DB = 'db.default.svc.cluster.local';
const never = new AbortController().signal;

const host = (...addresses: string[]) =>
  create(HostAddressesSchema, { known: true, addresses, ttlSeconds: 30 });
const at = (...ipv4: string[]): NameRecord => ({
  kind: 'addresses',
  ipv4,
  ipv6: [],
  ttlSeconds: 30,
});

/** The names of an agent, and a control plane that knows no other than it is told. */
class Names implements AsyncDisposable {
  readonly bench: OwnStreamBench;
  readonly names: HostNames;

  private constructor(bench: OwnStreamBench, names: HostNames) {
    this.bench = bench;
    this.names = names;
  }

  static async make(): Promise<Names> {
    const bench = await OwnStreamBench.make();
    bench.mesh.others.set(`type.googleapis.com/${HostAddressesSchema.typeName}`, () =>
      anyPack(HostAddressesSchema, create(HostAddressesSchema)),
    );
    const stateFile = bench.file('names.json');
    const names: HostNames = new HostNames(
      {
        stateFile,
        change: (change) => bench.stream?.change(names.typeUrl, change),
        clock: systemClock,
        log: silentLogger,
      },
      await loadHostNames(stateFile),
    );
    return new Names(bench, names);
  }

  async start(port: number): Promise<void> {
    this.bench.start(port, [this.names], [(signal) => this.names.run(signal)]);
    await this.connected();
  }

  /** Until new names can be asked for. */
  async connected(): Promise<void> {
    while (!this.names.isConnected) await systemClock.sleep(5);
  }

  learn(name: string): Promise<NameRecord> {
    return this.names.table.learn(name, never);
  }

  /** Until a held name says this. */
  async until(name: string, record: NameRecord): Promise<void> {
    const wanted = JSON.stringify(record);
    while (JSON.stringify(this.names.table.held(name)) !== wanted) await systemClock.sleep(5);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.bench[Symbol.asyncDispose]();
  }
}

test('a name is learned when it is asked for, and kept fresh', LIMIT, async () => {
  await using agent = await Names.make();
  await using controlPlane = await FakeControlPlane.start(agent.bench.mesh);
  controlPlane.set(DB, HostAddressesSchema, host('10.96.0.5'));
  await agent.start(controlPlane.port);
  assert.deepEqual(await agent.learn(DB), at('10.96.0.5'));
  assert.deepEqual(await agent.learn('nowhere.example'), { kind: 'absent' });
  controlPlane.set(DB, HostAddressesSchema, host('10.96.0.6'));
  await agent.until(DB, at('10.96.0.6'));
  controlPlane.set('nowhere.example', HostAddressesSchema, host('240.240.0.9'));
  await agent.until('nowhere.example', at('240.240.0.9'));
});

test(
  'what is held is answered while the control plane is away, and asked anew',
  LIMIT,
  async () => {
    await using agent = await Names.make();
    const first = await FakeControlPlane.start(agent.bench.mesh);
    first.set(DB, HostAddressesSchema, host('10.96.0.5'));
    await agent.start(first.port);
    await agent.learn(DB);
    await first[Symbol.asyncDispose]();
    while (agent.names.isConnected) await systemClock.sleep(5);
    assert.deepEqual(await agent.learn(DB), at('10.96.0.5'));
    assert.deepEqual(await agent.learn('other.example'), { kind: 'unreachable' }, 'at once');

    const before = agent.bench.mesh.seen.length;
    await using back = await FakeControlPlane.start(agent.bench.mesh, first.port);
    const seen = await agent.bench.mesh.until(({ kind }) => kind === 'subscribed', before);
    assert(seen.kind === 'subscribed');
    assert.deepEqual(Object.keys(seen.initialVersions), [DB], 'which is not sent again');
    await agent.connected();
    back.set(DB, HostAddressesSchema, host('10.96.0.7'));
    await agent.until(DB, at('10.96.0.7'));
  },
);

test('an address that is none is rejected, and the former stays', LIMIT, async () => {
  await using agent = await Names.make();
  await using controlPlane = await FakeControlPlane.start(agent.bench.mesh);
  controlPlane.set(DB, HostAddressesSchema, host('10.96.0.5'));
  await agent.start(controlPlane.port);
  await agent.learn(DB);
  controlPlane.set(DB, HostAddressesSchema, host('10.96.0.500'));
  const rejected = await agent.bench.mesh.until(({ kind }) => kind === 'rejected');
  assert.match(JSON.stringify(rejected), /10\.96\.0\.500.* is not an address/);
  assert.deepEqual(agent.names.table.held(DB), at('10.96.0.5'));
});

test('names of the mesh are on disk, others are not', LIMIT, async () => {
  await using agent = await Names.make();
  await using controlPlane = await FakeControlPlane.start(agent.bench.mesh);
  controlPlane.set(DB, HostAddressesSchema, host('10.96.0.5', 'fd00::5'));
  await agent.start(controlPlane.port);
  await agent.learn('nowhere.example');
  await agent.learn(DB);
  const stateFile = agent.bench.file('names.json');
  for (let text = ''; !text.includes(DB);) {
    await systemClock.sleep(20);
    text = await readFile(stateFile, 'utf8').catch(() => '');
  }
  const kept = await loadHostNames(stateFile);
  assert.deepEqual(
    [...kept].map(([name, { record }]) => [name, record]),
    [[DB, { kind: 'addresses', ipv4: ['10.96.0.5'], ipv6: ['fd00::5'], ttlSeconds: 30 }]],
  );
  for (const text of ['', '[]', '{"a":1}', '{"a":["v",30,"x"]}', '{"a":["v","30","10.0.0.1"]}']) {
    await writeFile(stateFile, text);
    assert.equal((await loadHostNames(stateFile)).size, 0, text);
  }
});
