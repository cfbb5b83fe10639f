import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { OperatorError } from '#base/operator-error.ts';
import { askToLeave, assertNoOtherAgent, createControlHandler, type Leave } from './control.ts';
import { listenHttp } from './http-server.ts';

async function socketPath(t: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'isthmus-control-'));
  t.after(() => rm(dir, { recursive: true }));
  return join(dir, 'agent.sock');
}

const serve = (path: string, leave: Leave) => listenHttp({ path }, createControlHandler(leave));

test('whoever asks to leave hears what happens, line by line', async (t) => {
  const path = await socketPath(t);
  await using _server = await serve(path, async (report) => {
    report('draining');
    report('gone');
  });
  const lines: string[] = [];
  assert.equal(await askToLeave(path, (line) => lines.push(line)), true);
  assert.deepEqual(lines, ['draining', 'gone']);
});

test('a leave that fails is a failure for whoever asked', async (t) => {
  const path = await socketPath(t);
  await using _server = await serve(path, async () => {
    throw new OperatorError('CAPTURE_FAILED', 'nft refused', { remedy: 'be root' });
  });
  await assert.rejects(
    askToLeave(path, () => undefined),
    /leaving did not work: nft refused; be root/,
  );
});

test('nobody there is no error: an absent socket, or one that a crash left behind', async (t) => {
  const path = await socketPath(t);
  assert.equal(await askToLeave(path, () => undefined), false);
  await assertNoOtherAgent(path);
  await writeFile(path, '');
  assert.equal(await askToLeave(path, () => undefined), false);
  await using _server = await serve(path, async () => undefined);
  await assert.rejects(assertNoOtherAgent(path), /an agent runs here already \(pid \d+\)/);
});
