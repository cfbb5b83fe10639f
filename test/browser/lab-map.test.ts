// The map of a real mesh: what is seen on it is what the wire carried, and who was at its ends.
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { after, before, describe, test } from 'node:test';
import type { Locator, Page } from 'playwright-core';
import { systemClock } from '#base/clock.ts';
import { enterSandbox } from '#lab/enter.ts';
import { eventually } from '#lab/eventually.ts';
import { Writer } from '#lab/library.ts';
import { CLIENT, meshConfig, TARGET, VM } from '#lab/library-mesh.ts';
import { spiffeIdOf } from '#lab/manifests.ts';
import type { LabProcess } from '#lab/process.ts';
import { LabConsole } from './lab-console.ts';

await enterSandbox();

const STEADY = fileURLToPath(new URL('steady-client.ts', import.meta.url));
const PACE = 10_000;
/** Two rotations fall into the tests. */
const CERTIFICATE_LIFETIME = '24s';
/** From the client's first byte to the screen, at most. */
const FIRST_SIGHT_MS = 5_000;
const EDGE = new RegExp(`^${CLIENT} to ${VM}, TCP 5432`);

describe('the map of a mesh', { concurrency: false }, () => {
  let lab: LabConsole;
  let page: Page;
  let complaints: readonly string[];
  let steady: LabProcess | undefined;
  let nextId = 1;

  before(async () => {
    lab = await LabConsole.create({
      env: process.env,
      enableAutoMtls: true,
      certificateLifetime: CERTIFICATE_LIFETIME,
    });
    ({ page, complaints } = await lab.open());
  });
  after(() => lab[Symbol.asyncDispose]());

  const edge = (): Locator => page.getByRole('button', { name: EDGE });

  /** Waits for the edge to be called so. @returns its whole name */
  async function edgeNamed(words: RegExp, limitMs = 10_000): Promise<string> {
    return await eventually(
      `an edge ${words.source}`,
      async () => {
        if ((await edge().count()) === 0) return undefined;
        const name = (await edge().getAttribute('aria-label')) ?? '';
        return words.test(name) ? name : undefined;
      },
      { limitMs },
    );
  }

  /** Books, one short connection each. */
  async function insert(count: number): Promise<void> {
    const options = { ...TARGET, note: 'x', firstId: nextId };
    nextId += 100;
    const writer = Writer.start(lab.mesh.client.machine, options);
    await writer.waitForMore(count, 10_000);
    assert(await writer.finish());
  }

  test('a VM without traffic is there, and it is said that nothing talks', async () => {
    const vm = page.getByRole('button', { name: new RegExp(`^${VM}, virtual machine`) });
    await vm.waitFor();
    assert.match((await vm.textContent()) ?? '', /VM/);
    await page.getByText('No connections in the last 5 min').waitFor();
  });

  test('the first byte draws an edge with a lock, within five seconds', async () => {
    const startMs = systemClock.nowMs(); // before the client has started: stricter than its own
    await insert(1);
    const name = await edgeNamed(/mTLS/, FIRST_SIGHT_MS);
    const tookMs = systemClock.nowMs() - startMs;
    assert(tookMs <= FIRST_SIGHT_MS, `${Math.round(tookMs)} ms`);
    await edgeNamed(/mTLS seen by both ends/);
    assert.doesNotMatch(name, /sent|received/i);
  });

  test('a connection of milliseconds is in the account of the edge', async () => {
    await edge().click();
    const rows = page.getByRole('table', { name: 'Connections' }).getByRole('row');
    await eventually('a row', async () => ((await rows.count()) > 1 ? true : undefined));
    const row = await rows.nth(1).innerText();
    assert.match(row, /lasted/);
    assert.doesNotMatch(row, /\b0 B\b/);
  });

  test('the drawer names both ends as their certificates do', async () => {
    const identities = await Promise.all(
      [lab.mesh.client, lab.mesh.vm].map((sidecar) => sidecar.certificates()),
    );
    const names = identities.map((all) => all.map(({ uri }) => uri));
    const panel = page.getByRole('region', { name: 'Encryption' });
    const text = (await panel.textContent()) ?? '';
    for (const [index, expected] of [spiffeIdOf(CLIENT), spiffeIdOf(VM)].entries()) {
      assert(names[index]?.includes(expected), `the certificate of ${expected}`);
      assert(text.includes(expected), `the drawer of ${expected}: ${text}`);
    }
    assert.match(text, /TLS 1\.3/);
    assert.match(text, /observed by both ends/);
  });

  test('a steady pace is what the client’s own socket counts, to five percent', async () => {
    const { host, port } = TARGET;
    const command = [process.execPath, STEADY, host, String(port), String(PACE)];
    steady = lab.mesh.client.machine.start('steady', command);
    const countAfter = async (lines: number): Promise<Counted> => {
      let seen = 0;
      const isLast = (): boolean => (seen += 1) > lines;
      const limits = { what: `count ${lines} seconds`, limitMs: 20_000 };
      const all = steady;
      assert(all);
      return parse(await all.waitForLine(isLast, limits));
    };
    const from = await countAfter(6); // the map's numbers are smoothed over three seconds
    const until = await countAfter(11);
    const seconds = (until.atMs - from.atMs) / 1000;
    const expected = {
      server: (until.toServer - from.toServer) / seconds,
      client: (until.toClient - from.toClient) / seconds,
    };
    const name = await edgeNamed(/to server.*to client/);
    assertNear(shownRate(name, 'server'), expected.server);
    assertNear(shownRate(name, 'client'), expected.client);
  });

  test('a certificate that is renewed cuts nothing, and is counted', async () => {
    const program = steady;
    assert(program?.isRunning);
    const vm = async () => {
      const snapshot = await lab.api.get('/api/v1/snapshot');
      return parseNodes(snapshot).find(({ name }) => name === VM)?.certificate;
    };
    const first = await vm();
    assert(first);
    const next = await eventually(
      'another certificate',
      async () => {
        const now = await vm();
        return now && now.serial !== first.serial ? now : undefined;
      },
      { limitMs: 30_000 },
    );
    assert(next.rotations > first.rotations, `${first.rotations} → ${next.rotations}`);
    assert(program.isRunning, 'the open connection');
    assert.match(await edgeNamed(/mTLS/), /1 open/);
  });

  test('a client that has gone leaves an idle edge', async () => {
    await steady?.stop();
    await edgeNamed(/idle/);
  });

  test('what goes in clear text is said to, on the map, in the strip and in the list', async () => {
    await lab.mesh.cluster.apply(meshConfig(false));
    await insert(1);
    await edgeNamed(/plaintext|rest plaintext/, FIRST_SIGHT_MS);
    await page.getByText(/1 plaintext edge/).waitFor();
    await page.getByRole('link', { name: 'Identity' }).click();
    await page.getByRole('heading', { level: 1, name: 'Identity' }).waitFor();
    await page.getByRole('tab', { name: /Edges/ }).click();
    const rows = page.getByRole('row').filter({ hasText: CLIENT });
    assert.match(await rows.first().innerText(), /plaintext/);
  });

  test('the page did nothing that it must not', () => {
    assert.deepEqual(complaints, []);
  });
});

type Counted = { readonly atMs: number; readonly toServer: number; readonly toClient: number };

function parse(line: string): Counted {
  const counted: Counted = JSON.parse(line); // our own program's
  return counted;
}

type SeenNode = {
  readonly name: string;
  readonly certificate: { readonly serial: string; readonly rotations: number } | null;
};

function parseNodes(snapshot: unknown): readonly SeenNode[] {
  assert(typeof snapshot === 'object' && snapshot !== null && 'nodes' in snapshot);
  const { nodes } = snapshot;
  assert(Array.isArray(nodes));
  return nodes; // the contract's: src/api/graph.ts
}

const UNITS: Readonly<Record<string, number>> = { B: 1, kB: 1000, MB: 1_000_000 };

/** The rate that an edge's name tells, in bytes per second. */
function shownRate(name: string, to: 'server' | 'client'): number {
  const [, number, unit = ''] = new RegExp(`([\\d.]+) (B|kB|MB)/s to ${to}`).exec(name) ?? [];
  return Number(number) * (UNITS[unit] ?? Number.NaN);
}

function assertNear(shown: number, expected: number): void {
  assert(Math.abs(shown / expected - 1) <= 0.05, `${shown} shown, ${Math.round(expected)} counted`);
}
