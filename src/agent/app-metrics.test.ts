import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { test } from 'node:test';
import { systemClock, type Clock } from '#base/clock.ts';
import { createLogger } from '#base/log.ts';
import { portOf } from '#kube/fake-api-server.ts';
import { FakeClock } from '../../test/fakes/clock.ts';
import { AppMetrics } from './app-metrics-fetch.ts';
import { checkedExposition, parseAppMetrics } from './app-metrics.ts';
import { createMetricsHandler, METRICS_PATH } from './metrics-page.ts';

const OWN_PORT = 15_020;
const GOOD = '# TYPE books_total counter\nbooks_total{shelf="a\\"b"} 3\n';

test("where the application's metrics are, as injection says it", () => {
  const rows: readonly (readonly [string, object | undefined])[] = [
    ['{}', { port: 80, path: '/metrics' }],
    ['{"scrape":"true","port":"9102","path":"/m?x=1"}', { port: 9102, path: '/m?x=1' }],
    ['{"path":"m"}', { port: 80, path: '/m' }],
    ['{"scrape":"false","port":"9102"}', undefined],
  ];
  for (const [text, target] of rows) {
    assert.deepEqual(parseAppMetrics(text, OWN_PORT), { ok: true, target }, text);
  }
  const wrong = ['', '7', '{"port":"http"}', '{"port":"0"}', '{"port":"15020"}', '{"path":"a b"}'];
  for (const text of wrong) assert.equal(parseAppMetrics(text, OWN_PORT).ok, false, text);
});

test('what may stand beside ours', () => {
  const good = [
    '',
    GOOD,
    'a 1',
    'a{} NaN 1700000000\r\n',
    '# note\na{b="c",} +Inf\n',
    'a:b -1.5e-3',
  ];
  for (const text of good) assert.equal(checkedExposition(text).ok, true, text);
  const last = checkedExposition('a 1\r\nb 2');
  assert(last.ok);
  assert.equal(last.text, 'a 1\nb 2\n');
  const bad = [
    '<html>',
    'a',
    'a1',
    'a{b=c} 1',
    'a 1 # {id="1"} 2',
    'a{b="c} 1',
    '# TYPE a b c',
    '1',
  ];
  for (const text of bad) assert.equal(checkedExposition(`x 1\n${text}\n`).ok, false, text);
  // Each of these would be refused only after ages, were the pattern to try in two ways.
  for (const text of [`a${' '.repeat(60_000)}x`, '1'.repeat(60_000), `a ${'1'.repeat(60_000)}x`]) {
    assert.equal(checkedExposition(text).ok, false);
  }
});

async function listen(handler: RequestListener): Promise<AsyncDisposable & { port: number }> {
  const server = createServer(handler).listen(0, 'localhost');
  await once(server, 'listening');
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return { port: portOf(server), [Symbol.asyncDispose]: close };
}

const AGENT = {
  certificateNotAfterMs: undefined,
  nowMs: 0,
  version: '0.1.0',
  isConnected: true,
  isEnvoyLive: true,
  isCaptured: true,
  openConnections: 0,
  pendingCalls: 0,
};

/** What two scrapes of an agent answer beside an application, and what the agent logs. */
async function scrapeBeside(
  app: RequestListener,
  clock: Clock = systemClock,
  headers: Readonly<Record<string, string>> = {},
) {
  const logged: string[] = [];
  await using server = await listen(app);
  const metrics = new AppMetrics({
    target: { port: server.port, path: '/own' },
    clock,
    log: createLogger('agent', { sink: (line) => logged.push(line) }),
    bytesMax: 1_000,
  });
  const page = createMetricsHandler(
    {
      standard: () => 'standard 1\n',
      agent: () => AGENT,
      others: { envoy: async () => 'envoy 1\n', application: (limitMs) => metrics.scrape(limitMs) },
    },
    () => Promise.reject(new Error('no other page is asked for')),
  );
  await using agent = await listen((request, response) => void page(request, response));
  const scrape = async (): Promise<string> =>
    await (await fetch(`http://localhost:${agent.port}${METRICS_PATH}`, { headers })).text();
  return { texts: [await scrape(), await scrape()], logged: logged.join('\n') };
}

const FAILURES = 'istio_agent_scrape_failures_total{type="application"}';

test("the application's metrics stand beside ours", async () => {
  const asked: (string | undefined)[] = [];
  const { texts, logged } = await scrapeBeside((request, response) => {
    asked.push(request.url, request.headers.accept);
    response.end(GOOD);
  });
  for (const text of texts) {
    for (const part of ['standard 1\n', 'envoy 1\n', GOOD, `${FAILURES} 0\n`]) {
      assert(text.includes(part), part);
    }
  }
  assert.deepEqual(asked.slice(0, 2), ['/own', 'text/plain;version=0.0.4']);
  assert.equal(logged, '');
});

test('an application that fails leaves out its own part, and it is said once', async () => {
  const hung = new FakeClock(0);
  const rows: readonly (readonly [string, RequestListener, Clock?])[] = [
    ['status 500', (_, response) => response.writeHead(500).end('secret 1\n')],
    ['text/html', (_, response) => response.setHeader('content-type', 'text/html').end('a 1\n')],
    ['line 2 is not', (_, response) => response.end('secret 1\n<html>\n')],
    ['more than 1000 bytes', (_, response) => response.end('secret 1\n'.repeat(200))],
    ['aborted', (_, response) => response.write('secret 1\n', () => response.destroy())],
    ['took longer than 5000 ms', () => hung.advance(5_000), hung],
  ];
  for (const [problem, app, clock] of rows) {
    const { texts, logged } = await scrapeBeside(app, clock);
    for (const [index, text] of texts.entries()) {
      assert(text.includes('standard 1\n') && text.includes('envoy 1\n'), problem);
      assert(text.includes(`${FAILURES} ${index + 1}\n`), `${problem}: ${text}`);
      assert(!text.includes('secret'), problem);
    }
    assert(logged.includes(problem), `${problem}: ${logged}`);
    assert.equal(logged.split('\n').length, 1, logged);
  }
});

test('an answer must be there before Prometheus goes', async () => {
  const clock = new FakeClock(0);
  const headers = { 'x-prometheus-scrape-timeout-seconds': '2' };
  const { logged } = await scrapeBeside(() => clock.advance(1_600), clock, headers);
  assert(logged.includes('took longer than 1600 ms'), logged);
});
