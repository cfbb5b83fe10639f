// A page of the console in front of a mock that the test holds in its hand: one Chromium for each
// test file, a mock and a context for each visit; whatever a test leaves open goes with the file.
import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { launchBrowser, openPage, type WatchedPage } from './browser.ts';
import { startMock, type MockConsole, type MockOptions } from './mock/server.ts';

export type VisitOptions = MockOptions & {
  readonly context?: BrowserContextOptions;
  /** Before the page asks for anything. */
  readonly prepare?: (mock: MockConsole) => void;
};

/** At its end the page must not have done what no page may: that is asserted. */
export type Visited = AsyncDisposable & { readonly page: Page; readonly mock: MockConsole };

export type Visitor = {
  /** Opens a path of the console and waits for its heading. */
  readonly visit: (path: string, options?: VisitOptions) => Promise<Visited>;
  /** A context of its own, at any address. */
  readonly open: (url: string, options?: BrowserContextOptions) => Promise<WatchedPage>;
};

/** To be called once by a test file, outside of its tests. */
export function useChromium(): Visitor {
  let browser: Browser;
  /** Also those of tests that failed half-way: an open server would keep the process alive. */
  const mocks = new Set<MockConsole>();
  before(async () => {
    browser = await launchBrowser();
  });
  after(async () => {
    await browser.close();
    await Promise.all([...mocks].map(async (mock) => mock.close()));
  });
  const open: Visitor['open'] = async (url, options) => openPage(browser, url, options);
  return {
    open,
    visit: async (path, { context, prepare, ...options } = {}) => {
      const mock = await startMock(options);
      mocks.add(mock);
      prepare?.(mock);
      const { page, complaints, close } = await open(`${mock.url}${path}`, context);
      await page.getByRole('heading', { level: 1 }).waitFor();
      return {
        page,
        mock,
        async [Symbol.asyncDispose]() {
          await close();
          mocks.delete(mock);
          await mock.close();
          assert.deepEqual(complaints, []);
        },
      };
    },
  };
}
