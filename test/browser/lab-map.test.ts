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
import { WATCH_FOR_RED } from './watch.ts';

await enterSandbox();

const STEADY = fileURLToPath(new URL('steady-client.ts', import.meta.url));
const PACE = 10_000;
/** Of the steady client, until the map's numbers are compared with its own. */
const STEADY_SECONDS = 20;
/** A rotation or two fall into the steady client's time. */
const CERTIFICATE_LIFETIME = '24s';
/** From the client's first byte to the screen, at most. */
const FIRST_SIGHT_MS = 5_000;
const HEADING_MS = 2_000;
const READ_NAMES = 'openssl x509 -noout -ext subjectAltName';
const EDGE = new RegExp(`^${CLIENT} to ${VM}, TCP 5432`);

describe('the map of a mesh', { concurrency: false }, () => {
  let lab: LabConsole;
  let page: Page;
  let complaints: readonly string[];
  let steady: LabProcess | undefined;
  let nextId = 1;
  let books = 0;
  /** To be looked at again, once they have gone by. */
  const moments = { quietMs: 0, steadyMs: 0 };

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

  /** Books, one short connection each. @returns how many they were */
  async function insert(count: number): Promise<number> {
    const options = { ...TARGET, note: 'x', firstId: nextId };
    nextId += 100;
    const writer = Writer.start(lab.mesh.client.machine, options);
    await writer.waitForMore(count, 10_000);
    assert(await writer.finish());
    return writer.inserted.length;
  }

  async function certificateOf(name: string): Promise<SeenCertificate> {
    const nodes = parseNodes(await lab.api.get('/api/v1/snapshot'));
    const certificate = nodes.find((node) => node.name === name)?.certificate;
    assert(certificate);
    return certificate;
  }

  /** The names in the certificate that the VM shows to whoever calls, as openssl reads it. */
  async function serverName(): Promise<string> {
    const { machine } = lab.mesh.cluster; // its connections are led nowhere else
    const address = `${lab.mesh.vm.machine.address}:${TARGET.port}`;
    const call = `openssl s_client -connect ${address} -alpn istio </dev/null 2>&1`;
    const { stdout } = await machine.run(['bash', '-c', `${call} | ${READ_NAMES}`]);
    return stdout;
  }

  /** The names in the certificate that the client's Envoy shows to servers, as openssl reads it. */
  async function clientName(): Promise<string> {
    const { machine } = lab.mesh.client;
    const dump = await lab.mesh.client.admin('/config_dump?resource=dynamic_active_secrets');
    // Envoy keeps the key to itself
    const [pem = ''] = /-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----/.exec(dump) ?? [];
    const input = pem.replaceAll(String.raw`\n`, '\n');
    const { stdout } = await machine.run(['bash', '-c', READ_NAMES], { input });
    return stdout;
  }

  test('the map is there within two seconds, and keeps to its origin', async () => {
    const startMs = performance.now();
    await page.goto(lab.url);
    await page.getByRole('heading', { level: 1, name: 'Map' }).waitFor();
    assert(performance.now() - startMs <= HEADING_MS);
    assert.deepEqual(complaints, []);
  });

  test('a VM without traffic is there, and it is said that nothing talks', async () => {
    const vm = page.getByRole('button', { name: new RegExp(`^${VM}, virtual machine`) });
    await vm.waitFor();
    assert.match((await vm.textContent()) ?? '', /VM/);
    await page.getByText('No connections in the last 5 min').waitFor();
    moments.quietMs = systemClock.nowMs();
  });

  test('the first byte draws an edge with a lock, within five seconds', async () => {
    const startMs = systemClock.nowMs(); // before the client has started: stricter than its own
    books = await insert(1);
    const name = await edgeNamed(/mTLS/, FIRST_SIGHT_MS);
    const tookMs = systemClock.nowMs() - startMs;
    assert(tookMs <= FIRST_SIGHT_MS, `${Math.round(tookMs)} ms`);
    await edgeNamed(/mTLS seen by both ends/);
    assert.doesNotMatch(name, /sent|received/i);
  });

  test('a connection of milliseconds is in the account of the edge', async () => {
    await edge().click();
    const rows = page.getByRole('table', { name: 'Connections' }).getByRole('row');
    await rows
      .nth(1)
      .getByText(/lasted/)
      .waitFor();
    assert.equal((await rows.count()) - 1, books);
    assert.match(await rows.nth(1).innerText(), /\t[1-9][\d.]* k?B\t[1-9][\d.]* k?B\t/);
  });

  test('the drawer names both ends as their certificates do', async () => {
    const names = await Promise.all([clientName(), serverName()]);
    const panel = page.getByRole('region', { name: 'Encryption' });
    const text = (await panel.textContent()) ?? '';
    for (const [index, expected] of [spiffeIdOf(CLIENT), spiffeIdOf(VM)].entries()) {
      assert(names[index]?.includes(`URI:${expected}`), `${names[index]}: not ${expected}`);
      assert(text.includes(expected), `the drawer of ${expected}: ${text}`);
    }
    assert.match(text, /TLS 1\.3/);
    assert.match(text, /observed by both ends/);
  });

  test('a certificate that is renewed cuts nothing, is counted, and turns nothing red', async () => {
    const { host, port } = TARGET;
    const command = [process.execPath, STEADY, host, String(port), String(PACE)];
    steady = lab.mesh.client.machine.start('steady', command);
    const program = steady;
    await program.waitForLine(() => true, { what: 'a first row', limitMs: 10_000 });
    await lab.visit('/identity', async (identity) => {
      const row = identity.getByRole('table', { name: 'Certificates' }).getByRole('row', {
        name: VM,
      });
      await row.waitFor();
      await identity.evaluate(WATCH_FOR_RED);
      const first = await certificateOf(VM);
      const next = await eventually(
        'another certificate',
        async () => {
          const now = await certificateOf(VM);
          return now.serial === first.serial ? undefined : now;
        },
        { limitMs: 30_000 },
      );
      assert.equal(next.rotations, first.rotations + 1);
      await row.getByText(`×${next.rotations}`).waitFor();
      assert.notEqual(await identity.title(), 'flashed');
    });
    assert(program.isRunning, 'the open connection');
    assert.match(await edgeNamed(/mTLS/), /1 open/);
  });

  test('a steady pace for 20 s is what the client’s own socket counts, to 5 %', async () => {
    const program = steady;
    assert(program);
    const countAfter = async (lines: number): Promise<Counted> => {
      let seen = 0;
      const isLast = (): boolean => (seen += 1) > lines;
      const limits = { what: `count ${lines} seconds`, limitMs: 30_000 };
      return parse(await program.waitForLine(isLast, limits));
    };
    const from = await countAfter(6); // the map's numbers are smoothed over three seconds
    const until = await countAfter(STEADY_SECONDS);
    const seconds = (until.atMs - from.atMs) / 1000;
    const expected = {
      server: (until.toServer - from.toServer) / seconds,
      client: (until.toClient - from.toClient) / seconds,
    };
    const name = await edgeNamed(/to server.*to client/);
    assert.doesNotMatch(name, /sent|received/i);
    assertNear(shownRate(name, 'server'), expected.server);
    assertNear(shownRate(name, 'client'), expected.client);
    moments.steadyMs = until.atMs;
  });

  test('a client that has gone leaves an idle edge', async () => {
    await steady?.stop();
    const startMs = performance.now();
    await edgeNamed(/idle/);
    assert(performance.now() - startMs <= 10_000);
    // it goes from sight only where one asks for that, and then by its time
    const hidden = await lab.open('/');
    await hidden.page.clock.install();
    await hidden.page.goto(`${lab.url}/?hide=${encodeURIComponent('idle > 10m')}`);
    const there = hidden.page.getByRole('button', { name: EDGE });
    await there.waitFor();
    await hidden.page.clock.fastForward('11:00');
    await there.waitFor({ state: 'detached' });
    await hidden.close();
  });

  test('what goes in clear text is said to, on the map, in the strip and in the list', async () => {
    await lab.mesh.cluster.apply(meshConfig(false));
    await insert(1);
    await edgeNamed(/plaintext|rest plaintext/, FIRST_SIGHT_MS);
    await page.getByText(/1 plaintext edge/).waitFor();
    await page.getByRole('link', { name: 'Identity' }).click();
    await page.getByRole('heading', { level: 1, name: 'Identity' }).waitFor();
    await page.getByRole('tab', { name: /Edges/ }).click();
    const rows = page.getByRole('table', { name: 'Edges by encryption' }).getByRole('row');
    const first = rows.nth(1);
    await first
      .getByText(/plaintext/)
      .first()
      .waitFor();
    assert.match(await first.innerText(), new RegExp(CLIENT));
    assert.equal(await first.locator('.lock-plaintext, .lock-mixed').count(), 1, 'its lock');
  });

  test('the time line shows it as it was: quiet, then encrypted at its pace', async () => {
    const goTo = async (atMs: number): Promise<void> => {
      await page.goto(`${lab.url}/?at=${new Date(atMs).toISOString()}`);
      const words = { hasText: 'You see the mesh as it was at' };
      await page.getByRole('status').filter(words).waitFor();
      await page.getByRole('button', { name: new RegExp(`^${VM}, virtual machine`) }).waitFor();
    };
    await goTo(moments.quietMs);
    assert.equal(await edge().count(), 0);
    await goTo(moments.steadyMs);
    const name = await edgeNamed(/mTLS seen by both ends/);
    const rate = shownRate(name, 'server');
    assert(rate > PACE / 2 && rate < PACE * 2, name);
    await page.getByRole('status').getByRole('button', { name: 'Back to live' }).click();
    await edgeNamed(/plaintext/);
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

type SeenCertificate = { readonly serial: string; readonly rotations: number };
type SeenNode = { readonly name: string; readonly certificate: SeenCertificate | null };

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
