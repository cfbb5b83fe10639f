import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FlowImpact, PolicyImpact } from '../../api/types.ts';
import {
  countdown,
  honestyLine,
  impactGroups,
  isNumberTyped,
  ladder,
  shortName,
} from './impact.ts';

const flow = (from: string, port = 5432): FlowImpact => ({
  from: `wl:default/${from}`,
  to: 'wl:default/postgresql-1-vm',
  port,
  clientIdentity: `spiffe://lab/ns/default/sa/${from}`,
  bytes: 14_000_000,
  lastSeenMs: 0,
  openConnections: 2,
  before: 'ALLOW by default/pg-allow rule 2',
  after: 'no rule matches',
});

const impact = (change: Partial<PolicyImpact>): PolicyImpact => ({
  diagnostics: [],
  refused: [],
  allowed: [],
  unchanged: [],
  untold: [],
  moved: [],
  coverageMs: 24 * 3_600_000,
  note: '',
  ...change,
});

const FREE = {
  isChanged: true,
  isTextChanged: true,
  forbidden: '',
  managedBy: '',
  hasProblem: false,
} as const;

test('the button counts clients, not their ports, and asks for the number', () => {
  const refused = [flow('report'), flow('report', 5433), flow('library')];
  const { label, refuses, reason } = ladder({ ...FREE, impact: impact({ refused }) });
  assert.equal(label, 'Refuse 2 clients…');
  assert.equal(reason, '');
  assert.ok(isNumberTyped(' 2 ', refuses));
  assert.ok(!isNumberTyped('', refuses));
  assert.ok(!isNumberTyped('3', refuses));
});

test('what cannot be applied says why, rights first', () => {
  const reason = (change: Partial<Parameters<typeof ladder>[0]>) =>
    ladder({ ...FREE, impact: impact({}), ...change }).reason;
  assert.equal(reason({}), '');
  assert.match(reason({ impact: undefined }), /Waiting for the preview/);
  assert.match(reason({ isChanged: false, isTextChanged: false }), /Nothing is changed/);
  assert.match(reason({ isChanged: false }), /Only comments and layout/);
  assert.match(reason({ managedBy: 'Argo CD' }), /^Argo CD keeps this policy/);
  assert.match(reason({ forbidden: 'viewer', managedBy: 'Flux' }), /^viewer$/);
  const diagnostic = { severity: 'error', line: 1, column: 1, path: '', message: 'x' } as const;
  assert.match(reason({ impact: impact({ diagnostics: [diagnostic] }) }), /1 error in the text/);
});

test('the honesty line never claims more than was watched', () => {
  const seen = impact({ unchanged: [flow('library')] });
  assert.match(honestyLine(seen, '24h'), /^Based on 24 h of flows; .*weekly job/);
  assert.match(honestyLine(seen, '7d'), /^Based on 24 h of flows.*not been watched for longer/);
  assert.match(honestyLine(impact({}), '1h'), /^No connections were seen in 1 h/);
});

test('open connections of who is refused are said to stay, or to end', () => {
  const seen = impact({ refused: [flow('report')] });
  const [refused] = impactGroups(seen, 'AuthorizationPolicy');
  assert.match(refused?.note ?? '', /Their 2 open connections stay until/);
  const [strict] = impactGroups(seen, 'PeerAuthentication');
  assert.match(strict?.note ?? '', /Their 2 open connections end with the drain time/);
});

test('the countdown goes by whole seconds and ends', () => {
  assert.equal(countdown(120_000, 0, 120_000).text, '2 min 00 s');
  assert.equal(countdown(120_000, 60_500, 120_000).text, '1 min 00 s');
  assert.equal(countdown(120_000, 119_001, 120_000).text, '1 s');
  assert.ok(countdown(120_000, 120_000, 120_000).isOver);
});

test('names are told as people say them', () => {
  assert.equal(shortName('wl:library/inventory'), 'inventory.library');
  assert.equal(shortName('host:db.example.com'), 'db.example.com');
});
