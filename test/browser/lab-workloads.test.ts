// Workloads, joins and identities of a real mesh: what the console tells is what the machines do.
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { after, before, describe, test } from 'node:test';
import type { Locator, Page } from 'playwright-core';
import { systemClock } from '#base/clock.ts';
import { typed } from '#lab/cluster.ts';
import { enterSandbox } from '#lab/enter.ts';
import { eventually } from '#lab/eventually.ts';
import { CLIENT, TARGET, VM } from '#lab/library-mesh.ts';
import type { LabProcess } from '#lab/process.ts';
import type { WatchedPage } from './browser.ts';
import { Prometheus } from '../e2e/prometheus.ts';
import { LabConsole } from './lab-console.ts';
import { KEPT } from './watch.ts';

await enterSandbox();

/** Its program has taken a port that Envoy needs. */
const TAKEN = { name: 'taken-vm', address: '10.128.0.18' };
/** Nothing that it sends to the control plane gets there. */
const MUTE = { name: 'mute-vm', address: '10.128.0.19' };
const BLOCK =
  'add table inet blocked; ' +
  'add chain inet blocked out { type filter hook output priority 0; }; ' +
  'add rule inet blocked out tcp dport 15012 drop';
const CAPTURE_PORT = 15_006;
const STEADY = fileURLToPath(new URL('steady-client.ts', import.meta.url));
const PACE = 10_000;
/** A step without former joins is amber after ten seconds. */
const AMBER_MS = 15_000;

describe('workloads, joins and identities of a mesh', { concurrency: false }, () => {
  let lab: LabConsole;
  let steady: LabProcess;
  let mute: WatchedPage;
  /** What is wrong with how soon the mute machine's step became amber; empty: nothing. */
  let amber: Promise<string>;
  let prometheus: Prometheus;
  /** A countdown that was read, and when. */
  let read: { readonly seconds: number; readonly atMs: number } | undefined;

  before(async () => {
    const others = { [TAKEN.name]: TAKEN.address, [MUTE.name]: MUTE.address };
    lab = await LabConsole.create({ env: process.env, enableAutoMtls: true, others });
    mute = await lab.open('/join');
    amber = joinInVain();
    const command = [process.execPath, STEADY, TARGET.host, String(TARGET.port), String(PACE)];
    steady = lab.mesh.client.machine.start('steady', command);
    const own = { job: 'agent', address: '127.0.0.1:15020', path: '/stats/prometheus' };
    prometheus = await Prometheus.start(lab.mesh.vm.machine, [own]);
  });
  after(() => lab[Symbol.asyncDispose]());

  /** @returns what is to be typed on the machine */
  async function invite(page: Page, name: string): Promise<string> {
    await page.getByRole('button', { name: 'Add a VM' }).click();
    await page.getByLabel('Name', { exact: true }).fill(name);
    await page.getByLabel('Ports').fill('tcp-mysql:3306');
    await page.getByLabel('Control plane').fill(lab.mesh.cluster.machine.address);
    await page.getByRole('button', { name: 'Make the install command' }).click();
    return (await page.getByRole('region', { name: 'Install command' }).innerText()).trim();
  }

  /** Types the command where nothing gets out. @returns what is wrong with what is then seen */
  async function joinInVain(): Promise<string> {
    const vm = lab.mesh.cloud.machine(MUTE.name);
    const { status, stderr } = await vm.run(['nft', BLOCK]);
    assert.equal(status, 0, stderr);
    const command = await invite(mute.page, MUTE.name);
    vm.start('join', typed(command));
    const step = stepOf(mute.page, 2);
    const limit = { timeout: AMBER_MS };
    return await step
      .getByText('stuck')
      .waitFor(limit)
      .then(() => '', String);
  }

  /** What the steady client's own socket has carried at both ends of a span, and 2 s later. */
  async function counted(span: number): Promise<{ first: Counted; last: Counted }> {
    const lines: Counted[] = [];
    const note = (line: string): boolean => {
      const one: Counted = JSON.parse(line); // our own program's
      return lines.push(one) > POINTS * (span + 1) + 2;
    };
    await steady.waitForLine(note, { what: `count span ${span}`, limitMs: 20_000 });
    const [first, last] = [lines[POINTS * span], lines[POINTS * (span + 1)]];
    assert(first && last);
    return { first, last };
  }

  const stepOf = (page: Page, number: number): Locator =>
    page
      .getByRole('list', { name: 'Join steps' })
      .getByRole('listitem')
      .nth(number - 1);

  async function readCountdown(): Promise<void> {
    const sinceMs = systemClock.nowMs() - (read?.atMs ?? 0);
    await systemClock.sleep(Math.max(0, COUNTED_MS - sinceMs));
    await lab.visit('/identity', async (page) => {
      const row = page.getByRole('table', { name: 'Certificates' }).getByRole('row', { name: VM });
      await row.waitFor();
      const left = (endOf(await lab.mesh.vm.admin('/certs')) - systemClock.nowMs()) / 1000;
      const shown = secondsOf(await row.innerText());
      assert(Math.abs(shown - left) <= 2, `${shown} s shown, ${left} s left`);
      if (!read) {
        read = { seconds: shown, atMs: systemClock.nowMs() };
        return;
      }
      const passed = (systemClock.nowMs() - read.atMs) / 1000;
      assert(passed >= 10, `${passed} s have passed`);
      assert(Math.abs(read.seconds - shown - passed) <= 1, `${read.seconds} s, then ${shown} s`);
    });
  }

  test('the VM’s row has every cell filled that a pod’s has', async () => {
    await lab.visit('/workloads', async (page) => {
      const table = page.getByRole('table', { name: 'Workloads' });
      const cells = async (name: string): Promise<readonly string[]> => {
        const row = table.getByRole('row').filter({ has: page.getByRole('link', { name }) });
        await row.getByText('kB/s').first().waitFor();
        return (await row.getByRole('cell').allInnerTexts()).map((text) => text.trim());
      };
      const [vm, pod] = [await cells(VM), await cells(CLIENT)];
      assert.equal(vm.length, await table.getByRole('columnheader').count());
      const isFilled = (text: string): boolean => text !== '' && text !== '–';
      assert.deepEqual(vm.map(isFilled), pod.map(isFilled), `${vm.join('|')} ${pod.join('|')}`);
    });
  });

  test('the countdown is what the certificate says, to two seconds', readCountdown);

  test('the chart’s points are what the client’s own socket counts, to five percent', async () => {
    await lab.visit(`/workloads/default/${VM}?tab=metrics`, async (page) => {
      const figure = page.getByRole('figure', { name: /TCP throughput/ });
      await figure.waitFor();
      const shown = await figure.locator('[data-value]').count();
      assert(shown > POINTS, 'the hidden table has the points');
      assert.match(await figure.innerText(), /→ to server [\d.]+ kB\/s, max/);
    });
    // Reports reach the ring within a second or two of what they tell: on a busy machine a span of
    // six seconds may begin or end in such a moment, and the next one tells.
    let said = '';
    for (let span = 1; span <= SPANS_MAX; span += 1) {
      const { first, last } = await counted(span);
      const query = { node: `wl:default/${VM}`, from: String(first.atMs), to: String(last.atMs) };
      const search = new URLSearchParams({ ...query, step: '1' });
      const series = await lab.api.get(`/api/v1/series?${search}`);
      const expected = ((last.toServer - first.toServer) * 1000) / (last.atMs - first.atMs);
      const found = mean(columnOf(series, 'toServerBytes'));
      if (Math.abs(found / expected - 1) < 0.05) return;
      said += ` ${found} B/s in the chart, ${expected} B/s by the client;`;
    }
    assert.fail(said);
  });

  test('a port that is taken fails step 5, and the proxy’s page tells what differs', async () => {
    const vm = lab.mesh.cloud.machine(TAKEN.name);
    const squat = `require('net').createServer().listen(${CAPTURE_PORT}, '0.0.0.0')`;
    vm.start('squatter', [process.execPath, '-e', squat]);
    await lab.visit('/join', async (page) => {
      const command = await invite(page, TAKEN.name);
      const joining = vm.start('join', typed(command));
      const step = stepOf(page, 5);
      await step.getByText('failed').waitFor({ timeout: 20_000 });
      const text = await step.innerText();
      assert.match(text, /cannot bind[^\n]*15006[\s\S]*Address already in use/);
      assert.match(text, /ss -ltnp 'sport = :15006'/);
      assert.doesNotMatch(text, /\bdone\b/);
      await page.getByRole('link', { name: 'Workload', exact: true }).click();
      await page.getByRole('tab', { name: 'Proxy' }).click();
      await page
        .getByRole('alert')
        .getByText(/cannot bind/)
        .waitFor();
      const sync = page.getByRole('region', { name: 'Intended and acknowledged' });
      await sync.getByText('rejected', { exact: true }).waitFor();
      assert.match(await sync.getByRole('group').first().innerText(), /\+ /);
      await joining.stop();
    });
  });

  test('and it has lost ten seconds in ten', readCountdown);

  test('the tap shows a connection of now within two seconds, and waits when told to', async () => {
    await lab.visit(`/workloads/default/${VM}?tab=connections`, async (page) => {
      const tap = page.getByRole('region', { name: 'Live tap' });
      await tap.getByText('● live').waitFor();
      const rows = tap.getByRole('table', { name: 'Connections' }).getByRole('row');
      await rows.nth(1).waitFor(); // the steady one
      const before = await rows.count();
      const another = lab.mesh.client.machine.start('another', [
        process.execPath,
        STEADY,
        TARGET.host,
        String(TARGET.port),
        '1000',
      ]);
      await another.waitForLine(() => true, { what: 'a first line', limitMs: 10_000 });
      const seen = async (): Promise<true | undefined> =>
        (await rows.count()) > before ? true : undefined;
      await eventually('a row for it', seen, { limitMs: 2_000 });
      await tap.getByRole('button', { name: 'Pause' }).click();
      await another.stop();
      await tap.getByText(/paused · [12] buffered/).waitFor();
      assert.equal(await tap.getByText(/closed after/).count(), 0, 'it is paused');
      await tap.getByRole('button', { name: 'Resume' }).click();
      await tap
        .getByText(/closed after/)
        .first()
        .waitFor();
      await tap.getByRole('button', { name: 'Copy as JSON' }).click();
      await tap.getByRole('button', { name: 'Copied' }).waitFor();
      const copied: unknown = JSON.parse(await page.evaluate(() => navigator.clipboard.readText()));
      assert(Array.isArray(copied) && copied.length >= 2, 'the steady one and the other');
    });
  });

  test('the chart’s last half minute is Prometheus’ rate(), to five percent', async () => {
    const rateOf = async (metric: string): Promise<number> => {
      const labels = `{reporter="destination",source_workload="${CLIENT}"}`;
      const [series] = await prometheus.query(`sum(rate(${metric}${labels}[${WINDOW}s]))`);
      return Number(series?.value[1]);
    };
    await lab.visit(`/workloads/default/${VM}?tab=metrics&range=5m`, async (page) => {
      const figure = page.getByRole('figure', { name: /TCP throughput/ });
      await figure.waitFor();
      let said = '';
      for (let attempt = 1; attempt <= READINGS_MAX; attempt += 1) {
        // two cells of a row: to servers, to clients
        const values = await figure
          .locator('[data-value]')
          .evaluateAll((all) => all.map((cell) => Number(cell.getAttribute('data-value'))));
        const last = values.slice(-2 * WINDOW);
        const shown = [0, 1].map((of) => mean(last.filter((_, index) => index % 2 === of)));
        const rates = await Promise.all(TCP_BYTES.map(rateOf));
        said += ` ${shown.join()} shown, ${rates.join()} by Prometheus;`;
        if (rates.every((rate, index) => Math.abs((shown[index] ?? 0) / rate - 1) < 0.05)) return;
        await page.waitForResponse(/\/api\/v1\/series/, { timeout: 20_000 });
      }
      assert.fail(said);
    });
  });

  test('a machine that cannot call is amber in 15 s, with the port and a test of it', async () => {
    assert.equal(await amber, '');
    const { page } = mute;
    const step = stepOf(page, 2);
    await step.getByText(/15012/).first().waitFor();
    await step.getByText('/dev/tcp/').waitFor();
  });

  test('the token is shown once, and is in no later answer', async () => {
    const { page, complaints, close } = mute;
    const command = await page.getByRole('region', { name: 'Install command' }).innerText();
    const [, secret = ''] = /ij1\.[\w-]+\.([\w-]+)/.exec(command) ?? [];
    assert.notEqual(secret, '');
    assert.equal((await page.innerText('body')).split(secret).length - 1, 1, 'it is there once');
    const answers: Promise<string>[] = [];
    page.on('response', (response) => {
      const isStream = response.url().includes('/events');
      if (response.url().includes('/api/') && !isStream) answers.push(response.text());
    });
    await page.reload();
    await page.getByText(/token is no longer shown/).waitFor();
    assert(!String(await page.evaluate(KEPT)).includes(secret));
    assert(!page.url().includes(secret));
    assert(answers.length > 0, 'nothing was asked');
    for (const answer of await Promise.all(answers)) assert(!answer.includes(secret));
    for (const path of ['/api/v1/joins', '/api/v1/snapshot', '/api/v1/history/marks']) {
      assert(!JSON.stringify(await lab.api.get(path)).includes(secret), path);
    }
    assert.deepEqual(complaints, []);
    await close();
  });
});

/** So long the countdown of a certificate is watched. */
const COUNTED_MS = 10_000;
/** Seconds of a span. */
const POINTS = 6;
const SPANS_MAX = 3;
/** Seconds. A report that comes a second early or late makes little of so long a time. */
const WINDOW = 30;
/** The chart is drawn anew every two seconds. */
const READINGS_MAX = 12;
/** To servers and to clients, as Istio has it. */
const TCP_BYTES = ['istio_tcp_received_bytes_total', 'istio_tcp_sent_bytes_total'];

type Counted = { readonly atMs: number; readonly toServer: number; readonly toClient: number };

function columnOf(series: unknown, name: string): number[] {
  const column: unknown = Object.entries(Object(series)).find(([key]) => key === name)?.[1];
  assert(Array.isArray(column));
  return column.filter((value) => typeof value === 'number');
}

type Certs = {
  readonly certificates: readonly {
    readonly cert_chain: readonly { readonly expiration_time: string }[];
  }[];
};

/** When the workload's certificate ends, by Envoy's own account. */
function endOf(json: string): number {
  const { certificates }: Certs = JSON.parse(json);
  const [own] = certificates.flatMap(({ cert_chain: chain }) => chain);
  return Date.parse(own?.expiration_time ?? '');
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

function secondsOf(text: string): number {
  const [, hours, minutes, seconds] = /(\d\d):(\d\d):(\d\d)/.exec(text) ?? [];
  return (Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds);
}
