// Both ends of the control stream, over a real connection: what isthmusd asks, the agent's machine
// answers.
import assert from 'node:assert/strict';
import { appendFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createAnswerer } from '#agent/attend/answers.ts';
import { Attendance, type Status } from '#agent/attend/attendance.ts';
import { LogRing } from '#agent/attend/log-ring.ts';
import { parseAgentConfig } from '#agent/config.ts';
import { EnvoyAdmin } from '#agent/envoy/admin.ts';
import { Retry } from '#agent/retry.ts';
import { systemClock } from '#base/clock.ts';
import { createLogger, silentLogger } from '#base/log.ts';
import { connectGrpc } from '#grpc/client.ts';
import { createGrpcServer } from '#grpc/server.ts';
import { AgentRequestError, askOnce } from './agents.ts';
import { AgentServer } from './sessions.ts';

const KEY = 'WorkloadEntry/default/db';
const identity = {
  trustDomain: 'cluster.local',
  namespace: 'default',
  serviceAccount: 'db',
  workload: { kind: 'WorkloadEntry' as const, name: 'db' },
};
const folder = await mkdtemp(join(tmpdir(), 'at-'));
const stack = new AsyncDisposableStack();
after(async () => {
  await stack.disposeAsync();
  await rm(folder, { recursive: true, force: true });
});

const listen = async (server: Server): Promise<number> => {
  server.on('connection', (socket) => socket.on('error', () => undefined).resume());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  stack.defer(async () => await new Promise((resolve) => server.close(() => resolve(undefined))));
  return Object.assign({ port: 0 }, server.address() satisfies AddressInfo | string | null).port;
};

const SECRET = 'a private key';
const DUMP = {
  configs: [
    { '@type': 'type.googleapis.com/envoy.admin.v3.SecretsConfigDump', secrets: [SECRET] },
    {
      bootstrap: {
        tls: { private_key: { inline_string: SECRET } },
        name: 'ümläut 日本'.repeat(9_000),
      },
    },
  ],
};
const adminPort = await listen(
  createHttpServer((request, response) => {
    if (request.url?.startsWith('/config_dump')) return response.end(JSON.stringify(DUMP));
    if (request.url?.startsWith('/stats')) return response.end('a.b: 7\nc: 8\nh: P0(1,2)\n');
    response.statusCode = 404;
    return response.end();
  }),
);

const attend = async () => {
  const audited: string[] = [];
  const agents = new AgentServer({
    admit: () => ({ ok: true, id: KEY, proxy: identity }),
    clock: systemClock,
    log: silentLogger,
    audit: createLogger('audit', { sink: (line) => audited.push(line) }),
  });
  const server = createGrpcServer({ methods: agents.methods, clock: systemClock });
  const path = join(folder, `${Math.random()}.sock`);
  await server.listen({ path });
  const channel = connectGrpc({ target: { path } });
  const logDir = join(folder, 'log');
  await mkdir(logDir, { recursive: true });
  const config = parseAgentConfig({
    argv: ['--root', folder],
    env: { ISTIO_LOG_DIR: logDir, ISTIO_INBOUND_INTERCEPTION_MODE: 'NONE' },
    hostname: 'db',
    readFile: () => undefined,
    parseYaml: () => undefined,
  });
  const logLines = new LogRing();
  const clock = systemClock;
  const random = (): number => 0.5;
  const admin = new EnvoyAdmin({ port: adminPort, clock });
  const status: Status = { capture: 'verified', envoy: 'running', serial: 'ab', unready: [] };
  const attendance = new Attendance({
    controlPlane: { lease: () => ({ channel, release: () => undefined }) },
    hello: {
      version: '1.2',
      logSources: ['access', 'app', 'x'],
      os: 'Debian\u202e',
      addresses: ['10.0.0.1', 'nonsense'],
    },
    status: () => Promise.resolve(status),
    answer: createAnswerer({
      config,
      admin,
      capture: { status: () => ({ kind: 'verified' }) },
      nft: { apply: () => Promise.reject(new Error('not needed here')) },
      clock,
      random,
      logLines,
    }),
    retry: new Retry({ clock, random }),
    clock,
    log: silentLogger,
  });
  const stop = new AbortController();
  const known = Promise.withResolvers<void>();
  agents.onChange(() => agents.session(KEY)?.status && known.resolve());
  const running = attendance.run(stop.signal).catch(() => undefined);
  await known.promise;
  stack.defer(async () => {
    stop.abort();
    await running;
    await channel.close();
    await server.shutdown(100);
  });
  return { agents, audited, logLines, logDir, stop, running };
};

const mesh = await attend();
const { agents } = mesh;
const options = { signal: new AbortController().signal, by: 'kim' };

test('an agent says who and how it is', () => {
  const [session] = [...agents.sessions()];
  assert(session);
  assert.equal(session.key, KEY);
  assert.equal(session.identity, 'spiffe://cluster.local/ns/default/sa/db');
  assert.deepEqual([session.version, session.os], ['1.2', 'Debian\uFFFD']);
  assert.deepEqual(session.addresses, ['10.0.0.1']);
  assert.deepEqual(session.logSources, ['access', 'app']);
  assert(Math.abs(session.clockSkewMs) < 1_000);
  assert.equal(session.status?.capture.state, 'verified');
});

test('the configuration comes whole, in parts, and without secrets', async () => {
  const parts: string[] = [];
  for await (const { text } of agents.ask<'config_dump'>(KEY, { kind: 'config_dump' }, options)) {
    parts.push(text);
  }
  assert(parts.length > 2);
  const text = parts.join('');
  assert(!text.includes(SECRET) && text.includes('[redacted]'));
  const dump: unknown = JSON.parse(text);
  assert.deepEqual(dump, {
    configs: [{ bootstrap: { ...DUMP.configs[1]?.bootstrap, tls: { private_key: '[redacted]' } } }],
  });
  await assert.rejects(
    askOnce(agents, KEY, { kind: 'config_dump', resource: '../secrets' }, options),
    refused(/no part of a configuration/),
  );
});

const refused =
  (pattern: RegExp, reason = 'refused') =>
  (error: unknown) => {
    assert(error instanceof AgentRequestError, String(error));
    assert.equal(error.reason, reason);
    assert.match(error.message, pattern);
    return true;
  };

test('statistics, a name, listening sockets', async () => {
  const { stats } = await askOnce(agents, KEY, { kind: 'stats', filter: '.' }, options);
  assert.deepEqual(stats, { 'a.b': 7, c: 8 });
  const system = { kind: 'dns_query', name: 'localhost', via: 'system' } as const;
  const found = await askOnce(agents, KEY, system, options);
  assert(found.addresses.some((address) => address === '127.0.0.1' || address === '::1'));
  const bad = await askOnce(agents, KEY, { ...system, name: 'a b; rm -rf' }, options);
  assert.equal(bad.problem, 'that is no host name');
  const port = await listen(createServer());
  const { sockets } = await askOnce(agents, KEY, { kind: 'sockets' }, options);
  const own = sockets.find((socket) => socket.port === port);
  assert.deepEqual([own?.address, own?.pid], ['127.0.0.1', process.pid]);
  assert.notEqual(own?.program, '');
});

const probe = async (port: number, expect?: 'postgres' | 'http', timeoutMs = 1_000) =>
  await askOnce(
    agents,
    KEY,
    {
      kind: 'tcp_probe',
      address: '127.0.0.1',
      port,
      mode: 'direct',
      timeoutMs,
      ...(expect && { expect }),
    },
    options,
  );

test('a probe tells what answers from what does not', async () => {
  const says = (text: string) =>
    listen(createServer((socket) => void socket.once('data', () => socket.end(text))));
  const open = await listen(createServer());
  assert.equal((await probe(open)).outcome, 'connected');
  assert.deepEqual((await probe(open, 'postgres', 300)).application, {
    kind: 'silent',
    detail: '',
  });
  const closed = createServer();
  const closedPort = await listen(closed);
  await new Promise((resolve) => closed.close(resolve));
  const dead = await probe(closedPort);
  assert.equal(dead.outcome, 'refused');
  assert.match(dead.reason, /ECONNREFUSED/);
  assert.equal((await probe(await says('S'), 'postgres')).application?.detail, 'offers TLS');
  assert.equal((await probe(await says('N'), 'postgres')).application?.detail, 'no TLS');
  const http = await probe(await says('HTTP/1.1 404 Not Found\r\n\r\n'), 'http');
  assert.deepEqual(http.application, { kind: 'http', detail: 'HTTP/1.1 404' });
  const ssh = await probe(await says('SSH-2.0\u0007<img>'), 'postgres');
  assert.deepEqual(ssh.application, { kind: 'other', detail: 'SSH-2.0\uFFFD<img>' });
});

test('a log is tailed, followed through a rotation, and let go', async () => {
  const path = join(mesh.logDir, 'istio.log');
  await writeFile(path, 'one\n[2026-11-22T16:30:43.715Z] two\u001b[31m\nhalf');
  const request = { kind: 'log_tail', source: 'access', lines: 2, follow: true } as const;
  const stop = new AbortController();
  const lines: string[] = [];
  const following = agents.ask<'log_tail'>(KEY, request, { ...options, signal: stop.signal });
  const done = (async () => {
    for await (const { text, atMs } of following) {
      lines.push(text);
      if (text.startsWith('[2026')) assert.equal(atMs, Date.parse('2026-11-22T16:30:43.715Z'));
      if (text.startsWith('[2026')) await appendFile(path, ' whole\n');
      if (text === 'half whole') {
        await rm(path);
        await writeFile(path, 'rotated\n');
      }
      if (text === 'rotated') break;
    }
  })();
  await done;
  assert.deepEqual(lines, [
    'one',
    '[2026-11-22T16:30:43.715Z] two\uFFFD[31m',
    'half whole',
    'rotated',
  ]);
  mesh.logLines.add('2026-11-22T16:30:43.715Z info  agent: ready');
  const own = { kind: 'log_tail', source: 'agent', lines: 5, follow: false } as const;
  assert.match((await askOnce(agents, KEY, own, options)).text, /agent: ready$/);
  await assert.rejects(
    askOnce(agents, KEY, { ...own, source: 'app' }, options),
    refused(/nobody has said which log is the application's/),
  );
});

test('sessions are ended by name, and only the workload’s', async () => {
  const session = { client: '127.0.0.1:1', server: '127.0.0.1:2' };
  const request = { kind: 'end_sessions', sessions: [session, session] } as const;
  const { problem, ...ending } = await askOnce(agents, KEY, request, options);
  assert.deepEqual([problem, ending], ['', { ended: 0, resetting: 0, gone: 2, remedy: '' }]);
  const ssh = { ...session, server: '127.0.0.1:22' };
  await assert.rejects(
    askOnce(agents, KEY, { ...request, sessions: [ssh] }, options),
    refused(/port 22 is not the workload's/),
  );
  assert.match(mesh.audited.join('\n'), /by=kim .*request=end_sessions about="2 of its sessions"/);
});

test('four at once, no more; each leaves a line of the audit, without contents', async () => {
  const request = { kind: 'log_tail', source: 'agent', lines: 0, follow: true } as const;
  const stop = new AbortController();
  const follow = { by: 'kim', signal: stop.signal };
  const open = Array.from({ length: 4 }, () => agents.ask<'log_tail'>(KEY, request, follow));
  const first = open.map((one) => one.next());
  await assert.rejects(
    askOnce(agents, KEY, { kind: 'sockets' }, options),
    refused(/has 4 requests open/, 'busy'),
  );
  stop.abort();
  await Promise.allSettled(first);
  assert((await askOnce(agents, KEY, { kind: 'sockets' }, options)).sockets.length > 0);
  await assert.rejects(
    askOnce(agents, 'Pod/default/nobody', { kind: 'sockets' }, options),
    refused(/no agent of Pod\/default\/nobody attends/, 'not-connected'),
  );
  const text = mesh.audited.join('\n');
  assert.match(text, /by=kim agent=WorkloadEntry\/default\/db request=sockets .*outcome=answered/);
  assert.match(text, /request=sockets .*outcome=busy/);
  assert.match(text, /request=log_tail about=agent outcome="taken back"/);
  assert(!text.includes(SECRET) && !text.includes('agent: ready'));
});

test('whoever waits is told when the agent goes', async () => {
  const request = { kind: 'log_tail', source: 'agent', lines: 0, follow: true } as const;
  const waiting = agents.ask<'log_tail'>(KEY, request, options).next();
  const gone = Promise.withResolvers<void>();
  agents.onChange((key) => agents.session(key) ?? gone.resolve());
  mesh.stop.abort();
  await assert.rejects(waiting, refused(/was lost/, 'lost'));
  await gone.promise;
  await mesh.running;
  assert.deepEqual([...agents.sessions()], []);
});
