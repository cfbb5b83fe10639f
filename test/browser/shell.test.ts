// The console's frame: it loads, keeps to its origin, and leads to six pages.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { launchBrowser, openPage } from './browser.ts';
import { startMock, type MockConsole } from './mock/server.ts';

let browser: Browser;
let mock: MockConsole;

before(async () => {
  [browser, mock] = await Promise.all([launchBrowser(), startMock()]);
});

after(async () => {
  await Promise.all([browser.close(), mock.close()]);
});

test('home is the map, and nothing leaves the origin', async () => {
  const { page, complaints, close } = await openPage(browser, mock.url);
  await page.getByRole('heading', { level: 1, name: 'Map' }).waitFor();
  assert.deepEqual(complaints, []);
  await close();
});

test('six pages, each with its heading', async () => {
  const { page, complaints, close } = await openPage(browser, mock.url);
  for (const name of ['Workloads', 'Join', 'Identity', 'Reach', 'Policies', 'Map']) {
    await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name }).click();
    await page.getByRole('heading', { level: 1, name }).waitFor();
  }
  assert.deepEqual(complaints, []);
  await close();
});
