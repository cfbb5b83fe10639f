// `npm run pictures`: the six pages with the library's story on them, as the README and docs/ show
// them. Everything on them is real: the story is told in the lab first.
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { systemClock } from '#base/clock.ts';
import { loadKubeconfig } from '#kube/kubeconfig.ts';
import { CONSOLE_PORT } from '#lab/cluster.ts';
import { AUTHORIZATION_POLICY } from '#kube/resources.ts';
import { openDoor, Passage, portOf } from '#lab/door.ts';
import { enterSandbox } from '#lab/enter.ts';
import type { Manifest } from '#lab/manifests.ts';
import { CONTROL_PLANE, LibraryWorld } from '#lab/story/library-world.ts';
import { Narrator } from '#lab/story/narrator.ts';
import { tellLibraryStory } from '#lab/story/tell-library.ts';
import { consoleCode } from '../../src/cli/commands/dashboard.ts';
import { consoleLink } from '../../src/cli/console-link.ts';
import { meshApi } from '../../src/cli/mesh-api/client.ts';
import { credentialOf } from '../../src/cli/mesh-api/credential.ts';
import { launchBrowser, openPage } from './browser.ts';

await enterSandbox();

const [only = ''] = process.argv.slice(2);
const FOLDER = fileURLToPath(new URL('../../docs/images/', import.meta.url));
/** Charts want a curve; and what was in clear text before the policy is then five minutes ago. */
const TRAFFIC_MS = 330_000;
const SETTLE_MS = 1_500;

type Picture = {
  readonly name: string;
  readonly path: string;
  readonly prepare?: (page: Page) => Promise<void>;
};

const selectEdge = async (page: Page): Promise<void> =>
  await page.getByRole('button', { name: /^inventory to postgresql-1-vm, TCP 5432/ }).click();

/** The story has a machine that is in; this one is awaited. */
const INVITED = {
  name: 'mysql-2-vm',
  namespace: 'default',
  service: 'mysql-2-vm',
  ports: ['tcp-mysql:3306'],
  serviceAccount: 'default',
  network: '',
  ttlSeconds: 900,
};
const POLICY: Manifest = {
  type: AUTHORIZATION_POLICY,
  object: {
    metadata: { name: 'pg-allow', namespace: 'default' },
    spec: {
      selector: { matchLabels: { app: 'postgresql-1-vm' } },
      action: 'ALLOW',
      rules: [{ from: [{ source: { principals: ['cluster.local/ns/library/sa/inventory'] } }] }],
    },
  },
};
const PICTURES: readonly Picture[] = [
  { name: 'map', path: '/' },
  { name: 'edge', path: '/', prepare: selectEdge },
  { name: 'workloads', path: '/workloads' },
  { name: 'workload', path: '/workloads/default/postgresql-1-vm?tab=connections' },
  {
    name: 'join',
    path: '/join',
    prepare: async (page) => await page.getByRole('link', { name: /mysql-2-vm/ }).click(),
  },
  { name: 'identity', path: '/identity' },
  { name: 'reach', path: '/reach?from=inventory.library&to=postgresql-1-vm.default&port=5432' },
  { name: 'policies', path: '/policies' },
  { name: 'policy', path: '/policies/AuthorizationPolicy/default/pg-allow' },
];

mkdirSync(FOLDER, { recursive: true });
await using stack = new AsyncDisposableStack();
const world = stack.use(await LibraryWorld.create({ env: process.env }));
const { signal } = new AbortController();
await tellLibraryStory(world, new Narrator({ show: () => undefined, signal }));
const door = await openDoor(0);
const to = { host: CONTROL_PLANE.address, port: CONSOLE_PORT };
stack.use(new Passage(door, () => Promise.resolve(to)));
const url = `http://127.0.0.1:${portOf(door)}`;
const credential = credentialOf(await loadKubeconfig(world.cluster.kubeconfig), systemClock);
const api = meshApi({ url, credential, caPem: undefined, signal });
const browser = stack.adopt(await launchBrowser(), async (it) => await it.close());
await world.cluster.apply(POLICY);
await api.send('POST', '/api/v1/joins', INVITED);
await systemClock.sleep(TRAFFIC_MS);
for (const colorScheme of ['light', 'dark'] as const) {
  const { page, close } = await openPage(browser, consoleLink(url, await consoleCode(api)), {
    colorScheme,
  });
  await page.getByRole('heading', { level: 1, name: 'Map' }).waitFor();
  for (const { name, path, prepare } of PICTURES) {
    if (!name.startsWith(only)) continue;
    await page.goto(`${url}${path}`);
    await page.getByRole('heading', { level: 1 }).first().waitFor();
    await prepare?.(page).catch((error: unknown) =>
      process.stderr.write(`${name}: ${String(error)}\n`),
    );
    await systemClock.sleep(SETTLE_MS);
    await page.screenshot({ path: `${FOLDER}console-${name}-${colorScheme}.png` });
  }
  await close();
}
