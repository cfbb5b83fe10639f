// The Identity page in a real browser: who is who, what is encrypted, what ends when.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import type { CertificateView, MeshEdge, MeshNode } from '#api/graph.ts';
import { assertAccessible } from './axe.ts';
import { identityReport, rootOf } from './mock/identity.ts';
import type { MockConsole } from './mock/server.ts';
import { certificateOf, emptyMesh } from './mock/story.ts';
import { useChromium } from './visit.ts';
import { WATCH_FOR_RED } from './watch.ts';

const HOUR_MS = 3_600_000;
const VM = 'wl:inventory/postgresql-1-vm';
const EDGE = 'wl:inventory/postgres-library>wl:inventory/postgresql-1-vm:5432/tcp';

const { visit } = useChromium();

const vmOf = (mock: MockConsole): MeshNode => {
  const node = mock.mesh.node(VM);
  assert(node);
  return node;
};

const edgeOf = (mock: MockConsole): MeshEdge => {
  const edge = mock.mesh.edge(EDGE);
  assert(edge);
  return edge;
};

const withCertificate = (mock: MockConsole, certificate: CertificateView | null): void =>
  mock.emit({ type: 'node.upsert', node: { ...vmOf(mock), certificate } });

const rowOf = (page: Page) =>
  page.getByRole('table', { name: 'Certificates' }).getByRole('row', { name: /postgresql-1-vm/ });

const secondsOf = (text: string): number => {
  const [, days = '0', hours = '0', minutes = '0', seconds = '0'] =
    /(?:(\d+) d )?(\d\d):(\d\d):(\d\d)/.exec(text) ?? [];
  return ((Number(days) * 24 + Number(hours)) * 60 + Number(minutes)) * 60 + Number(seconds);
};

test('a countdown loses ten seconds in ten, and says what is left', async () => {
  await using visited = await visit('/identity');
  const { page, mock } = visited;
  await page.clock.install();
  await page.reload();
  const left = async (): Promise<number> => secondsOf(await rowOf(page).innerText());
  await rowOf(page).waitFor();
  const { certificate } = vmOf(mock);
  assert(certificate);
  const before = await left();
  const expected = (certificate.notAfterMs - Date.now()) / 1000;
  assert(Math.abs(before - expected) <= 2, `${before} s shown, ${expected} s left`);
  await page.clock.runFor(10_000);
  assert(Math.abs(before - (await left()) - 10) <= 1, `${before} s, then ${await left()} s`);
});

test('a rotation shows at once: another serial, one more, and nothing turns red', async () => {
  await using visited = await visit('/identity');
  const { page, mock } = visited;
  await rowOf(page).getByText('×12').waitFor();
  await page.evaluate(WATCH_FOR_RED);
  const nowMs = Date.now();
  const renewed = certificateOf(nowMs, vmOf(mock).identity, 24 * HOUR_MS);
  mock.emit({
    type: 'cert.upsert',
    node: VM,
    certificate: { ...renewed, serial: '51:02:aa', rotations: 13 },
  });
  await rowOf(page).getByText('51:02:aa').waitFor();
  await rowOf(page).getByText('×13').waitFor();
  assert.notEqual(await page.title(), 'flashed');
});

test('amber and red follow the share of life, and say what follows from it', async () => {
  await using visited = await visit('/identity');
  const { page, mock } = visited;
  const nowMs = Date.now();
  const base = certificateOf(nowMs, vmOf(mock).identity, HOUR_MS);
  const endsIn = (lifeMs: number, leftMs: number): CertificateView => ({
    ...base,
    serial: `${leftMs}`,
    notBeforeMs: nowMs + leftMs - lifeMs,
    notAfterMs: nowMs + leftMs,
  });
  withCertificate(mock, endsIn(HOUR_MS, 0.15 * HOUR_MS));
  await rowOf(page).getByText('rotation overdue').waitFor();
  await page.getByText('with ≤ 20 % of life left').waitFor();
  withCertificate(mock, { ...endsIn(0.5 * HOUR_MS, -0.1 * HOUR_MS), limitedBy: 'root' });
  const red = rowOf(page).getByText(/new connections fail, 4 open ones continue/);
  await red.waitFor();
  assert.match(await red.innerText(), /the root ends first/);
  assert.match(await rowOf(page).innerText(), /expired .* ago/);
  const first = page.getByRole('table', { name: 'Certificates' }).getByRole('row').nth(1);
  assert.match(await first.innerText(), /postgresql-1-vm/, 'what needs somebody is first');
});

test('a silent proxy is unknown: not none, not well', async () => {
  await using visited = await visit('/identity', {
    prepare: (mock) => {
      const silent = { ...vmOf(mock), certificate: null, identity: '' };
      mock.emit({ type: 'node.upsert', node: silent });
    },
  });
  const row = rowOf(visited.page);
  await row.waitFor();
  const text = await row.innerText();
  assert.match(text, /unknown/);
  assert.match(text, /no report from this proxy/);
  assert.doesNotMatch(text, /none|valid|mTLS/);
  assert.equal(await row.locator('.good').count(), 0);
});

test('a plaintext edge is first, in words and with an open lock', async () => {
  await using visited = await visit('/identity?tab=edges');
  const { page, mock } = visited;
  const rows = page.getByRole('table', { name: 'Edges by encryption' }).getByRole('row');
  await rows.filter({ hasText: 'frontend' }).waitFor();
  assert.match(await rows.nth(1).innerText(), /frontend/, 'both are well: by name');
  const plain = { ...edgeOf(mock).encryption, state: 'plaintext' as const, share: 0 };
  mock.emit({ type: 'edge.upsert', edge: { ...edgeOf(mock), encryption: plain } });
  const status = { ...mock.mesh.snapshot(Date.now()).status, plaintextEdges: 1 };
  mock.emit({ type: 'config.sync', status });
  await rows.nth(1).getByText('plaintext').waitFor();
  assert.equal(await rows.nth(1).locator('.lock-plaintext').count(), 1, 'its lock is open');
  assert.match(await page.getByLabel('Summary').innerText(), /Plaintext\s+1\s+edge/);
  await page.getByRole('contentinfo').getByText('1 plaintext edge').waitFor();
});

test('an edge can be verified without believing the page', async () => {
  await using visited = await visit(`/identity?tab=edges&edge=${encodeURIComponent(EDGE)}`);
  const card = visited.page.getByRole('region', { name: /Verify yourself/ });
  await card.waitFor();
  const command = await card.getByRole('region', { name: 'Command to verify' }).innerText();
  assert.match(command, /openssl s_client -connect [\d.]+:5432 -alpn istio/);
  const text = await card.innerText();
  assert.match(text, /TLS 1\.3/);
  assert.match(text, /spiffe:\/\/cluster\.local\/ns\/inventory\/sa\/postgres-library/);
  assert.match(text, /spiffe:\/\/cluster\.local\/ns\/inventory\/sa\/postgresql/);
  assert.match(text, /source and destination/);
  const why = card.getByRole('region', { name: 'Why' });
  await why.getByText(/no DestinationRule says otherwise/).waitFor();
  const link = why.getByRole('link', { name: 'Open it' });
  assert.match(
    (await link.getAttribute('href')) ?? '',
    /\/policies\/PeerAuthentication\/inventory\/strict$/,
  );
});

test('trust: two roots overlap while one is replaced; the timeline tells renewals', async () => {
  await using visited = await visit('/identity?tab=trust', {
    prepare: (mock) => {
      mock.route({
        method: 'GET',
        path: '/api/v1/identity',
        handle: ({ mesh, nowMs }) => {
          const report = identityReport(mesh, nowMs);
          const next = rootOf(nowMs, { subject: 'CN=Next root', fingerprint: '99:88' });
          const roots = [...report.trust.roots, next];
          return { json: { ...report, trust: { ...report.trust, roots } } };
        },
      });
    },
  });
  const { page } = visited;
  await page.getByText('rotation overlaps', { exact: true }).waitFor();
  await page.getByRole('table', { name: 'Roots' }).getByText('CN=Next root').waitFor();
  await page.getByRole('tab', { name: 'Timeline' }).click();
  const items = page.getByRole('list', { name: 'Timeline' }).getByRole('listitem');
  assert.match(await items.first().innerText(), /rotated/);
});

test('an empty mesh, and a control plane that does not answer, say so', async () => {
  await using visited = await visit('/identity', { snapshot: emptyMesh(Date.now()) });
  const { page, mock } = visited;
  await page.getByText('No workload has a certificate yet').waitFor();
  const refuse = { status: 503, json: { code: 'unavailable', message: 'Not now.', remedy: '' } };
  mock.route({ method: 'GET', path: '/api/v1/identity', handle: () => refuse });
  await page.reload();
  await page.getByRole('alert').getByText('Not now.').waitFor();
  await page.getByRole('alert').getByRole('button', { name: 'Retry' }).waitFor();
});

test('everybody can read it: axe finds nothing serious on any tab', async () => {
  await using visited = await visit('/identity', {
    prepare: (mock) => {
      const plain = { ...edgeOf(mock).encryption, state: 'plaintext' as const, share: 0 };
      mock.emit({ type: 'edge.upsert', edge: { ...edgeOf(mock), encryption: plain } });
      const nowMs = Date.now();
      const overdue = certificateOf(nowMs, vmOf(mock).identity, 2 * HOUR_MS);
      withCertificate(mock, overdue);
      const library = mock.mesh.node('wl:inventory/postgres-library');
      if (library) mock.emit({ type: 'node.upsert', node: { ...library, certificate: null } });
    },
  });
  const { page } = visited;
  await page.getByText('rotation overdue').waitFor();
  await assertAccessible(page, 'certificates');
  await page.getByRole('tab', { name: 'Edges by encryption' }).click();
  await page.getByRole('row', { name: /plaintext/ }).click();
  await page.getByRole('region', { name: /Verify yourself/ }).waitFor();
  await assertAccessible(page, 'edges');
  for (const tab of ['Trust', 'Timeline']) {
    await page.getByRole('tab', { name: tab }).click();
    await page.getByRole('tabpanel', { name: tab }).waitFor();
    await assertAccessible(page, tab);
  }
  assert.equal(await page.evaluate('document.getAnimations().length'), 0);
});
