// The map against a mesh that the test holds in its hand: nothing jumps, names say all, shapes and
// states are drawn.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Locator, Page } from 'playwright-core';
import type { MeshEvent } from '#api/events.ts';
import { beforeRecording, replay } from './mock/replay.ts';
import { FakeClock } from '../fakes/clock.ts';
import { edgeOf, emptyMesh, libraryStory, nodeOf, storyNodes } from './mock/story.ts';
import { useChromium } from './visit.ts';

const { visit } = useChromium();

const vm = (page: Page): Locator =>
  page.getByRole('button', { name: /^postgresql-1-vm, virtual machine/ });
const edge = (page: Page): Locator =>
  page.getByRole('button', { name: /postgres-library to postgresql-1-vm, TCP 5432/ });

const tick = (toServer: number, toClient: number, open = 4): MeshEvent => ({
  type: 'sample',
  atMs: Date.now(),
  samples: [[1, toServer, toClient, open, 0, 0, 0, 0]],
});

type Boxes = Record<string, { x: number; y: number }>;

/** Where every workload's shape stands in the window. */
async function nodeBoxes(page: Page): Promise<Boxes> {
  return page.evaluate(() => {
    const boxes: Record<string, { x: number; y: number }> = {};
    for (const node of document.querySelectorAll('[data-id]:not([data-id^="edge:"])')) {
      const { x, y } = (node.querySelector('.shape') ?? node).getBoundingClientRect();
      boxes[node.getAttribute('data-id') ?? ''] = { x, y };
    }
    return boxes;
  });
}

function assertUnmoved(beforeAll: Boxes, afterAll: Boxes): void {
  for (const [id, { x, y }] of Object.entries(beforeAll)) {
    const now = afterAll[id];
    assert(now, `${id} is gone`);
    assert(Math.hypot(now.x - x, now.y - y) <= 0.5, `${id} moved`);
  }
}

test('the heading is there within two seconds of the request', async () => {
  await using visited = await visit('/');
  const { page, mock } = visited;
  const startMs = performance.now();
  await page.goto(mock.url);
  await page.getByRole('heading', { level: 1, name: 'Map' }).waitFor();
  assert(performance.now() - startMs < 2_000);
});

test('a VM without traffic is drawn as one, and the page says that nothing flows', async () => {
  const story = libraryStory(Date.now());
  await using visited = await visit('/', { snapshot: { ...story, edges: [], samples: [] } });
  const { page } = visited;
  await vm(page).waitFor();
  assert.match((await vm(page).textContent()) ?? '', /VM/);
  await page.getByText('No connections in the last 5 min').waitFor();
});

test('a mesh without workloads says what it needs', async () => {
  await using visited = await visit('/', { snapshot: emptyMesh(Date.now()) });
  const { page } = visited;
  await page.getByText('No workload has joined the mesh yet.').waitFor();
  await page.getByRole('link', { name: 'Add a VM' }).waitFor();
});

test('a first byte lights the edge, encrypted, with both rates in its name', async () => {
  const nowMs = Date.now();
  const story = libraryStory(nowMs);
  const snapshot = { ...story, edges: story.edges.slice(0, 1), samples: [] };
  await using visited = await visit('/', { snapshot });
  const { page, mock } = visited;
  await vm(page).waitFor();
  assert.equal(await edge(page).count(), 0);
  const { library, vm: server } = storyNodes(nowMs);
  const made = edgeOf(nowMs, library, server, { index: 1, port: 5432, application: 'postgres' });
  mock.emit({ type: 'edge.upsert', edge: made }, tick(1_240, 3_420));
  await edge(page).waitFor();
  const name = (await edge(page).getAttribute('aria-label')) ?? '';
  assert.match(name, /mTLS/);
  assert.match(name, /1\.2 kB\/s to server/);
  assert.match(name, /3\.4 kB\/s to client/);
  assert.doesNotMatch(name, /\bsent\b|received/);
});

test('an edge without traffic is idle, one without reports is unknown', async () => {
  const nowMs = Date.now();
  await using visited = await visit('/', { snapshot: libraryStory(nowMs) });
  const { page, mock } = visited;
  mock.emit(tick(0, 0, 0));
  await edge(page).getByText('idle', { exact: true }).waitFor();
  const { frontend, vm: server } = storyNodes(nowMs);
  const made = edgeOf(nowMs, frontend, server, {
    index: 7,
    port: 22,
    encryption: {
      state: 'unknown',
      share: null,
      version: '',
      cipher: '',
      clientIdentity: '',
      serverIdentity: '',
      seenAtMs: 0,
    },
    reporters: [],
  });
  mock.emit({ type: 'edge.upsert', edge: made });
  const unknown = page.getByRole('button', { name: /TCP 22, encryption unknown/ });
  await unknown.waitFor();
  assert.match((await unknown.getAttribute('aria-label')) ?? '', /traffic not reported/);
  await unknown.getByText('–', { exact: true }).waitFor();
});

test('plaintext and failing edges say so in words', async () => {
  const nowMs = Date.now();
  const { frontend, library, vm: server } = storyNodes(nowMs);
  await using visited = await visit('/', { snapshot: libraryStory(nowMs) });
  const { page, mock } = visited;
  const story = libraryStory(nowMs);
  const encryption = { ...story.edges[0]?.encryption, state: 'plaintext' as const, share: 0 };
  const plain = edgeOf(nowMs, library, server, { index: 1, port: 5432 });
  mock.emit({
    type: 'edge.upsert',
    edge: { ...plain, encryption: { ...plain.encryption, ...encryption } },
  });
  await page
    .getByRole('button', { name: /5432, plaintext/ })
    .getByText('plaintext')
    .waitFor();
  const failure = { flags: 'UAEX', text: 'denied by inventory/deny-all', atMs: nowMs };
  const denied = edgeOf(nowMs, frontend, server, { index: 2, port: 5433, failure });
  mock.emit({ type: 'edge.upsert', edge: denied });
  await page
    .getByRole('button', { name: /failing: denied by inventory\/deny-all/ })
    .getByText('denied by inventory/deny-all')
    .waitFor();
});

test('sixty ticks move nothing', async () => {
  await using visited = await visit('/');
  const { page, mock } = visited;
  await vm(page).waitFor();
  const start = await nodeBoxes(page);
  for (let second = 0; second < 60; second++) mock.emit(tick(1_000 + second * 40, 5_000_000));
  await edge(page).getByText('→ 3.4 kB/s  ← 5.0 MB/s · 4 conn').waitFor();
  assertUnmoved(start, await nodeBoxes(page));
});

test('a newcomer moves nobody and covers nobody', async () => {
  const nowMs = Date.now();
  await using visited = await visit('/');
  const { page, mock } = visited;
  await vm(page).waitFor();
  const start = await nodeBoxes(page);
  for (let index = 2; index < 7; index++) {
    const isOther = index === 6;
    const name = `mysql-${index}-vm`;
    const node = nodeOf(nowMs, { name, kind: 'vm', ...(isOther ? { network: 'eu-west4' } : {}) });
    mock.emit({ type: 'node.upsert', node });
    await page.getByRole('button', { name: new RegExp(`^${name}, virtual`) }).waitFor();
  }
  const end = await nodeBoxes(page);
  assertUnmoved(start, end);
  const all = Object.entries(end);
  for (const [id, a] of all) {
    const hit = all.find(([other, b]) => other > id && Math.hypot(a.x - b.x, a.y - b.y) < 60);
    assert.equal(hit, undefined, `${id} covers ${hit?.[0]}`);
  }
});

test('a joining machine is a ghost that says its step', async () => {
  const nowMs = Date.now();
  await using visited = await visit('/');
  const { page, mock } = visited;
  const node = nodeOf(nowMs, {
    name: 'mysql-2-vm',
    kind: 'vm',
    state: 'joining',
    join: { id: 'j1', step: 5, steps: 9 },
  });
  mock.emit({ type: 'node.upsert', node });
  const ghost = page.getByRole('button', {
    name: /^mysql-2-vm, virtual machine, joining, step 5/,
  });
  await ghost.getByText('joining, step 5 of 9').waitFor();
});

test('the drawer of an edge tells who is encrypted as whom, and how much flows', async () => {
  await using visited = await visit('/');
  const { page } = visited;
  await edge(page).click();
  const drawer = page.getByRole('complementary', { name: /^Edge postgres-library/ });
  await drawer.getByText('1.2 kB/s', { exact: true }).waitFor();
  const encryption = drawer.getByRole('region', { name: 'Encryption' });
  await encryption.getByText('spiffe://cluster.local/ns/inventory/sa/postgres-library').waitFor();
  await encryption.getByText('spiffe://cluster.local/ns/inventory/sa/postgresql').waitFor();
  await encryption.getByText(/TLS 1\.3/).waitFor();
  await drawer.getByRole('figure', { name: /Throughput/ }).waitFor();
  const rows = drawer.getByRole('table', { name: 'Connections' }).getByRole('row');
  await rows.nth(4).waitFor();
  assert.equal(await rows.count(), 5);
  await drawer.getByRole('button', { name: 'Show as command' }).click();
  await drawer
    .getByText('isthmus tap postgres-library.inventory postgresql-1-vm.inventory')
    .waitFor();
  await drawer.getByRole('link', { name: 'Explain path' }).click();
  await page.getByRole('heading', { level: 1, name: 'Reach' }).waitFor();
  assert.match(
    page.url(),
    /from=postgres-library\.inventory&to=postgresql-1-vm\.inventory&port=5432/,
  );
});

test('find rings what it finds, dims the rest and counts; errors are underlined', async () => {
  await using visited = await visit('/');
  const { page } = visited;
  const find = page.getByRole('combobox', { name: 'Find' });
  await find.fill('kind=vm or port=5432');
  const found = page.getByRole('status', { name: 'Found' });
  await found.getByText('1 workload · 1 edge').waitFor();
  assert.match((await vm(page).getAttribute('class')) ?? '', /\bfound\b/);
  const other = page.getByRole('button', { name: /^frontend,/ });
  assert.match((await other.getAttribute('class')) ?? '', /\bdim\b/);
  await find.fill('kind=vm and colour=red');
  await page.getByText('there is no “colour” to look at').waitFor();
  await find.fill('ide');
  const fields = page.getByRole('listbox', { name: 'Fields' });
  await fields.getByRole('option', { name: /identity/ }).waitFor();
  await find.press('Tab');
  assert.equal(await find.inputValue(), 'identity');
});

test('more than three hundred become groups, and the page says so', async () => {
  const { largeMesh } = await import('./mock/large.ts');
  await using visited = await visit('/', { snapshot: largeMesh(Date.now(), 310, 400) });
  const { page } = visited;
  const note = page.getByRole('status').filter({ hasText: '310 workloads in' });
  await note.getByText(/in 24 groups|in \d+ groups/).waitFor();
  await page
    .getByRole('button', { name: /^team-3, \d+ workloads in a group/ })
    .first()
    .click();
  await page.getByRole('button', { name: /^(app|vm)-3,/ }).waitFor();
  assert.match(page.url(), /ns=team-3/);
});

test('a recording is played by the clock: ghost, machine, first encrypted bytes', async () => {
  const clock = new FakeClock(Date.now());
  const snapshot = beforeRecording(clock.nowMs());
  await using visited = await visit('/', { snapshot, clock });
  const { page, mock } = visited;
  await page.getByRole('button', { name: /^reports,/ }).waitFor();
  const stop = new AbortController();
  const played = replay(clock, mock.emit, stop.signal).catch(() => undefined);
  await page.getByRole('button', { name: /^postgresql-1-vm, .* joining, step 2 of 9/ }).waitFor();
  for (let second = 0; second < 8; second++) {
    clock.advance(700);
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
  await page
    .getByRole('button', { name: /^postgresql-1-vm, virtual machine, health healthy/ })
    .waitFor();
  while (clock.pendingMs().length > 0 && mock.mesh.snapshot(0).samples.length === 0) {
    clock.advance(1_000);
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
  await edge(page)
    .getByText(/→ .*B\/s {2}← .* 4 conn/)
    .waitFor();
  stop.abort();
  await played;
});
