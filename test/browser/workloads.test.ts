// The list of workloads and the seven tabs of one, in a real browser.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import type { MeshNode } from '#api/graph.ts';
import type { Connection, Series } from '#api/history.ts';
import { assertAccessible } from './axe.ts';
import type { MockConsole } from './mock/server.ts';
import { emptyMesh } from './mock/story.ts';
import { useChromium } from './visit.ts';

const VM = 'wl:inventory/postgresql-1-vm';
const EDGE = 'wl:inventory/postgres-library>wl:inventory/postgresql-1-vm:5432/tcp';
const PATH = '/workloads/inventory/postgresql-1-vm';

const { visit } = useChromium();

function vmOf(mock: MockConsole): MeshNode {
  const node = mock.mesh.node(VM);
  assert(node);
  return node;
}

const list = (page: Page) => page.getByRole('table', { name: 'Workloads' });
const rowOf = (page: Page, name: string) => list(page).getByRole('row', { name: new RegExp(name) });

async function namesIn(page: Page): Promise<string[]> {
  await list(page).getByRole('link').first().waitFor();
  return list(page).getByRole('link').allInnerTexts();
}

test('a VM has every cell filled that a pod has', async () => {
  await using visited = await visit('/workloads');
  const { page } = visited;
  await rowOf(page, 'postgresql-1-vm').waitFor();
  const cells = async (name: string): Promise<string[]> =>
    rowOf(page, name).getByRole('cell').allInnerTexts();
  const [vm, pod] = [await cells('postgresql-1-vm'), await cells('postgres-library')];
  const heads = await list(page).getByRole('columnheader').allInnerTexts();
  assert.equal(vm.length, heads.length);
  assert.deepEqual(
    vm.map((text) => text !== '' && text !== '–'),
    pod.map((text) => text !== '' && text !== '–'),
  );
  assert(vm.includes('VM') && pod.includes('pod ×1'));
  assert.match(vm.join(' '), /→ 1\.2 kB\/s +← 3\.4 kB\/s/);
});

test('what is not known says why, and is not drawn as well', async () => {
  await using visited = await visit('/workloads', {
    prepare: (mock) => {
      const [instance] = vmOf(mock).instances;
      assert(instance);
      const silent = { identity: '', certificate: null, health: 'unknown' as const };
      const instances = [{ ...instance, agent: null }];
      mock.emit({ type: 'node.upsert', node: { ...vmOf(mock), ...silent, instances } });
    },
  });
  const row = rowOf(visited.page, 'postgresql-1-vm');
  await row.getByText('unknown (agent never called)').waitFor();
  assert.equal(await row.locator('.good').count(), 0);
});

test('order and filters are in the address, and live through a reload', async () => {
  await using visited = await visit('/workloads');
  const { page } = visited;
  assert.deepEqual(await namesIn(page), ['frontend', 'postgres-library', 'postgresql-1-vm']);
  await page.getByRole('columnheader', { name: /Rate/ }).getByRole('button').click();
  await page.getByRole('columnheader', { name: /Rate/ }).getByRole('button').click();
  assert.equal(
    await page.getByRole('columnheader', { name: /Rate/ }).getAttribute('aria-sort'),
    'descending',
  );
  const byRate = await namesIn(page);
  assert.deepEqual(byRate, ['postgres-library', 'postgresql-1-vm', 'frontend']);
  await page.getByRole('searchbox', { name: 'Find' }).fill('postgres');
  await page.getByLabel('Kind').selectOption('vm');
  await page.getByRole('button', { name: 'Dense' }).click();
  await page.getByText('1 of 3').waitFor();
  assert.match(page.url(), /sort=-rate/);
  const { url, names } = { url: page.url(), names: await namesIn(page) };
  await page.reload();
  assert.deepEqual([page.url(), await namesIn(page)], [url, names]);
  assert.equal(
    await page.getByRole('button', { name: 'Dense' }).getAttribute('aria-pressed'),
    'true',
  );
});

test('the find language of the map finds workloads, too', async () => {
  await using visited = await visit('/workloads');
  const { page } = visited;
  const find = page.getByRole('searchbox', { name: 'Find' });
  for (const [text, names] of [
    ['kind=vm or name^=front', ['frontend', 'postgresql-1-vm']],
    ['tcp > 1kB/s', ['postgres-library', 'postgresql-1-vm']],
    ['vm and tcp > 1kB/s', ['postgresql-1-vm']],
    ['cert < 1h', []],
  ] as const) {
    await find.fill(text);
    await page.getByText(`${names.length} of 3`).waitFor();
    assert.deepEqual(await list(page).getByRole('link').allInnerTexts(), names, text);
  }
});

test('rows stay where they are while numbers change', async () => {
  await using visited = await visit('/workloads?sort=-rate');
  const { page, mock } = visited;
  const before = await namesIn(page);
  mock.emit({ type: 'node.upsert', node: { ...vmOf(mock), version: 'v2' } });
  await rowOf(page, 'postgresql-1-vm').getByText('v2').waitFor(); // the stream is open
  const samples = [[0, 9_000_000, 9_000_000, 2, 0, 0, 3, 8] as const];
  mock.emit({ type: 'sample', atMs: Date.now(), samples });
  await rowOf(page, 'frontend').getByText('9.0 MB/s').first().waitFor();
  mock.emit({ type: 'node.upsert', node: { ...vmOf(mock), version: 'v3' } });
  await rowOf(page, 'postgresql-1-vm').getByText('v3').waitFor();
  assert.deepEqual(await namesIn(page), before);
});

test('an empty mesh says what comes first', async () => {
  await using visited = await visit('/workloads', { snapshot: emptyMesh(Date.now()) });
  await visited.page.getByText('Nothing has joined this mesh yet').waitFor();
  await visited.page.getByText('kubectl label namespace').waitFor();
  await visited.page.getByRole('link', { name: 'Add a VM' }).waitFor();
});

test('every tab of a VM opens, none of them empty for being a VM', async () => {
  await using visited = await visit('/workloads');
  const { page } = visited;
  await rowOf(page, 'postgresql-1-vm').getByRole('link').click();
  await page.getByRole('heading', { level: 1, name: 'postgresql-1-vm' }).waitFor();
  const shown: readonly (readonly [tab: string, text: string | RegExp])[] = [
    ['Overview', 'Neighbours'],
    ['Connections', 'Live tap'],
    ['Metrics', 'TCP throughput'],
    ['Proxy', 'virtualInbound'],
    ['Logs', /inbound\|5432/],
    ['Join', 'Its join is not remembered'],
    ['Policies', 'inventory/pg-allow'],
  ];
  for (const [tab, text] of shown) {
    await page.getByRole('tab', { name: tab }).click();
    await page.getByRole('tabpanel').getByText(text).first().waitFor();
    assert.doesNotMatch(await page.getByRole('tabpanel').innerText(), /not supported|limited/i);
  }
  assert.match(page.url(), /tab=policies$/);
});

test('charts have a table, and its last point is the last that is known', async () => {
  await using visited = await visit(`${PATH}?tab=metrics`);
  const { page } = visited;
  const answer = page.waitForResponse(/\/api\/v1\/series/);
  await page.getByRole('button', { name: '1 hour' }).click();
  const series: Series = await (await answer).json();
  const figure = page.getByRole('figure', { name: /TCP throughput/ });
  const last = figure.getByRole('row').last();
  await last.waitFor();
  const cells = await last.locator('[data-value]').all();
  const values = await Promise.all(cells.map((cell) => cell.getAttribute('data-value')));
  assert.deepEqual(values.map(Number), [series.toServerBytes.at(-1), series.toClientBytes.at(-1)]);
  assert.match(await figure.innerText(), /→ to server [\d.]+ k?B\/s, max [\d.]+ kB\/s at/);
  assert.doesNotMatch(await page.getByRole('main').innerText(), /\b(sent|received)\b/);
  assert.match(page.url(), /range=1h/);
});

test('a brush zooms all charts, and can be taken back', async () => {
  await using visited = await visit(`${PATH}?tab=metrics`);
  const { page } = visited;
  const box = await page.locator('.u-over').first().boundingBox();
  assert(box);
  await page.mouse.move(box.x + box.width * 0.3, box.y + 40);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.6, box.y + 50, { steps: 5 });
  await page.mouse.up();
  const reset = page.getByRole('button', { name: 'Reset zoom' });
  await reset.waitFor();
  await reset.click();
  await page.getByText('Drag over a chart to zoom in.').waitFor();
});

test('the proxy shows what serves a port, and says that it is a part', async () => {
  await using visited = await visit(`${PATH}?tab=proxy`);
  const { page } = visited;
  const listeners = page.getByRole('table', { name: 'Listeners' });
  await listeners.getByRole('row', { name: /virtualInbound.*5432/ }).waitFor();
  await page.getByLabel('Show only what serves').selectOption('5432');
  await page.getByText(/This is a part: 2 of 6/).waitFor();
  assert.equal(await listeners.getByRole('row').count(), 2, 'its head and one listener');
  await page.getByRole('button', { name: 'Show', exact: true }).click();
  await page.getByRole('region', { name: 'Configuration of Envoy' }).getByText('configs').waitFor();
});

test('a refusal of Envoy is told within five seconds, with what differs', async () => {
  await using visited = await visit(`${PATH}?tab=proxy`);
  const { page, mock } = visited;
  await page.getByRole('table', { name: 'Listeners' }).waitFor();
  assert.equal(await page.getByText(/rejected/).count(), 0);
  const rejection = '0.0.0.0:3306: cannot bind: Address already in use';
  const [instance] = vmOf(mock).instances;
  assert(instance?.agent);
  const agent = { ...instance.agent, acknowledged: 3, rejection };
  const instances = [{ ...instance, agent }];
  mock.emit({ type: 'node.upsert', node: { ...vmOf(mock), instances } });
  await page.getByRole('alert').getByText(rejection).waitFor();
  const sync = page.getByRole('region', { name: 'Intended and acknowledged' });
  await sync.getByText('rejected', { exact: true }).waitFor();
  const diff = sync.getByRole('group', { name: /Intended and acknowledged/ });
  const text = await diff.innerText();
  assert.match(text, /\+ bind_to_port: true/);
  assert.match(text, /− bind_to_port: false/);
});

const connection = (id: string, change: Partial<Connection> = {}): Connection => ({
  id,
  edge: EDGE,
  openedAtMs: Date.now(),
  closedAtMs: null,
  clientAddress: `10.24.0.12:${id}`,
  serverAddress: '10.128.0.14:5432',
  toServerBytes: 0,
  toClientBytes: 0,
  encryption: 'tls',
  flags: '',
  seenBy: ['source'],
  ...change,
});

test('the live tap shows connections, waits while paused, and copies as JSON', async () => {
  const senders: ((event: string, data: unknown) => void)[] = [];
  await using visited = await visit(`${PATH}?tab=connections`, {
    prepare: (mock) =>
      mock.route({
        method: 'GET',
        path: '/api/v1/workloads/:namespace/:name/connections',
        handle: ({ query }) =>
          query.has('follow') ? { stream: (send) => senders.push(send) } : { json: [] },
      }),
  });
  const { page } = visited;
  const tap = page.getByRole('region', { name: 'Live tap' });
  await tap.getByText('● live').waitFor();
  const send = (sent: Connection): void => senders.forEach((each) => each('connection', sent));
  send(connection('40001'));
  await tap.getByText('10.24.0.12:40001').waitFor({ timeout: 2_000 });
  await tap.getByRole('button', { name: 'Pause' }).click();
  send(connection('40002'));
  send(connection('40003', { flags: 'UF', closedAtMs: Date.now() }));
  await tap.getByText('paused · 2 buffered').waitFor();
  assert.equal(await tap.getByText('10.24.0.12:40002').count(), 0);
  await tap.getByRole('button', { name: 'Resume' }).click();
  await tap.getByText('10.24.0.12:40002').waitFor();
  await tap.getByText('UF: could not connect upstream').waitFor();
  await tap.getByRole('searchbox', { name: 'Filter' }).fill('closed');
  await tap.getByText('10.24.0.12:40001').waitFor({ state: 'detached' });
  await tap.getByRole('button', { name: 'Copy as JSON' }).click();
  await tap.getByRole('button', { name: 'Copied' }).waitFor();
  const copied: unknown = JSON.parse(String(await page.evaluate('navigator.clipboard.readText()')));
  assert(Array.isArray(copied));
  assert.deepEqual(
    copied.map(({ id }) => id),
    ['40003'],
  );
});

test('log lines are text, are filtered by an expression, and a bad one says so', async () => {
  await using visited = await visit(`${PATH}?tab=logs&source=agent`);
  const { page } = visited;
  const log = page.getByRole('log');
  await log.getByText('<b>not bold</b> <img src=x onerror=alert(1)>').waitFor();
  assert.equal(await log.locator('img, b').count(), 0);
  await page.getByRole('searchbox', { name: 'Filter' }).fill('^cert.*renewed$');
  await page.getByText('1 of 2 lines').waitFor();
  await page.getByRole('searchbox', { name: 'Filter' }).fill('(');
  await page.getByText(/Not a regular expression/).waitFor();
  await page.getByLabel('Source').selectOption('proxy');
  await log.getByText('Waiting for lines …').waitFor();
  assert.match(page.url(), /source=proxy/);
});

test('the application’s own log is offered where its machine’s owner lets it be read', async () => {
  await using visited = await visit(`${PATH}?tab=logs&source=app`);
  const { page, mock } = visited;
  const sources = page.getByLabel('Source').getByRole('option');
  const ofAll = ['access log', 'proxy (Envoy)', 'agent'];
  await page.getByLabel('Source').waitFor();
  assert.deepEqual(await sources.allInnerTexts(), [...ofAll, 'application']);
  assert.equal(await page.getByLabel('Source').inputValue(), 'app');
  await page.goto(`${mock.url}/workloads/inventory/postgres-library?tab=logs&source=app`);
  await page.getByLabel('Source').waitFor();
  assert.deepEqual(await sources.allInnerTexts(), ofAll);
});

test('the bundle is a file', async () => {
  await using visited = await visit(PATH);
  const { page } = visited;
  const coming = page.waitForEvent('download');
  await page.getByRole('link', { name: /Bundle/ }).click();
  const download = await coming;
  assert.match(download.suggestedFilename(), /postgresql-1-vm.*\.json/);
});

test('who has left is still told of, and who never was is not made up', async () => {
  await using visited = await visit(PATH);
  const { page, mock } = visited;
  await page.getByRole('heading', { name: 'Facts' }).waitFor();
  mock.emit({ type: 'node.gone', id: VM, atMs: Date.now() });
  await page.getByText(/left the mesh \d\d:\d\d:\d\d/).waitFor();
  await page.getByRole('heading', { name: 'Facts' }).waitFor();
  await page.goto(`${mock.url}/workloads/inventory/nobody`);
  await page.getByText('nobody is not in the mesh').waitFor();
});

const EXCESS = 'document.documentElement.scrollWidth - document.documentElement.clientWidth';

test('at 360 px nothing is wider than the page', async () => {
  await using visited = await visit(PATH, { context: { viewport: { width: 360, height: 800 } } });
  const { page } = visited;
  for (const tab of ['Overview', 'Connections', 'Metrics', 'Proxy', 'Logs', 'Join', 'Policies']) {
    await page.getByRole('tab', { name: tab }).click();
    await page.getByRole('tabpanel', { name: tab }).waitFor();
    const excess = Number(await page.evaluate(EXCESS));
    assert(excess <= 0, `${tab} is ${excess} px too wide`);
  }
});

test('everybody can read it: axe finds nothing serious on any tab', async () => {
  await using visited = await visit('/workloads', {
    prepare: (mock) => {
      const [instance] = vmOf(mock).instances;
      assert(instance?.agent);
      const agent = { ...instance.agent, rejection: 'cannot bind', clockSkewMs: 9_000 };
      const instances = [{ ...instance, agent }];
      mock.emit({ type: 'node.upsert', node: { ...vmOf(mock), instances } });
      const edge = mock.mesh.edge(EDGE);
      assert(edge);
      const failure = { flags: 'UAEX', text: 'denied by inventory/pg-allow', atMs: Date.now() };
      mock.emit({ type: 'edge.upsert', edge: { ...edge, failure } });
    },
  });
  const { page, mock } = visited;
  await rowOf(page, 'postgresql-1-vm').waitFor();
  await assertAccessible(page, 'the list');
  await page.getByRole('searchbox', { name: 'Find' }).fill('nothing at all');
  await page.getByText('No workload matches').waitFor();
  await assertAccessible(page, 'an empty list');
  await page.goto(`${mock.url}${PATH}`);
  for (const tab of ['Overview', 'Connections', 'Metrics', 'Proxy', 'Logs', 'Join', 'Policies']) {
    await page.getByRole('tab', { name: tab }).click();
    await page.getByRole('tabpanel', { name: tab }).waitFor();
    await page.getByRole('status', { name: /^Loading/ }).waitFor({ state: 'detached' });
    await assertAccessible(page, tab);
  }
});

test('loading and failing are told, and everybody can read that', async () => {
  await using visited = await visit(PATH, {
    prepare: (mock) => {
      const refusal = { code: 'unreachable', message: 'Its agent does not answer.', remedy: '' };
      const handle = (): { status: number; json: unknown } => ({ status: 503, json: refusal });
      for (const topic of ['overview', 'proxy', 'connections', 'logs']) {
        const path = `/api/v1/workloads/:namespace/:name/${topic}`;
        mock.route({ method: 'GET', path, handle });
      }
      mock.route({ method: 'GET', path: '/api/v1/series', handle });
    },
  });
  const { page } = visited;
  for (const tab of ['Overview', 'Connections', 'Metrics', 'Proxy', 'Logs', 'Policies']) {
    await page.getByRole('tab', { name: tab }).click();
    await page.getByRole('alert').getByText('Its agent does not answer.').first().waitFor();
    await assertAccessible(page, `${tab}, failed`);
  }
});
