import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { silentLogger } from '#base/log.ts';
import { MeshAddressesSchema } from '#gen/isthmus/v1/agent_pb.js';
import { FakeControlPlane, type FakeMesh } from '../../test/envoy/agent-control-plane.ts';
import { OwnStreamBench } from '../../test/envoy/agent-own-stream.ts';
import {
  loadMeshAddresses,
  MeshAddressesFollower,
  type VersionedMeshAddresses,
} from './mesh-addresses.ts';

/** Far beyond what any of these takes; what waits for ever has failed. */
const LIMIT = { timeout: 20_000 };
const addresses = (...ranges: string[]) =>
  create(MeshAddressesSchema, { ranges, addresses: ['203.0.113.9'] });

/** What follows the control plane, and what has come of it. */
class Follower implements AsyncDisposable {
  readonly received: VersionedMeshAddresses[] = [];
  readonly #bench: OwnStreamBench;
  readonly #changed = new EventTarget();

  private constructor(bench: OwnStreamBench) {
    this.#bench = bench;
  }

  static async make(): Promise<Follower> {
    return new Follower(await OwnStreamBench.make());
  }

  get mesh(): FakeMesh {
    return this.#bench.mesh;
  }

  get stateFile(): string {
    return this.#bench.file('mesh-addresses.json');
  }

  async start(port: number): Promise<void> {
    const options = { stateFile: this.stateFile, log: silentLogger };
    const known = await loadMeshAddresses(this.stateFile);
    const type = new MeshAddressesFollower(options, known, (value) => {
      this.received.push(value);
      this.#changed.dispatchEvent(new Event('change'));
    });
    this.#bench.start(port, [type]);
  }

  async until(count: number): Promise<VersionedMeshAddresses> {
    for (;;) {
      const value = this.received[count - 1];
      if (value) return value;
      await new Promise((resolve) => {
        this.#changed.addEventListener('change', resolve, { once: true });
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#bench[Symbol.asyncDispose]();
  }
}

const { typeName } = MeshAddressesSchema;
const isType = (type: string): boolean => type.endsWith(typeName);

test(
  'each value arrives, is acknowledged, and survives a restart of the control plane',
  LIMIT,
  async () => {
    await using follower = await Follower.make();
    const first = await FakeControlPlane.start(follower.mesh);
    first.set('mesh', MeshAddressesSchema, addresses('10.0.0.0/8'));
    await follower.start(first.port);
    assert.deepEqual((await follower.until(1)).ranges, ['10.0.0.0/8']);
    first.set('mesh', MeshAddressesSchema, addresses('10.0.0.0/8', '240.240.0.0/16'));
    const second = await follower.until(2);
    assert.deepEqual(second.ranges, ['10.0.0.0/8', '240.240.0.0/16']);
    await follower.mesh.until((seen) => seen.kind === 'acknowledged' && isType(seen.type));

    const before = follower.mesh.seen.length;
    await first[Symbol.asyncDispose]();
    await using _back = await FakeControlPlane.start(follower.mesh, first.port);
    const again = await follower.mesh.until((seen) => seen.kind === 'subscribed', before);
    assert(again.kind === 'subscribed');
    assert.deepEqual(again.initialVersions, { mesh: second.version });
    assert.equal(follower.received.length, 2, 'what it holds is not sent again');
  },
);

test('a value that nft could not load is rejected, and the former stays', LIMIT, async () => {
  await using follower = await Follower.make();
  await using controlPlane = await FakeControlPlane.start(follower.mesh);
  controlPlane.set('mesh', MeshAddressesSchema, addresses('10.0.0.0/8'));
  await follower.start(controlPlane.port);
  await follower.until(1);
  controlPlane.set('mesh', MeshAddressesSchema, addresses('10.0.0.0/99'));
  const rejected = await follower.mesh.until((seen) => seen.kind === 'rejected');
  assert.match(JSON.stringify(rejected), /10.0.0.0\/99.* is not a range/);
  controlPlane.set('mesh', MeshAddressesSchema, addresses('10.0.0.0/9'));
  assert.deepEqual((await follower.until(2)).ranges, ['10.0.0.0/9']);
});

test('the last value is on disk; a file that makes no sense is none', LIMIT, async () => {
  await using follower = await Follower.make();
  await using controlPlane = await FakeControlPlane.start(follower.mesh);
  controlPlane.set('mesh', MeshAddressesSchema, addresses('10.0.0.0/8'));
  await follower.start(controlPlane.port);
  const value = await follower.until(1);
  for (let text = ''; !text;) text = await readFile(follower.stateFile, 'utf8').catch(() => '');
  assert.deepEqual(await loadMeshAddresses(follower.stateFile), value);
  const broken = ['', '{}', '{"version":"1","ranges":["x"],"addresses":[]}', '{"version":1}'];
  for (const text of broken) {
    await writeFile(follower.stateFile, text);
    assert.equal(await loadMeshAddresses(follower.stateFile), undefined, text);
  }
});
