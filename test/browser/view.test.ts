// Every view is a link, and every view can be had without a mouse.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Locator, Page } from 'playwright-core';
import { largeMesh, randomOf } from './mock/large.ts';
import { useChromium, type Visited, type VisitOptions } from './visit.ts';

const { visit } = useChromium();

/** The map, with what is on it. */
async function start(options: VisitOptions = {}): Promise<Visited> {
  const visited = await visit('/', options);
  await visited.page
    .getByRole('button', { name: /^[\w-]+, (virtual machine|Kubernetes)/ })
    .first()
    .waitFor();
  return visited;
}

const vm = (page: Page): Locator =>
  page.getByRole('button', { name: /^postgresql-1-vm, virtual machine/ });

/** Name of what has the focus. */
const focused = async (page: Page): Promise<string> =>
  page.evaluate(() => document.activeElement?.getAttribute('aria-label') ?? '');

const rows = async (page: Page): Promise<string[]> =>
  page
    .getByRole('table', { name: 'Edges' })
    .locator('tbody tr td:nth-child(-n+3)')
    .allTextContents();

function pick<T>(random: () => number, values: readonly T[]): T {
  const value = values[Math.floor(random() * values.length)];
  assert(value !== undefined);
  return value;
}

/** A link to some view, of a mesh of thirty. */
function someView(
  random: () => number,
  edges: readonly string[],
  nodes: readonly string[],
): string {
  const query = new URLSearchParams({ view: 'table' });
  const sometimes = (name: string, values: readonly string[]): void => {
    if (random() < 0.5) query.set(name, pick(random, values));
  };
  sometimes('sel', [...edges.map((id) => `edge:${id}`), ...nodes]);
  sometimes('ns', ['team-1', 'team-2,team-3']);
  sometimes('q', ['kind=vm', 'port=5432 or vm', 'cert < 24h']);
  sometimes('hide', ['port=5433', 'name *= 7']);
  sometimes('group', ['namespace', 'none']);
  sometimes('label', ['conn', 'identity']);
  sometimes('range', ['1h', '24h']);
  sometimes('theme', ['dark', 'light']);
  sometimes('edges', ['-to', 'port']);
  sometimes('at', [new Date(Math.floor(Date.now() / 1000) * 1000 - 120_000).toISOString()]);
  sometimes('unknown', ['kept']);
  return `/?${query}`;
}

/** What a view is told by: what is selected, and the edges in their order. */
async function told(page: Page): Promise<unknown> {
  await page.getByRole('table', { name: 'Workloads' }).waitFor();
  const selected = page.locator('tr[aria-selected=true]').locator('td:nth-child(-n+3)');
  return { url: page.url(), selected: await selected.allTextContents(), rows: await rows(page) };
}

/** As Back would: the page that is open takes the address without being loaded. */
async function follow(page: Page, view: string): Promise<void> {
  await page.evaluate((address) => {
    history.pushState(null, '', address);
    dispatchEvent(new PopStateEvent('popstate'));
  }, view);
}

test('thirty views: loaded anew, each is what it was in the open page', async () => {
  const snapshot = largeMesh(Date.now(), 30, 60);
  await using visited = await start({ snapshot });
  const { page } = visited;
  const random = randomOf(20261123);
  const edges = snapshot.edges.map(({ id }) => id);
  const nodes = snapshot.nodes.map(({ id }) => id);
  for (let count = 0; count < 30; count++) {
    const view = someView(random, edges, nodes);
    await follow(page, view);
    const open = await told(page);
    await page.reload({ waitUntil: 'commit' });
    assert.deepEqual(await told(page), open, view);
    const hasDrawer = (await page.getByRole('complementary').count()) > 0;
    assert.equal(hasDrawer, view.includes('sel='), view);
  }
});

test('Back closes the drawer, then leaves the page', async () => {
  await using visited = await start();
  const { page } = visited;
  await page.getByRole('link', { name: 'Workloads' }).click();
  await page.getByRole('heading', { level: 1, name: 'Workloads' }).waitFor();
  await page.getByRole('link', { name: 'Map' }).click();
  await vm(page).click();
  const drawer = page.getByRole('complementary', { name: 'Workload postgresql-1-vm' });
  await drawer.waitFor();
  await page.goBack();
  await drawer.waitFor({ state: 'detached' });
  await vm(page).waitFor();
  await page.goBack();
  await page.getByRole('heading', { level: 1, name: 'Workloads' }).waitFor();
});

test('a value that means nothing is told, and does no harm', async () => {
  await using visited = await start();
  const { page, mock } = visited;
  await page.goto(`${mock.url}/?group=colour&sel=wl:nobody/here`);
  await page.getByText('Ignored in the address: group=colour means nothing here').waitFor();
  await page.getByText(/is not in the mesh/).waitFor();
});

test('without a mouse: to the VM, into the drawer and back to the VM', async () => {
  await using visited = await start();
  const { page } = visited;
  for (
    let presses = 0;
    presses < 40 && !/Kubernetes workload/.test(await focused(page));
    presses++
  ) {
    await page.keyboard.press('Tab');
  }
  assert.match(await focused(page), /^frontend, Kubernetes workload/);
  await page.keyboard.press('ArrowRight');
  assert.match(await focused(page), /^postgres-library/);
  await page.keyboard.press('ArrowRight');
  assert.match(await focused(page), /^postgresql-1-vm, virtual machine/);
  await page.keyboard.press('Enter');
  const drawer = page.getByRole('complementary', { name: 'Workload postgresql-1-vm' });
  await drawer.waitFor();
  await page.waitForFunction(() => document.activeElement?.tagName === 'ASIDE');
  await page.keyboard.press('e');
  await page.getByRole('heading', { level: 1, name: 'Reach' }).waitFor();
  await page.goBack(); // a key of the browser's own
  await drawer.waitFor();
  await page.keyboard.press('Escape');
  await drawer.waitFor({ state: 'detached' });
  await page.waitForFunction(() =>
    document.activeElement?.getAttribute('aria-label')?.startsWith('postgresql-1-vm'),
  );
  // One Tab further is out of the map: it is one stop.
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement?.closest('svg')), null);
});

test('without a mouse: an edge, its explanation, and back', async () => {
  await using visited = await start();
  const { page, mock } = visited;
  await vm(page).focus();
  await page.keyboard.press('n');
  assert.match(await focused(page), /^postgres-library to postgresql-1-vm, TCP 5432/);
  await page.keyboard.press('Enter');
  await page.getByRole('complementary', { name: /^Edge postgres-library/ }).waitFor();
  await page.keyboard.press('e');
  await page.getByRole('heading', { level: 1, name: 'Reach' }).waitFor();
  await page.goBack();
  await page.getByRole('complementary', { name: /^Edge postgres-library/ }).waitFor();
  await page.keyboard.press('Escape');
  await page.keyboard.press('t');
  const table = page.getByRole('table', { name: 'Edges' });
  await table.waitFor();
  assert.equal(await table.locator('tbody tr').count(), mock.mesh.snapshot(0).edges.length);
  await page.keyboard.press('t');
  await vm(page).waitFor();
  await page.keyboard.press('g');
  await page.keyboard.press('i');
  await page.getByRole('heading', { level: 1, name: 'Identity' }).waitFor();
});

test('the list of keys has them all, and letters can be switched off', async () => {
  await using visited = await start();
  const { page } = visited;
  await page.keyboard.press('?');
  const help = page.getByRole('dialog', { name: 'Keys' });
  for (const key of [
    '?',
    '/ or Ctrl+K',
    'arrows',
    'n, N',
    'Enter',
    'Esc',
    't',
    'f',
    'Shift+L',
    '.',
  ]) {
    await help.getByText(key, { exact: true }).waitFor();
  }
  await help.getByRole('checkbox', { name: 'Keys of one letter' }).uncheck();
  await page.keyboard.press('Escape');
  await help.waitFor({ state: 'detached' });
  await page.keyboard.press('t');
  await page.keyboard.press('Control+k');
  await page.getByRole('dialog', { name: 'Search' }).waitFor();
  assert(!page.url().includes('table'));
});

test('search finds by name, kind and identity', async () => {
  await using visited = await start();
  const { page } = visited;
  await page.keyboard.press('/');
  const search = page.getByRole('dialog', { name: 'Search' });
  await search.getByRole('combobox').fill('sa/postgresql');
  await search.getByRole('option', { name: /postgresql-1-vm/ }).waitFor();
  await page.keyboard.press('Enter');
  await page.getByRole('complementary', { name: 'Workload postgresql-1-vm' }).waitFor();
});

test('a place made by hand stays, until the map is laid out anew', async () => {
  await using visited = await start();
  const { page } = visited;
  await vm(page).focus();
  const transform = async (): Promise<string | null> => vm(page).getAttribute('transform');
  const first = await transform();
  await page.keyboard.press('Alt+ArrowDown');
  const moved = await transform();
  assert.notEqual(moved, first);
  await page.reload();
  await vm(page).waitFor();
  assert.equal(await transform(), moved);
  await page.keyboard.press('Shift+L');
  await page.waitForFunction(
    (wanted) =>
      document
        .querySelector('[data-id="wl:inventory/postgresql-1-vm"]')
        ?.getAttribute('transform') === wanted,
    first,
  );
});
