import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { silentLogger } from '#base/log.ts';
import { OperatorError } from '#base/operator-error.ts';
import { parseAgentConfig } from '../config.ts';
import { captureSets } from './addresses.ts';
import { Capture, type CaptureOptions } from './capture.ts';
import type { Nft } from './nft.ts';

/** A kernel that remembers the scripts it was given, and lists them. */
class FakeNft implements Nft {
  scripts: string[] = [];
  refusal: OperatorError | undefined;

  async apply(script: string): Promise<void> {
    const { refusal } = this;
    this.refusal = undefined;
    if (refusal) throw refusal;
    if (script.includes('delete table')) this.scripts = [];
    this.scripts.push(script);
  }

  async list(): Promise<string | undefined> {
    if (this.scripts.length === 0) return undefined;
    return JSON.stringify({ nftables: this.scripts.map((text) => ({ rule: { text } })) });
  }
}

const sets = (...ranges: string[]) =>
  captureSets({ mesh: { ranges, addresses: [] }, ranges: [], controlPlane: [] });

async function optionsOf(t: TestContext, env: Record<string, string> = {}) {
  const dir = await mkdtemp(join(tmpdir(), 'isthmus-capture-'));
  t.after(() => rm(dir, { recursive: true }));
  const nft = new FakeNft();
  const options: CaptureOptions = {
    config: configOf(env),
    ownPorts: [],
    nft,
    stateFile: join(dir, 'capture.json'),
    log: silentLogger,
  };
  return { nft, options };
}

const configOf = (env: Record<string, string>) =>
  parseAgentConfig({
    argv: [],
    env,
    hostname: 'vm',
    readFile: () => undefined,
    parseYaml: () => undefined,
  }).capture;

test('the rules of an earlier agent stay untouched when they are the right ones', async (t) => {
  const { nft, options } = await optionsOf(t);
  await Capture.start(options, sets('10.0.0.0/8'));
  const [before] = nft.scripts;
  await Capture.start(options, sets('10.0.0.0/8'));
  assert.deepEqual(nft.scripts, [before]);
});

test('they are replaced when the plan is another one, or somebody has changed them', async (t) => {
  const { nft, options } = await optionsOf(t);
  await Capture.start(options, sets('10.0.0.0/8'));
  await Capture.start({ ...options, config: configOf({ ISTIO_INBOUND_PORTS: '1' }) }, sets());
  assert.match(nft.scripts.join(), /tcp dport 1 redirect/);
  nft.scripts.push('add rule of somebody else');
  const capture = await Capture.start(options, sets());
  assert.doesNotMatch(nft.scripts.join(), /somebody else/);
  assert.equal(await capture.isInPlace(), true);
});

test('an update changes elements only, and is what counts as in place afterwards', async (t) => {
  const { nft, options } = await optionsOf(t);
  const capture = await Capture.start(options, sets('10.0.0.0/8'));
  await capture.update(sets('10.0.0.0/7'));
  assert.match(nft.scripts.at(-1) ?? '', /^delete element .*\nadd element .*\n$/);
  assert.equal(await capture.isInPlace(), true);
  const count = nft.scripts.length;
  await capture.update(sets('10.0.0.0/7'));
  assert.equal(nft.scripts.length, count, 'nothing to change');
  nft.scripts.pop();
  assert.equal(await capture.isInPlace(), false);
});

test('an update that the kernel refuses becomes the whole plan', async (t) => {
  const { nft, options } = await optionsOf(t);
  const capture = await Capture.start(options, sets('10.0.0.0/8'));
  nft.refusal = new OperatorError('CAPTURE_FAILED', 'no such element', { remedy: '' });
  await capture.update(sets('10.0.0.0/7'));
  assert.match(nft.scripts.join(), /^add table[\s\S]*elements = \{ 10.0.0.0\/7 \}/);
  assert.equal(await capture.isInPlace(), true);
});
