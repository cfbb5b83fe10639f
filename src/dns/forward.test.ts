// What the proxy passes on to the resolvers of before, over real sockets.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { systemClock } from '#base/clock.ts';
import {
  DATABASE,
  ZONE,
  clientOf,
  exchangeByTcp,
  exchangeByUdp,
  portOf,
  query,
  read,
  start,
  strangeReply,
} from '../../test/fakes/dns-proxy.ts';
import { startFakeResolver, type Script } from '../../test/fakes/resolver.ts';
import { RCODE, TYPE } from './packet.ts';
import { frame } from './tcp-frames.ts';

test('what is not the mesh’s is passed on and back byte for byte, but for the id', async () => {
  await using upstream = await startFakeResolver(strangeReply);
  await using server = await start({ upstreams: [upstream] });
  for (const type of [TYPE.A, TYPE.MX, 4711]) {
    const sent = query('GitHub.com', { id: 7, type });
    const [reply] = await exchangeByUdp(server, [sent]);
    const asked = upstream.asked.at(-1);
    assert.deepEqual(asked?.bytes.subarray(2), Buffer.from(sent.subarray(2)));
    assert(asked && reply);
    const [expected] = strangeReply(asked);
    assert.deepEqual(reply.subarray(2), expected?.subarray(2));
    assert.equal(reply.readUInt16BE(0), 7);
  }
});

test('queries go out under ids that cannot be guessed, from ever new ports', async () => {
  await using upstream = await startFakeResolver(strangeReply);
  await using server = await start({ upstreams: [upstream] });
  for (let round = 0; round < 8; round += 1) {
    await exchangeByUdp(server, [query(`n${round}.example.com`, { id: 1 })]);
  }
  const ids = new Set(upstream.asked.map(({ bytes }) => Buffer.from(bytes).readUInt16BE(0)));
  assert(ids.size >= 7, `ids: ${[...ids].join(' ')}`);
  assert(new Set(upstream.asked.map(({ port }) => port)).size >= 7);
});

test('source ports can be fixed to a range, for the capture rules', async () => {
  await using upstream = await startFakeResolver(strangeReply);
  const sourcePorts = { first: 31_900, last: 31_999 };
  await using server = await start({ upstreams: [upstream], sourcePorts });
  await exchangeByUdp(server, [query('a.example.com')]);
  await exchangeByTcp(server, [query('b.example.com')]);
  assert.equal(upstream.asked.length, 2);
  for (const { port } of upstream.asked) assert(port >= 31_900 && port <= 31_999, `${port}`);
});

test('what is asked by TCP is passed on by TCP', async () => {
  await using upstream = await startFakeResolver(strangeReply);
  await using server = await start({ upstreams: [upstream] });
  const [reply] = await exchangeByTcp(server, [query('example.com', { id: 9 })]);
  assert.deepEqual(
    upstream.asked.map(({ transport }) => transport),
    ['tcp'],
  );
  assert.equal(Buffer.from(reply ?? []).readUInt16BE(0), 9);
});

test('a zone transfer is passed through message by message', async () => {
  const script: Script = ({ bytes }) => {
    const header = Buffer.from(bytes);
    header[2] = 0x84;
    return [header, header, header];
  };
  await using upstream = await startFakeResolver(script);
  await using server = await start({ upstreams: [upstream] });
  const replies = await exchangeByTcp(server, [query('corp.example', { type: TYPE.AXFR })], 3);
  assert.equal(replies.length, 3);
  assert(replies.every((bytes) => read(bytes).header.id === 0x1234));
});

test('other operations than queries are passed on unread', async () => {
  await using upstream = await startFakeResolver(strangeReply);
  await using server = await start({ upstreams: [upstream] });
  await exchangeByUdp(server, [query(DATABASE, { opcode: 5 })]); // a dynamic update
  assert.equal(upstream.asked.length, 1);
});

test('equal questions under way share one question to the resolver', async () => {
  await using upstream = await startFakeResolver(() => []);
  await using server = await start({
    upstreams: [upstream],
    limits: { times: { nextAfterMs: 200, totalMs: 400 } },
  });
  const replies = await exchangeByUdp(
    server,
    Array.from({ length: 20 }, (_, id) => query('herd.example.com', { id })),
  );
  assert.equal(upstream.asked.length, 1);
  assert.deepEqual(
    new Set(replies.map((bytes) => read(bytes).header.rcode)),
    new Set([RCODE.SERVFAIL]),
  );
  assert.equal(new Set(replies.map((bytes) => read(bytes).header.id)).size, 20);
});

test('a forged reply is ignored: only that to the very question counts', async () => {
  await using upstream = await startFakeResolver((asked) => {
    const wrongId = Buffer.from(asked.bytes);
    wrongId[0] = ~(wrongId[0] ?? 0);
    wrongId[2] = 0x81;
    return [wrongId, ...strangeReply(asked)];
  });
  await using server = await start({ upstreams: [upstream] });
  const [reply] = await exchangeByUdp(server, [query('example.com')]);
  assert.equal(reply?.[3], 0xa0); // the strange reply's mark
});

test('a resolver that refuses connections gives way to the next', async () => {
  await using upstream = await startFakeResolver(strangeReply);
  await using server = await start({
    upstreams: [{ address: '127.0.0.1', port: 1 }, upstream],
  });
  const [byUdp] = await exchangeByUdp(server, [query('example.com')]);
  const [byTcp] = await exchangeByTcp(server, [query('example.org')]);
  assert.equal(byUdp?.[3], 0xa0);
  assert.equal(byTcp?.[3], 0xa0);
});

test('two proxies that ask each other come to an end', async () => {
  const limits = { times: { nextAfterMs: 200, totalMs: 400 } };
  await using first = await start({ limits });
  await using second = await start({ limits, upstreams: first.endpoints });
  first.update({ zone: ZONE, upstreams: second.endpoints });
  const [reply] = (await exchangeByUdp(first, [query('example.com')])).map(read);
  assert.equal(reply?.header.rcode, RCODE.SERVFAIL);
  const failures = first.counts.failed + second.counts.failed;
  assert(failures <= 3, `the question went round: ${failures} failures`);
});

test('a resolver that is the proxy itself is left out', async () => {
  await using server = await start();
  const [endpoint] = server.endpoints;
  assert(endpoint);
  server.update({ zone: ZONE, upstreams: [endpoint] });
  await assert.rejects(clientOf(server).resolve4('github.com'), { code: 'ESERVFAIL' });
});

test('stopping in the midst of questions and transfers leaves nothing behind', async () => {
  await using upstream = await startFakeResolver(() => []); // begins nothing, ends nothing
  const server = await start({ upstreams: [upstream] });
  const pending = [
    exchangeByTcp(server, [query('example.com')]),
    exchangeByTcp(server, [query('example.com', { type: TYPE.AXFR })]),
  ];
  while (upstream.asked.length < 2) await systemClock.sleep(1);
  assert.equal(server.inFlight, 2);
  await server[Symbol.asyncDispose]();
  assert.equal(server.inFlight, 0);
  await Promise.allSettled(pending);
});

test('stopping while a resolver that nobody reaches is dialled does not wait for it', async () => {
  const unreachable = { address: '192.0.2.1', port: 53 }; // TEST-NET-1: silence, or a refusal
  const server = await start({ upstreams: [unreachable] });
  const pending = exchangeByTcp(server, [query('example.com')]);
  while (server.inFlight + server.counts.failed < 1) await systemClock.sleep(1);
  await server[Symbol.asyncDispose]();
  assert.equal(server.inFlight, 0);
  await Promise.allSettled([pending]);
});

test('a client that leaves in the midst of a transfer leaves no work behind', async () => {
  await using upstream = await startFakeResolver(() => []); // begins nothing, ends nothing
  await using server = await start({ upstreams: [upstream] });
  const client = connect({ host: '127.0.0.1', port: portOf(server) });
  client.write(frame(query('corp.example', { type: TYPE.AXFR })));
  while (upstream.asked.length === 0) await systemClock.sleep(1);
  assert.equal(server.inFlight, 1);
  client.destroy();
  while (server.inFlight > 0) await systemClock.sleep(1);
});
