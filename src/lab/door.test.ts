import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { openDoor, Passage, portOf } from './door.ts';

async function listen(onConnection: (socket: Socket) => void): Promise<Server> {
  const server = createServer(onConnection);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

async function close(server: Server): Promise<void> {
  server.close();
  await once(server, 'close');
}

const dial = (door: Server): Socket => connect({ host: '127.0.0.1', port: portOf(door) });

test('a port that is taken means another one', async () => {
  const first = await openDoor(0);
  const second = await openDoor(portOf(first));
  assert.notEqual(portOf(second), portOf(first));
  await Promise.all([close(first), close(second)]);
});

test('bytes pass both ways, and the last of them arrive before the end does', async () => {
  const big = Buffer.alloc(4 << 20, 'answer');
  const host = await listen((socket) => void socket.once('data', () => socket.end(big)));
  const door = await openDoor(0);
  const target = (): Promise<{ host: string; port: number }> =>
    Promise.resolve({ host: '127.0.0.1', port: portOf(host) });
  {
    await using _passage = new Passage(door, target);
    const visitor = dial(door);
    visitor.write('question');
    assert.equal(big.compare(await buffer(visitor)), 0);
  }
  assert.equal(door.listening, false);
  await close(host);
});

test('what a visitor sent before leaving arrives whole', async () => {
  const { promise: met, resolve: meet } = Promise.withResolvers<Socket>();
  const host = await listen(meet);
  const door = await openDoor(0);
  const target = (): Promise<{ host: string; port: number }> =>
    Promise.resolve({ host: '127.0.0.1', port: portOf(host) });
  {
    await using _passage = new Passage(door, target);
    dial(door).end(Buffer.alloc(8 << 20, 'x'));
    const guest = await met;
    assert.equal((await buffer(guest)).length, 8 << 20);
  }
  await close(host);
});

test('where nobody is, the visitor is refused; the next one is asked about again', async () => {
  const host = await listen((socket) => void socket.end('here'));
  const door = await openDoor(0);
  let asked = 0;
  await using _passage = new Passage(door, () => {
    asked += 1;
    return asked === 1
      ? Promise.reject(new Error('there is no gateway yet'))
      : Promise.resolve({ host: '127.0.0.1', port: portOf(host) });
  });
  await assert.rejects(buffer(dial(door)), { code: 'ECONNRESET' });
  assert.equal((await buffer(dial(door))).toString(), 'here');
  await close(host);
});

test('connections end with their passage', async () => {
  const { promise: met, resolve: meet } = Promise.withResolvers<Socket>();
  const host = await listen(meet);
  const door = await openDoor(0);
  const passage = new Passage(door, () =>
    Promise.resolve({ host: '127.0.0.1', port: portOf(host) }),
  );
  const visitor = dial(door);
  const guest = await met;
  const ends = [
    once(guest.resume(), 'close'),
    once(
      visitor.on('error', () => {}),
      'close',
    ),
  ];
  await passage[Symbol.asyncDispose]();
  await Promise.all(ends);
  await close(host);
});
