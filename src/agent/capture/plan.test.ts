import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseAgentConfig } from '../config.ts';
import { captureSets, type CaptureSets } from './addresses.ts';
import { planCapture, planDnsServers, planSetUpdate } from './plan.ts';

const OWN_PORTS = [15020, 15021];

const captureConfig = (env: Readonly<Record<string, string>>) =>
  parseAgentConfig({
    argv: [],
    env,
    hostname: 'vm',
    readFile: () => undefined,
    parseYaml: () => undefined,
  }).capture;

const SETS = captureSets({
  mesh: {
    ranges: ['240.240.0.0/16', '10.96.0.0/16', '10.24.0.0/16', '2001:2::/48'],
    addresses: ['203.0.113.9'],
  },
  ranges: [],
  controlPlane: [{ host: '10.0.0.5', port: 15012 }],
});

const golden = (name: string): string =>
  fileURLToPath(new URL(`testdata/${name}.nft`, import.meta.url));
const asText = { serializers: [(value: unknown) => String(value)] };

test('a pod: everything inbound but its own ports, outbound to the mesh', (t) => {
  const config = captureConfig({ ISTIO_INBOUND_PORTS: '*', ISTIO_SERVICE_CIDR: '*' });
  const plan = planCapture({ config, sets: SETS, ownPorts: OWN_PORTS });
  t.assert.fileSnapshot(plan, golden('pod'), asText);
});

test("the story's VM: its one port inbound, outbound to the mesh", (t) => {
  const config = captureConfig({ ISTIO_INBOUND_PORTS: '5432' });
  const plan = planCapture({ config, sets: SETS, ownPorts: OWN_PORTS });
  t.assert.fileSnapshot(plan, golden('vm'), asText);
});

test('a VM with every exclusion that Istio has a word for', (t) => {
  const config = captureConfig({
    ISTIO_INBOUND_PORTS: '5432,5433',
    ISTIO_EXCLUDE_INTERFACES: 'docker0,br-1',
    ISTIO_SERVICE_EXCLUDE_CIDR: '10.96.7.0/24,10.96.6.0/24,2001:2::/64',
    ISTIO_LOCAL_OUTBOUND_PORTS_EXCLUDE: '9100,22',
  });
  const plan = planCapture({ config, sets: SETS, ownPorts: OWN_PORTS });
  t.assert.fileSnapshot(plan, golden('vm-exclusions'), asText);
});

test('without a DNS proxy nothing about DNS is in the plan', () => {
  const config = captureConfig({ ISTIO_META_DNS_CAPTURE: 'false' });
  assert.doesNotMatch(planCapture({ config, sets: SETS, ownPorts: OWN_PORTS }), /dns|53 /);
});

test('queries to the resolvers are captured for a while, each family by its own set', () => {
  const [none, some] = [[], ['10.0.0.2', 'fe80::1', '127.0.0.53', '10.0.0.2']].map(planDnsServers);
  assert.equal(none, 'flush set inet isthmus dns_servers4\nflush set inet isthmus dns_servers6\n');
  assert.deepEqual(some?.split('\n'), [
    'flush set inet isthmus dns_servers4',
    'add element inet isthmus dns_servers4 { 10.0.0.2 timeout 45s, 127.0.0.53 timeout 45s }',
    'flush set inet isthmus dns_servers6',
    'add element inet isthmus dns_servers6 { fe80::1 timeout 45s }',
    '',
  ]);
});

test('a workload that only calls has no inbound chain', () => {
  const config = captureConfig({ ISTIO_INBOUND_PORTS: '' });
  const plan = planCapture({ config, sets: SETS, ownPorts: OWN_PORTS });
  assert.doesNotMatch(plan, /prerouting/);
});

test('an update names only what differs, deletions first; the same sets are no update', () => {
  const before: CaptureSets = { ...SETS, mesh_addresses4: ['203.0.113.9', '240.240.0.1'] };
  const after: CaptureSets = {
    ...SETS,
    mesh_ranges4: ['10.24.0.0/15', '10.96.0.0/16', '240.240.0.0/16'],
    mesh_addresses4: ['203.0.113.10', '240.240.0.1'],
  };
  assert.equal(
    planSetUpdate(before, after),
    [
      'delete element inet isthmus mesh_ranges4 { 10.24.0.0/16 }',
      'add element inet isthmus mesh_ranges4 { 10.24.0.0/15 }',
      'delete element inet isthmus mesh_addresses4 { 203.0.113.9 }',
      'add element inet isthmus mesh_addresses4 { 203.0.113.10 }',
      '',
    ].join('\n'),
  );
  assert.equal(planSetUpdate(after, structuredClone(after)), undefined);
});
