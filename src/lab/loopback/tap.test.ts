import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';
import { test } from 'node:test';
import { connectionsTo } from '../connections.ts';
import { freePorts } from './ports.ts';
import { TcpTap } from './tap.ts';

test('a tap relays and has every byte of both directions, by connection', async () => {
  let seenFrom = '';
  const server = createServer((socket) => {
    seenFrom = `${socket.remoteAddress}:${socket.remotePort}`;
    socket.once('data', () => socket.end('the answer'));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const [port = 0] = await freePorts(1);
  const { port: behind } = addressOf(server.address());
  await using tap = await TcpTap.start(
    { host: '127.0.0.1', port },
    { host: '127.0.0.1', port: behind },
  );
  const socket = connect({ host: '127.0.0.1', port });
  await once(socket, 'connect');
  const dialledFrom = `127.0.0.1:${socket.localPort}`;
  socket.write('the question');
  const [answer] = await once(socket.setEncoding('utf8'), 'data');
  assert.equal(answer, 'the answer');
  socket.destroy();
  const { segments, droppedPackets } = tap.result();
  const [connection, ...others] = connectionsTo(port, segments);
  assert.equal(others.length + droppedPackets, 0);
  const text = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString();
  assert.equal(text(connection?.fromClient), 'the question');
  assert.equal(text(connection?.fromServer), 'the answer');
  assert.equal(connection?.missingBytes, 0);
  assert.equal(connection?.client, dialledFrom);
  assert.equal(tap.asDialled(`x ${seenFrom} -`), `x ${dialledFrom} -`);
  server.close();
});

function addressOf(address: AddressInfo | string | null): AddressInfo {
  assert(typeof address === 'object' && address !== null);
  return address;
}
