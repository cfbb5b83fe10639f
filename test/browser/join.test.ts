// The Join page in a real browser: a VM is invited, comes in step by step, or says why it does not.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Locator, Page } from 'playwright-core';
import { assertAccessible } from './axe.ts';
import { boundPort, joinOf, MOCK_COMMAND, MOCK_TOKEN, withStep } from './mock/joins.ts';
import type { MockConsole } from './mock/server.ts';
import { useChromium } from './visit.ts';
import { KEPT } from './watch.ts';

const { visit } = useChromium();

const stepsOf = (page: Page): Locator =>
  page.getByRole('list', { name: 'Join steps' }).getByRole('listitem');

async function fill(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Add a VM' }).click();
  await page.getByLabel('Name', { exact: true }).fill('mysql-2-vm');
  await page.getByLabel('Service', { exact: true }).fill('mysql');
  await page.getByLabel('Ports').fill('tcp-mysql:3306');
  await page.getByLabel('Namespace', { exact: true }).fill('inventory');
  await page.getByLabel('Control plane').fill('34.1.2.3');
  await page.getByText('isthmus vm token mysql-2-vm 3306:tcp-mysql').waitFor();
  await page.getByRole('button', { name: 'Make the install command' }).click();
}

test('“Add a VM” ends in the very command that the shell prints', async () => {
  await using visited = await visit('/join');
  const { page } = visited;
  await page.getByText('No VM has joined through here yet').waitFor();
  await fill(page);
  const region = page.getByRole('region', { name: 'Install command' });
  assert.equal((await region.innerText()).trim(), MOCK_COMMAND);
  await page.getByText(/Token good once, for 00:1[45]:\d\d/).waitFor();
  assert.match(page.url(), /\/join\/mysql-2-vm-1$/);
});

test('the token is shown once, and is nowhere afterwards', async () => {
  await using visited = await visit('/join');
  const { page } = visited;
  await fill(page);
  await page.getByText(MOCK_TOKEN).waitFor();
  assert(!page.url().includes(MOCK_TOKEN));
  const answers: Promise<string>[] = [];
  page.on('response', (response) => {
    const isStream = response.url().includes('/events');
    if (response.url().includes('/api/') && !isStream) answers.push(response.text());
  });
  await page.reload();
  await page.getByText(/token is no longer shown/).waitFor();
  await stepsOf(page).first().waitFor();
  const kept = String(await page.evaluate(KEPT));
  assert(!kept.includes(MOCK_TOKEN), 'in the page or the storage');
  assert(!page.url().includes(MOCK_TOKEN), 'in the address');
  const texts = await Promise.all(answers);
  assert(texts.length >= 2, 'nothing was asked');
  for (const text of texts) assert(!text.includes(MOCK_TOKEN), 'in an answer');
});

test('leaving the page forgets the token, too', async () => {
  await using visited = await visit('/join');
  const { page } = visited;
  await fill(page);
  await page.getByText(MOCK_TOKEN).waitFor();
  await page.getByRole('link', { name: 'Identity' }).click();
  await page.getByRole('heading', { level: 1, name: 'Identity' }).waitFor();
  await page.goBack();
  await page.getByText(/token is no longer shown/).waitFor();
  assert.equal(await page.getByText(MOCK_TOKEN).count(), 0);
});

test('nine steps become done in their order, each with its time', async () => {
  await using visited = await visit('/join/mysql-2-vm-1');
  const { page, mock } = visited;
  const startedAtMs = Date.now() - 30_000;
  for (let done = 1; done <= 9; done += 1) {
    mock.emit({ type: 'join.step', join: joinOf(startedAtMs, done, { id: 'mysql-2-vm-1' }) });
    await stepsOf(page)
      .nth(done - 1)
      .and(page.locator('.done'))
      .waitFor();
    assert.equal(await page.locator('.step.done').count(), done);
  }
  assert.equal(await stepsOf(page).count(), 9);
  for (const step of await stepsOf(page).all()) {
    assert.equal(await step.getByRole('time').count(), 1);
    assert.match(await step.innerText(), /\d\d:\d\d:\d\d/);
  }
  await page.getByText(/done in \d+ s/).waitFor();
});

test('a port that is taken fails step 5, with Envoy’s words and what to look at', async () => {
  await using visited = await visit('/join/mysql-2-vm-1');
  const { page, mock } = visited;
  const join = { ...boundPort(Date.now() - 30_000), id: 'mysql-2-vm-1' };
  mock.emit({ type: 'join.step', join });
  const step = stepsOf(page).nth(4);
  await step.getByText('failed').waitFor();
  const text = await step.innerText();
  assert.match(text, /0\.0\.0\.0:3306: cannot bind: Address already in use/);
  assert.match(text, /ss -ltnp 'sport = :3306'/);
  await step.getByRole('button', { name: 'Copy' }).waitFor();
  assert.doesNotMatch((await step.getAttribute('class')) ?? '', /done|good/);
  assert.equal(await stepsOf(page).count(), 9, 'causes are no steps');
});

test('a VM that cannot call in turns amber in 15 s, with the port and a test', async () => {
  await using visited = await visit('/join/redis-3-vm-1');
  const { page, mock } = visited;
  await page.clock.install();
  await page.reload();
  const begun = joinOf(Date.now(), 1, { id: 'redis-3-vm-1', name: 'redis-3-vm' });
  const waiting = withStep(begun, 1, { usualMs: 2_000 });
  mock.emit({ type: 'join.step', join: waiting });
  const step = stepsOf(page).nth(1);
  await step.getByText('waiting', { exact: false }).first().waitFor();
  await page.clock.runFor(9_000);
  assert.doesNotMatch(await step.innerText(), /stuck/);
  await page.clock.runFor(5_000);
  await step.getByText('stuck').waitFor();
  assert.match((await step.getAttribute('class')) ?? '', /\bstuck\b/);
  const causes = [
    {
      text: 'A firewall drops what goes to port 15012 of 34.1.2.3.',
      command: 'nc -vz 34.1.2.3 15012',
    },
  ];
  const stuck = { ...withStep(waiting, 1, { causes }), state: 'stuck' as const };
  mock.emit({ type: 'join.step', join: stuck });
  await step.getByText('nc -vz 34.1.2.3 15012').waitFor();
  assert.match(await step.innerText(), /port 15012/);
  await page.getByText('stuck at step 2 of 9').waitFor();
});

test('a join is called off only when asked twice', async () => {
  await using visited = await visit('/join/mysql-2-vm-1');
  const { page, mock } = visited;
  mock.emit({ type: 'join.step', join: joinOf(Date.now(), 1, { id: 'mysql-2-vm-1' }) });
  await page.getByRole('button', { name: 'Cancel join' }).click();
  const question = page.getByRole('dialog', { name: /Cancel the join of mysql-2-vm/ });
  await question.getByRole('button', { name: 'Let it go on' }).click();
  assert.equal(mock.countOf('DELETE /api/v1/joins/mysql-2-vm-1'), 0);
  await page.getByRole('button', { name: 'Cancel join' }).click();
  await question.getByRole('button', { name: 'Cancel it' }).click();
  await page.getByText('cancelled at step 2 of 9').waitFor();
  assert.equal(await page.getByRole('button', { name: 'Cancel join' }).count(), 0);
});

test('the form says what is wrong with each field, and sends nothing', async () => {
  await using visited = await visit('/join?add=1');
  const { page, mock } = visited;
  await page.getByLabel('Name', { exact: true }).fill('MySQL 2');
  await page.getByLabel('Ports').fill('0');
  await page.getByRole('button', { name: 'Make the install command' }).click();
  await page
    .getByText(/Not a name/)
    .first()
    .waitFor();
  await page.getByText('“0” is no port', { exact: false }).waitFor();
  assert.equal(await page.getByLabel('Name', { exact: true }).getAttribute('aria-invalid'), 'true');
  assert.equal(mock.countOf('POST /api/v1/joins'), 0);
});

test('what the control plane refuses stays in the form', async () => {
  await using visited = await visit('/join?add=1');
  const { page } = visited;
  await page.getByLabel('Name', { exact: true }).fill('postgresql-1-vm');
  await page.getByLabel('Namespace', { exact: true }).fill('inventory');
  await page.getByRole('button', { name: 'Make the install command' }).click();
  await page.getByRole('alert').getByText('is in the mesh already').waitFor();
  assert.equal(await page.getByLabel('Name', { exact: true }).inputValue(), 'postgresql-1-vm');
});

test('a viewer sees joins, and why adding one is not for them', async () => {
  await using visited = await visit('/join', { role: 'viewer' });
  const { page } = visited;
  const button = page.getByRole('button', { name: 'Add a VM' });
  await button.waitFor();
  assert.equal(await button.isDisabled(), true);
  await page.getByText(/You are a viewer; inviting a VM needs the right to create joins/).waitFor();
});

test('an editor of one namespace invites VMs there only', async () => {
  await using visited = await visit('/join?add=1', { editsOnly: 'inventory' });
  const { page } = visited;
  const button = page.getByRole('button', { name: 'Make the install command' });
  await page.getByText('In default, inviting a VM needs the right to create joins.').waitFor();
  assert.equal(await button.isDisabled(), true);
  await page.getByLabel('Namespace', { exact: true }).fill('inventory');
  await button.and(page.locator(':enabled')).waitFor();
});

test('who was turned away without a join is told, with whence', async () => {
  const refused = {
    atMs: Date.now() - 60_000,
    kind: 'refused',
    workload: 'postgresql-1-vm',
    text: 'the bearer token expired; get a new one (from 10.128.0.14:40190)',
  };
  const prepare = (mock: MockConsole): void =>
    mock.route({
      method: 'GET',
      path: '/api/v1/join-refusals',
      handle: () => ({ json: [refused] }),
    });
  await using visited = await visit('/join', { prepare });
  const list = visited.page.getByRole('region', { name: 'Turned away' });
  await list.getByText(/token expired; get a new one \(from 10\.128\.0\.14/).waitFor();
  await list.getByText('postgresql-1-vm').waitFor();
});

test('hostile names and errors are text', async () => {
  await using visited = await visit('/join/evil');
  const { page, mock } = visited;
  const evil = '<img src=x onerror="document.title=\'owned\'">';
  const join = withStep(joinOf(Date.now(), 4, { id: 'evil', name: evil, by: evil }), 4, {
    state: 'failed',
    problem: evil,
    causes: [{ text: evil, command: evil }],
  });
  mock.emit({ type: 'join.step', join });
  await page.getByRole('heading', { level: 1, name: evil }).waitFor();
  assert.equal(await page.locator('main img').count(), 0);
  assert.notEqual(await page.title(), 'owned');
});

test('everybody can read it: axe finds nothing serious in any state', async () => {
  await using visited = await visit('/join');
  const { page, mock } = visited;
  await page.getByText('No VM has joined through here yet').waitFor();
  await assertAccessible(page, 'empty');
  await page.getByRole('button', { name: 'Add a VM' }).click();
  await page.getByRole('button', { name: 'Make the install command' }).click();
  await page.getByText('A machine needs a name.').waitFor();
  await assertAccessible(page, 'the form with a problem');
  await page.getByRole('button', { name: 'Cancel' }).click();
  await fill(page);
  await page.getByRole('region', { name: 'Install command' }).waitFor();
  await assertAccessible(page, 'the command');
  const join = { ...boundPort(Date.now() - 30_000), id: 'mysql-2-vm-1' };
  mock.emit({ type: 'join.step', join });
  await stepsOf(page).nth(4).getByText('failed').waitFor();
  await assertAccessible(page, 'a failed step');
  const causes = [{ text: 'A firewall.', command: 'nc -vz 34.1.2.3 15012' }];
  const stuck = withStep(joinOf(Date.now() - 60_000, 1, { id: 'mysql-2-vm-1' }), 1, { causes });
  mock.emit({ type: 'join.step', join: { ...stuck, state: 'stuck' } });
  await stepsOf(page).nth(1).getByText('stuck').waitFor();
  await assertAccessible(page, 'a stuck step');
  await page.getByRole('link', { name: 'Join', exact: true }).first().click();
  await page.getByRole('table', { name: 'Joins' }).waitFor();
  await assertAccessible(page, 'the list');
});
