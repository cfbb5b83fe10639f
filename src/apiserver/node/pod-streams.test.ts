// Logs and tunnels, with a node made of a real HTTPS server.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { Agent, createServer, request } from 'node:https';
import type { RequestOptions, Server } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { TLSSocket } from 'node:tls';
import { parse } from 'yaml';
import { systemClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { parseApiServerConfig } from '../config.ts';
import { startApiServer } from '../main.ts';
import type { ApiServer } from '../main.ts';
import { issueKeyPair, openAuthority } from '../pki/authority.ts';

const folder = mkdtempSync(join(tmpdir(), 'isthmus-streams-'));
/** Paths that the node was asked for, and under which name. */
const asked: string[] = [];
let node: Server;
let server: ApiServer;
let credentials: RequestOptions;

function peerOf({ socket }: IncomingMessage): string {
  const peer = socket instanceof TLSSocket ? socket.getPeerCertificate() : undefined;
  return String(peer?.subject.CN);
}

before(async () => {
  const making = { nowMs: systemClock.nowMs(), randomBytes };
  const authority = openAuthority(folder, making);
  const subject = { commonName: 'node', organizations: [], names: ['127.0.0.1'] };
  const { certificatePem: cert, keyPem: key } = issueKeyPair(authority, subject, making);
  // The node trusts the API server's authority, which is the one in the same folder.
  const options = { cert, key, ca: authority.certificatePem, requestCert: true };
  node = createServer(options, (incoming, outgoing) => {
    asked.push(`${peerOf(incoming)} ${incoming.url}`);
    if (incoming.url?.includes('/waiting')) outgoing.writeHead(400).end('it is waiting to start');
    else if (incoming.url?.includes('follow')) outgoing.write('line 1\n');
    else outgoing.end('all lines\n');
  });
  node.on('upgrade', (incoming, socket) => {
    asked.push(`${peerOf(incoming)} ${incoming.method} ${incoming.url}`);
    const { authorization, upgrade } = incoming.headers;
    const lines = [
      'HTTP/1.1 101 Switching Protocols',
      'Connection: Upgrade',
      `Upgrade: ${upgrade}`,
      `X-Auth: ${authorization}`,
    ];
    socket.write(`${lines.join('\r\n')}\r\n\r\n`);
    socket.on('data', (data: Buffer) => socket.write(`echo ${data.toString()}`));
  });
  node.listen(0, '127.0.0.1');
  await once(node, 'listening');
  const argv = ['--data-dir', folder, '--listen', '127.0.0.1:0'];
  const dependencies = { clock: systemClock, log: silentLogger, randomBytes };
  server = await startApiServer(parseApiServerConfig(argv), dependencies);
  credentials = credentialsIn(server.address.adminKubeconfigPath);
  await createObjects();
});

after(async () => {
  await server[Symbol.asyncDispose]();
  node.closeAllConnections();
  node.close();
  rmSync(folder, { recursive: true });
});

function credentialsIn(path: string): RequestOptions {
  const config = parse(readFileSync(path, 'utf8'));
  const decode = (text: string) => Buffer.from(text, 'base64').toString();
  const { user } = config.users[0];
  return {
    ca: decode(config.clusters[0].cluster['certificate-authority-data']),
    cert: decode(user['client-certificate-data']),
    key: decode(user['client-key-data']),
    agent: new Agent({ keepAlive: false }),
  };
}

async function send(method: string, path: string, body?: object): Promise<IncomingMessage> {
  const headers = { 'content-type': 'application/json' };
  const outgoing = request(new URL(path, server.address.url), { ...credentials, method, headers });
  outgoing.end(body && JSON.stringify(body));
  const [response]: IncomingMessage[] = await once(outgoing, 'response');
  assert(response);
  return response;
}

async function textOf(response: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += String(chunk);
  return text;
}

const PODS = '/api/v1/namespaces/default/pods';

async function createObjects(): Promise<void> {
  const address = node.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  const status = {
    addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
    daemonEndpoints: { kubeletEndpoint: { Port: port } },
  };
  await send('POST', '/api/v1/nodes', { metadata: { name: 'n' } });
  await send('PUT', '/api/v1/nodes/n/status', { metadata: { name: 'n' }, status });
  await send('POST', '/api/v1/nodes', { metadata: { name: 'silent' } });
  const containers = (...names: string[]) => names.map((name) => ({ name, image: 'i' }));
  const pods = [
    { name: 'one', spec: { nodeName: 'n', containers: containers('c') } },
    { name: 'two', spec: { nodeName: 'n', containers: containers('c', 'waiting') } },
    { name: 'nowhere', spec: { containers: containers('c') } },
    { name: 'on-silent', spec: { nodeName: 'silent', containers: containers('c') } },
  ];
  for (const { name, spec } of pods) await send('POST', PODS, { metadata: { name }, spec });
}

test('a log is read from the node, by the API server and with the options asked for', async () => {
  const response = await send('GET', `${PODS}/one/log?tailLines=5&timestamps=true&other=1`);
  assert.equal(response.statusCode, 200);
  assert.match(response.headers['content-type'] ?? '', /^text\/plain/);
  assert.equal(await textOf(response), 'all lines\n');
  const path = '/containerLogs/default/one/c?timestamps=true&tailLines=5';
  assert.equal(asked.at(-1), `kube-apiserver-kubelet-client ${path}`);
});

test('a log that is followed comes as it is written, until the client goes', async () => {
  const response = await send('GET', `${PODS}/one/log?follow=true`);
  const [chunk] = await once(response, 'data');
  assert.equal(String(chunk), 'line 1\n');
  response.destroy();
});

const REFUSED: readonly (readonly [string, number, RegExp])[] = [
  ['two/log', 400, /a container name must be specified for pod two, choose one of: \[c waiting\]/],
  ['two/log?container=x', 400, /container x is not valid for pod two/],
  ['two/log?container=waiting', 400, /it is waiting to start/],
  ['nowhere/log', 400, /pod nowhere does not have a host assigned/],
  ['on-silent/log', 500, /node silent does not say where it can be asked/],
  ['missing/log', 404, /pods .*missing.* not found/],
  ['one/exec', 400, /you must specify at least 1 command/],
  ['one/exec?command=ls', 400, /Upgrade request required/],
];

for (const [path, code, message] of REFUSED) {
  test(`${path} is refused with ${code}`, async () => {
    const response = await send('GET', `${PODS}/${path}`);
    assert.equal(response.statusCode, code);
    assert.match(await textOf(response), message);
  });
}

async function upgrade(path: string, headers: Record<string, string> = {}) {
  const outgoing = request(new URL(path, server.address.url), {
    ...credentials,
    headers: { connection: 'Upgrade', upgrade: 'websocket', ...headers },
  });
  outgoing.end();
  return outgoing;
}

test('a connection into a pod is passed through, byte for byte, without the token', async () => {
  const query = 'command=a&command=b%20c&stdin=true&stdout=true&tty=false';
  const outgoing = await upgrade(`${PODS}/one/exec?${query}`);
  const [response, socket] = await once(outgoing, 'upgrade');
  assert.equal(response.statusCode, 101);
  assert.equal(response.headers['x-auth'], 'undefined');
  const path = '/exec/default/one/c?command=a&command=b+c&input=1&output=1';
  assert.equal(asked.at(-1), `kube-apiserver-kubelet-client GET ${path}`);
  socket.write('hello');
  const [answer] = await once(socket, 'data');
  assert.equal(String(answer), 'echo hello');
  const closed = once(socket, 'close');
  socket.end();
  await closed;
});

test('an upgrade that is not allowed, or not for upgrading, is answered in HTTP', async () => {
  for (const [path, code] of [
    [`${PODS}/missing/exec?command=a`, 404],
    [`${PODS}/one`, 400],
  ] as const) {
    const outgoing = await upgrade(path);
    const [response]: IncomingMessage[] = await once(outgoing, 'response');
    assert.equal(response?.statusCode, code);
    response.resume();
  }
});
