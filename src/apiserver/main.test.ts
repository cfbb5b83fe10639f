// The server with its sockets, files and process: what cannot be seen from plain calls.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import type { RequestOptions } from 'node:https';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { parse } from 'yaml';
import { systemClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { OperatorError } from '#base/operator-error.ts';
import { parseApiServerConfig } from './config.ts';
import { startApiServer } from './main.ts';
import type { ApiServer } from './main.ts';

const DEPENDENCIES = { clock: systemClock, log: silentLogger, randomBytes };

function folderFor(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-apiserver-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function start(dataDir: string, ...flags: readonly string[]): Promise<ApiServer> {
  const argv = ['--data-dir', dataDir, '--listen', '127.0.0.1:0', ...flags];
  return startApiServer(parseApiServerConfig(argv), DEPENDENCIES);
}

type Credentials = { readonly ca: string; readonly cert?: string; readonly key?: string };

function credentialsIn(path: string): Required<Credentials> {
  const config = parse(readFileSync(path, 'utf8'));
  const decode = (text: string) => Buffer.from(text, 'base64').toString();
  const { cluster } = config.clusters[0];
  const { user } = config.users[0];
  return {
    ca: decode(cluster['certificate-authority-data']),
    cert: decode(user['client-certificate-data']),
    key: decode(user['client-key-data']),
  };
}

async function send(
  server: ApiServer,
  path: string,
  options: RequestOptions & { readonly body?: string | Buffer } = {},
): Promise<IncomingMessage> {
  const { body, ...rest } = options;
  const outgoing = request(new URL(path, server.address.url), { agent: false, ...rest });
  const answered = once(outgoing, 'response');
  outgoing.end(body);
  const [response]: IncomingMessage[] = await answered;
  assert(response);
  return response;
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

test('the kubeconfig files let their users in, and are for their owner only', async (t) => {
  const folder = folderFor(t);
  await using server = await start(folder);
  const { adminKubeconfigPath, isthmusdKubeconfigPath } = server.address;
  const admin = credentialsIn(adminKubeconfigPath);
  const namespaces = await send(server, '/api/v1/namespaces', admin);
  assert.equal(namespaces.statusCode, 200);
  assert.match(await textOf(namespaces), /"istio-system"/);
  const isthmusd = credentialsIn(isthmusdKubeconfigPath);
  assert.equal((await send(server, '/api/v1/services', isthmusd)).statusCode, 200);
  assert.equal((await send(server, '/apis/apps/v1/daemonsets', isthmusd)).statusCode, 403);
  for (const file of readdirSync(folder)) {
    assert.equal(statSync(join(folder, file)).mode & 0o077, 0, file);
  }
});

test('without credentials, or with foreign ones, there is no way in', async (t) => {
  await using server = await start(folderFor(t));
  await using other = await start(folderFor(t));
  const { ca } = credentialsIn(server.address.adminKubeconfigPath);
  const foreign = { ...credentialsIn(other.address.adminKubeconfigPath), ca };
  assert.equal((await send(server, '/api', { ca })).statusCode, 403);
  assert.equal((await send(server, '/api', foreign)).statusCode, 401);
  assert.equal((await send(server, '/healthz', { ca })).statusCode, 200);
  const headers = { authorization: 'Bearer x' };
  assert.equal((await send(server, '/api', { ca, headers })).statusCode, 401);
});

test('a resumed TLS session is the same client as before', async (t) => {
  await using server = await start(folderFor(t));
  const admin = credentialsIn(server.address.adminKubeconfigPath);
  const agent = new Agent({ keepAlive: false, maxCachedSessions: 10 });
  t.after(() => agent.destroy());
  for (let round = 0; round < 3; round += 1) {
    const response = await send(server, '/api/v1/nodes', { ...admin, agent });
    assert.equal(response.statusCode, 200);
    await textOf(response);
  }
});

test("the server's certificate is good for its names and addresses", async (t) => {
  await using server = await start(
    folderFor(t),
    '--tls-san',
    'api.example',
    '--tls-san',
    '10.1.2.3',
  );
  const admin = credentialsIn(server.address.adminKubeconfigPath);
  for (const servername of [
    'localhost',
    'kubernetes.default.svc',
    'api.example',
    '10.96.0.1',
    '10.1.2.3',
  ]) {
    const options = { ...admin, servername, headers: { host: servername } };
    assert.equal((await send(server, '/healthz', options)).statusCode, 200, servername);
  }
  await assert.rejects(send(server, '/healthz', { ...admin, servername: 'other.example' }));
});

test('a taken port is said with a remedy, and nothing is left open', async (t) => {
  await using server = await start(folderFor(t));
  const { host } = new URL(server.address.url);
  const folder = folderFor(t);
  const argv = ['--data-dir', folder, '--listen', host];
  await assert.rejects(
    startApiServer(parseApiServerConfig(argv), DEPENDENCIES),
    (error) =>
      error instanceof OperatorError &&
      error.code === 'ADDRESS_IN_USE' &&
      error.message === `${host} is in use by another program` &&
      /--listen/.test(error.remedy),
  );
  await using again = await start(folder);
  assert(again.address.url);
});

test('a folder that is in use is said with a remedy', async (t) => {
  const folder = folderFor(t);
  await using server = await start(folder);
  assert(server.address.url);
  await assert.rejects(
    start(folder),
    (error) => error instanceof OperatorError && /in use by another process/.test(error.message),
  );
});

test('a damaged key is said, and not replaced', async (t) => {
  const folder = folderFor(t);
  await (await start(folder))[Symbol.asyncDispose]();
  writeFileSync(join(folder, 'ca.key'), 'nonsense');
  await assert.rejects(
    start(folder),
    (error) => error instanceof OperatorError && /authority in .* is damaged/.test(error.message),
  );
  assert.equal(readFileSync(join(folder, 'ca.key'), 'utf8'), 'nonsense');
});

test('a restarted server has the objects, the authority and the tokens of before', async (t) => {
  const folder = folderFor(t);
  let before: Required<Credentials> | undefined;
  let token = '';
  {
    await using server = await start(folder);
    before = credentialsIn(server.address.adminKubeconfigPath);
    const headers = { 'content-type': 'application/json' };
    const path = '/api/v1/namespaces/default/serviceaccounts';
    const body = JSON.stringify({ metadata: { name: 'a' } });
    const post = { ...before, method: 'POST', headers };
    assert.equal((await send(server, path, { ...post, body })).statusCode, 201);
    const answer = await send(server, `${path}/a/token`, { ...post, body: '{"spec":{}}' });
    token = JSON.parse(await textOf(answer)).status.token;
  }
  await using server = await start(folder);
  const { ca } = before;
  assert.equal((await send(server, '/api/v1/nodes', before)).statusCode, 200);
  const headers = { authorization: `Bearer ${token}` };
  assert.equal((await send(server, '/apis', { ca, headers })).statusCode, 200);
});

test('too large a body is refused without reading it to the end', async (t) => {
  await using server = await start(folderFor(t));
  const admin = credentialsIn(server.address.adminKubeconfigPath);
  const path = '/api/v1/namespaces/default/configmaps';
  const body = Buffer.alloc(5 * 1024 * 1024, 0x20);
  const response = await send(server, path, { ...admin, method: 'POST', body });
  assert.equal(response.statusCode, 413);
  assert.match(await textOf(response), /Request entity too large: limit is 3145728 bytes/);
  assert.equal((await send(server, '/healthz', admin)).statusCode, 200);
});

test('whoever does not speak TLS is dropped, and the server goes on', async (t) => {
  await using server = await start(folderFor(t));
  const { hostname, port } = new URL(server.address.url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => undefined); // a reset is as good as an end
  const closed = once(socket, 'close');
  socket.write('GET / HTTP/1.1\r\n\r\n');
  await closed;
  const { ca } = credentialsIn(server.address.adminKubeconfigPath);
  assert.equal((await send(server, '/healthz', { ca })).statusCode, 200);
});

test('a watch answers at once, streams, and ends with the server', async (t) => {
  const server = await start(folderFor(t));
  const admin = credentialsIn(server.address.adminKubeconfigPath);
  const path = '/api/v1/namespaces/default/configmaps';
  const watch = await send(server, `${path}?watch=true&resourceVersion=1`, admin);
  assert.equal(watch.statusCode, 200);
  const lines = createInterface({ input: watch })[Symbol.asyncIterator]();
  const first = lines.next();
  const body = JSON.stringify({ metadata: { name: 'a' } });
  const headers = { 'content-type': 'application/json' };
  await send(server, path, { ...admin, method: 'POST', headers, body });
  assert.equal(JSON.parse((await first).value ?? '').type, 'ADDED');
  const ended = once(watch, 'end');
  watch.resume();
  await server[Symbol.asyncDispose]();
  await ended;
  await assert.rejects(send(server, '/healthz', admin), /ECONNREFUSED/);
});
