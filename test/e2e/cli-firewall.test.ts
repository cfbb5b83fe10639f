// `firewall --apply` in the lab, on a router of its own: a real nftables ruleset, changed by the
// command as a user types it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runCommand } from '#base/command.ts';
import { runCli } from '#cli/run.ts';
import { enterSandbox } from '#lab/enter.ts';
import { Firewall } from '#lab/netns.ts';
import { WORLD } from '#lab/topology.ts';

await enterSandbox();

async function typed(line: string): Promise<string> {
  const printed: string[] = [];
  const { signal } = new AbortController();
  const print = (text: string): void => void printed.push(text);
  assert.equal(await runCli(line.split(' '), { env: process.env, signal, print }), 0);
  return printed.join('\n');
}

async function rules(): Promise<string[]> {
  const words = [
    `--net=/run/netns/${WORLD}`,
    'nft',
    'list',
    'chain',
    'inet',
    'firewall',
    'forward',
  ];
  const { stdout } = await runCommand('nsenter', words);
  return stdout.split('\n').filter((line) => line.includes('dport'));
}

test('a rule is in force once, however often it is asked for', async () => {
  const { status, stderr } = await runCommand('ip', ['netns', 'add', WORLD]);
  assert.deepEqual([status, stderr], [0, '']);
  await new Firewall().apply();
  assert.deepEqual(await rules(), []);
  const words = 'firewall --cloud lab --from 10.24.0.0/16 --to 10.128.0.14 --port 5432 --apply';
  assert.match(await typed(words), /^in force: 10\.24\.0\.0\/16 reaches 10\.128\.0\.14:5432$/m);
  await typed(words);
  assert.deepEqual(
    (await rules()).map((line) => line.trim()),
    [
      'ip saddr 10.24.0.0/16 ip daddr 10.128.0.14 tcp dport 5432 accept ' +
        'comment "isthmus-10-24-0-0-16-to-10-128-0-14-5432"',
    ],
  );
});
