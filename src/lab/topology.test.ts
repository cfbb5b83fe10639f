import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planCloud } from './cloud.ts';
import { renderFirewall } from './firewall.ts';
import { planNetwork, type Topology } from './topology.ts';

const plan = planNetwork(planCloud({ inventory: '10.24.2.23' }, { 'db-vm': '10.128.0.14' }));

/** The lines for one namespace, as they are given to `ip`. */
function linesOf(netns: string | undefined): readonly string[] {
  return plan.steps.flatMap((step) =>
    step.kind === 'ip' && step.netns === netns ? step.lines : [],
  );
}

test('each host gets a namespace and a link of its own to its region', () => {
  assert.deepEqual(plan.links, [
    'netns add world',
    'netns add region-cluster',
    'link add cluster netns world type veth peer name world netns region-cluster',
    'netns add inventory',
    'link add eth0 netns inventory type veth peer name host0 netns region-cluster',
    'link add eth0 type veth peer name host1 netns region-cluster',
    'netns add region-vm',
    'link add vm netns world type veth peer name world netns tap',
    'link add vm netns tap type veth peer name world netns region-vm',
    'netns add db-vm',
    'link add eth0 netns db-vm type veth peer name host0 netns region-vm',
  ]);
});

test('a host has one address and one way out', () => {
  assert.deepEqual(linesOf('db-vm'), [
    'link set lo up',
    'addr add 10.128.0.14/32 dev eth0',
    'link set eth0 up',
    'route add 169.254.1.1 dev eth0 scope link',
    'route add default via 169.254.1.1 dev eth0 src 10.128.0.14',
  ]);
});

test('the workstation stands in the first namespace, in the cluster', () => {
  assert(linesOf(undefined).includes('addr add 10.24.0.2/32 dev eth0'));
  assert(linesOf('region-cluster').includes('route add 10.24.0.2 dev host1 scope link'));
});

test('regions reach each other through the world, and past the tap', () => {
  assert.deepEqual(linesOf('world'), [
    'link set lo up',
    'addr add 169.254.2.1/30 dev cluster',
    'link set cluster up',
    'route add 10.24.0.0/16 via 169.254.2.2',
    'addr add 169.254.2.5/30 dev vm',
    'link set vm up',
    'route add 10.128.0.0/20 via 169.254.2.6',
  ]);
  assert.deepEqual(linesOf('tap'), [
    'link set lo up',
    'addr add 169.254.2.6/30 dev world',
    'link set world up',
    'route add default via 169.254.2.5',
    'addr add 169.254.3.5/30 dev vm',
    'link set vm up',
    'route add 10.128.0.0/20 via 169.254.3.6',
  ]);
  const forwarding = plan.steps.flatMap((step) => (step.kind === 'forward' ? [step.netns] : []));
  assert.deepEqual(forwarding, ['world', 'tap', 'region-cluster', 'region-vm']);
});

test('what is no topology is refused', () => {
  const region = { name: 'cluster', cidr: '10.24.0.0/16', hosts: [] };
  const rest = { workstation: { region: 'cluster', address: '10.24.0.2' }, tapped: 'cluster' };
  const host = { name: 'a', address: '10.24.0.3' };
  const wrong: readonly (readonly [Topology, RegExp])[] = [
    [{ regions: [{ ...region, hosts: [host, host] }], ...rest }, /two hosts .* called a/],
    [{ regions: [{ ...region, hosts: [{ ...host, name: 'A b' }] }], ...rest }, /not a name/],
    [{ regions: [{ ...region, name: 'a-region-far-away' }], ...rest }, /too long/],
    [{ regions: [], ...rest }, /no region cluster/],
  ];
  for (const [topology, problem] of wrong) assert.throws(() => planNetwork(topology), problem);
});

test('the firewall lets through what a rule names and drops the rest', () => {
  const rule = {
    name: 'pods to it',
    from: '10.24.0.0/16',
    to: '10.128.0.14',
    tcpPort: 5432,
  };
  assert.equal(
    renderFirewall([rule]),
    `table inet firewall
delete table inet firewall
table inet firewall {
  chain forward {
    type filter hook forward priority filter; policy drop;
    ct state established,related accept
    ct original ip saddr 10.24.0.0/16 ct original ip daddr 10.128.0.14 meta l4proto tcp \
ct original proto-dst 5432 counter accept comment "pods to it"
  }
}
`,
  );
  assert.throws(() => renderFirewall([{ ...rule, name: 'x" accept' }]), /not a name for a rule/);
});
