// The live feed: one stream however many tabs, nothing lost or doubled, and what is old is called
// old.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import type { MockConsole } from './mock/server.ts';
import { nodeOf } from './mock/story.ts';
import { useChromium } from './visit.ts';

const { visit } = useChromium();

const live = async (page: Page): Promise<void> =>
  page.getByRole('contentinfo').getByText('● live').waitFor();

/** Resolves once it is true; the server side has no event to await. */
async function until(isSo: () => boolean, limitMs = 5_000): Promise<number> {
  const startMs = performance.now();
  while (!isSo()) {
    assert(performance.now() - startMs < limitMs, `not so within ${limitMs} ms`);
    await new Promise((resolve) => {
      setTimeout(resolve, 20);
    });
  }
  return performance.now() - startMs;
}

const join = (mock: MockConsole, name: string): void =>
  mock.emit({ type: 'node.upsert', node: nodeOf(Date.now(), { name, kind: 'vm' }) });

/** First cells of a table of the page. */
const column = async (page: Page, table: string): Promise<string[]> =>
  page.getByRole('table', { name: table }).locator('tbody tr td:first-child').allTextContents();

/** What the tables say of the mesh; the times that are left go down by themselves. */
const told = async (page: Page): Promise<readonly (readonly string[])[]> =>
  Promise.all([
    page.getByRole('table', { name: 'Edges' }).locator('tbody td').allTextContents(),
    page
      .getByRole('table', { name: 'Workloads' })
      .locator('tbody td:nth-child(-n+4)')
      .allTextContents(),
  ]);

test('a lost feed is said within 16 s, nothing is blanked, and it comes back', async () => {
  await using visited = await visit('/?view=table');
  const { page, mock } = visited;
  await page.clock.install();
  await page.reload();
  await live(page);
  await until(() => mock.streams === 1);
  mock.isStreamRefused = true;
  mock.dropStreams();
  await page.clock.runFor(16_000);
  await page.getByRole('alert').filter({ hasText: 'Live feed lost' }).waitFor();
  assert.deepEqual(await column(page, 'Workloads'), [
    'frontend',
    'postgres-library',
    'postgresql-1-vm',
  ]);
  join(mock, 'mysql-2-vm');
  await page.clock.runFor(4_000);
  mock.isStreamRefused = false;
  await page.clock.runFor(5_000);
  await page
    .getByRole('alert')
    .filter({ hasText: 'Live feed lost' })
    .waitFor({ state: 'detached' });
  await page.getByRole('cell', { name: 'mysql-2-vm' }).waitFor();
  const names = mock.mesh.snapshot(0).nodes.map(({ name }) => name);
  assert.deepEqual((await column(page, 'Workloads')).toSorted(), names.toSorted());
  assert.equal((await column(page, 'Edges')).length, mock.mesh.snapshot(0).edges.length);
  assert.equal(mock.countOf('GET /api/v1/snapshot'), 2, 'one for each load');
  const afterwards = await told(page);
  await page.reload();
  await live(page);
  await page.getByRole('cell', { name: 'mysql-2-vm' }).waitFor();
  assert.deepEqual(afterwards, await told(page), 'what a fresh snapshot shows');
});

for (const [what, disturb] of [
  ['a reset', (mock: MockConsole) => mock.emit({ type: 'reset', reason: 'test' })],
  ['a revision that is missing', (mock: MockConsole) => mock.mesh.skipRevision()],
] as const) {
  test(`${what} fetches the snapshot once, and nothing is there twice`, async () => {
    await using visited = await visit('/?view=table');
    const { page, mock } = visited;
    await live(page);
    await until(() => mock.streams === 1);
    assert.equal(mock.countOf('GET /api/v1/snapshot'), 1);
    disturb(mock);
    join(mock, 'mysql-2-vm');
    await page.getByRole('cell', { name: 'mysql-2-vm' }).waitFor();
    await until(() => mock.countOf('GET /api/v1/snapshot') === 2);
    join(mock, 'mysql-3-vm');
    await page.getByRole('cell', { name: 'mysql-3-vm' }).waitFor();
    assert.equal(mock.countOf('GET /api/v1/snapshot'), 2);
    const names = await column(page, 'Workloads');
    assert.equal(new Set(names).size, names.length);
    assert.equal(names.length, 5);
  });
}

test('three tabs share one stream, and another takes over when its tab closes', async () => {
  await using visited = await visit('/?view=table');
  const { page, mock } = visited;
  await live(page);
  await until(() => mock.streams === 1);
  const others = [await page.context().newPage(), await page.context().newPage()];
  for (const other of others) {
    await other.goto(`${mock.url}/?view=table`);
    await live(other);
  }
  assert.equal(mock.streams, 1);
  join(mock, 'mysql-2-vm');
  for (const tab of [page, ...others])
    await tab.getByRole('cell', { name: 'mysql-2-vm' }).waitFor();
  await page.close();
  await until(() => mock.countOf('GET /api/v1/events') === 2 && mock.streams === 1);
  join(mock, 'mysql-3-vm');
  for (const tab of others) await tab.getByRole('cell', { name: 'mysql-3-vm' }).waitFor();
  assert.equal(mock.streams, 1);
});

test('a pause holds changes back, counts them, and gives them all', async () => {
  await using visited = await visit('/?view=table');
  const { page, mock } = visited;
  await live(page);
  await until(() => mock.streams === 1);
  await page.getByRole('button', { name: 'Live' }).click();
  join(mock, 'mysql-2-vm');
  join(mock, 'mysql-3-vm');
  await page.getByRole('button', { name: 'paused · 2 changes' }).waitFor();
  assert.equal(await page.getByRole('cell', { name: 'mysql-2-vm' }).count(), 0);
  await page.keyboard.press('.');
  await page.getByRole('cell', { name: 'mysql-3-vm' }).waitFor();
  assert.equal(mock.countOf('GET /api/v1/snapshot'), 1);
});

test('a moment of the past is shown as that, and the way back is there', async () => {
  const at = new Date(Date.now() - 600_000).toISOString();
  await using visited = await visit(`/?at=${at}`);
  const { page, mock } = visited;
  await page.getByRole('status').filter({ hasText: 'You see the mesh as it was' }).waitFor();
  assert(mock.requests.includes('GET /api/v1/snapshot'));
  const back = page.getByRole('status').getByRole('button', { name: 'Back to live' });
  await back.click();
  await live(page);
  assert(!page.url().includes('at='));
});

test('a new version of the control plane asks for a reload, and does not force it', async () => {
  await using visited = await visit('/');
  const { page, mock } = visited;
  await live(page);
  await until(() => mock.streams === 1);
  const { status } = mock.mesh.snapshot(0);
  mock.emit({ type: 'config.sync', status: { ...status, version: '0.7.0' } });
  await page.getByRole('button', { name: 'New version: reload' }).waitFor();
});

test('a code signs in and leaves the address before anything is asked', async () => {
  await using visited = await visit('/?view=table#code=once-only', { isSignedOut: true });
  const { page, mock } = visited;
  await live(page);
  assert(!page.url().includes('code'));
  assert.equal(mock.requests[0], 'POST /api/v1/session');
  await page.goBack();
  assert(!page.url().includes('code'));
});

test('without a session the page asks for a token, and says when it is wrong', async () => {
  await using visited = await visit('/', { isSignedOut: true });
  const { page } = visited;
  await page.getByRole('heading', { level: 1, name: 'Sign in to Isthmus' }).waitFor();
  await page.getByLabel('Token', { exact: true }).fill('wrong');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('alert').filter({ hasText: 'This token is not accepted.' }).waitFor();
  await page.getByLabel('Token', { exact: true }).fill('eyJ.good');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await live(page);
});
