// A large mesh that ticks once a second, and what it costs the page: script per tick, the longest
// task, and how the heap grows.
import assert from 'node:assert/strict';
import type { Browser, CDPSession, Page } from 'playwright-core';
import { openPage } from './browser.ts';
import { largeMesh, samplesOf } from './mock/large.ts';
import { startMock, type MockConsole } from './mock/server.ts';
import { readTrace, TRACED } from './trace.ts';

export const NODES = 300;
export const EDGES = 600;

export type LoadReport = {
  readonly seconds: number;
  /** Of the page's main thread, per tick, in the last minute. */
  readonly scriptMs: number;
  /** With style, layout and paint; per tick. */
  readonly taskMs: number;
  /** Of that minute, in the thread's own time. */
  readonly longestTaskMs: number;
  /** Of all the time, by the wall's clock; 0: none over 50 ms. */
  readonly longestWaitMs: number;
  readonly heapGrowthBytes: number;
};

async function metric(session: CDPSession, name: string): Promise<number> {
  const { metrics } = await session.send('Performance.getMetrics');
  return metrics.find((one) => one.name === name)?.value ?? Number.NaN;
}

async function heapAfterCollection(session: CDPSession): Promise<number> {
  await session.send('HeapProfiler.collectGarbage');
  return metric(session, 'JSHeapUsedSize');
}

/** Notes every task over 50 ms from now on. */
async function watchLongTasks(page: Page): Promise<void> {
  await page.evaluate(() => {
    const longest = { ms: 0 };
    Object.assign(globalThis, { longestTask: longest });
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) longest.ms = Math.max(longest.ms, duration);
    }).observe({ type: 'longtask' });
  });
}

const longestTask = async (page: Page): Promise<number> =>
  page.evaluate(() => {
    const found: unknown = Reflect.get(globalThis, 'longestTask');
    return typeof found === 'object' && found && 'ms' in found ? Number(found.ms) : Number.NaN;
  });

/** One tick, and until it is on the page. */
async function tick(mock: MockConsole, page: Page, second: number): Promise<void> {
  const samples = samplesOf(EDGES, second);
  // One edge tells which tick is on the page.
  samples[0] = [0, 1000 + second, 0, second % 1000, 0, 0, 0, 0];
  const seen = page.waitForFunction(
    (open) =>
      document
        .querySelector('[data-id^="edge:"]')
        ?.getAttribute('aria-label')
        ?.includes(`, ${open} open connections`),
    second % 1000,
    { polling: 100, timeout: 20_000 },
  );
  mock.emit({ type: 'sample', atMs: Date.now(), samples });
  await seen;
}

const WARM_UP = 5;
/** A trace of an hour would be a gigabyte. */
const TRACED_TICKS = 60;

const nextTurn = async (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

export async function measureLoad(
  browser: Browser,
  seconds: number,
  pause: () => Promise<void>,
): Promise<LoadReport> {
  const mock = await startMock({ snapshot: largeMesh(Date.now(), NODES, EDGES) });
  const { page, complaints, close } = await openPage(browser, mock.url);
  try {
    await page.getByRole('button', { name: /^app-1, Kubernetes workload/ }).waitFor();
    await page.waitForFunction(
      () => document.querySelectorAll('[data-id^="edge:"]').length === 600,
    );
    // A turn of the loop, in which the stream may come in.
    while (mock.streams === 0) await nextTurn();
    const session = await page.context().newCDPSession(page);
    await session.send('Performance.enable', { timeDomain: 'threadTicks' });
    for (let second = 0; second < WARM_UP; second++) await tick(mock, page, second);
    const heapBefore = await heapAfterCollection(session);
    await watchLongTasks(page);
    const taskBefore = await metric(session, 'TaskDuration');
    const tracedFrom = WARM_UP + Math.max(0, seconds - TRACED_TICKS);
    for (let second = WARM_UP; second < WARM_UP + seconds; second++) {
      if (second === tracedFrom) await browser.startTracing(page, { categories: TRACED });
      await tick(mock, page, second);
      await pause();
    }
    const { scriptMs, longestTaskMs } = readTrace(await browser.stopTracing());
    const task = (await metric(session, 'TaskDuration')) - taskBefore;
    const longestWaitMs = await longestTask(page);
    assert.deepEqual(complaints, []);
    return {
      seconds,
      scriptMs: scriptMs / Math.min(seconds, TRACED_TICKS),
      taskMs: (task * 1000) / seconds,
      longestTaskMs,
      longestWaitMs,
      heapGrowthBytes: (await heapAfterCollection(session)) - heapBefore,
    };
  } finally {
    await close();
    await mock.close();
  }
}
