// The lab itself, without a mesh in it: that its world is as it says, and that nothing of it stays.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Cloud } from '#lab/cloud.ts';
import { connectionsTo, countMarker } from '#lab/connections.ts';
import { enterSandbox } from '#lab/enter.ts';
import { committedTitles, createTables, HeldSessions, Writer } from '#lab/library.ts';
import type { Machine } from '#lab/machine.ts';
import { LIBRARY, Postgres } from '#lab/postgres.ts';

await enterSandbox();

const MARKER = 'marker-in-clear-text';
let cloud: Cloud;
let pod: Machine;
let vm: Machine;
let postgres: Postgres;

before(async () => {
  cloud = await Cloud.create({
    cluster: { inventory: '10.24.2.23', catalogue: '10.24.2.24' },
    vms: { 'db-vm': '10.128.0.14' },
    knows: [{ address: '10.24.0.10', names: ['isthmusd.isthmus.example'] }],
    env: process.env,
  });
  pod = cloud.machine('inventory');
  vm = cloud.machine('db-vm');
  postgres = await Postgres.install(vm);
});

after(async () => {
  await cloud[Symbol.asyncDispose]();
});

/** Opens a TCP connection from a machine, says a line, and returns what comes back within 1 s. */
async function talk(from: Machine, to: string, port: number, line: string): Promise<string> {
  const script = `exec 3<>/dev/tcp/${to}/${port} && echo "$1" >&3 && head -n 1 <&3`;
  const { stdout, stderr } = await from.run(['timeout', '1', 'bash', '-c', script, 'talk', line]);
  return stdout.trim() || stderr.trim().split('\n')[0] || 'silence';
}

/** Answers one connection with what it said. */
async function echoOnce(on: Machine, port: number): Promise<void> {
  const script = `const server = require('node:net').createServer((socket) => {
    socket.pipe(socket); server.close();
  }).listen(${port}, '0.0.0.0', () => console.log('ready'));`;
  const echo = on.start(`echo-${port}`, [process.execPath, '-e', script]);
  await echo.waitForLine(/^ready$/, { what: 'listen', limitMs: 5_000 });
}

test('a machine has its own name, hosts file, /run and /var', async () => {
  const { stdout } = await vm.run(['bash', '-c', 'hostname; touch /run/mine /var/log/mine']);
  assert.equal(stdout, 'db-vm\n');
  const other = await pod.run([
    'bash',
    '-c',
    'ls /run /var/log; getent hosts isthmusd.isthmus.example',
  ]);
  assert.doesNotMatch(other.stdout, /mine/);
  assert.match(other.stdout, /^10\.24\.0\.10 +isthmusd\.isthmus\.example$/m);
  vm.writeFile('/etc/isthmus/settings', 'here\n', 0o600);
  assert.equal((await vm.run(['cat', '/etc/isthmus/settings'])).stdout, 'here\n');
  assert.equal(vm.readFile('/var/run/mine'), '', 'empty, but reached through /var/run');
});

test('hosts of one region reach each other', async () => {
  const catalogue = cloud.machine('catalogue');
  await echoOnce(catalogue, 9000);
  assert.equal(await talk(pod, catalogue.address, 9000, 'hello'), 'hello');
});

test('nothing passes between the regions but what the firewall names', async () => {
  await echoOnce(vm, 9001);
  assert.equal(await talk(pod, vm.address, 9001, 'hello'), 'silence');
  const rule = { name: 'pods to 9001', from: pod.address, to: vm.address, tcpPort: 9001 };
  await cloud.firewall.allow(rule);
  assert.equal(await talk(pod, vm.address, 9001, 'hello'), 'hello');
  await echoOnce(vm, 9001);
  assert.equal(await talk(cloud.machine('catalogue'), vm.address, 9001, 'hello'), 'silence');
  await cloud.firewall.revoke(rule.name);
  assert.equal(await talk(pod, vm.address, 9001, 'hello'), 'silence');
});

test('PostgreSQL listens on the VM’s loopback only', async () => {
  const rule = { name: 'pods to PostgreSQL', from: pod.address, to: vm.address, tcpPort: 5432 };
  await cloud.firewall.allow(rule);
  assert.match(await talk(pod, vm.address, 5432, ''), /refused/);
  const { user, password, database } = LIBRARY;
  const uri = `postgresql://${user}:${password}@127.0.0.1/${database}?sslmode=disable`;
  const asLibrary = await vm.run(['psql', uri, '-Atc', 'SELECT current_user, inet_server_port()']);
  assert.equal(asLibrary.stdout, 'library|5432\n', asLibrary.stderr);
  assert.deepEqual(await postgres.query('SELECT current_user'), ['postgres']);
});

test('what is committed survives a restart of PostgreSQL', async () => {
  await postgres.query('CREATE TABLE kept (id int); INSERT INTO kept VALUES (7)');
  await postgres.stop();
  await assert.rejects(postgres.query('SELECT 1'), { code: 'POSTGRES_FAILED' });
  await postgres.start();
  assert.deepEqual(await postgres.query('SELECT id FROM kept'), ['7']);
});

test('a capture between the regions sees every byte', async () => {
  await cloud.firewall.allow({ name: 'echo', from: pod.address, to: vm.address, tcpPort: 9002 });
  const capture = await cloud.capture('test');
  await echoOnce(vm, 9002);
  assert.equal(await talk(pod, vm.address, 9002, MARKER), MARKER);
  const { segments, droppedPackets } = await capture.finish();
  assert.equal(droppedPackets, 0);
  const [connection, ...more] = connectionsTo(9002, segments);
  assert(connection && more.length === 0);
  assert.equal(countMarker(connection, MARKER), 2, 'once each way');
  assert.equal(connection.missingBytes, 0);
  assert.match(connection.client, /^10\.24\.2\.23:/);
  assert.equal(connection.server, '10.128.0.14:9002');
});

test('a program that cannot start is one sentence', async () => {
  const missing = vm.start('missing', ['no-such-program']);
  const wait = missing.waitForLine(/ready/, { what: 'start', limitMs: 5_000 });
  await assert.rejects(wait, (error: Error) => {
    assert.match(error.message, /db-vm\.missing: start: it ended with status 127/);
    assert.match(error.message, /no-such-program: No such file/);
    return true;
  });
});

test('nobody answers on a port: one sentence', async () => {
  await assert.rejects(vm.httpGet(15000, '/ready'), {
    code: 'LAB_FAILED',
    message: /127\.0\.0\.1:15000\/ready on db-vm: .*refused/,
  });
});

test('the writer says ✅ for what is committed, ❌ once while PostgreSQL is down', async () => {
  await createTables(postgres);
  const writer = Writer.start(vm, { host: '127.0.0.1', port: 5432, note: MARKER });
  await writer.waitForMore(2, 10_000);
  const failed = writer.waitForFailure(10_000);
  await postgres.stop();
  assert.match(await failed, /^❌ .+: nothing listens on 127\.0\.0\.1:5432: is PostgreSQL running/);
  await postgres.start();
  await writer.waitForMore(2, 10_000);
  assert.equal(await writer.finish(), true);
  assert.deepEqual(writer.inserted, await committedTitles(postgres));
  assert.equal(writer.inserted[0], 'Fun Home');
});

test('held transactions tell that they live, and which do not', async () => {
  const target = { host: '127.0.0.1', port: 5432 };
  await using held = await HeldSessions.open(vm, { ...target, name: 'held', count: 3 });
  const probed = await held.probe('first');
  assert.deepEqual(probed, { alive: 3, problems: [], backends: held.opened.backends });
  assert.deepEqual(await postgres.query('SELECT count(*) FROM held'), ['0'], 'not yet committed');
  await postgres.query(`SELECT pg_terminate_backend(${held.opened.backends[0]})`);
  const afterLoss = await held.commit();
  assert.equal(afterLoss.alive, 2);
  assert.match(afterLoss.problems.join(), /^session \d: /);
  assert.deepEqual(await postgres.query('SELECT count(*) FROM held'), ['2']);
});

test('a port that is taken on the VM is one sentence', async () => {
  const taken = cloud.machine('catalogue');
  const listener = `require('node:net').createServer().listen(5432, '127.0.0.1', () => console.log('ready'))`;
  const squatter = taken.start('squatter', [process.execPath, '-e', listener]);
  await squatter.waitForLine(/^ready$/, { what: 'listen', limitMs: 5_000 });
  await assert.rejects(Postgres.install(taken), (error: Error) => {
    assert.match(
      error.message,
      /^PostgreSQL does not start: .*"127\.0\.0\.1": Address already in use$/,
    );
    return true;
  });
});
