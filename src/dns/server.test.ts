// What the proxy answers itself, over real sockets.
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { systemClock } from '#base/clock.ts';
import { OperatorError } from '#base/operator-error.ts';
import {
  DATABASE,
  clientOf,
  connectedNames,
  exchangeByTcp,
  exchangeByUdp,
  portOf,
  query,
  read,
  start,
  strangeReply,
} from '../../test/fakes/dns-proxy.ts';
import { startFakeResolver } from '../../test/fakes/resolver.ts';
import { NameTable } from './name-table.ts';
import { RCODE, TYPE } from './packet.ts';
import { FrameReader, frame } from './tcp-frames.ts';

test('a client of today resolves a mesh name in each of its forms', async () => {
  await using server = await start();
  const client = clientOf(server);
  for (const name of [
    DATABASE,
    'postgresql-1-vm.default',
    'postgresql-1-vm.default.svc',
    `${DATABASE}.library.svc.cluster.local`,
  ]) {
    assert.deepEqual(await client.resolve4(name, { ttl: true }), [
      { address: '240.240.0.5', ttl: 30 },
    ]);
  }
});

test('a family that is missing is no data, an unknown cluster name does not exist', async () => {
  await using server = await start();
  const client = clientOf(server);
  await assert.rejects(client.resolve6(DATABASE), { code: 'ENODATA' });
  await assert.rejects(client.resolve4('nowhere.default.svc.cluster.local'), { code: 'ENOTFOUND' });
});

test('both families asked for at once from one socket, as musl does', async () => {
  await using server = await start();
  const replies = await exchangeByUdp(server, [
    query(DATABASE, { id: 1, type: TYPE.A }),
    query(DATABASE, { id: 2, type: TYPE.AAAA }),
  ]);
  const byId = new Map(replies.map((bytes) => [read(bytes).header.id, read(bytes)]));
  assert.equal(byId.get(1)?.answers.length, 1);
  assert.equal(byId.get(2)?.answers.length, 0);
  assert.equal(byId.get(2)?.header.rcode, RCODE.NOERROR);
});

test('more addresses than fit: some by UDP, all by TCP, in ever new order', async () => {
  await using server = await start();
  const many = query('many.library.svc.cluster.local');
  const [short] = (await exchangeByUdp(server, [many])).map(read);
  assert(short?.header.isTruncated && short.answers.length > 20);
  const found = await clientOf(server).resolve4('many.library.svc.cluster.local');
  assert.equal(found.length, 200);
  assert.notDeepEqual(found, await clientOf(server).resolve4('many.library.svc.cluster.local'));
});

test('a change of the mesh is in the next answer', async () => {
  const names = connectedNames();
  await using server = await start({ names });
  const client = clientOf(server);
  await client.resolve4(DATABASE);
  names.apply(DATABASE, { kind: 'addresses', ipv4: ['240.240.0.6'], ipv6: [] });
  assert.deepEqual(await client.resolve4(DATABASE), ['240.240.0.6']);
  names.apply(DATABASE, { kind: 'absent' });
  await assert.rejects(client.resolve4(DATABASE), { code: 'ENOTFOUND' });
});

test('many queries on one connection are answered as they are ready', async () => {
  await using upstream = await startFakeResolver(() => []); // keeps the first one waiting
  await using server = await start({ upstreams: [upstream] });
  const [first] = await exchangeByTcp(
    server,
    [query('slow.example.com', { id: 1 }), query(DATABASE, { id: 2 })],
    1,
  );
  assert(first);
  assert.equal(read(first).header.id, 2);
});

test('a client that closes its half still gets its answer', async () => {
  await using server = await start();
  const socket = connect({ host: '127.0.0.1', port: portOf(server) });
  socket.end(frame(query(DATABASE)));
  const chunks = await Array.fromAsync(socket as AsyncIterable<Uint8Array>);
  const [reply] = new FrameReader().push(Buffer.concat(chunks));
  assert.equal(read(reply ?? new Uint8Array()).answers.length, 1);
});

test('without any resolver, outside names fail at once and mesh names do not', async () => {
  await using server = await start();
  const client = clientOf(server);
  await assert.rejects(client.resolve4('github.com'), { code: 'ESERVFAIL' });
  assert.deepEqual(await client.resolve4(DATABASE), ['240.240.0.5']);
  const { answered, failed, forwarded } = server.counts;
  assert.deepEqual({ answered, failed, forwarded }, { answered: 1, failed: 1, forwarded: 0 });
});

test('a control plane that does not answer costs outside names a moment, not the answer', async () => {
  await using upstream = await startFakeResolver(strangeReply);
  const names = new NameTable({ subscribe: () => undefined, unsubscribe: () => undefined });
  names.setConnected(true);
  await using server = await start({ names, upstreams: [upstream], limits: { learnMs: 50 } });
  const [outside] = await exchangeByUdp(server, [query('example.com')]);
  assert.equal(outside?.[3], 0xa0);
  const [inside] = (await exchangeByUdp(server, [query(DATABASE)])).map(read);
  assert.equal(inside?.header.rcode, RCODE.SERVFAIL);
});

test('garbage is refused, answers are not answered', async () => {
  await using server = await start();
  const answer = query(DATABASE);
  answer[2] = 0x80;
  const unreadable = Buffer.from(
    '00050100000100000000 0000c00c00010001'.replaceAll(' ', ''),
    'hex',
  );
  const replies = await exchangeByUdp(
    server,
    [Buffer.from('00'), answer, unreadable, query(DATABASE, { id: 6 })],
    2,
  );
  const [refused, answered] = replies.map(read);
  assert.equal(refused?.header.id, 5);
  assert.equal(refused.header.rcode, RCODE.FORMERR);
  assert.equal(answered?.header.id, 6);
  assert.equal(server.counts.dropped, 2);
});

test('only so much is worked on at a time; the rest is refused at once', async () => {
  await using upstream = await startFakeResolver(() => []);
  await using server = await start({ upstreams: [upstream], limits: { inFlightMax: 4 } });
  const herd = Array.from({ length: 6 }, (_, id) => query(`n${id}.example.com`, { id }));
  const replies = (await exchangeByUdp(server, herd, 2)).map(read);
  assert.deepEqual(
    replies.map(({ header }) => header.rcode),
    [RCODE.SERVFAIL, RCODE.SERVFAIL],
  );
});

test('idle connections are closed', async () => {
  await using server = await start({ limits: { idleMs: 1 } });
  const socket = connect({ host: '127.0.0.1', port: portOf(server) });
  await once(socket, 'connect');
  socket.write(Uint8Array.of(0)); // half a length, and then nothing
  await once(socket, 'close');
});

test('a taken port is said with the remedy; nothing is left half open', async () => {
  await using server = await start();
  const port = portOf(server);
  await assert.rejects(start({ listen: [{ address: '127.0.0.1', port }] }), (error: unknown) => {
    assert(error instanceof OperatorError);
    assert.equal(error.code, 'ADDRESS_IN_USE');
    assert.match(error.message, new RegExp(`127\\.0\\.0\\.1:${port}`));
    return true;
  });
});

test('stopping ends what is under way', async () => {
  await using upstream = await startFakeResolver(() => []);
  const server = await start({ upstreams: [upstream] });
  const socket = createSocket('udp4');
  socket.send(query('example.com'), portOf(server), '127.0.0.1');
  while (upstream.asked.length === 0) await systemClock.sleep(1);
  await server[Symbol.asyncDispose]();
  socket.close();
  assert.deepEqual(server.endpoints, []);
});
