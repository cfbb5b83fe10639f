import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTcpServer, type Server } from 'node:net';
import { test } from 'node:test';
import { systemClock } from '#base/clock.ts';
import { portOf } from '#kube/fake-api-server.ts';
import { probeApp } from './app-probes-run.ts';
import { parseAppProbes, type AppProbe } from './app-probes.ts';
import { createGrpcServer } from '#grpc/server.ts';
import { silentLogger } from '#base/log.ts';

const parse = (value: unknown) => parseAppProbes(JSON.stringify(value));

test('what injection writes is read', () => {
  const probes = parse({
    '/app-health/web/livez': {
      httpGet: {
        path: 'live',
        port: 8080,
        scheme: 'HTTPS',
        httpHeaders: [{ name: 'Host', value: 'shop' }],
      },
      timeoutSeconds: 3,
    },
    '/app-health/web/readyz': { tcpSocket: { port: 5432 } },
    '/app-health/web/startupz': { grpc: { port: 9000, service: 'shelf' } },
  });
  assert(!('problem' in probes));
  assert.deepEqual(
    [...probes.values()],
    [
      {
        timeoutMs: 3000,
        action: {
          kind: 'http',
          scheme: 'https',
          port: 8080,
          path: '/live',
          headers: [['Host', 'shop']],
        },
      },
      { timeoutMs: 1000, action: { kind: 'tcp', port: 5432 } },
      { timeoutMs: 1000, action: { kind: 'grpc', port: 9000, service: 'shelf' } },
    ],
  );
});

test('what cannot be done is refused with its place', () => {
  const at = '/app-health/web/livez';
  const rows: readonly (readonly [string, RegExp])[] = [
    ['nonsense', /is not a JSON object/],
    ['[]', /is not a JSON object/],
    [JSON.stringify({ '/healthz': { tcpSocket: { port: 1 } } }), /at "\/healthz"/],
    [JSON.stringify({ [at]: {} }), /at "\/app-health\/web\/livez"/],
    [JSON.stringify({ [at]: { tcpSocket: { port: 'http' } } }), /livez/],
    [JSON.stringify({ [at]: { tcpSocket: { port: 70_000 } } }), /livez/],
    [JSON.stringify({ [at]: { tcpSocket: { port: 80 }, timeoutSeconds: 0 } }), /livez/],
    [
      JSON.stringify({ [at]: { httpGet: { port: 80, httpHeaders: [{ name: 'a\r\nb' }] } } }),
      /livez/,
    ],
  ];
  for (const [text, expected] of rows) {
    const probes = parseAppProbes(text);
    assert.match('problem' in probes ? probes.problem : 'accepted', expected, text);
  }
});

async function listening<T extends Server>(server: T): Promise<T & AsyncDisposable> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return Object.assign(server, {
    async [Symbol.asyncDispose]() {
      const ended = server.listening && once(server, 'close');
      server.close();
      await ended;
    },
  });
}

const asking = { ip: '127.0.0.1', clock: systemClock, agent: 'kube-probe/1.34' };
const probe = (
  action: AppProbe['action'],
  timeoutMs = 2000,
): Promise<{ status: number; text: string }> => probeApp({ action, timeoutMs }, asking);

function http(port: number, fields: object = {}): AppProbe['action'] {
  return { kind: 'http', scheme: 'http', port, path: '/live', headers: [], ...fields };
}

test("the application's answer is kubelet's answer", async () => {
  const answers: RequestListener = ({ url, headers }, response) => {
    response.writeHead(url === '/live' ? 204 : 503);
    response.end(`${headers.host} ${headers['user-agent']} ${String(headers['x-a'])}`);
  };
  await using app = await listening(createServer(answers));
  const port = portOf(app);
  assert.equal((await probe(http(port))).status, 204);
  const ill = await probe(
    http(port, {
      path: '/ill',
      headers: [
        ['X-A', 'b'],
        ['Host', 'shop'],
      ],
    }),
  );
  assert.deepEqual(ill, { status: 503, text: 'shop kube-probe/1.34 b' });
  const plain = await probe(http(port, { path: '/ill' }));
  assert.equal(plain.text, `127.0.0.1:${port} kube-probe/1.34 undefined`);
});

test('a long answer is cut', async () => {
  await using app = await listening(
    createServer((_, response) => response.end('x'.repeat(1 << 20))),
  );
  const { status, text } = await probe(http(portOf(app)));
  assert.deepEqual([status, text.length], [200, 10 << 10]);
});

test('nobody there, or nobody who answers in time, is 500 with the reason', async () => {
  await using server = await listening(createTcpServer((socket) => socket.resume()));
  const port = portOf(server);
  const late = await probe(http(port), 50);
  assert.equal(late.status, 500);
  assert.match(
    late.text,
    /^the application on 127\.0\.0\.1:\d+: its answer took longer than 50 ms\n$/,
  );
  assert.equal((await probe({ kind: 'tcp', port })).status, 200, 'it takes connections, though');
  server.close();
  await once(server, 'close');
  for (const action of [http(port), { kind: 'tcp', port } as const]) {
    const { status, text } = await probe(action);
    assert.equal(status, 500);
    assert.match(text, /ECONNREFUSED/);
  }
});

test('gRPC services are asked for their health', async () => {
  const serving: Record<string, number> = { '': 1, shelf: 1, till: 2 };
  await using app = createGrpcServer({
    clock: systemClock,
    log: silentLogger,
    methods: {
      '/grpc.health.v1.Health/Check': (call) => {
        call.onMessage = (bytes: Uint8Array) => {
          const name = Buffer.from(bytes.subarray(2)).toString();
          call.send(new Uint8Array([0x08, serving[name] ?? 3]));
          call.end(0, '');
        };
      },
    },
  });
  const port = await app.listen({ host: '127.0.0.1', port: 0 });
  const health = async (service: string): Promise<number> =>
    (await probe({ kind: 'grpc', port, service })).status;
  assert.deepEqual(
    await Promise.all(['', 'shelf', 'till', 'none'].map(health)),
    [200, 200, 500, 500],
  );
});
