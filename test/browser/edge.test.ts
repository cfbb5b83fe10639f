// What the console says of one edge: requests and how long they took, on the map, in the drawer, in
// the find field and in charts; open connections by age, and each as it comes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EdgeHttp, MeshEdge } from '#api/graph.ts';
import type { Connection, Series } from '#api/history.ts';
import { connectionsOf, seriesOf } from './mock/graph.ts';
import { libraryStory } from './mock/story.ts';
import { useChromium, type Visited } from './visit.ts';

const { visit } = useChromium();

const HTTP: EdgeHttp = {
  requests: 192,
  failed: 2,
  clientErrors: 0,
  client: { p50Ms: 4.2, p95Ms: 31, p99Ms: 840 },
  server: { p50Ms: 3.1, p95Ms: 28, p99Ms: 1840 },
};

/** The story, in which the edge of requests says how they were. */
function story(http: EdgeHttp | null = HTTP) {
  const told = libraryStory(Date.now());
  const edges = told.edges.map((edge): MeshEdge => (edge.index === 0 ? { ...edge, http } : edge));
  return { ...told, edges };
}

const idOf = (index: number): string => {
  const { id = '' } = libraryStory(0).edges[index] ?? {};
  return encodeURIComponent(`edge:${id}`);
};

const drawer = ({ page }: Visited) => page.getByRole('complementary', { name: /^Edge / });

test('requests are told with percentiles, by the client’s proxy and the server’s', async () => {
  await using visited = await visit(`/?sel=${idOf(0)}`, { snapshot: story() });
  const requests = drawer(visited).getByRole('region', { name: 'Requests' });
  await requests.getByText('192 requests · 1 % failed · 0 % answered 4xx').waitFor();
  const rows = await requests.getByRole('row').allTextContents();
  assert.deepEqual(rows, [
    'Durationp50p95p99',
    'at the client4.2 ms31 ms840 ms',
    'at the server3.1 ms28 ms1.8 s',
  ]);
});

test('what no proxy has told of requests is not drawn as none', async () => {
  const untold = { ...HTTP, clientErrors: null, client: null };
  await using visited = await visit(`/?sel=${idOf(0)}`, { snapshot: story(untold) });
  const requests = drawer(visited).getByRole('region', { name: 'Requests' });
  await requests.getByRole('row', { name: /at the client not told by its proxy/ }).waitFor();
  await requests.getByText('– answered 4xx').waitFor();
});

test('the map labels edges by percentiles, and finds the slow and the failing', async () => {
  await using visited = await visit('/?label=latency', { snapshot: story() });
  const { page } = visited;
  const http = page.getByRole('button', { name: /HTTP 8080/ });
  await http.getByText('p95 31 ms · 1.2 % failed').waitFor();
  const name = (await http.getAttribute('aria-label')) ?? '';
  assert.match(name, /95 % of requests within 31 ms, 1.2 % of requests failed/);
  const found = page.getByRole('status', { name: 'Found' });
  const find = page.getByRole('combobox', { name: 'Find' });
  for (const [text, count] of [
    ['p95 > 20ms', 1],
    ['p95 > 200ms', 0],
    ['errors > 1%', 1],
  ] as const) {
    await find.fill(text);
    await found.getByText(`0 workloads · ${count} edge${count === 1 ? '' : 's'}`).waitFor();
  }
});

test('open connections are told by age, with those that idle and the time to connect', async () => {
  await using visited = await visit(`/?sel=${idOf(1)}`, { snapshot: story() });
  const open = drawer(visited).getByRole('region', { name: 'Open connections' });
  await open
    .getByText(
      '5 open · 3 idle in a pool (no byte for 10 s) · oldest 48 m · connect time p50 1.4 ms, p95 3.9 ms',
    )
    .waitFor();
  const ages = await open.getByRole('listitem').allTextContents();
  assert.deepEqual(ages.slice(0, 4), ['up to 10 s1', 'up to 60 s0', 'up to 10 m0', 'up to 60 m4']);
});

test('a connection is in the drawer when it comes, not when somebody asks again', async () => {
  let asked = 0;
  const { promise: following, resolve } = Promise.withResolvers<(one: Connection) => void>();
  await using visited = await visit(`/?sel=${idOf(1)}`, {
    snapshot: story(),
    prepare: (mock) =>
      mock.route({
        method: 'GET',
        path: '/api/v1/edges/:id/connections',
        handle: ({ params, query, nowMs }) => {
          if (query.has('follow')) {
            return { stream: (send) => resolve((one) => send('connection', one)) };
          }
          asked += 1;
          return { json: connectionsOf(params['id'] ?? '', nowMs, 2) };
        },
      }),
  });
  const table = drawer(visited).getByRole('table', { name: 'Connections' });
  await table.getByText('10.24.0.12:51821').waitFor();
  const tell = await following;
  const [known] = connectionsOf('e', Date.now(), 1);
  assert(known);
  tell({ ...known, id: 'new', clientAddress: '10.24.0.99:4711' });
  await table.getByText('10.24.0.99:4711').waitFor();
  assert.equal(await table.getByRole('row').count(), 4);
  assert.equal(asked, 1);
});

/** Curves of an edge with requests. */
function asked(fromMs: number, toMs: number, stepSeconds: number): Series {
  const series = seriesOf(fromMs, toMs, stepSeconds);
  const column = (value: number): number[] =>
    series.atMs.map((_, at) => value * (1 + (at % 7) / 9));
  return {
    ...series,
    requests: column(3.2),
    requestErrors: column(0.04),
    clientErrors: column(0.1),
    p50Ms: column(4.2),
    p95Ms: column(31),
    p99Ms: column(84),
    serverP50Ms: column(3.1),
    serverP95Ms: column(28),
    serverP99Ms: column(80),
  };
}

test('Metrics draws requests, failures and percentiles at both ends', async () => {
  await using visited = await visit('/workloads/inventory/postgres-library?tab=metrics', {
    snapshot: story(),
    prepare: (mock) =>
      mock.route({
        method: 'GET',
        path: '/api/v1/series',
        handle: ({ query }) => ({
          json: asked(
            Number(query.get('from')),
            Number(query.get('to')),
            Number(query.get('step')),
          ),
        }),
      }),
  });
  const { page } = visited;
  const requests = page.getByRole('figure', { name: 'HTTP requests' });
  await requests.getByText(/^answered 4xx .* \/s, max/).waitFor();
  for (const end of ['client', 'server']) {
    const figure = page.getByRole('figure', { name: `HTTP duration, at the ${end}` });
    for (const share of ['p50', 'p95', 'p99']) await figure.getByText(share).first().waitFor();
  }
});
