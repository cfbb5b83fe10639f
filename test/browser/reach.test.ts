// The Reach page in a real browser: the steps, the fix, the link, the command, the keyboard.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import { REACH_STEPS, type ReachRequest } from '#api/reach.ts';
import { assertAccessible } from './axe.ts';
import { DENIED, FIREWALL, REFUSED, reachRoute, type Breakage } from './mock/reach.ts';
import { problem } from './mock/routes.ts';
import type { MockConsole } from './mock/server.ts';
import { useChromium } from './visit.ts';

const ASKED = '/reach?from=postgres-library.inventory&to=postgresql-1-vm.inventory&port=5432';

const { visit, open } = useChromium();

const broken =
  (breakage: Breakage) =>
  (mock: MockConsole): void =>
    mock.route(reachRoute(({ from }) => (from.startsWith('postgres-') ? breakage : undefined)));

const steps = (page: Page) =>
  page.getByRole('list', { name: 'Steps' }).getByRole('button', { name: /, (passed|failed|not)/ });

const verdict = (page: Page) => page.getByRole('region', { name: 'Verdict' });

test('a healthy pair passes eleven steps, each saying what it rests on', async () => {
  await using visited = await visit(ASKED);
  const { page } = visited;
  await verdict(page).getByText('Can connect.').waitFor();
  await verdict(page).getByText('Because: Allowed by inventory/pg-allow rule 1.').waitFor();
  const heads = await steps(page).allInnerTexts();
  assert.equal(heads.length, REACH_STEPS.length);
  for (const head of heads) assert.match(head, /(observed|probed|configured)$/);
});

test('a link reproduces the result elsewhere, and the command asks the same', async () => {
  await using visited = await visit(ASKED, { prepare: broken(FIREWALL) });
  const { page } = visited;
  await page.getByRole('button', { name: 'Copy link' }).click();
  const link = await page.evaluate(() => navigator.clipboard.readText());
  const there = await open(link);
  await verdict(there.page).waitFor();
  const texts = async (one: Page): Promise<string[]> => steps(one).allInnerTexts();
  assert.deepEqual(await texts(there.page), await texts(page));
  await there.close();
  await page.getByRole('button', { name: 'Show as command' }).click();
  await page
    .getByRole('region', { name: 'Command', exact: true })
    .getByText('isthmus why postgres-library.inventory postgresql-1-vm.inventory:5432')
    .waitFor();
});

test('the first step that fails is open and said; a drop and a refusal differ', async () => {
  await using dropped = await visit(ASKED, { prepare: broken(FIREWALL) });
  await verdict(dropped.page).getByText('stopped at step 6 of 11: Network').waitFor();
  const network = steps(dropped.page).nth(5);
  assert.equal(await network.getAttribute('aria-expanded'), 'true');
  assert.match(await network.innerText(), /timed out/);
  assert.match(await steps(dropped.page).nth(6).innerText(), /not reached/);
  await dropped.page
    .getByRole('status')
    .getByText(/timed out after 3.0 s/)
    .waitFor();
  await using refused = await visit(ASKED, { prepare: broken(REFUSED) });
  await verdict(refused.page).getByText('stopped at step 10 of 11: Port').waitFor();
  assert.match(await steps(refused.page).nth(9).innerText(), /nobody listens/);
});

test('a fix that is an object is looked at, applied, and all passes', async () => {
  let isMended = false;
  const prepare = (mock: MockConsole): void =>
    mock.route(reachRoute(() => (isMended ? undefined : DENIED)));
  await using visited = await visit(ASKED, { prepare: prepare });
  const { page, mock } = visited;
  await page.getByRole('link', { name: 'AuthorizationPolicy inventory/pg-allow' }).waitFor();
  const fix = page.getByRole('region', { name: 'Smallest fix' });
  await fix.getByRole('button', { name: 'Apply…' }).click();
  await fix.getByText(/1 newly allowed, 0 refused/).waitFor();
  isMended = true;
  await fix.getByRole('button', { name: 'Apply with auto-undo' }).click();
  await verdict(page).getByText('Can connect.').waitFor();
  assert.equal(mock.countOf('PUT /api/v1/policies/AuthorizationPolicy/inventory/pg-allow'), 1);
  // It does not last by itself, and the page says so where it was applied.
  const applied = page.getByRole('region', { name: 'Applied fix' });
  await applied.getByText(/undoes itself in/).waitFor();
  await applied.getByRole('button', { name: 'Keep' }).click();
  await applied.getByText(/is applied and kept/).waitFor();
});

test('the way back is shown where it ends otherwise, and only there', async () => {
  await using visited = await visit(ASKED, { prepare: broken(FIREWALL) });
  const back = visited.page.getByRole('region', { name: 'The way back' });
  await back.getByText(/postgresql-1-vm.inventory → postgres-library.inventory:8080/).waitFor();
  await using healthy = await visit(ASKED);
  await verdict(healthy.page).waitFor();
  assert.equal(await healthy.page.getByRole('region', { name: 'The way back' }).count(), 0);
});

test('a misspelt host stops at its name and is suggested the right one', async () => {
  const misspelt: Breakage = {
    name: 'name',
    summary: 'nobody is called postgresql-1-vn.inventory; did you mean postgresql-1-vm.inventory?',
    fix: { text: 'Use postgresql-1-vm.inventory.', command: '', yaml: '' },
  };
  await using visited = await visit('/reach', {
    prepare: (mock) => mock.route(reachRoute(() => misspelt)),
  });
  const { page } = visited;
  await page.getByRole('combobox', { name: 'From' }).fill('postgres-library.inventory');
  await page.getByRole('combobox', { name: 'To' }).fill('postgresql-1-vn.inventory');
  await page.getByRole('button', { name: 'Explain' }).click();
  await verdict(page)
    .getByText(/did you mean postgresql-1-vm\.inventory/)
    .waitFor();
  assert.equal(await steps(page).nth(0).getAttribute('aria-expanded'), 'true');
});

test('by keyboard alone: choose both ends, explain, open a step', async () => {
  await using visited = await visit('/reach', { prepare: broken(FIREWALL) });
  const { page } = visited;
  await page.getByRole('combobox', { name: 'From' }).focus();
  await page.keyboard.type('postgres-lib');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await page.keyboard.press('Tab'); // swap
  await page.keyboard.press('Tab');
  await page.keyboard.type('VM');
  await page.keyboard.press('ArrowDown'); // the service
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await page.keyboard.press('Tab');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await page.keyboard.press('Enter');
  await verdict(page).waitFor();
  assert.match(
    page.url(),
    /from=postgres-library\.inventory&to=postgresql-1-vm\.inventory&port=5432/,
  );
  // The focus stays where it was.
  const focused = await page.evaluate(() => document.activeElement?.getAttribute('role'));
  assert.equal(focused, 'combobox');
  await steps(page).nth(0).focus();
  await page.keyboard.press('Enter');
  assert.equal(await steps(page).nth(0).getAttribute('aria-expanded'), 'true');
});

test('other pages lead here with both ends, or with one', async () => {
  await using visited = await visit('/');
  const { page, mock } = visited;
  await page.goto(`${mock.url}/workloads/inventory/postgresql-1-vm`);
  await page.getByRole('link', { name: 'Explain path' }).first().click();
  await page.getByRole('heading', { level: 1, name: 'Reach' }).waitFor();
  const to = page.getByRole('combobox', { name: 'To' });
  assert.equal(await to.inputValue(), 'postgresql-1-vm.inventory');
  await page.goto(`${mock.url}/reach?from=wl:inventory/frontend&to=wl:inventory/postgresql-1-vm`);
  await verdict(page).getByText('frontend.inventory →').waitFor();
});

test('a probe is an editor’s; a viewer reads why not, and no link starts one', async () => {
  const asked: ReachRequest[] = [];
  const record = (mock: MockConsole): void =>
    mock.route(
      reachRoute((request) => {
        asked.push(request);
        return undefined;
      }),
    );
  await using viewer = await visit(`${ASKED}&probe=1`, { prepare: record, role: 'viewer' });
  await verdict(viewer.page).waitFor();
  const button = viewer.page.getByRole('button', { name: 'Probe now' });
  assert.ok(await button.isDisabled());
  await viewer.page
    .getByText(/You are a viewer; probing needs the right to create proxies\/probe/)
    .waitFor();
  assert.ok(asked.every(({ isProbing }) => !isProbing));
  await using editor = await visit(ASKED, { prepare: record });
  await verdict(editor.page).waitFor();
  await editor.page.getByRole('button', { name: 'Probe now' }).click();
  await steps(editor.page).nth(5).getByText('probed').waitFor();
  assert.equal(asked.filter(({ isProbing }) => isProbing).length, 1);
});

test('a denial asks its own question', async () => {
  await using visited = await visit('/reach');
  const { page, mock } = visited;
  const denial = {
    edge: 'e',
    from: 'wl:inventory/frontend',
    to: 'wl:inventory/postgresql-1-vm',
    port: 5432,
    clientIdentity: '',
    policy: 'inventory/pg-allow',
    atMs: Date.now(),
  };
  mock.emit({ type: 'denial', denial });
  const list = page.getByRole('region', { name: 'Refused lately' });
  await list.getByText('refused by inventory/pg-allow').waitFor();
  await list.getByRole('button', { name: 'Explain' }).click();
  await verdict(page).waitFor();
  assert.match(page.url(), /from=frontend\.inventory/);
});

test('the last denial of the day is a question, also for who comes later', async () => {
  const denial = {
    edge: 'e',
    from: 'wl:inventory/frontend',
    to: 'wl:inventory/postgresql-1-vm',
    port: 5432,
    clientIdentity: '',
    policy: '',
    atMs: Date.now() - 3_600_000,
  };
  const older = { ...denial, from: 'wl:inventory/other', atMs: denial.atMs - 1000 };
  const prepare = (mock: MockConsole): void =>
    mock.route({
      method: 'GET',
      path: '/api/v1/denials',
      handle: () => ({ json: [denial, older] }),
    });
  await using visited = await visit(ASKED, { prepare });
  const { page } = visited;
  await page.getByRole('button', { name: 'From the last denial' }).click();
  await page.waitForURL(/from=frontend\.inventory&to=postgresql-1-vm\.inventory&port=5432/);
  await verdict(page).waitFor();
});

test('a fix that several tools have words for is copied in those of one', async () => {
  await using visited = await visit(ASKED, { prepare: broken(FIREWALL) });
  const { page } = visited;
  const fix = page.getByRole('region', { name: 'Smallest fix' });
  const copied = () => page.evaluate(() => navigator.clipboard.readText());
  await fix.getByRole('button', { name: 'Copy gcloud' }).click();
  assert.match(await copied(), /^gcloud compute firewall-rules create/);
  await fix.getByRole('button', { name: 'Copy nft' }).click();
  assert.match(await copied(), /^nft 'insert rule/);
});

test('who asks by an identity picks it', async () => {
  await using visited = await visit('/reach');
  const { page } = visited;
  const from = page.getByRole('combobox', { name: 'From' });
  await from.fill('spiffe://');
  const [first] = await page.getByRole('listbox', { name: 'From' }).getByRole('option').all();
  assert.match((await first?.innerText()) ?? '', /^spiffe:\/\/cluster\.local\/ns\/inventory\/sa\//);
});

test('names and evidence are text, whatever is in them', async () => {
  const nasty = '<img src=x onerror=alert(1)>';
  const hostile: Breakage = { name: 'name', summary: nasty, evidence: [nasty, '\u0007\u001b[31m'] };
  const path = `/reach?from=${encodeURIComponent(nasty)}&to=b`;
  await using visited = await visit(path, {
    prepare: (mock) => mock.route(reachRoute(() => hostile)),
  });
  await verdict(visited.page).getByText(nasty).first().waitFor();
  assert.equal(await visited.page.locator('img[src=x]').count(), 0);
});

test('empty, loading, error and full are accessible in both themes', async () => {
  await using empty = await visit('/reach');
  await assertAccessible(empty.page, 'empty');
  const refuse = (mock: MockConsole): void =>
    mock.route({
      method: 'POST',
      path: '/api/v1/reach',
      handle: () => problem(503, 'unavailable', 'The control plane is starting.'),
    });
  await using failed = await visit(ASKED, { prepare: refuse });
  await failed.page.getByRole('alert').getByText('The control plane is starting.').waitFor();
  await assertAccessible(failed.page, 'error');
  await using full = await visit(ASKED, { prepare: broken(DENIED) });
  await verdict(full.page).waitFor();
  await assertAccessible(full.page, 'full');
  await full.page.getByRole('combobox', { name: 'To' }).click();
  await full.page.getByRole('listbox', { name: 'To' }).waitFor();
  await assertAccessible(full.page, 'open list');
  await full.page.route('**/api/v1/reach', async () => undefined);
  await full.page.reload();
  await full.page.getByRole('status', { name: 'Loading the answer' }).waitFor();
  await assertAccessible(full.page, 'loading');
});
