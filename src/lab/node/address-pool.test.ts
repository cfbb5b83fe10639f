import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AddressPool } from './address-pool.ts';
import { capacityOf, leaseSpec, nodeObject, nodeStatus } from './node-object.ts';

test('each Pod has an address of its own; one given back is used again last', () => {
  const pool = new AddressPool('10.24.2.0/29');
  const taken = Array.from({ length: 5 }, () => pool.take());
  assert.deepEqual(taken, ['10.24.2.2', '10.24.2.3', '10.24.2.4', '10.24.2.5', '10.24.2.6']);
  assert.equal(pool.take(), undefined);
  pool.giveBack('10.24.2.3');
  pool.giveBack('10.24.2.2');
  assert.equal(pool.take(), '10.24.2.2');
  pool.giveBack('10.24.2.2');
  assert.equal(pool.take(), '10.24.2.3');
});

test('a range that is none is refused', () => {
  for (const cidr of ['10.24.2.0', 'fd00::/64', '10.24.2.0/31', 'x']) {
    assert.throws(() => new AddressPool(cidr), { code: 'CONFIG_INVALID' }, cidr);
  }
});

const FACTS = {
  name: 'lab-node',
  address: '10.24.0.2',
  kubeletPort: 10_250,
  podCidr: '10.24.2.0/24',
  region: 'cluster',
  zone: 'cluster-a',
  cpus: 2,
  memoryBytes: 2_048_000,
  kernel: '6.18',
  architecture: 'amd64',
};

test('the Node says where it is and how to reach it', () => {
  const { metadata } = nodeObject(FACTS);
  assert.equal(metadata.labels?.['topology.kubernetes.io/zone'], 'cluster-a');
  assert.deepEqual(capacityOf(FACTS), { cpu: '2', memory: '2000Ki', pods: '110' });
  const status = nodeStatus(FACTS, { nowMs: 1_000, sinceMs: 0 });
  assert.deepEqual(status['addresses'], [
    { type: 'InternalIP', address: '10.24.0.2' },
    { type: 'Hostname', address: 'lab-node' },
  ]);
  assert.deepEqual(status['daemonEndpoints'], { kubeletEndpoint: { Port: 10_250 } });
});

test('a heartbeat holds for several', () => {
  assert.deepEqual(leaseSpec('lab-node', { nowMs: 1_500, leaseMs: 30_000 }), {
    holderIdentity: 'lab-node',
    leaseDurationSeconds: 120,
    renewTime: '1970-01-01T00:00:01.500000Z',
  });
});
