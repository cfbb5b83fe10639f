import assert from 'node:assert/strict';
import { test } from 'node:test';
import { captureSets, meshAddressesProblem, type MeshAddresses } from './addresses.ts';

const setsOf = (mesh: Partial<MeshAddresses>, ranges: readonly string[] = []) =>
  captureSets({ mesh: { ranges: [], addresses: [], ...mesh }, ranges, controlPlane: [] });

test('ranges that touch or overlap become one element, a prefix where it is one', () => {
  const table: readonly (readonly [readonly string[], readonly string[]])[] = [
    [['10.0.0.0/9', '10.128.0.0/9'], ['10.0.0.0/8']],
    [['10.0.0.0/8', '10.1.0.0/16'], ['10.0.0.0/8']],
    [['10.0.1.0/24', '10.0.0.0/24', '10.0.2.0/24'], ['10.0.0.0-10.0.2.255']],
    [['10.0.0.5/32'], ['10.0.0.5']],
    [['10.0.0.9/8'], ['10.0.0.0/8']],
    [['0.0.0.0/0'], ['0.0.0.0/0']],
  ];
  for (const [ranges, expected] of table) {
    assert.deepEqual(setsOf({ ranges }).mesh_ranges4, expected, ranges.join(' '));
  }
  assert.deepEqual(setsOf({ ranges: ['2001:db8::/33', '2001:db8:8000::/33'] }).mesh_ranges6, [
    '2001:db8::/32',
  ]);
});

test('single addresses inside a range are no elements of their own', () => {
  const sets = setsOf({
    ranges: ['240.240.0.0/16'],
    addresses: ['240.240.7.7', '203.0.113.9', '2001:db8::5', '203.0.113.9'],
  });
  assert.deepEqual(sets.mesh_addresses4, ['203.0.113.9']);
  assert.deepEqual(sets.mesh_addresses6, ['2001:db8::5']);
});

test('the probe is captured whatever the control plane says', () => {
  assert.deepEqual(setsOf({}).mesh_addresses4, ['240.240.0.1']);
  assert.deepEqual(setsOf({ ranges: ['240.0.0.0/4'] }).mesh_addresses4, []);
});

test('ISTIO_SERVICE_CIDR is captured before the control plane has spoken', () => {
  assert.deepEqual(setsOf({}, ['10.96.0.0/16']).mesh_ranges4, ['10.96.0.0/16']);
});

test('the control plane is known by address and port; a name is no element', () => {
  const sets = captureSets({
    mesh: { ranges: [], addresses: [] },
    ranges: [],
    controlPlane: [
      { host: '10.0.0.5', port: 15012 },
      { host: '10.0.0.5', port: 15012 },
      { host: '2001:db8:0::1', port: 15012 },
      { host: 'istiod.istio-system.svc', port: 15012 },
    ],
  });
  assert.deepEqual(sets.control_plane4, ['10.0.0.5 . 15012']);
  assert.deepEqual(sets.control_plane6, ['2001:db8::1 . 15012']);
});

test('what nft could not load is refused with the wrong thing named', () => {
  const table: readonly (readonly [Partial<MeshAddresses>, RegExp | undefined])[] = [
    [{ ranges: ['10.0.0.0/8'], addresses: ['10.0.0.1', '::1'] }, undefined],
    [{ ranges: ['10.0.0.0/8', '10.0.0.0/40'] }, /"10.0.0.0\/40" is not a range/],
    [{ addresses: ['a; flush ruleset'] }, /"a; flush ruleset" is not an address/],
    [{ ranges: Array.from({ length: 10_001 }, () => '10.0.0.0/8') }, /10001 ranges, at most 10000/],
  ];
  for (const [mesh, expected] of table) {
    const problem = meshAddressesProblem({ ranges: [], addresses: [], ...mesh });
    if (expected) assert.match(problem ?? '', expected);
    else assert.equal(problem, undefined);
  }
});
