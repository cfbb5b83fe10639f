// What was, what has left, and what nobody reports any more: each is told as that, and no old
// number as one of now.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import type { MeshEdge, Snapshot } from '#api/graph.ts';
import { assertAccessible } from './axe.ts';
import { joinOf } from './mock/joins.ts';
import type { MockConsole } from './mock/server.ts';
import { libraryStory, nodeOf } from './mock/story.ts';
import { useChromium } from './visit.ts';

const { visit } = useChromium();

const live = async (page: Page): Promise<void> =>
  page.getByRole('contentinfo').getByText('● live').waitFor();
const status = (page: Page, text: string | RegExp) =>
  page.getByRole('status').filter({ hasText: text });
const VM = 'wl:inventory/postgresql-1-vm';

/** Then the VM had another version, spoke plain text, and no library was there. */
function thenOf(nowMs: number): Partial<Snapshot> {
  const { nodes, edges } = libraryStory(nowMs);
  const plain = (edge: MeshEdge): MeshEdge => ({
    ...edge,
    encryption: { ...edge.encryption, state: 'plaintext', share: 0 },
  });
  return {
    nodes: nodes
      .filter(({ name }) => name !== 'frontend')
      .map((node) => ({ ...node, version: 'v0' })),
    edges: edges.slice(1).map(plain),
    samples: [[1, 777_000, 0, 1, 0, 0, 0, 0]],
    status: { ...libraryStory(nowMs).status, version: '0.5.0' },
  };
}

test('the time line replays what was there: nodes, edges, encryption, with the rates of then', async () => {
  const atMs = Math.floor(Date.now() / 1000) * 1000 - 600_000;
  const at = new Date(atMs).toISOString();
  const prepare = (mock: MockConsole): void => {
    mock.pastOf = () => thenOf(atMs);
    mock.mesh.joins.set('j', joinOf(atMs, 9));
    mock.route({
      method: 'GET',
      path: '/api/v1/joins',
      handle: ({ query }) => ({ json: query.get('at') === null ? [] : [joinOf(atMs, 4)] }),
    });
  };
  await using visited = await visit(`/?view=table&at=${at}`, { prepare });
  const { page, mock } = visited;
  await status(page, /^You see the mesh as it was at/).waitFor();
  const edges = page.getByRole('table', { name: 'Edges' });
  await edges.getByText('plaintext').waitFor();
  await edges.locator('tbody tr').nth(1).waitFor({ state: 'detached' });
  await edges.locator('tbody tr').first().waitFor();
  await edges.getByText('777 kB/s').waitFor();
  // That it was an older version then is no reason to load the page anew.
  mock.emit({ type: 'sample', atMs, samples: [] });
  assert.equal(await page.getByRole('button', { name: 'New version: reload' }).count(), 0);
  await page.goto(`${mock.url}/workloads?at=${at}`);
  await page.getByRole('cell', { name: 'v0' }).first().waitFor();
  assert.equal(await page.getByRole('cell', { name: 'frontend', exact: true }).count(), 0);
  await page.goto(`${mock.url}/join?at=${at}`);
  await page.getByRole('cell', { name: 'step 5 of 9' }).waitFor();
  await page.goto(`${mock.url}/workloads/inventory/postgresql-1-vm?tab=logs&at=${at}`);
  await page.getByText('Log lines of then are not kept').waitFor();
  // What is live still is, and comes back at once.
  await page.getByRole('main').getByRole('button', { name: 'Back to live' }).click();
  await live(page);
  await page.getByRole('log').waitFor();
});

for (const [what, shownAfterMs, words] of [
  ['a gap', -120_000, /^Nothing is known of .* you see the last before it/],
  ['the time before all notes', 120_000, /^The past begins at/],
] as const) {
  test(`${what} is told, and what is shown instead`, async () => {
    const atMs = Date.now() - 600_000;
    const prepare = (mock: MockConsole): void => {
      mock.pastOf = (asked) => ({ atMs: asked + shownAfterMs });
    };
    const path = `/?at=${new Date(atMs).toISOString()}`;
    await using visited = await visit(path, { prepare });
    await status(visited.page, words).waitFor();
  });
}

test('whoever has left is shown as they were, on the map and on their page', async () => {
  await using visited = await visit('/');
  const { page, mock } = visited;
  await live(page);
  const [, edge] = mock.mesh.snapshot(0).edges;
  assert(edge);
  await page.goto(`${mock.url}/?sel=edge:${encodeURIComponent(edge.id)}`);
  await page.getByRole('complementary', { name: /^Edge postgres-library/ }).waitFor();
  mock.emit({ type: 'edge.gone', id: edge.id }, { type: 'node.gone', id: VM, atMs: Date.now() });
  await status(page, /postgresql-1-vm :5432 left the map at \d/).waitFor();
  const last = page.getByRole('region', { name: 'Last known state' });
  await last.getByText('mTLS, seen by both ends').waitFor();
  await page.goto(`${mock.url}/?sel=${VM}`);
  await status(page, /postgresql-1-vm left the mesh at \d/).waitFor();
  await last.getByText('10.128.0.14').waitFor();
  await page.getByRole('link', { name: 'All that is remembered of it' }).click();
  await page.getByRole('heading', { level: 1, name: 'postgresql-1-vm' }).waitFor();
  await status(page, /postgresql-1-vm left the mesh at \d.*last known state/).waitFor();
  await page.getByText('10.128.0.14').first().waitFor();
  await page.getByRole('tab', { name: 'Logs' }).click();
  await page.getByText(/^It has left: no agent to ask/).waitFor();
  await page.goto(`${mock.url}/workloads/inventory/never-here`);
  await page.getByText('never-here is not in the mesh').waitFor();
});

const KEYS = ['WorkloadEntry/inventory/postgresql-1-vm', 'Pod/inventory/postgres-library-0'];

function silence(mock: MockConsole, keys: readonly string[]): void {
  const { status: told } = mock.mesh.snapshot(0);
  const silentSinceMs = keys.map(() => Date.now() - 40_000);
  mock.emit({ type: 'config.sync', status: { ...told, silent: keys, silentSinceMs } });
}

test('who does not report is told, hatched, and no number of theirs is new', async () => {
  await using visited = await visit('/');
  const { page, mock } = visited;
  await live(page);
  const edge = page.getByRole('button', { name: /^postgres-library to postgresql-1-vm/ });
  const node = page.getByRole('button', { name: /^postgresql-1-vm, virtual machine/ });
  await edge.waitFor();
  silence(mock, KEYS.slice(0, 1));
  await page.getByText(/1 of 3 proxies has not reported for 4\d s: postgresql-1-vm/).waitFor();
  await page.getByRole('button', { name: /^postgresql-1-vm.*, no report since \d/ }).waitFor();
  assert.equal(await node.locator('.hatch').count(), 1);
  // The client still reports: these are numbers of now.
  assert.match((await edge.getAttribute('aria-label')) ?? '', /1\.2 kB\/s to server/);
  silence(mock, KEYS);
  await page.getByText(/2 of 3 proxies have not reported for 4\d s/).waitFor();
  await page
    .getByRole('button', {
      name: /^postgres-library to.*encryption unknown now, last: mTLS.*traffic not reported/,
    })
    .waitFor();
  assert.equal(await edge.locator('.rates-line').textContent(), '–');
  await page.getByRole('link', { name: 'Workloads' }).click();
  const row = page.getByRole('row').filter({ hasText: 'postgresql-1-vm' });
  await row.getByText(/no report since 4\d s ago/).waitFor();
  assert.equal(await row.locator('td.hatched').count(), 5); // all that its agents would tell
  await row.getByText(/4\/4 as of 4\d s ago/).waitFor();
  await assertAccessible(page, 'workloads that do not report');
  await page.getByRole('link', { name: 'Identity' }).click();
  const identity = page.getByRole('row').filter({ hasText: 'postgresql-1-vm' });
  await identity.getByText(/no report for 4\d s; this is what was known then/).waitFor();
  assert.equal(await identity.locator('td.hatched').count(), 3);
  await assertAccessible(page, 'identities of who does not report');
  silence(mock, []);
  await identity.getByText(/no report/).waitFor({ state: 'detached' });
  assert.equal(await identity.locator('td.hatched').count(), 0);
});

test('a pause of more than five minutes keeps its place, and then loads anew', async () => {
  await using visited = await visit('/?view=table');
  const { page, mock } = visited;
  await page.clock.install();
  await page.reload();
  await live(page);
  await page.keyboard.press('.');
  mock.emit({ type: 'sample', atMs: Date.now(), samples: [[1, 1, 1, 1, 0, 0, 0, 0]] });
  mock.emit({ type: 'node.upsert', node: nodeOf(Date.now(), { name: 'mysql-2-vm', kind: 'vm' }) });
  // A sample is no change.
  await page.getByRole('button', { name: 'paused · 1 change', exact: true }).waitFor();
  await page.clock.fastForward(5 * 60_000 + 2_000);
  await page.getByRole('button', { name: 'paused · 1 change, loads anew' }).waitFor();
  assert.equal(await page.getByRole('cell', { name: 'mysql-2-vm' }).count(), 0);
  assert.equal(mock.countOf('GET /api/v1/snapshot'), 2, 'one for each load');
  await page.keyboard.press('.');
  await page.getByRole('cell', { name: 'mysql-2-vm' }).waitFor();
  assert.equal(mock.countOf('GET /api/v1/snapshot'), 3);
});

test('two edges, or two times, in one chart; the link shows the same', async () => {
  await using visited = await visit('/');
  const { page, mock } = visited;
  await page.getByRole('button', { name: /^postgres-library to postgresql-1-vm/ }).click();
  const figure = page.getByRole('figure', { name: /^Throughput/ });
  await figure.waitFor();
  const heads = async (): Promise<string[]> => figure.locator('th').allTextContents();
  assert.deepEqual(await heads(), ['Time', 'to server', 'to client']);
  await page.getByLabel('Compare with').selectOption({ label: 'frontend → postgres-library:8080' });
  await figure
    .getByText(/^to server \(frontend → postgres-library:8080\)/)
    .first()
    .waitFor();
  const both = await heads();
  assert.equal(both.length, 5);
  assert.match(page.url(), /cmp=edge:/);
  await page.reload();
  await figure
    .getByText(/^to server \(frontend → postgres-library:8080\)/)
    .first()
    .waitFor();
  assert.deepEqual(await heads(), both);
  await page.getByLabel('Compare with').selectOption('1 hour earlier');
  await figure
    .getByText(/^to client \(.*, 60 m before\)/)
    .first()
    .waitFor();
  assert.match(page.url(), /cmp=20/);
  await page.goto(`${mock.url}/workloads/inventory/postgresql-1-vm?tab=metrics&cmp=edge:none`);
  await page.getByLabel('Compare with').selectOption('nothing');
  assert(!page.url().includes('cmp'));
  await page.getByRole('figure', { name: 'TCP throughput' }).waitFor();
});

const PAGES = [
  ['/', 'the mesh'],
  ['/workloads', 'workloads'],
  ['/join', 'joins'],
  ['/identity', 'identities'],
  ['/reach?from=a&to=b&port=1', 'the answer'],
  ['/policies', 'the policies'],
] as const;

test('whoever waits is told for what, then that it is late, and can ask again', async () => {
  await using visited = await visit('/');
  const { page, mock } = visited;
  await page.clock.install();
  for (const [path, what] of PAGES) {
    mock.mood = 'hangs';
    await page.goto(mock.url + path);
    const loading = page.getByRole('status', { name: `Loading ${what}` });
    await loading.waitFor();
    await page.clock.runFor(200);
    assert((await loading.locator('.skeleton').count()) > 0, path);
    await page.clock.runFor(3_000);
    await loading.getByText(`Waiting for ${what} …`).waitFor();
    await page.clock.runFor(12_000);
    const late = page.getByRole('alert').filter({ hasText: `No answer for 15 s: ${what}` });
    await late.waitFor();
    mock.mood = 'works';
    await late.getByRole('button', { name: 'Retry' }).click();
    await late.waitFor({ state: 'detached' });
    await loading.waitFor({ state: 'detached' });
  }
});

test('files that are another version’s now ask for a reload, and do not force it', async () => {
  await using visited = await visit('/');
  const { page } = visited;
  await live(page);
  await page.route(/assets\/index-.*\.js/, async (route) => route.fulfill({ status: 404 }));
  await page.evaluate(() => dispatchEvent(new Event('vite:preloadError', { cancelable: true })));
  await page.getByRole('button', { name: 'New version: reload' }).waitFor();
  await live(page);
});
