// The kubelet endpoint of the lab's node: logs, exec and port-forward as the API server asks for
// them, and nobody else.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { request, type RequestOptions } from 'node:https';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { loadKubeconfig } from '#kube/kubeconfig.ts';
import { enterSandbox } from '#lab/enter.ts';
import { eventually } from '#lab/eventually.ts';
import { encodeData, SpdyDecoder } from '#lab/node/server/spdy-frames.ts';
import { HeaderEncoder } from '#lab/node/server/spdy-headers.ts';
import { WebSocketClient } from '../fakes/websocket-client.ts';
import { NodeWorld, NS } from './node-world.ts';

await enterSandbox();

let world: NodeWorld;
let kubelet: RequestOptions;

before(async () => {
  world = await NodeWorld.create();
  kubelet = await asClient(world.kubeconfig);
  const talk = 'echo one; echo two; echo three; while read -r line; do echo "$line"; done </tmp/in';
  const containers = [
    {
      name: 'main',
      image: 'busybox',
      command: ['bash', '-c', `mkfifo /tmp/in; exec 9<>/tmp/in; export OWN=x; ${talk}`],
      env: [{ name: 'GREETING', value: 'hello' }],
      workingDir: '/tmp',
    },
  ];
  await world.createPod('talker', { containers, terminationGracePeriodSeconds: 0 });
  const crash = { name: 'main', image: 'busybox', command: ['sh', '-c', 'echo run; exit 1'] };
  await world.createPod('crasher', { containers: [crash] });
  const waiting = { name: 'main', image: 'no-such-image' };
  await world.createPod('waiter', { containers: [waiting] });
  await world.awaitRunning('talker');
});

after(async () => {
  await world[Symbol.asyncDispose]();
});

/** A client with a kubeconfig's certificate; the node's own is not checked, as in Kubernetes. */
async function asClient(kubeconfig: string): Promise<RequestOptions> {
  const { credentials } = await loadKubeconfig(kubeconfig);
  const { certificate } = credentials;
  return {
    host: '10.24.0.2',
    port: world.node.port,
    rejectUnauthorized: false,
    agent: false,
    cert: certificate?.certificatePem,
    key: certificate?.keyPem,
  };
}

async function get(path: string, client = kubelet): Promise<IncomingMessage> {
  return await new Promise((resolve, reject) => {
    request({ ...client, path }, resolve)
      .on('error', reject)
      .end();
  });
}

async function log(pod: string, query = ''): Promise<{ status: number; body: string }> {
  const response = await get(`/containerLogs/${NS}/${pod}/main${query}`);
  return { status: response.statusCode ?? 0, body: await text(response) };
}

test('logs: all, the last ones, with times', async () => {
  await world.logLines('talker', 3);
  assert.deepEqual(await log('talker'), { status: 200, body: 'one\ntwo\nthree\n' });
  assert.equal((await log('talker', '?tailLines=1')).body, 'three\n');
  assert.match(
    (await log('talker', '?timestamps=true&tailLines=2')).body,
    /^20\S+Z two\n20\S+Z three\n$/,
  );
  assert.equal((await log('talker', '?limitBytes=5')).body, 'one\nt');
  assert.equal((await log('talker', '?sinceSeconds=3600')).body, 'one\ntwo\nthree\n');
});

test('logs: followed until the container ends', async () => {
  const response = await get(`/containerLogs/${NS}/talker/main?follow=true&tailLines=0`);
  const body = text(response);
  const first = once(response, 'data');
  await runIn('talker', ['bash', '-c', 'echo four >/tmp/in']);
  await first;
  await runIn('talker', [
    'bash',
    '-c',
    'echo five >/tmp/in; sleep 0.1; kill -KILL $(pgrep -P 1 bash)',
  ]);
  assert.equal(await body, 'four\nfive\n');
  await world.awaitPod(
    'talker',
    'restarted',
    ({ isReady, containers: [main] }) => isReady && main?.restartCount === 1,
  );
  assert.match((await log('talker', '?previous=true')).body, /four\nfive\n$/);
});

test('logs: what there is not is said', async () => {
  await world.awaitPod(
    'crasher',
    'looping',
    ({ containers: [main] }) => (main?.restartCount ?? 0) > 0,
  );
  assert.deepEqual(await log('crasher', '?previous=true'), { status: 200, body: 'run\n' });
  await world.awaitPod('waiter', 'waiting', ({ containers: [main] }) => main?.state === 'waiting');
  const { status, body } = await log('waiter');
  assert.equal(status, 400);
  assert.match(body, /^container "main" in pod "waiter" is waiting to start: .*no-such-image/);
  assert.equal((await log('nobody')).status, 404);
  const wrong = await log('talker', '?tailLines=-1');
  assert.deepEqual(wrong, { status: 400, body: 'tailLines is not a whole number of at least 0' });
});

type Output = { stdout: string; stderr: string; status: Record<string, unknown> };

async function openExec(pod: string, query: string): Promise<WebSocketClient> {
  const path = `/exec/${NS}/${pod}/main?${query}`;
  const answer = await WebSocketClient.open({ ...kubelet, path }, 'v5.channel.k8s.io');
  if (!answer.ok) throw new Error(`${answer.status} ${answer.body}`);
  return answer.socket;
}

async function runIn(pod: string, command: readonly string[], input?: string): Promise<Output> {
  const query = new URLSearchParams();
  for (const word of command) query.append('command', word);
  for (const name of ['stdout', 'stderr', ...(input === undefined ? [] : ['stdin'])]) {
    query.set(name, 'true');
  }
  const socket = await openExec(pod, query.toString());
  if (input !== undefined) {
    socket.send(Buffer.concat([Buffer.of(0), Buffer.from(input)]));
    socket.send(Buffer.of(255, 0));
  }
  const output: Output = { stdout: '', stderr: '', status: {} };
  for await (const message of socket.messages()) {
    const data = message.toString('utf8', 1);
    if (message[0] === 1) output.stdout += data;
    if (message[0] === 2) output.stderr += data;
    if (message[0] === 3) output.status = JSON.parse(data);
  }
  assert.equal(socket.closeCode, 1000);
  return output;
}

test('exec: streams, environment, working directory and status are the container’s', async () => {
  const script = 'echo "$GREETING from $(hostname) in $(pwd)"; echo oops >&2; exit 3';
  const { stdout, stderr, status } = await runIn('talker', ['sh', '-c', script]);
  assert.deepEqual([stdout, stderr], ['hello from talker in /tmp\n', 'oops\n']);
  assert.equal(status['reason'], 'NonZeroExitCode');
  assert.deepEqual(status['details'], { causes: [{ reason: 'ExitCode', message: '3' }] });
  const fine = await runIn('talker', ['true']);
  assert.deepEqual(fine.status, { metadata: {}, status: 'Success' });
});

test('exec: standard input ends when the client says so; much of it passes', async () => {
  const big = 'x'.repeat(3_000_000);
  assert.equal((await runIn('talker', ['wc', '-c'], big)).stdout.trim(), '3000000');
  const back = await runIn('talker', ['head', '-c', '2000000', '/dev/zero']);
  assert.equal(back.stdout.length, 2_000_000);
});

test('exec: a terminal has the size that the client says', async () => {
  const script = 'read -r line; stty size; test -t 1 && echo terminal';
  const query = new URLSearchParams([
    ['command', 'sh'],
    ['command', '-c'],
    ['command', script],
  ]);
  const socket = await openExec('talker', `${query.toString()}&stdin=true&stdout=true&tty=true`);
  const resize = JSON.stringify({ Width: 132, Height: 50 });
  socket.send(Buffer.concat([Buffer.of(4), Buffer.from(resize)]));
  let stdout = '';
  let isAsked = false;
  const sized = eventually('a terminal of that size', async () => {
    const { stdout: sizes } = await runIn('talker', ['sh', '-c', 'stty -F /dev/pts/0 size']);
    return sizes === '50 132\n' || undefined;
  });
  for await (const message of socket.messages()) {
    if (message[0] === 1) stdout += message.toString('utf8', 1);
    if (isAsked) continue;
    isAsked = true;
    await sized;
    socket.send(Buffer.concat([Buffer.of(0), Buffer.from('go\n')]));
  }
  assert.match(stdout, /50 132\r\nterminal\r\n$/);
});

test('exec: what a client leaves behind is ended', async () => {
  const socket = await openExec('talker', 'command=sleep&command=4711&stdout=true');
  await socket.messages().next();
  socket.close();
  await eventually('no such program', async () => {
    const { stdout } = await runIn('talker', ['pgrep', '-f', 'sleep 4711']);
    return stdout === '' || undefined;
  });
});

test('a client that is not the API server is not let in', async () => {
  const other = await asClient(world.kubeconfig.replace('admin', 'isthmusd'));
  const response = await get('/healthz', other);
  assert.equal(response.statusCode, 403);
  const { cert: _cert, key: _key, ...nobody } = kubelet;
  await assert.rejects(get('/healthz', nobody), /certificate required|ECONNRESET|socket hang up/i);
});

test('port-forward reaches what listens on the Pod’s loopback only', async () => {
  const server = `require('node:net').createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('data', (data) => socket.write(String(data).toUpperCase()));
    socket.on('end', () => socket.end('bye'));
  }).listen(7000, '127.0.0.1')`;
  const readinessProbe = {
    exec: { command: ['bash', '-c', '</dev/tcp/127.0.0.1/7000'] },
    periodSeconds: 1,
  };
  const main = { name: 'main', image: 'node', args: ['-e', server], readinessProbe };
  await world.createPod('loopback', { containers: [main], terminationGracePeriodSeconds: 0 });
  await world.awaitRunning('loopback');
  const path = `/portForward/${NS}/loopback`;
  const answer = await WebSocketClient.open({ ...kubelet, path }, 'SPDY/3.1+portforward.k8s.io');
  assert(answer.ok);
  const { socket } = answer;
  const headers = new HeaderEncoder();
  const open = async (stream: number, streamType: string, port: number): Promise<void> => {
    const pairs = new Map([
      ['Streamtype', streamType],
      ['Port', String(port)],
      ['Requestid', String(port)],
    ]);
    const block = await headers.encode(pairs);
    const frame = Buffer.alloc(18);
    frame.writeUInt32BE(0x80030001, 0);
    frame.writeUIntBE(10 + block.length, 5, 3);
    frame.writeUInt32BE(stream, 8);
    socket.send(Buffer.concat([frame, block]));
  };
  await open(1, 'error', 7000);
  await open(3, 'data', 7000);
  socket.send(encodeData(3, Buffer.from('through'), true));
  await open(5, 'error', 7001);
  await open(7, 'data', 7001);
  const decoder = new SpdyDecoder();
  const streams = new Map<number, string>();
  const ended = new Set<number>();
  for await (const message of socket.messages()) {
    for (const frame of decoder.add(message)) {
      if (frame.kind !== 'data') continue;
      streams.set(frame.stream, (streams.get(frame.stream) ?? '') + frame.data.toString('utf8'));
      if (frame.isLast) ended.add(frame.stream);
    }
    if (ended.size === 4) socket.close();
  }
  headers.close();
  assert.equal(streams.get(3), 'THROUGHbye');
  assert.match(streams.get(5) ?? '', /^error forwarding port 7001 to the Pod: .*ECONNREFUSED/);
  await world.deletePod('loopback');
});
