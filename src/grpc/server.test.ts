import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { systemClock } from '#base/clock.ts';
import type { Clock } from '#base/clock.ts';
import type { GrpcCall, GrpcClientCall, GrpcHandler } from './call.ts';
import { connectGrpc } from './client.ts';
import type { GrpcChannel, GrpcChannelOptions } from './client.ts';
import { createFakeAuthority } from '../../test/fakes/certificates.ts';
import { createGrpcServer } from './server.ts';
import type { GrpcServer, GrpcServerOptions } from './server.ts';
import { GrpcStatus } from './status.ts';
import type { GrpcOutcome } from './status.ts';
import { unaryHandler } from './unary.ts';
import type { UnaryMethod } from './unary.ts';

const authority = createFakeAuthority();
const serverCertificate = authority.issue({ dns: 'isthmusd.test' });
const serverTls = { ...serverCertificate, clientCa: authority.cert };
const SPIFFE_ID = 'spiffe://cluster.local/ns/default/sa/inventory';

const echo: GrpcHandler = (call) => {
  call.onMessage = (message) => call.send(message);
  call.onEnd = () => call.end();
};

const whoAmI = unaryHandler((_request, call) =>
  Promise.resolve(Buffer.from(call.peer?.subjectAltName ?? 'nobody')),
);

const untilAborted: UnaryMethod = (_request, _call, signal) =>
  new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason));
  });

type Started = { readonly server: GrpcServer; readonly port: number };

async function start(t: TestContext, options: GrpcServerOptions): Promise<Started> {
  const server = createGrpcServer(options);
  t.after(() => server.shutdown(0));
  return { server, port: await server.listen({ host: '127.0.0.1', port: 0 }) };
}

function dial(t: TestContext, options: GrpcChannelOptions): GrpcChannel {
  const channel = connectGrpc(options);
  t.after(() => channel.close());
  return channel;
}

/** Sleeps a twentieth of what it is asked for, so that the server looks round often. */
const clock: Clock = {
  ...systemClock,
  sleep: (delayMs, signal) => systemClock.sleep(delayMs / 20, signal),
};

const at = (port: number) => ({ target: { host: '127.0.0.1', port } });
const clientTls = { ca: authority.cert, serverName: 'isthmusd.test' };
const text = (message: Uint8Array): string => Buffer.from(message).toString();
const outcome = (call: GrpcClientCall): Promise<GrpcOutcome> =>
  new Promise((resolve) => (call.onClose = resolve));
const messageOf = (call: GrpcClientCall): Promise<string> =>
  new Promise((resolve) => (call.onMessage = (message) => resolve(text(message))));

test('messages go both ways, in order, and the call ends with OK', async (t) => {
  const { port } = await start(t, { methods: { '/t/Echo': echo } });
  const call = dial(t, at(port)).stream('/t/Echo');
  const received: string[] = [];
  call.onMessage = (message) => received.push(text(message));
  const ended = outcome(call);
  for (const word of ['one', '', 'three']) call.send(Buffer.from(word));
  call.send(Buffer.from('in '), Buffer.from('parts'));
  call.halfClose();
  assert.deepEqual(await ended, { code: GrpcStatus.ok, message: '' });
  assert.deepEqual(received, ['one', '', 'three', 'in parts']);
});

test('a status and its message reach the client', async (t) => {
  const refuse: GrpcHandler = (call) => call.end(GrpcStatus.permissionDenied, 'no, ümlaut');
  const { port } = await start(t, { methods: { '/t/Refuse': refuse } });
  const channel = dial(t, at(port));
  const call = channel.stream('/t/Refuse');
  assert.deepEqual(await outcome(call), {
    code: GrpcStatus.permissionDenied,
    message: 'no, ümlaut',
  });
  await assert.rejects(channel.unary('/t/Refuse', Buffer.alloc(0)), {
    code: GrpcStatus.permissionDenied,
  });
});

test('an unknown method is UNIMPLEMENTED', async (t) => {
  const { port } = await start(t, { methods: {} });
  const channel = dial(t, at(port));
  const { code } = await outcome(channel.stream('/t/None'));
  assert.equal(code, GrpcStatus.unimplemented);
});

test('the server sees the client certificate that its CA signed, and no other', async (t) => {
  const { port } = await start(t, { methods: { '/t/WhoAmI': whoAmI }, tls: serverTls });
  const ask = async (certificate: { cert?: string; key?: string }): Promise<string> => {
    const channel = dial(t, { ...at(port), tls: { ...clientTls, ...certificate } });
    return text(await channel.unary('/t/WhoAmI', Buffer.alloc(0)));
  };
  const stranger = createFakeAuthority('another authority');
  const expired = { uri: SPIFFE_ID, notAfter: new Date('2021-01-01') };
  assert.equal(await ask(authority.issue({ uri: SPIFFE_ID })), `URI:${SPIFFE_ID}`);
  assert.equal(await ask({}), 'nobody');
  assert.equal(await ask(stranger.issue({ uri: SPIFFE_ID })), 'nobody');
  assert.equal(await ask(authority.issue(expired)), 'nobody');
});

test('TLS below 1.3 is refused', async (t) => {
  const { port } = await start(t, { methods: {}, tls: serverTls });
  const socket = connectTls({ port, maxVersion: 'TLSv1.2', rejectUnauthorized: false });
  const [error] = await once(socket, 'error');
  assert.match(String(error), /protocol version/);
});

test('the client refuses a server of another name or another authority', async (t) => {
  const { port } = await start(t, { methods: { '/t/Echo': echo }, tls: serverTls });
  const stranger = createFakeAuthority('another authority');
  for (const tls of [
    { ...clientTls, serverName: 'elsewhere.test' },
    { ...clientTls, ca: stranger.cert },
  ]) {
    const { code, message } = await outcome(dial(t, { ...at(port), tls }).stream('/t/Echo'));
    assert.equal(code, GrpcStatus.unavailable);
    assert.match(message, /altnames|self-signed|issuer|verify/);
  }
});

test('new certificates are for new sessions; old sessions live', async (t) => {
  const { server, port } = await start(t, { methods: { '/t/WhoAmI': whoAmI }, tls: serverTls });
  const certificate = authority.issue({ uri: SPIFFE_ID });
  const old = dial(t, { ...at(port), tls: { ...clientTls, ...certificate } });
  await old.unary('/t/WhoAmI', Buffer.alloc(0));
  const next = createFakeAuthority('next authority');
  server.setTls({ ...next.issue({ dns: 'isthmusd.test' }), clientCa: next.cert });
  assert.match(text(await old.unary('/t/WhoAmI', Buffer.alloc(0))), /inventory/);
  const fresh = dial(t, { ...at(port), tls: { ...clientTls, ...certificate, ca: next.cert } });
  assert.equal(text(await fresh.unary('/t/WhoAmI', Buffer.alloc(0))), 'nobody');
});

test('a message over the limit ends its call only', async (t) => {
  const limits = { messageBytesMax: 1000 };
  const { port } = await start(t, { methods: { '/t/Echo': echo }, limits });
  const channel = dial(t, at(port));
  await assert.rejects(channel.unary('/t/Echo', Buffer.alloc(1001)), {
    code: GrpcStatus.resourceExhausted,
  });
  assert.equal((await channel.unary('/t/Echo', Buffer.alloc(1000))).length, 1000);
});

test('a unary method takes small requests only, unless it says otherwise', async (t) => {
  const answer: UnaryMethod = () => Promise.resolve(Buffer.alloc(0));
  const methods = {
    '/t/Small': unaryHandler(answer),
    '/t/Large': unaryHandler(answer, { requestBytesMax: 1 << 20 }),
  };
  const { port } = await start(t, { methods });
  const channel = dial(t, at(port));
  const request = Buffer.alloc(65 << 10);
  await assert.rejects(channel.unary('/t/Small', request), { code: GrpcStatus.resourceExhausted });
  await channel.unary('/t/Large', request);
});

test('a reader that pauses holds the sender back; drain follows when it reads on', async (t) => {
  const gone = Promise.withResolvers<GrpcCall>();
  const { port } = await start(t, { methods: { '/t/Flood': gone.resolve } });
  const client = dial(t, { ...at(port), receiveWindowBytes: 64 << 10 }).stream('/t/Flood');
  let receivedBytes = 0;
  client.onMessage = (message) => (receivedBytes += message.length);
  client.pause();
  const server = await gone.promise;
  const body = Buffer.alloc(1 << 20);
  assert.equal(server.send(body), false);
  assert.equal(server.queuedBytes, body.length + 5);
  const drained = new Promise<void>((resolve) => (server.onDrain = resolve));
  client.resume();
  await drained;
  assert.equal(server.queuedBytes, 0);
  const ended = outcome(client);
  server.end();
  await ended;
  assert.equal(receivedBytes, body.length);
});

test('a cancelled call closes at the server, and the rest of the session lives', async (t) => {
  const arrived = Promise.withResolvers<GrpcCall>();
  const methods = { '/t/Hang': arrived.resolve, '/t/Echo': echo };
  const { port } = await start(t, { methods });
  const channel = dial(t, at(port));
  const call = channel.stream('/t/Hang');
  const server = await arrived.promise;
  const closed = new Promise<void>((resolve) => (server.onClose = resolve));
  const ended = outcome(call);
  call.cancel();
  assert.equal((await ended).code, GrpcStatus.cancelled);
  await closed;
  assert.equal(server.send(Buffer.from('too late')), false);
  server.end();
  assert.equal(text(await channel.unary('/t/Echo', Buffer.from('alive'))), 'alive');
});

test('a call ended by the server while the client still sends is over for both', async (t) => {
  const arrived = Promise.withResolvers<GrpcCall>();
  const { port } = await start(t, { methods: { '/t/Stop': arrived.resolve } });
  const call = dial(t, at(port)).stream('/t/Stop');
  const server = await arrived.promise;
  const closed = new Promise<void>((resolve) => (server.onClose = resolve));
  const ended = outcome(call);
  call.send(Buffer.alloc(300 << 10));
  server.end(GrpcStatus.aborted, 'enough');
  assert.deepEqual(await ended, { code: GrpcStatus.aborted, message: 'enough' });
  await closed;
});

test('no server: UNAVAILABLE with the cause, and a later call dials again', async (t) => {
  const { server, port } = await start(t, { methods: { '/t/Echo': echo } });
  await server.shutdown(0);
  const channel = dial(t, at(port));
  const { code, message } = await outcome(channel.stream('/t/Echo'));
  assert.equal(code, GrpcStatus.unavailable);
  assert.match(message, /ECONNREFUSED/);
  const again = createGrpcServer({ methods: { '/t/Echo': echo } });
  t.after(() => again.shutdown(0));
  await again.listen({ host: '127.0.0.1', port });
  assert.equal(text(await channel.unary('/t/Echo', Buffer.from('back'))), 'back');
});

test('shutdown lets short calls end, then ends the others with UNAVAILABLE', async (t) => {
  const release = Promise.withResolvers<void>();
  const slow = unaryHandler(async () => {
    await release.promise;
    return Buffer.from('done');
  });
  const { server, port } = await start(t, { methods: { '/t/Slow': slow, '/t/Echo': echo } });
  const channel = dial(t, at(port));
  const stream = channel.stream('/t/Echo');
  stream.send(Buffer.from('hello'));
  await messageOf(stream);
  const short = channel.unary('/t/Slow', Buffer.alloc(0));
  await channel.unary('/t/Echo', Buffer.alloc(0)); // so that the server has the slow call, too
  const streamEnded = outcome(stream);
  const stopped = server.shutdown(50);
  release.resolve();
  assert.equal(text(await short), 'done');
  assert.equal((await streamEnded).code, GrpcStatus.unavailable);
  await stopped;
  assert.equal(server.sessionCount, 0);
});

test('a unary method: its errors, its deadline, and what a bug shows', async (t) => {
  const { port } = await start(t, {
    methods: {
      '/t/Bug': unaryHandler(() => Promise.reject(new Error('secret detail'))),
      '/t/Never': unaryHandler(untilAborted),
      '/t/Slow': unaryHandler(untilAborted, { limitMs: 20 }),
    },
  });
  const channel = dial(t, at(port));
  const request = Buffer.alloc(0);
  await assert.rejects(channel.unary('/t/Bug', request), {
    code: GrpcStatus.internal,
    message: 'internal error',
  });
  const deadline = { code: GrpcStatus.deadlineExceeded };
  await assert.rejects(channel.unary('/t/Slow', request), deadline);
  await assert.rejects(channel.unary('/t/Never', request, { deadlineMs: 20 }), deadline);
  const reason = new Error('given up');
  const signal = AbortSignal.abort(reason);
  await assert.rejects(channel.unary('/t/Never', request, { signal }), reason);
});

test('a dead peer is noticed by its unanswered ping', async (t) => {
  const limits = { pingIntervalMs: 1, pingTimeoutMs: 100 };
  const { server, port } = await start(t, { methods: { '/t/Echo': echo }, limits, clock });
  const mute = connect(port, '127.0.0.1');
  t.after(() => mute.destroy());
  // The HTTP/2 preface and an empty SETTINGS frame, then silence.
  mute.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0', 'latin1');
  mute.resume();
  await once(mute, 'close');
  assert.equal(server.sessionCount, 0);
});

test('a server that does not answer is noticed by the client', async (t) => {
  const black = createServer((socket) => socket.on('error', () => undefined).resume());
  black.listen(0, '127.0.0.1');
  await once(black, 'listening');
  t.after(() => black.close());
  const address = black.address();
  assert(typeof address === 'object' && address !== null);
  const channel = dial(t, {
    ...at(address.port),
    connectTimeoutMs: 20,
    pingIntervalMs: 20,
    pingTimeoutMs: 20,
  });
  const { code, message } = await outcome(channel.stream('/t/Echo'));
  assert.equal(code, GrpcStatus.unavailable);
  assert.match(message, /does not answer/);
});

test('an old session is retired, its calls told so, and the next call dials anew', async (t) => {
  const limits = { ageMsMax: 300 };
  const { port } = await start(t, { methods: { '/t/Echo': echo }, limits, clock });
  const channel = dial(t, at(port));
  const { code, message } = await outcome(channel.stream('/t/Echo'));
  assert.equal(code, GrpcStatus.unavailable);
  assert.match(message, /age limit/);
  assert.equal(text(await channel.unary('/t/Echo', Buffer.from('new'))), 'new');
});

test('connections over the limit are dropped', async (t) => {
  const { port } = await start(t, { methods: { '/t/Echo': echo }, limits: { sessionsMax: 1 } });
  const first = dial(t, at(port));
  await first.unary('/t/Echo', Buffer.alloc(0));
  const { code } = await outcome(dial(t, at(port)).stream('/t/Echo'));
  assert.equal(code, GrpcStatus.unavailable);
  assert.equal(text(await first.unary('/t/Echo', Buffer.from('still'))), 'still');
});

test('a Unix socket is private, and replaces one left over by a crash', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'isthmus-grpc-'));
  t.after(() => rm(folder, { recursive: true }));
  const path = join(folder, 'xds.sock');
  const crashed = createServer().listen(path);
  await once(crashed, 'listening');
  const { server } = await start(t, { methods: { '/t/Echo': echo } });
  await server.shutdown(0);
  const next = createGrpcServer({ methods: { '/t/Echo': echo } });
  t.after(() => next.shutdown(0));
  await next.listen({ path });
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  const channel = dial(t, { target: { path } });
  assert.equal(text(await channel.unary('/t/Echo', Buffer.from('unix'))), 'unix');
  crashed.close();
});

test('a taken port, and a file where the socket should be, are one clear error', async (t) => {
  const { port } = await start(t, { methods: {} });
  const second = createGrpcServer({ methods: {} });
  await assert.rejects(second.listen({ host: '127.0.0.1', port }), { code: 'ADDRESS_IN_USE' });
  const folder = await mkdtemp(join(tmpdir(), 'isthmus-grpc-'));
  t.after(() => rm(folder, { recursive: true }));
  const path = join(folder, 'file');
  await writeFile(path, 'precious');
  await assert.rejects(second.listen({ path }), { code: 'ADDRESS_IN_USE' });
});

test('plain HTTP and garbage end the connection, not the server', async (t) => {
  const { port } = await start(t, { methods: { '/t/Echo': echo } });
  for (const bytes of ['GET / HTTP/1.1\r\n\r\n', '\0\0\0\0\0']) {
    const socket = connect(port, '127.0.0.1').on('error', () => undefined);
    socket.end(bytes);
    socket.resume();
    await once(socket, 'close');
  }
  assert.equal(text(await dial(t, at(port)).unary('/t/Echo', Buffer.from('up'))), 'up');
});
