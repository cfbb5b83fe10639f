// Reach and Policies on a real mesh: what the pages say of the library's client and its VM is what
// happens to real connections.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Locator, Page } from 'playwright-core';
import { REACH_STEPS } from '#api/reach.ts';
import { enterSandbox } from '#lab/enter.ts';
import { eventually } from '#lab/eventually.ts';
import { Writer } from '#lab/library.ts';
import { CLIENT, TARGET, VM } from '#lab/library-mesh.ts';
import { spiffeIdOf } from '#lab/manifests.ts';
import { LabConsole } from './lab-console.ts';

await enterSandbox();

const ASKED = `/reach?from=${CLIENT}.default&to=${VM}.default&port=5432`;
const POLICY = '/policies/AuthorizationPolicy/default/no-client';
const PRINCIPAL = spiffeIdOf(CLIENT).replace('spiffe://', '');
/** From a fix to an answer that all is well, at most. */
const MENDED_MS = 10_000;

describe('reach and policies of a mesh', { concurrency: false }, () => {
  let lab: LabConsole;
  let page: Page;
  let complaints: readonly string[];
  /** Writes book after book, each over a connection of its own, and tries again when refused. */
  let writer: Writer;

  before(async () => {
    lab = await LabConsole.create({ env: process.env, enableAutoMtls: true });
    ({ page, complaints } = await lab.open());
    writer = Writer.start(lab.mesh.client.machine, { ...TARGET, note: 'x' });
  });
  after(() => lab[Symbol.asyncDispose]());

  const verdict = (): Locator => page.getByRole('region', { name: 'Verdict' });
  const steps = (): Locator => page.getByRole('list', { name: 'Steps' }).getByRole('listitem');

  test('a healthy pair: a probe passes eleven steps, each says what it rests on', async () => {
    await writer.waitForMore(1, 10_000);
    await page.goto(`${lab.url}${ASKED}`);
    await verdict().waitFor();
    await page.getByRole('button', { name: 'Probe now' }).click();
    await verdict().getByText('Can connect.').waitFor();
    const rows = await steps().allInnerTexts();
    assert.equal(rows.length, REACH_STEPS.length);
    for (const row of rows) assert.match(row, /, passed\.[^]*(observed|probed|configured)$/);
    await steps().filter({ hasText: 'Network' }).getByText('probed').waitFor();
  });

  test('a policy that would cut the client off says so, and asks for its number', async () => {
    await page.goto(`${lab.url}/policies/new`);
    await page.getByRole('textbox', { name: 'Name' }).fill('no-client');
    await page.getByRole('combobox', { name: 'Namespace', exact: true }).fill('default');
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Write it' }).click();
    await page.getByRole('combobox', { name: 'Action' }).selectOption('DENY');
    await page.getByRole('textbox', { name: 'Only workloads with these labels' }).fill('');
    const identities = page.getByRole('combobox', { name: 'Identities', exact: true });
    await identities.fill(PRINCIPAL);
    await page.keyboard.press('Enter');
    const refused = page.getByRole('list', { name: 'Will be refused' });
    await refused.getByText(`${CLIENT}.default → ${VM}.default:5432`).waitFor();
    await refused.getByText('now DENY by default/no-client rule 1').waitFor();
    await page.getByRole('button', { name: '3 Refuse 1 client…' }).click();
    await page.keyboard.type('1');
    await page.keyboard.press('Enter');
    await page.getByText(/Applied, not kept yet/).waitFor();
    assert.equal(new URL(page.url()).pathname, POLICY);
    const failure = await eventually('a refused book', async () => writer.failures[0]);
    assert.match(failure, /closed the connection/);
  });

  test('reach names the policy and its rule; the fix applied there lets real books in', async () => {
    await page.goto(`${lab.url}${ASKED}`);
    await verdict().getByText('stopped at step 9 of 11: Authorization').waitFor();
    await page.getByRole('link', { name: 'AuthorizationPolicy default/no-client' }).waitFor();
    await verdict().getByText('DENY by default/no-client rule 1').waitFor();
    const fix = page.getByRole('region', { name: 'Smallest fix' });
    await fix.getByRole('button', { name: 'Apply…' }).click();
    await fix.getByText(/1 newly allowed, 0 refused/).waitFor();
    await fix.getByRole('button', { name: 'Apply with auto-undo' }).click();
    await page
      .getByRole('region', { name: 'Applied fix' })
      .getByText(/undoes itself in/)
      .waitFor();
    await writer.waitForMore(1, MENDED_MS);
    await page.getByRole('button', { name: 'Probe now' }).click();
    await verdict().getByText('Can connect.').waitFor({ timeout: MENDED_MS });
  });

  test('a misspelt host stops at its name, with the right one beside it', async () => {
    await page.goto(`${lab.url}/reach?from=${CLIENT}.default&to=postgresql-1-wm.default&port=5432`);
    await verdict().getByText('stopped at step 1 of 11: Name').waitFor();
    await steps().first().getByText(new RegExp(VM)).first().waitFor();
  });

  test('nothing of it broke the rules of the page', async () => {
    assert(await writer.finish());
    assert.deepEqual(complaints, []);
  });
});
