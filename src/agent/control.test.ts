import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
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

const serve = (path: string, leave: Leave, onDone: () => void = () => undefined) =>
  listenHttp({ path }, createControlHandler(leave, onDone));

test('whoever asks to leave hears what happens, line by line', async (t) => {
  const path = await socketPath(t);
  const leave: Leave = async (report) => {
    report('draining');
    report('gone');
  };
  const done = Promise.withResolvers<void>();
  await using _server = await serve(path, leave, done.resolve);
  const lines: string[] = [];
  assert.equal(await askToLeave(path, (line) => lines.push(line)), true);
  await done.promise;
  assert.deepEqual(lines, ['draining', 'gone']);
});

test('a leave goes on when whoever asked has gone away', async (t) => {
  const path = await socketPath(t);
  const gone = Promise.withResolvers<void>();
  const done = Promise.withResolvers<void>();
  const leave: Leave = (report) => {
    report('draining');
    return gone.promise;
  };
  await using _server = await serve(path, leave, done.resolve);
  const socket = connect(path);
  socket.write('POST /leave HTTP/1.1\r\nHost: agent\r\nContent-Length: 0\r\n\r\n');
  await once(socket, 'data'); // the answer has begun
  const closed = once(socket, 'close');
  socket.destroy();
  await closed;
  // the server hears of it a few turns of the event loop later
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  gone.resolve();
  await done.promise;
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
