// Everybody can use it: axe on every page, in every state and both themes; small screens, forced
// colours, no motion. And it is what it says: small, and closed to what is not ours.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { Locator, Page } from 'playwright-core';
import { assertAccessible } from './axe.ts';
import { joinOf } from './mock/joins.ts';
import { edgeOf, emptyMesh, libraryStory, nodeOf } from './mock/story.ts';
import { useChromium, type VisitOptions } from './visit.ts';

const { visit } = useChromium();

const DIST = new URL('../../console/dist/', import.meta.url);
const REACH = '/reach?from=postgres-library.inventory&to=postgresql-1-vm.inventory&port=5432';
const NARROW = { width: 360, height: 740 };

/** A page of the console, and by what it is seen that all of it is there. */
type Sight = { readonly path: string; readonly shows: (page: Page) => Locator };

const table =
  (name: string): Sight['shows'] =>
  (page) =>
    page.getByRole('table', { name }).getByRole('row').nth(1);
const text =
  (words: string | RegExp): Sight['shows'] =>
  (page) =>
    page.getByText(words).first();
const alert: Sight['shows'] = (page) => page.getByRole('alert').first();
const loading: Sight['shows'] = (page) =>
  page
    .getByRole('status', { name: /^Loading/ })
    .locator('.skeleton')
    .first();

const everywhere = (shows: Sight['shows']): readonly Sight[] =>
  ['/', '/workloads', '/join', '/identity', REACH, '/policies'].map((path) => ({ path, shows }));

const FULL: readonly Sight[] = [
  { path: '/', shows: (page) => page.getByRole('button', { name: /^postgresql-1-vm, virtual/ }) },
  { path: '/workloads', shows: table('Workloads') },
  { path: '/join', shows: table('Joins') },
  { path: '/identity', shows: table('Certificates') },
  { path: REACH, shows: text('Can connect.') },
  { path: '/policies', shows: table('Policies') },
];
const EMPTY: readonly Sight[] = [
  { path: '/', shows: text('No workload has joined the mesh yet.') },
  { path: '/workloads', shows: text('Nothing has joined this mesh yet') },
  { path: '/join', shows: text('No VM has joined through here yet') },
  { path: '/identity', shows: text('No workload has a certificate yet') },
  { path: '/reach', shows: (page) => page.getByRole('combobox', { name: 'From' }) },
  { path: '/policies', shows: text('There are no policies yet.') },
];

type State = { readonly what: string; readonly sights: readonly Sight[] } & VisitOptions;

const STATES: readonly State[] = [
  {
    what: 'full',
    sights: FULL,
    prepare: (mock) => mock.emit({ type: 'join.step', join: joinOf(Date.now() - 20_000, 4) }),
  },
  {
    what: 'empty',
    sights: EMPTY,
    snapshot: emptyMesh(Date.now()),
    prepare: (mock) =>
      mock.route({ method: 'GET', path: '/api/v1/policies', handle: () => ({ json: [] }) }),
  },
  { what: 'failing', sights: everywhere(alert), prepare: (mock) => (mock.mood = 'fails') },
  { what: 'loading', sights: everywhere(loading), prepare: (mock) => (mock.mood = 'hangs') },
];

for (const { what, sights, ...options } of STATES) {
  test(`six ${what} pages: axe in both themes, no motion, 360 px, forced colours`, async () => {
    const context = { reducedMotion: 'reduce' } as const;
    await using visited = await visit('/', { ...options, context });
    const { page, mock } = visited;
    for (const { path, shows } of sights) {
      await page.goto(mock.url + path);
      await shows(page).waitFor();
      await assertAccessible(page, `${what} ${path}`);
      const moving = await page.evaluate(() => document.getAnimations().length);
      assert.equal(moving, 0, `${what} ${path} moves`);
      await assertFits(page, `${what} ${path}`);
    }
  });
}

/** No page scrolls sideways on a small screen, nor where the system chooses the colours. */
async function assertFits(page: Page, what: string): Promise<void> {
  const wide = page.viewportSize();
  await page.setViewportSize(NARROW);
  for (const forcedColors of ['none', 'active'] as const) {
    await page.emulateMedia({ forcedColors });
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    assert(width <= NARROW.width, `${what} is ${width} px wide, forced colours: ${forcedColors}`);
  }
  await page.getByRole('heading', { level: 1 }).waitFor({ state: 'attached' });
  await page.emulateMedia({ forcedColors: 'none' });
  if (wide) await page.setViewportSize(wide);
}

test('axe finds nothing in drawers and dialogs', async () => {
  await using visited = await visit('/');
  const { page, mock } = visited;
  for (const query of ['sel=wl:inventory/postgresql-1-vm', 'panel=mesh', 'panel=alerts']) {
    await page.goto(`${mock.url}/?${query}`);
    await page.getByRole('complementary').waitFor();
    await assertAccessible(page, query);
  }
  await page.goto(mock.url);
  await page.getByRole('button', { name: /^postgres-library to postgresql/ }).click();
  await page.getByRole('figure').waitFor();
  await assertAccessible(page, 'an edge');
  await page.keyboard.press('?');
  await page.getByRole('dialog', { name: 'Keys' }).waitFor();
  await assertAccessible(page, 'the keys');
});

test('forced colours: shapes and lines are still there; on 360 px the map is a table', async () => {
  await using visited = await visit('/', { context: { forcedColors: 'active' } });
  const { page } = visited;
  const vm = page.getByRole('button', { name: /^postgresql-1-vm, virtual machine/ });
  await vm.waitFor();
  const stroke = await vm.locator('.shape').evaluate((shape) => getComputedStyle(shape).stroke);
  assert.notEqual(stroke, 'none');
  await page.setViewportSize(NARROW);
  await page.getByRole('table', { name: 'Edges' }).waitFor();
});

test('names that are HTML are text', async () => {
  const nowMs = Date.now();
  const story = libraryStory(nowMs);
  const evil = '<img src=x onerror=alert(1)>';
  const node = nodeOf(nowMs, { name: evil, kind: 'vm', id: `wl:inventory/${evil}` });
  const [frontend] = story.nodes;
  assert(frontend);
  const failure = { flags: 'UF', text: `${evil}\u0007\u202e`, atMs: nowMs };
  const edge = edgeOf(nowMs, frontend, node, { index: 9, port: 1, application: evil, failure });
  const snapshot = {
    ...story,
    nodes: [...story.nodes, node],
    edges: [...story.edges, edge],
    alerts: [{ id: 'a', severity: 'error' as const, text: evil, sinceMs: nowMs, about: '' }],
  };
  await using visited = await visit('/', { snapshot });
  const { page, mock } = visited;
  page.on('dialog', () => assert.fail('the name was executed'));
  await page.getByText(evil).first().waitFor();
  for (const query of ['view=table', 'panel=alerts', `q=${encodeURIComponent(evil)}`]) {
    await page.goto(`${mock.url}/?${query}`);
    await page.getByText(evil).first().waitFor();
  }
  assert.equal(await page.locator('img[src="x"]').count(), 0);
});

test('every answer carries the security policy', async () => {
  await using visited = await visit('/');
  for (const path of ['/', '/workloads', '/theme.js', '/api/v1/snapshot']) {
    const { headers } = await fetch(visited.mock.url + path);
    const policy = headers.get('content-security-policy') ?? '';
    assert.match(policy, /default-src 'self'/);
    assert.doesNotMatch(policy, /unsafe/);
  }
});

type Chunk = {
  readonly file: string;
  readonly css?: readonly string[];
  readonly imports?: readonly string[];
};

/** All that the first visit of the map loads, by the build's own list. */
function firstVisit(manifest: Readonly<Record<string, Chunk>>): { js: string[]; css: string[] } {
  const seen = new Set<string>();
  const visit = (key: string): void => {
    if (seen.has(key)) return;
    seen.add(key);
    for (const other of manifest[key]?.imports ?? []) visit(other);
  };
  visit('index.html');
  visit('src/pages/map/index.tsx');
  const chunks = [...seen].map((key) => manifest[key]).filter((chunk) => chunk !== undefined);
  return {
    js: [...new Set(chunks.map(({ file }) => file))],
    css: [...new Set(chunks.flatMap(({ css = [] }) => css))],
  };
}

test('a first visit loads at most 130 kB of JavaScript and 15 kB of CSS', () => {
  const text = readFileSync(new URL('manifest.json', DIST), 'utf8');
  const { js, css } = firstVisit(JSON.parse(text));
  const sizeOf = (files: readonly string[]): number =>
    files.reduce((sum, file) => sum + gzipSync(readFileSync(new URL(file, DIST))).length, 0);
  assert(js.length >= 2 && css.length >= 1);
  assert(sizeOf(js) <= 130_000, `${sizeOf(js)} bytes of JavaScript`);
  assert(sizeOf(css) <= 15_000, `${sizeOf(css)} bytes of CSS`);
  process.stdout.write(`first visit: ${sizeOf(js)} B of JavaScript, ${sizeOf(css)} B of CSS\n`);
});

type LockFile = {
  readonly packages: Readonly<
    Record<string, { readonly license?: string; readonly dependencies?: Record<string, string> }>
  >;
};

test('what is shipped is under licences that allow it', () => {
  const text = readFileSync(new URL('../../package-lock.json', import.meta.url), 'utf8');
  const { packages }: LockFile = JSON.parse(text);
  const seen = new Map<string, string>();
  const visit = (name: string): void => {
    if (seen.has(name)) return;
    const found = packages[`node_modules/${name}`];
    assert(found, `${name} is not in the lock file`);
    seen.set(name, found.license ?? 'none');
    Object.keys(found.dependencies ?? {}).forEach(visit);
  };
  Object.keys(packages['console']?.dependencies ?? {}).forEach(visit);
  const wrong = [...seen].filter(
    ([, licence]) => !/^(MIT|ISC|Apache-2\.0|BSD-[23]-Clause)$/.test(licence),
  );
  assert(seen.size > 10);
  assert.deepEqual(wrong, []);
});
