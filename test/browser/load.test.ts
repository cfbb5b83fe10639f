// The short form of `npm run soak`: sixty ticks of 300 workloads and 600 edges.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { launchBrowser } from './browser.ts';
import { measureLoad } from './load.ts';

let browser: Browser;

before(async () => {
  browser = await launchBrowser();
});

after(async () => browser.close());

test('300 workloads and 600 edges cost at most 8 ms of script a tick', async () => {
  const report = await measureLoad(browser, 60, async () => Promise.resolve());
  process.stdout.write(`${JSON.stringify(report)}\n`);
  assert(report.scriptMs <= 8, `${report.scriptMs} ms of script per tick`);
  assert(report.longestTaskMs <= 50, `a task of ${report.longestTaskMs} ms`);
  assert(report.heapGrowthBytes < 10_000_000, `the heap grew by ${report.heapGrowthBytes} bytes`);
});
