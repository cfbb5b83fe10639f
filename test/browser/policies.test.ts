// The Policies page in a real browser: the list, the two forms of one text, what an edit would
// break, and the ways of applying it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import { assertAccessible } from './axe.ts';
import { PG_ALLOW_YAML } from './mock/policies.ts';
import { problem } from './mock/routes.ts';
import type { MockConsole } from './mock/server.ts';
import { useChromium } from './visit.ts';

const PG_ALLOW = { kind: 'AuthorizationPolicy', namespace: 'inventory', name: 'pg-allow' };
const PATH = '/policies/AuthorizationPolicy/inventory/pg-allow';
const API = `/api/v1${PATH}`;
const REPORT = 'cluster.local/ns/batch/sa/report';

const { visit } = useChromium();

const editor = (page: Page) => page.getByRole('textbox', { name: /as YAML$/ });

/** The whole text, as the editor has it: read by copying, since long texts are drawn in part. */
async function textOf(page: Page): Promise<string> {
  await editor(page).focus();
  await page.keyboard.press('Control+a');
  await page.keyboard.press('Control+c');
  return page.evaluate(() => navigator.clipboard.readText());
}

async function typeAtEnd(page: Page, text: string): Promise<void> {
  await editor(page).focus();
  await page.keyboard.press('Control+End');
  await page.keyboard.insertText(text);
}

const asForm = async (page: Page): Promise<void> =>
  page.getByRole('button', { name: 'Form', exact: true }).click();
const asYaml = async (page: Page): Promise<void> => {
  await page.getByRole('button', { name: 'YAML', exact: true }).click();
  await editor(page).waitFor();
};

const applyButton = (page: Page) => page.getByRole('button', { name: /^3 / });

/** Somebody else writes while this browser edits. */
async function writeElsewhere(mock: MockConsole, yaml: string, version: string): Promise<Response> {
  return fetch(`${mock.url}${API}?mode=keep`, {
    method: 'PUT',
    headers: { 'X-CSRF-Token': 'mock-csrf-token', 'If-Match': `"${version}"` },
    body: JSON.stringify({ yaml, endsOpenConnections: false }),
  });
}

const documentOf = async (mock: MockConsole): Promise<{ yaml: string; shadowYaml: string }> =>
  Object(await (await fetch(`${mock.url}${API}`)).json());

const yamlOf = async (mock: MockConsole): Promise<string> => (await documentOf(mock)).yaml;
const yamlTried = async (mock: MockConsole): Promise<string> => (await documentOf(mock)).shadowYaml;

test('the list says of each policy what it is about, decided, and who keeps it', async () => {
  await using visited = await visit('/policies');
  const { page } = visited;
  const table = page.getByRole('table', { name: 'Policies' });
  const row = table.getByRole('row', { name: /pg-allow/ });
  await row.waitFor();
  const text = await row.innerText();
  for (const part of ['AuthorizationPolicy', 'app=postgresql', '1284 / 3', 'by kim', 'none']) {
    assert.ok(text.includes(part), `${part} in ${text}`);
  }
  await table
    .getByRole('row', { name: /readers/ })
    .getByText('Argo CD, read-only')
    .waitFor();
  await page.getByRole('searchbox', { name: 'Find' }).fill('strict');
  assert.equal(await table.getByRole('row').count(), 2);
  await page.reload();
  await table.getByRole('link', { name: 'default' }).waitFor();
  assert.equal(await table.getByRole('row').count(), 2);
  await table.getByRole('link', { name: 'default' }).click();
  await page.getByRole('heading', { level: 1, name: 'istio-system/default' }).waitFor();
});

test('form and YAML are one text, and comments survive byte for byte', async () => {
  await using visited = await visit(PATH);
  const { page } = visited;
  await editor(page).waitFor();
  assert.equal(await textOf(page), PG_ALLOW_YAML);
  await asForm(page);
  await page.getByRole('combobox', { name: 'Action' }).selectOption('DENY');
  await asYaml(page);
  assert.equal(await textOf(page), PG_ALLOW_YAML.replace('action: ALLOW', 'action: DENY'));
  await asForm(page);
  await page.getByRole('combobox', { name: 'Action' }).selectOption('ALLOW');
  const rule = page.getByRole('group', { name: 'Rule 1' });
  await rule.getByRole('combobox', { name: 'Ports', exact: true }).fill('5433');
  await page.keyboard.press('Enter');
  await asYaml(page);
  assert.equal(await textOf(page), PG_ALLOW_YAML.replace('["5432"]', '["5432", "5433"]'));
});

test('what is wrong is marked at its line, said in words, and cannot be applied', async () => {
  await using visited = await visit(PATH);
  const { page } = visited;
  await editor(page).waitFor();
  await typeAtEnd(page, 'spce: 1\n');
  const line = PG_ALLOW_YAML.split('\n').length;
  const problems = page.getByRole('status', { name: 'Problems' });
  await problems.getByText(`line ${line}, column 1`).waitFor();
  await problems.getByText(/there is no such field/).waitFor();
  // The gutter's mark stands in the row of that line's number.
  const mark = await page.locator('.cm-gutter-lint .cm-lint-marker-error').boundingBox();
  const number = await page
    .locator('.cm-lineNumbers .cm-gutterElement')
    .getByText(String(line), { exact: true })
    .boundingBox();
  assert.ok(mark && number && Math.abs(mark.y - number.y) < 12, 'the mark is at another line');
  assert.ok(await applyButton(page).isDisabled());
  await page.getByText('1 error in the text.').waitFor();
  await typeAtEnd(page, 'x: [\n');
  await page.getByText('The text is not YAML yet.').waitFor();
  assert.ok(await applyButton(page).isDisabled());
  await asForm(page);
  await page
    .getByRole('alert')
    .getByText(/Mend it as YAML first/)
    .waitFor();
});

test('names of the mesh complete what is typed', async () => {
  await using visited = await visit(PATH);
  const { page } = visited;
  await editor(page).waitFor();
  await typeAtEnd(page, '        - cluster.local/ns/inventory/sa/post');
  await page.keyboard.press('Control+Space');
  await page.getByRole('option', { name: 'cluster.local/ns/inventory/sa/postgresql' }).click();
  assert.match(await textOf(page), /- cluster\.local\/ns\/inventory\/sa\/postgresql$/);
});

test('removing a principal that is used says whom it refuses, in less than a second', async () => {
  await using visited = await visit(PATH);
  const { page } = visited;
  await asForm(page);
  await page.getByRole('button', { name: `Remove ${REPORT}` }).click();
  const startMs = Date.now();
  const refused = page.getByRole('list', { name: 'Will be refused' });
  await refused.getByText(/report\.batch → postgresql-1-vm\.inventory:5432/).waitFor();
  assert.ok(Date.now() - startMs < 1_000, `${Date.now() - startMs} ms`);
  assert.equal(await refused.getByRole('listitem').count(), 1);
  await refused.getByText(/rule 2.*now DENY, no rule matches/s).waitFor();
  await page.getByText(/^Based on 24 h of flows/).waitFor();
  await page.getByRole('combobox', { name: /Flows of the last/ }).selectOption('7 days');
  await page.getByText(/has not been watched for longer/).waitFor();
  assert.match(page.url(), /window=7d/);
});

test('what is pointed at in the list shows on its map, and the other way round', async () => {
  await using visited = await visit(`${PATH}?tab=form`);
  const { page } = visited;
  await page.getByRole('button', { name: `Remove ${REPORT}` }).click();
  const map = page.getByRole('img', { name: 'Map of 3 calls; each is in the list below' });
  const row = page.getByRole('list', { name: 'Will be refused' }).getByRole('listitem');
  await row.getByText(/^report\.batch/).hover();
  const line = map.locator('.line.refused.hot');
  await line.waitFor();
  assert.equal(await map.locator('.hot').count(), 3, 'the call and its two ends');
  await page.getByRole('heading', { name: 'Impact on observed traffic' }).hover();
  await line.waitFor({ state: 'detached' });
  await row.getByRole('link', { name: 'Explain' }).focus();
  await line.waitFor();
  await row.getByRole('link', { name: 'Explain' }).blur();
  await map.locator('.line.refused text').hover();
  assert.equal(await row.getAttribute('class'), 'hot');
  await assertAccessible(page, 'impact with its map');
});

test('kinds without a form are edited as YAML, and one of the whole mesh has no namespace', async () => {
  await using visited = await visit('/policies');
  const { page, mock } = visited;
  const table = page.getByRole('table', { name: 'Policies' });
  await page.getByRole('combobox', { name: 'Kind' }).selectOption('MeshPolicy');
  await table.getByRole('link', { name: 'default' }).click();
  await page.getByRole('heading', { level: 1, name: 'default', exact: true }).waitFor();
  assert.equal(new URL(page.url()).pathname, '/policies/MeshPolicy/-/default');
  await page.getByText('This kind has no form.').waitFor();
  await typeAtEnd(page, '  peerIsOptional: true\n');
  await applyButton(page).click();
  await page.getByText(/Applied, not kept yet/).waitFor();
  assert.equal(mock.countOf('PUT /api/v1/policies/MeshPolicy/-/default'), 1);
  await page.getByRole('button', { name: 'Undo now' }).click();
  await page.getByText('Undone: what was before is back.').first().waitFor();
  await page.goto(`${mock.url}/policies/DestinationRule/inventory/postgresql`);
  await page
    .getByRole('textbox', { name: 'DestinationRule inventory/postgresql as YAML' })
    .waitFor();
  await page.getByRole('button', { name: 'Delete…' }).click();
  const dialog = page.getByRole('dialog', { name: 'Delete inventory/postgresql?' });
  await dialog.getByText(/0 led elsewhere, 3 unchanged/).waitFor();
  await assertAccessible(page, 'deleting');
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'hidden' });
});

test('who will be refused is named, and the number is typed before anything is applied', async () => {
  await using visited = await visit(PATH);
  const { page, mock } = visited;
  await asForm(page);
  await page.getByRole('button', { name: 'Remove Rule 2' }).click();
  await page.getByRole('button', { name: '3 Refuse 1 client…' }).click();
  const dialog = page.getByRole('dialog', { name: 'Refuse 1 client?' });
  const confirm = dialog.getByRole('button', { name: 'Apply with auto-undo' });
  assert.ok(await confirm.isDisabled());
  await page.keyboard.type('2'); // the focus is in the field
  assert.ok(await confirm.isDisabled());
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'hidden' });
  assert.equal(mock.countOf(`PUT ${API}`), 0);
  await page.getByRole('button', { name: '3 Refuse 1 client…' }).click();
  await page.keyboard.type('1');
  await page.keyboard.press('Enter');
  await page.getByText(/Applied, not kept yet/).waitFor();
  assert.equal(mock.countOf(`PUT ${API}`), 1);
});

test('open sessions end if that is ticked, and what came of it is said', async () => {
  await using visited = await visit(PATH);
  const { page } = visited;
  await asForm(page);
  await page.getByRole('button', { name: 'Remove Rule 2' }).click();
  await page.getByRole('button', { name: '3 Refuse 1 client…' }).click();
  const dialog = page.getByRole('dialog', { name: 'Refuse 1 client?' });
  await dialog.getByText(/Their 1 open connection stays/).waitFor();
  const choice = dialog.getByRole('checkbox', { name: /End the open connection too/ });
  assert.equal(await choice.isChecked(), false, 'a choice of its own');
  await dialog.getByText(/an undo brings nothing back/).waitFor();
  await choice.check();
  await assertAccessible(page, 'ending sessions');
  await dialog.getByRole('textbox', { name: 'Type 1 to go on' }).fill('1');
  const written = page.waitForRequest((request) => request.method() === 'PUT');
  await page.keyboard.press('Enter');
  assert.equal((await written).postDataJSON().endsOpenConnections, true);
  await page.getByText('1 session ended. An undo brings none of it back.').waitFor();
});

test('an apply undoes itself without the browser; keeping it makes it last', async () => {
  let nowMs = Date.now();
  const clock = { nowMs: () => nowMs, sleep: async () => new Promise<void>(() => undefined) };
  await using visited = await visit(`${PATH}?tab=form`, { clock });
  const { page, mock } = visited;
  const applyDeny = async (): Promise<void> => {
    await page.getByRole('combobox', { name: 'Action' }).selectOption('AUDIT');
    await applyButton(page).click();
    await page.getByText(/undoes itself in 1 min 5\d s|undoes itself in 2 min 00 s/).waitFor();
  };
  await applyDeny();
  assert.match(await yamlOf(mock), /action: AUDIT/);
  nowMs += 130_000;
  assert.match(await yamlOf(mock), /action: ALLOW/);
  await page.getByText('It undid itself: what was before is back.').first().waitFor();
  assert.equal(await page.getByRole('combobox', { name: 'Action' }).inputValue(), 'ALLOW');
  await applyDeny();
  await page.getByRole('button', { name: 'Keep' }).click();
  await page.getByRole('button', { name: 'Undo the last change' }).waitFor();
  nowMs += 130_000;
  assert.match(await yamlOf(mock), /action: AUDIT/);
  await page.getByRole('button', { name: 'Undo the last change' }).click();
  await page.getByText('Undone: what was before is back.').first().waitFor();
  assert.equal(await yamlOf(mock), PG_ALLOW_YAML);
});

test('in shadow nothing is refused and the counter moves; it ends when told to', async () => {
  await using visited = await visit(`${PATH}?tab=form`);
  const { page, mock } = visited;
  await page.getByRole('button', { name: 'Remove Rule 2' }).click();
  await page.getByRole('button', { name: '2 Shadow' }).click();
  await page.getByText(/It would have denied 0 since then\. It ends by itself in 24 h/).waitFor();
  await fetch(`${mock.url}/api/v1/policies:count`, {
    method: 'POST',
    headers: { 'X-CSRF-Token': 'mock-csrf-token' },
    body: JSON.stringify(PG_ALLOW),
  });
  await page.getByText(/It would have denied 3 since then/).waitFor();
  // Its text is the server's: another browser has it as well, and goes on from there.
  const tried = await yamlTried(mock);
  assert.doesNotMatch(tried, /batch\/sa\/report/);
  await page.getByText('What is tried').click();
  await page.getByText('# the library reads and writes').first().waitFor();
  await page.getByRole('button', { name: 'Discard the edit' }).click();
  await page.getByRole('button', { name: 'Edit what is tried' }).click();
  await page.getByText('It is in shadow.').waitFor();
  await page.getByRole('combobox', { name: 'Action' }).selectOption('DENY');
  await page.getByRole('button', { name: '2 Change the shadow' }).click();
  await page.getByText('It is in shadow.').waitFor();
  assert.equal(await yamlTried(mock), tried.replace('action: ALLOW', 'action: DENY'));
  assert.equal(await yamlOf(mock), PG_ALLOW_YAML);
  await page.getByRole('combobox', { name: 'Action' }).selectOption('ALLOW');
  await page.getByRole('button', { name: 'End the shadow' }).click();
  await page.getByText(/It would have denied/).waitFor({ state: 'hidden' });
  assert.equal(await yamlOf(mock), PG_ALLOW_YAML);
  // What was tried is still there to be applied.
  assert.equal(await page.getByRole('group', { name: /^Rule / }).count(), 1);
  await page.getByRole('button', { name: '3 Refuse 1 client…' }).waitFor();
  await page.goto(`${mock.url}/policies/PeerAuthentication/istio-system/default`);
  await page.getByRole('combobox', { name: 'Mutual TLS' }).or(editor(page)).waitFor();
  await asForm(page);
  await page.getByRole('combobox', { name: 'Mutual TLS' }).selectOption('PERMISSIVE');
  await page.getByText(/Only an AuthorizationPolicy can be evaluated/).waitFor();
});

test('two edits at once: nothing is overwritten, and the parts are put together', async () => {
  await using visited = await visit(`${PATH}?tab=form`);
  const { page, mock } = visited;
  await page.getByRole('combobox', { name: 'Action' }).selectOption('AUDIT');
  // The feed is silent, so that this browser learns of it only by being refused.
  mock.isSilent = true;
  const theirs = PG_ALLOW_YAML.replace('action: ALLOW', 'action: DENY').replace('"5432"', '"5433"');
  assert.equal((await writeElsewhere(mock, theirs, '7')).status, 200);
  await applyButton(page).click();
  const dialog = page.getByRole('dialog', { name: 'Changed by somebody else meanwhile' });
  const differences = dialog.getByRole('table', { name: 'Three-way differences' });
  assert.deepEqual(await differences.getByRole('columnheader').allInnerTexts(), [
    'Before',
    'Theirs',
    'Yours',
    'Taken',
  ]);
  for (const action of ['ALLOW', 'DENY', 'AUDIT']) {
    await differences.getByText(`action: ${action}`).waitFor();
  }
  assert.equal(await yamlOf(mock), theirs);
  const done = dialog.getByRole('button', { name: 'Edit on with the result' });
  assert.ok(await done.isDisabled());
  await assertAccessible(page, 'three-way differences');
  await differences.getByRole('radio', { name: 'yours' }).check();
  await done.click();
  await asYaml(page);
  assert.equal(await textOf(page), theirs.replace('action: DENY', 'action: AUDIT'));
  assert.equal(await yamlOf(mock), theirs);
  await applyButton(page).click();
  await page.getByText(/Applied, not kept yet/).waitFor();
  assert.match(await yamlOf(mock), /action: AUDIT[^]*"5433"/);
});

test('an edit elsewhere is told while one types, and what is typed stays', async () => {
  await using visited = await visit(`${PATH}?tab=form`);
  const { page, mock } = visited;
  await page.getByRole('combobox', { name: 'Action' }).selectOption('AUDIT');
  await writeElsewhere(mock, PG_ALLOW_YAML.replace('"5432"', '"5433"'), '7');
  await page
    .getByRole('alert')
    .getByText(/changed this policy while you edit it/)
    .waitFor();
  assert.equal(await page.getByRole('combobox', { name: 'Action' }).inputValue(), 'AUDIT');
  await page.getByRole('button', { name: 'Show the differences' }).click();
  await page.getByText('Both changes fit together.').waitFor();
});

test('an editor of one namespace may there what they may not elsewhere, and is told so', async () => {
  await using visited = await visit(PATH, { editsOnly: 'inventory' });
  const { page, mock } = visited;
  await page.getByRole('button', { name: 'Delete…' }).and(page.locator(':enabled')).waitFor();
  assert.equal(await page.getByText(/needs the right to it/).count(), 0);
  await page.goto(`${mock.url}/policies/PeerAuthentication/istio-system/default`);
  await page
    .getByText('In istio-system, writing policies needs the right to it.')
    .first()
    .waitFor();
  assert.ok(await page.getByRole('button', { name: 'Delete…' }).isDisabled());
  await page.getByRole('link', { name: 'Policies', exact: true }).first().click();
  await page.getByRole('link', { name: 'New policy' }).click();
  const write = page.getByRole('button', { name: 'Write it' });
  await page.getByRole('combobox', { name: 'Namespace', exact: true }).fill('inventory');
  await page.getByText(/Nothing is applied yet/).waitFor();
  assert.ok(await write.isEnabled());
  await page.getByRole('combobox', { name: 'Namespace', exact: true }).fill('batch');
  await page.getByText('In batch, writing policies needs the right to it.').waitFor();
  assert.ok(await write.isDisabled());
});

test('a viewer sees everything and changes nothing; a forged write is refused', async () => {
  await using visited = await visit(`${PATH}?tab=form`, { role: 'viewer' });
  const { page, mock } = visited;
  await page
    .getByText(/You are a viewer; writing policies needs the right to it/)
    .first()
    .waitFor();
  assert.ok(await applyButton(page).isDisabled());
  assert.ok(await page.getByRole('button', { name: '2 Shadow' }).isDisabled());
  assert.ok(await page.getByRole('button', { name: 'Delete…' }).isDisabled());
  assert.ok(await page.getByRole('combobox', { name: 'Action' }).isDisabled());
  assert.equal((await writeElsewhere(mock, 'forged', '7')).status, 403);
  assert.equal(await yamlOf(mock), PG_ALLOW_YAML);
  await page.goto(`${mock.url}/policies/RequestAuthentication/inventory/readers`);
  await page.getByText('managed by Argo CD, read-only').waitFor();
});

test('a new policy is previewed before it is made, and deleting it brings it back', async () => {
  await using visited = await visit('/policies');
  const { page } = visited;
  await page.getByRole('link', { name: 'New policy' }).click();
  await page.getByRole('radio', { name: /PeerAuthentication/ }).check();
  await page.getByRole('textbox', { name: 'Name' }).fill('Strict');
  await page.getByRole('button', { name: 'Write it' }).click();
  await page
    .getByRole('alert')
    .getByText(/small letters/)
    .waitFor();
  await page.getByRole('textbox', { name: 'Name' }).fill('strict');
  await page.getByRole('combobox', { name: 'Namespace', exact: true }).fill('inventory');
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Write it' }).click();
  await page.getByText('not in the cluster').waitFor();
  await page.getByRole('combobox', { name: 'Mutual TLS' }).selectOption('STRICT');
  await applyButton(page).click();
  await page.getByRole('button', { name: 'Keep' }).click();
  await page.getByRole('button', { name: 'Delete…' }).click();
  const dialog = page.getByRole('dialog', { name: 'Delete inventory/strict?' });
  await dialog.getByRole('button', { name: 'Delete with auto-undo' }).click();
  await page.getByText(/Deleted, not kept yet/).waitFor();
  await page.getByRole('button', { name: 'Undo now' }).click();
  await page.getByText('Undone: what was before is back.').first().waitFor();
});

test('the edit is a command as well', async () => {
  await using visited = await visit(`${PATH}?tab=form`);
  const { page } = visited;
  await page.getByRole('combobox', { name: 'Action' }).selectOption('DENY');
  await page.getByRole('button', { name: 'Copy as patch' }).click();
  await page.getByRole('button', { name: 'Copied' }).waitFor();
  assert.equal(
    await page.evaluate(() => navigator.clipboard.readText()),
    'kubectl patch authorizationpolicy pg-allow --namespace inventory --type merge ' +
      `--patch '{"spec":{"action":"DENY"}}'`,
  );
  const impact = page.getByRole('region', { name: 'Impact on observed traffic' });
  await impact.getByRole('button', { name: 'Show as command' }).click();
  await impact.getByRole('button', { name: 'Copied' }).waitFor();
  assert.match(
    await page.evaluate(() => navigator.clipboard.readText()),
    /^isthmus policy preview - --window 24h <<'EOF'\n[^]*action: DENY[^]*\nEOF\n$/,
  );
});

test('what was typed is there again after a look at another page', async () => {
  await using visited = await visit(`${PATH}?tab=form`);
  const { page } = visited;
  await page.getByRole('combobox', { name: 'Action' }).selectOption('DENY');
  await page
    .getByRole('navigation', { name: 'Pages' })
    .getByRole('link', { name: 'Reach' })
    .click();
  await page.getByRole('heading', { level: 1, name: 'Reach' }).waitFor();
  await page.goBack();
  await page.getByText('edited').waitFor();
  assert.equal(await page.getByRole('combobox', { name: 'Action' }).inputValue(), 'DENY');
});

test('empty, loading, error and full are accessible in both themes', async () => {
  await using list = await visit('/policies');
  await list.page.getByRole('table').waitFor();
  await assertAccessible(list.page, 'list');
  const none = (mock: MockConsole): void =>
    mock.route({ method: 'GET', path: '/api/v1/policies', handle: () => ({ json: [] }) });
  await using empty = await visit('/policies', { prepare: none });
  await empty.page.getByText('There are no policies yet.').waitFor();
  await assertAccessible(empty.page, 'no policies');
  const refuse = (mock: MockConsole): void =>
    mock.route({
      method: 'GET',
      path: '/api/v1/policies',
      handle: () => problem(503, 'unavailable', 'The control plane is starting.'),
    });
  await using failed = await visit('/policies', { prepare: refuse });
  await failed.page.getByRole('alert').waitFor();
  await assertAccessible(failed.page, 'error');
  await using detail = await visit(PATH);
  await editor(detail.page).waitFor();
  await typeAtEnd(detail.page, 'spce: 1\n');
  await detail.page.getByText('1 error in the text.').waitFor();
  await assertAccessible(detail.page, 'YAML with an error');
  await asForm(detail.page);
  await detail.page.getByRole('group', { name: 'Rule 1' }).waitFor();
  await assertAccessible(detail.page, 'form');
  await detail.page.goto(`${detail.mock.url}/policies/new`);
  await detail.page.getByRole('form', { name: 'New policy' }).waitFor();
  await assertAccessible(detail.page, 'new');
  await detail.page.goto(`${detail.mock.url}/policies/AuthorizationPolicy/a/none`);
  await detail.page.getByText('There is no AuthorizationPolicy a/none.').waitFor();
  await assertAccessible(detail.page, 'no such policy');
});
