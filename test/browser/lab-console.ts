// The console of a real mesh, for tests: the library's client and its VM with PostgreSQL, an Envoy
// at each, and a browser that is signed in as the administrator.
import assert from 'node:assert/strict';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { systemClock } from '#base/clock.ts';
import { consoleCode } from '../../src/cli/commands/dashboard.ts';
import { consoleLink } from '../../src/cli/console-link.ts';
import { meshApi, type MeshApi } from '../../src/cli/mesh-api/client.ts';
import { credentialOf } from '../../src/cli/mesh-api/credential.ts';
import { loadKubeconfig } from '#kube/kubeconfig.ts';
import { CONSOLE_PORT } from '#lab/cluster.ts';
import { openDoor, Passage, portOf } from '#lab/door.ts';
import { LibraryMesh, type LibraryMeshOptions } from '#lab/library-mesh.ts';
import { launchBrowser, openPage, type WatchedPage } from './browser.ts';

export class LabConsole implements AsyncDisposable {
  readonly mesh: LibraryMesh;
  readonly api: MeshApi;
  /** Of this machine's loopback, as the demo's link is. */
  readonly url: string;
  readonly #browser: Browser;
  readonly #owned: AsyncDisposableStack;

  private constructor(
    parts: {
      readonly mesh: LibraryMesh;
      readonly api: MeshApi;
      readonly url: string;
      readonly browser: Browser;
    },
    owned: AsyncDisposableStack,
  ) {
    this.mesh = parts.mesh;
    this.api = parts.api;
    this.url = parts.url;
    this.#browser = parts.browser;
    this.#owned = owned;
  }

  static async create(options: LibraryMeshOptions): Promise<LabConsole> {
    await using stack = new AsyncDisposableStack();
    const mesh = stack.use(await LibraryMesh.create(options));
    const { address: host } = mesh.cluster.machine;
    const door = await openDoor(0);
    stack.use(new Passage(door, () => Promise.resolve({ host, port: CONSOLE_PORT })));
    const url = `http://127.0.0.1:${portOf(door)}`;
    const credential = credentialOf(await loadKubeconfig(mesh.cluster.kubeconfig), systemClock);
    const { signal } = new AbortController();
    const api = meshApi({ url, credential, caPem: undefined, signal });
    const browser = stack.adopt(await launchBrowser(), async (it) => await it.close());
    return new LabConsole({ mesh, api, url, browser }, stack.move());
  }

  /** A page that has come in by a link as `isthmus dashboard` prints it. */
  async open(path = '/', options: BrowserContextOptions = {}): Promise<WatchedPage> {
    const link = consoleLink(this.url, await consoleCode(this.api));
    const watched = await openPage(this.#browser, link, options);
    const { page } = watched;
    await page.getByRole('heading', { level: 1, name: 'Map' }).waitFor();
    assert(!page.url().includes('code='), 'the code has left the address');
    if (path !== '/') await page.goto(`${this.url}${path}`);
    return watched;
  }

  /** A page at which somebody has signed in with a token. */
  async openAs(token: string, path: string): Promise<WatchedPage> {
    const watched = await openPage(this.#browser, `${this.url}${path}`);
    const { page } = watched;
    await page.getByLabel('Token', { exact: true }).fill(token);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('navigation', { name: 'Pages' }).waitFor();
    return watched;
  }

  /** Looks at a path as the administrator; the page must not do what no page may. */
  async visit(path: string, look: (page: Page) => Promise<void>): Promise<void> {
    const { page, complaints, close } = await this.open(path);
    try {
      await look(page);
      assert.deepEqual(complaints, []);
    } finally {
      await close();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned.disposeAsync();
  }
}
