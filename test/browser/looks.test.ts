// Everybody can use it: axe on every page, in every state and both themes; small screens, forced
// colours, no motion. And it is what it says: small, and closed to what is not ours.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import axeCore from 'axe-core';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { launchBrowser, openPage } from './browser.ts';
import { startMock } from './mock/server.ts';
import { edgeOf, emptyMesh, libraryStory, nodeOf } from './mock/story.ts';

declare global {
  /** In the page, once its source has run there. */
  var axe: typeof axeCore;
}

const PAGES = ['/', '/workloads', '/join', '/identity', '/reach', '/policies'] as const;
const DIST = new URL('../../console/dist/', import.meta.url);

let browser: Browser;

before(async () => {
  browser = await launchBrowser();
});

after(async () => browser.close());

async function withPage(
  options: Parameters<typeof startMock>[0] & { readonly mood?: 'works' | 'fails' | 'hangs' },
  context: BrowserContextOptions,
  work: (page: Page, url: string) => Promise<void>,
): Promise<void> {
  const mock = await startMock(options);
  mock.mood = options.mood ?? 'works';
  const { page, complaints, close } = await openPage(browser, mock.url, context);
  try {
    await work(page, mock.url);
    assert.deepEqual(complaints, []);
  } finally {
    await close();
    await mock.close();
  }
}

/** What is serious or worse, as `rule: element`. */
async function violations(page: Page): Promise<string[]> {
  if (!(await page.evaluate(() => 'axe' in globalThis))) await page.evaluate(axeCore.source);
  const found = await page.evaluate(async () => {
    const { violations } = await globalThis.axe.run(document, { resultTypes: ['violations'] });
    // On the map the visible label is the workload's name, with which the accessible name begins;
    // the numbers beside it are what it says, not what it is called.
    const isOfTheMap = (target: string): boolean =>
      document.querySelector(target)?.closest('.graph') !== null;
    return violations.flatMap(({ id, impact, nodes }) =>
      nodes
        .map(({ target }) => target.join(' '))
        .filter((target) => id !== 'label-content-name-mismatch' || !isOfTheMap(target))
        .map((target) => ({ impact, text: `${id}: ${target}` })),
    );
  });
  return found
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ text }) => text);
}

async function checkPages(page: Page, url: string, settled: (path: string) => Promise<unknown>) {
  const found: string[] = [];
  for (const path of PAGES) {
    await page.goto(url + path);
    await settled(path);
    found.push(...(await violations(page)).map((text) => `${path} ${text}`));
  }
  assert.deepEqual(found, []);
}

const heading = (page: Page) => async (): Promise<void> => {
  await page.getByRole('heading', { level: 1 }).waitFor({ state: 'attached' });
};

/** Tables and lists come with a second answer. */
const content = (page: Page) => async (): Promise<void> => {
  await heading(page)();
  await page.waitForLoadState('networkidle').catch(() => undefined);
};

for (const colorScheme of ['light', 'dark'] as const) {
  test(`axe finds nothing on six full pages, ${colorScheme}`, async () => {
    await withPage({}, { colorScheme }, async (page, url) => {
      await checkPages(page, url, content(page));
    });
  });
}

for (const [what, options, colorScheme] of [
  ['empty', { snapshot: emptyMesh(Date.now()) }, 'dark'],
  ['failing', { mood: 'fails' }, 'light'],
  ['loading', { mood: 'hangs' }, 'dark'],
] as const) {
  test(`axe finds nothing on six ${what} pages, ${colorScheme}`, async () => {
    await withPage(options, { colorScheme }, async (page, url) => {
      await checkPages(page, url, heading(page));
    });
  });
}

test('axe finds nothing in drawers and dialogs', async () => {
  await withPage({}, {}, async (page, url) => {
    for (const query of ['sel=wl:inventory/postgresql-1-vm', 'panel=mesh', 'panel=alerts']) {
      await page.goto(`${url}/?${query}`);
      await page.getByRole('complementary').waitFor();
      assert.deepEqual(await violations(page), [], query);
    }
    await page.goto(url);
    await page.getByRole('button', { name: /^postgres-library to postgresql/ }).click();
    await page.getByRole('figure').waitFor();
    assert.deepEqual(await violations(page), []);
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keys' }).waitFor();
    assert.deepEqual(await violations(page), []);
  });
});

test('who wants no motion gets none', async () => {
  await withPage({}, { reducedMotion: 'reduce' }, async (page, url) => {
    for (const path of PAGES) {
      await page.goto(url + path);
      await heading(page)();
      assert.equal(await page.evaluate(() => document.getAnimations().length), 0, path);
    }
  });
});

test('forced colours: shapes and lines are still there', async () => {
  await withPage({}, { forcedColors: 'active' }, async (page) => {
    const vm = page.getByRole('button', { name: /^postgresql-1-vm, virtual machine/ });
    await vm.waitFor();
    const stroke = await vm.locator('.shape').evaluate((shape) => getComputedStyle(shape).stroke);
    assert.notEqual(stroke, 'none');
  });
});

test('360 px: no page scrolls sideways, and the map is a table', async () => {
  await withPage({}, { viewport: { width: 360, height: 740 } }, async (page, url) => {
    for (const path of PAGES) {
      await page.goto(url + path);
      await heading(page)();
      const width = await page.evaluate(() => document.documentElement.scrollWidth);
      assert(width <= 360, `${path} is ${width} px wide`);
    }
    await page.goto(url);
    await page.getByRole('table', { name: 'Edges' }).waitFor();
  });
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
  await withPage({ snapshot }, {}, async (page, url) => {
    page.on('dialog', () => assert.fail('the name was executed'));
    await page.getByText(evil).first().waitFor();
    for (const query of ['view=table', 'panel=alerts', `q=${encodeURIComponent(evil)}`]) {
      await page.goto(`${url}/?${query}`);
      await page.getByText(evil).first().waitFor();
    }
    assert.equal(await page.locator('img[src="x"]').count(), 0);
  });
});

test('every answer carries the security policy', async () => {
  await withPage({}, {}, async (_, url) => {
    for (const path of ['/', '/workloads', '/theme.js', '/api/v1/snapshot']) {
      const policy = (await fetch(url + path)).headers.get('content-security-policy') ?? '';
      assert.match(policy, /default-src 'self'/);
      assert.doesNotMatch(policy, /unsafe/);
    }
  });
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
