import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { IdentityReport, IdentityRow, MeshEdge } from '../../api/types.ts';
import { aCertificate, anEdge, aNode, HOUR_MS } from '../workloads/fixtures.ts';
import { proofOf } from './proof.ts';
import { headerNumbers, orderByEncryption, orderCertificates, withNewer } from './rows.ts';

const row = (workload: string, facts: Partial<IdentityRow> = {}): IdentityRow => ({
  node: `wl:default/${workload}`,
  workload,
  isVm: false,
  certificate: aCertificate(),
  remark: '',
  ...facts,
});

const encrypted = (id: string, facts: Partial<MeshEdge['encryption']>): MeshEdge =>
  anEdge({ id, encryption: { ...anEdge().encryption, ...facts } });

test('what needs somebody is first, the rest by name whatever the clocks say', () => {
  const rows = [
    row('b', { certificate: aCertificate({ notAfterMs: 30 * HOUR_MS }) }),
    row('a', { certificate: aCertificate({ notAfterMs: 40 * HOUR_MS }) }),
    row('silent', { certificate: null }),
    row('late', { certificate: aCertificate({ notAfterMs: 11 * HOUR_MS }) }),
    row('dead', { certificate: aCertificate({ notAfterMs: HOUR_MS }) }),
  ];
  const names = orderCertificates(rows, 10 * HOUR_MS).map(({ workload }) => workload);
  assert.deepEqual(names, ['dead', 'late', 'silent', 'a', 'b']);
});

test('a certificate that an event brought replaces the report’s, an older one does not', () => {
  const skew = 'the clock of Pod/default/x is 9 s ahead';
  const rows = [
    row('vm', { remark: `renewal is overdue; ${skew}` }),
    row('silent', { certificate: null, remark: 'no report' }),
  ];
  const renewed = aCertificate({ serial: '40:00', notBeforeMs: 12 * HOUR_MS, rotations: 1 });
  const nodes = new Map([
    ['wl:default/vm', aNode({ certificate: renewed })],
    ['wl:default/silent', aNode({ certificate: renewed })],
  ]);
  const [vm, silent] = withNewer(rows, nodes);
  assert.deepEqual([vm?.certificate?.serial, vm?.remark], ['40:00', skew]);
  assert.deepEqual([silent?.certificate?.serial, silent?.remark], ['40:00', '']);
  const old = aCertificate({ serial: '01', notBeforeMs: -HOUR_MS });
  const [kept] = withNewer(rows, new Map([['wl:default/vm', aNode({ certificate: old })]]));
  assert.equal(kept?.certificate?.serial, '3f:9a');
});

test('plaintext edges are first', () => {
  const states = ['mutual', 'one-sided', 'unknown', 'mixed', 'plaintext'] as const;
  const edges = states.map((state) => encrypted(state, { state }));
  assert.deepEqual(
    orderByEncryption(edges).map(({ id }) => id),
    ['plaintext', 'mixed', 'unknown', 'one-sided', 'mutual'],
  );
});

test('header numbers say unknown where nothing was seen', () => {
  const report: IdentityReport = {
    nowMs: 0,
    encryptedShare: null,
    plaintextEdges: 1,
    oneSidedEdges: 0,
    expiring: 0,
    certificates: [],
    edges: [],
    trust: { trustDomain: 'lab', aliases: [], roots: [], chain: [] },
    timeline: [],
  };
  const [encryptedNumber, plaintext, oneSided] = headerNumbers(report);
  assert.deepEqual([encryptedNumber?.value, encryptedNumber?.tone], ['–', 'unknown']);
  assert.deepEqual([plaintext?.value, plaintext?.meaning, plaintext?.tone], ['1', 'edge', 'bad']);
  assert.equal(oneSided?.tone, 'neutral');
});

test('the proof names the address of the machine, an IPv6 one in brackets', () => {
  assert.match(proofOf(anEdge(), aNode()).command, /-connect 10\.128\.0\.14:5432 -alpn istio/);
  const [instance] = aNode().instances;
  const node = aNode({ instances: instance ? [{ ...instance, address: 'fd00::7' }] : [] });
  assert.match(proofOf(anEdge(), node).command, /-connect \[fd00::7\]:5432/);
  const nothing = encrypted('e', {
    version: '',
    cipher: '',
    clientIdentity: '',
    serverIdentity: '',
  });
  assert.deepEqual(
    proofOf(nothing, undefined).facts.map(({ value }) => value),
    ['unknown', 'unknown', 'unknown', 'unknown'],
  );
});
