import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import { describe, test } from 'node:test';
import type { CertificateView, MeshEdge, MeshNode } from '#api/graph.ts';
import { createWorkloadKey } from '#ca/csr.ts';
import { createFakeAuthority } from '#ca/fake-authority.ts';
import { FakeClock } from '../../../test/fakes/clock.ts';
import { CertificateLedger } from '../debug-certificates.ts';
import { CertificateHistory } from './history.ts';
import { Past } from '../past/past.ts';
import { identityReport, trustReport, type IdentityInput } from './report.ts';

const NOW = Date.parse('2026-11-23T10:00:00Z');
const HOUR_MS = 3_600_000;
const { authority } = createFakeAuthority(NOW);

const certificate = (rest: Partial<CertificateView> = {}): CertificateView => ({
  identity: 'spiffe://cluster.local/ns/default/sa/db',
  serial: '0a:0b',
  notBeforeMs: NOW - HOUR_MS,
  notAfterMs: NOW + 23 * HOUR_MS,
  limitedBy: 'leaf',
  issuer: 'O=cluster.local',
  rotateAtMs: NOW + 11 * HOUR_MS,
  rotations: 0,
  source: 'issued',
  ...rest,
});

const node = (name: string, rest: Partial<MeshNode> = {}): MeshNode => ({
  id: `wl:default/${name}`,
  kind: 'vm',
  name,
  namespace: 'default',
  network: '',
  addresses: [],
  services: [],
  ports: [],
  version: '',
  identity: '',
  instances: [],
  health: 'unknown',
  certificate: certificate(),
  join: null,
  state: 'member',
  changedAtMs: NOW,
  ...rest,
});

const edge = (
  id: string,
  state: MeshEdge['encryption']['state'],
  share: number | null,
): MeshEdge => ({
  id,
  index: 0,
  from: 'wl:default/a',
  to: 'wl:default/b',
  port: 5432,
  protocol: 'tcp',
  application: '',
  service: '',
  encryption: {
    state,
    share,
    version: '',
    cipher: '',
    clientIdentity: '',
    serverIdentity: '',
    seenAtMs: NOW,
  },
  recent: { bytes: share === null ? 0 : 100, encryptedBytes: 100 * (share ?? 0) },
  http: null,
  reporters: [],
  disagreement: null,
  failure: null,
  firstSeenMs: NOW,
  lastSeenMs: NOW,
});

const report = (rest: Partial<IdentityInput> = {}) =>
  identityReport({
    nowMs: NOW,
    nodes: [],
    edges: [],
    trust: trustReport(authority, { trustDomain: 'cluster.local', trustDomainAliases: ['old'] }),
    events: [],
    ...rest,
  });

const agent = (clockSkewMs: number): MeshNode['instances'][number] => ({
  key: 'WorkloadEntry/default/db',
  address: '10.0.0.1',
  agent: {
    isConnected: true,
    version: '1',
    lastSeenMs: NOW,
    clockSkewMs,
    acknowledged: 1,
    subscribed: 1,
    rejection: '',
  },
});

describe('a workload’s row', () => {
  const rows: readonly (readonly [title: string, node: MeshNode, remark: RegExp])[] = [
    ['all is well', node('db'), /^$/],
    ['nobody has reported', node('db', { certificate: null }), /^unknown: its agent has never/],
    [
      'an agent that says nothing of it',
      node('db', { certificate: null, instances: [agent(0)] }),
      /^unknown: no report from its agent/,
    ],
    ['a clock that is ahead', node('db', { instances: [agent(6000)] }), /6 s ahead$/],
    ['a clock that is nearly right', node('db', { instances: [agent(-5000)] }), /^$/],
    [
      'a root that ends first',
      node('db', { certificate: certificate({ limitedBy: 'root' }) }),
      /ends with the root/,
    ],
    [
      'a renewal that has not come',
      node('db', {
        certificate: certificate({
          notBeforeMs: NOW - 20 * HOUR_MS,
          notAfterMs: NOW + 4 * HOUR_MS,
        }),
      }),
      /renewal is overdue/,
    ],
    ['an end', node('db', { certificate: certificate({ notAfterMs: NOW }) }), /^expired: /],
  ];
  for (const [title, one, remark] of rows) {
    test(title, () => {
      const [row] = report({ nodes: [one] }).certificates;
      assert.match(row?.remark ?? 'no row', remark);
    });
  }

  test('who ends first is first, and strangers have none', () => {
    const nodes = [
      node('late'),
      node('silent', { certificate: null }),
      node('early', { certificate: certificate({ notAfterMs: NOW + HOUR_MS }) }),
      node('web.example', { kind: 'external' }),
    ];
    const { certificates, expiring } = report({ nodes });
    assert.deepEqual(
      certificates.map(({ workload }) => workload),
      ['early', 'late', 'silent'],
    );
    assert.equal(expiring, 0);
  });
});

test('what is not encrypted by both comes first, and what is unknown counts for nothing', () => {
  const edges = [
    edge('m', 'mutual', 1),
    edge('o', 'one-sided', 1),
    edge('u', 'unknown', null),
    edge('p', 'plaintext', 0),
  ];
  const { edges: rows, encryptedShare, plaintextEdges, oneSidedEdges } = report({ edges });
  assert.deepEqual(
    rows.map((row) => row.edge),
    ['p', 'u', 'o', 'm'],
  );
  assert.deepEqual([plaintextEdges, oneSidedEdges], [1, 1]);
  assert.equal(encryptedShare, 2 / 3);
  assert.equal(report({ edges: [edge('u', 'unknown', null)] }).encryptedShare, null);
});

test('trust is told down to the root, by fingerprints', () => {
  const { trust } = report();
  assert.deepEqual(trust.aliases, ['old']);
  assert.equal(trust.roots.length, 1);
  assert.deepEqual(trust.chain.at(-1), trust.roots[0]);
  assert.match(trust.roots[0]?.fingerprint ?? '', /^([0-9a-f]{2}:){31}[0-9a-f]{2}$/);
});

test('the time line calls workloads as the map does, and who has gone by their own name', () => {
  const event = (workload: string) => ({ atMs: NOW, kind: 'issued', workload, text: '' }) as const;
  const { timeline } = report({
    nodes: [node('db', { instances: [{ ...agent(0), key: 'Pod/default/db-7d9f' }] })],
    events: [event('Pod/default/db-7d9f'), event('Pod/default/old-1')],
  });
  assert.deepEqual(
    timeline.map(({ workload }) => workload),
    ['db', 'old-1'],
  );
});

test('issuance, rotation, refusal and end are on the time line, and it does not grow', () => {
  const ledger = new CertificateLedger();
  const clock = new FakeClock(NOW);
  using past = new Past({ clock });
  const history = new CertificateHistory(ledger, past, clock);
  const watched = ledger.watch(authority);
  const identity = {
    trustDomain: 'cluster.local',
    namespace: 'default',
    serviceAccount: 'db',
    workload: { kind: 'WorkloadEntry', name: 'db' },
  } as const;
  const publicKey = createPublicKey(createWorkloadKey()).export({ format: 'der', type: 'spki' });
  const issue = (): void => {
    clock.advance(1000);
    const nowMs = clock.nowMs();
    watched.issueWorkload({ publicKey, isRsa: false, identity, lifetimeMs: HOUR_MS, nowMs });
  };
  issue();
  issue();
  clock.advance(1000);
  const remote = '10.128.0.14:40190';
  ledger.refused({ reason: 'the token is for somebody else', remote, entry: 'db' });
  assert.deepEqual(
    history.events(clock.nowMs()).map(({ kind, workload }) => [kind, workload]),
    [
      ['refused', 'db'],
      ['rotated', 'WorkloadEntry/default/db'],
      ['issued', 'WorkloadEntry/default/db'],
    ],
  );
  assert.match(history.events(clock.nowMs())[0]?.text ?? '', /somebody else \(from 10\.128\.0\.14/);
  const long = { reason: 'x'.repeat(10_000), remote, entry: 'y'.repeat(10_000) };
  for (let count = 0; count < 500; count += 1) ledger.refused(long);
  const events = history.events(clock.nowMs());
  assert.equal(events.length, 2 + 20);
  assert(events.every(({ text, workload }) => text.length <= 300 && workload.length <= 63));
});
