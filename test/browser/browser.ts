// A real Chromium for tests: one for each test file, a context of its own for each test, and a
// record of everything that a page must not do.
import assert from 'node:assert/strict';
import { delimiter, join } from 'node:path';
import { existsSync } from 'node:fs';
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';

const EXPECT_MS = 5_000;

function chromiumPath(): string {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/bin'];
  const found = folders.map((folder) => join(folder, 'chromium')).find((path) => existsSync(path));
  assert(found, 'chromium is not on the PATH: node scripts/setup.js --for test');
  return found;
}

export async function launchBrowser(): Promise<Browser> {
  const isRoot = process.getuid?.() === 0;
  return chromium.launch({
    executablePath: chromiumPath(),
    args: ['--disable-dev-shm-usage', '--enable-precise-memory-info'],
    chromiumSandbox: !isRoot,
  });
}

export type WatchedPage = {
  readonly page: Page;
  /** Errors on the console, exceptions, requests to elsewhere, breaches of the security policy. */
  readonly complaints: string[];
  readonly close: () => Promise<void>;
};

/** A page that is watched; `url` is the server's, whose origin it must not leave. */
export async function openPage(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<WatchedPage> {
  const context = await browser.newContext({
    viewport: { width: 1440, height: 900 },
    reducedMotion: 'no-preference',
    timezoneId: 'UTC',
    locale: 'en-GB',
    permissions: ['clipboard-read', 'clipboard-write'],
    ...options,
  });
  context.setDefaultTimeout(EXPECT_MS);
  const page = await context.newPage();
  const complaints = watch(page, new URL(url).origin);
  await page.goto(url);
  return { page, complaints, close: async () => context.close() };
}

/** Failures of loading that a test brought about itself are not the page's. */
const EXPECTED = /Failed to load resource|net::ERR_/;

function watch(page: Page, origin: string): string[] {
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(`exception: ${error.stack ?? error.message}`));
  page.on('console', (message) => {
    if (message.type() !== 'error' && !message.text().includes('Content Security')) return;
    if (!EXPECTED.test(message.text())) complaints.push(`console: ${message.text()}`);
  });
  page.on('request', (request) => {
    const { protocol, origin: target } = new URL(request.url());
    if (protocol.startsWith('http') && target !== origin) complaints.push(`left: ${request.url()}`);
  });
  return complaints;
}
