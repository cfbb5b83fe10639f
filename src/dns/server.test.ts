import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { Resolver as NodeResolver } from 'node:dns/promises';
import { on, once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { systemClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { OperatorError } from '#base/operator-error.ts';
import { startFakeResolver, type Script } from '../../test/fakes/resolver.ts';
import { NameTable } from './name-table.ts';
import { RCODE, TYPE, parseMessage, renderMessage, type DnsMessage } from './packet.ts';
import { startDnsServer, type DnsServer, type DnsServerOptions } from './server.ts';
import { FrameReader, frame } from './tcp-frames.ts';
import type { NameRecord, ZoneConfig } from './zone.ts';

const ZONE: ZoneConfig = {
  namespace: 'library',
  clusterDomain: 'cluster.local',
  search: ['library.svc.cluster.local'],
  authoritative: ['cluster.local'],
};
const DATABASE = 'postgresql-1-vm.default.svc.cluster.local';
const MESH: Readonly<Record<string, NameRecord>> = {
  [DATABASE]: { kind: 'addresses', ipv4: ['240.240.0.5'], ipv6: [] },
  'many.library.svc.cluster.local': {
    kind: 'addresses',
    ipv4: Array.from({ length: 200 }, (_, index) => `10.0.1.${index}`),
    ipv6: [],
  },
};

/** A control plane that answers every subscription at once, from the table above. */
function connectedNames(): NameTable {
  const names: NameTable = new NameTable({
    subscribe: (name) => queueMicrotask(() => names.apply(name, MESH[name] ?? { kind: 'absent' })),
    unsubscribe: () => undefined,
  });
  names.setConnected(true);
  return names;
}

function start(options: Partial<DnsServerOptions> = {}): Promise<DnsServer> {
  return startDnsServer({
    listen: [{ address: '127.0.0.1', port: 0 }],
    zone: ZONE,
    names: connectedNames(),
    upstreams: [],
    clock: systemClock,
    log: silentLogger,
    ...options,
  });
}

const portOf = (server: DnsServer): number => server.endpoints[0]?.port ?? 0;

function clientOf(server: DnsServer): NodeResolver {
  const client = new NodeResolver({ timeout: 5000, tries: 1 });
  client.setServers([`127.0.0.1:${portOf(server)}`]);
  return client;
}

function query(name: string, options: { id?: number; type?: number; opcode?: number } = {}) {
  const { id = 0x1234, type = TYPE.A, opcode = 0 } = options;
  return renderMessage({
    header: {
      id,
      isResponse: false,
      opcode,
      isAuthoritative: false,
      isTruncated: false,
      recursionDesired: true,
      recursionAvailable: false,
      authenticData: false,
      checkingDisabled: false,
      rcode: 0,
    },
    questions: [{ name, type, class: 1 }],
    answers: [],
    authorities: [],
    additionals: [],
  });
}

function read(bytes: Uint8Array): DnsMessage {
  const parsed = parseMessage(bytes);
  assert(parsed.ok, parsed.ok ? '' : parsed.problem);
  return parsed.value;
}

/** Sends all queries from one socket at once, as musl does, and collects as many replies. */
async function exchangeByUdp(
  server: DnsServer,
  queries: readonly Uint8Array[],
  count = queries.length,
): Promise<Buffer[]> {
  const socket = createSocket('udp4');
  try {
    const arriving = on(socket, 'message', { signal: AbortSignal.timeout(8000) });
    for (const bytes of queries) socket.send(bytes, portOf(server), '127.0.0.1');
    const replies: Buffer[] = [];
    for await (const received of arriving) {
      const bytes: unknown = received[0];
      if (Buffer.isBuffer(bytes)) replies.push(bytes);
      if (replies.length === count) break;
    }
    return replies;
  } finally {
    socket.close();
  }
}

/** Sends all queries on one connection and reads until the server closes, or `count` replies came. */
async function exchangeByTcp(
  server: DnsServer,
  queries: readonly Uint8Array[],
  count = queries.length,
): Promise<Uint8Array[]> {
  const socket = connect({ host: '127.0.0.1', port: portOf(server) });
  const frames = new FrameReader();
  const replies: Uint8Array[] = [];
  for (const bytes of queries) socket.write(frame(bytes));
  for await (const chunk of socket as AsyncIterable<Uint8Array>) {
    replies.push(...frames.push(chunk));
    if (replies.length >= count) break;
  }
  socket.destroy();
  return replies;
}

/** Turns a query into a reply with bytes that no codec of ours would write. */
const strangeReply: Script = ({ bytes }) => {
  const reply = Buffer.concat([
    bytes,
    Buffer.from('c00c ffee 0001 00000001 0003 616263'.replaceAll(' ', ''), 'hex'),
  ]);
  reply[2] = 0x81;
  reply[3] = 0xa0;
  reply[7] = 1;
  return [reply];
};

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

test('a resolver that is the proxy itself is left out', async () => {
  await using server = await start();
  const [endpoint] = server.endpoints;
  assert(endpoint);
  server.update({ zone: ZONE, upstreams: [endpoint] });
  await assert.rejects(clientOf(server).resolve4('github.com'), { code: 'ESERVFAIL' });
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
