import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { systemClock } from '#base/clock.ts';
import { FakeClock } from '../../../test/fakes/clock.ts';
import { probeCapture, PROBE_ANSWER } from './probe.ts';

async function answering(onConnection: (socket: Socket) => void) {
  const server = createServer(onConnection).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  return {
    target: { host: '127.0.0.1', port },
    async [Symbol.asyncDispose]() {
      server.close();
      await once(server, 'close');
    },
  };
}

const never = new AbortController().signal;

test('the proxy answers its word: captured', async () => {
  await using server = await answering((socket) => socket.end(PROBE_ANSWER));
  const outcome = await probeCapture(server.target, { clock: systemClock, signal: never });
  assert.deepEqual(outcome, { kind: 'captured' });
});

test('somebody else answers, or nobody: not captured, with the reason', async () => {
  await using ssh = await answering((socket) => {
    socket.on('error', () => undefined);
    socket.write('SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3');
  });
  const foreign = await probeCapture(ssh.target, { clock: systemClock, signal: never });
  assert.match(String(foreign.kind === 'not-captured' && foreign.reason), /it answered "SSH-2.0/);
  const closed = { host: '127.0.0.1', port: 1 };
  const refused = await probeCapture(closed, { clock: systemClock, signal: never });
  assert.match(String(refused.kind === 'not-captured' && refused.reason), /ECONNREFUSED/);
});

test('silence counts as not captured after two seconds', async () => {
  const clock = new FakeClock();
  const sockets: Socket[] = [];
  await using server = await answering((socket) => sockets.push(socket));
  const outcome = probeCapture(server.target, { clock, signal: never });
  await clock.untilSleeping(2_000);
  clock.advance(2_000);
  assert.match(JSON.stringify(await outcome), /took longer than 2000 ms/);
  for (const socket of sockets) socket.destroy();
});
