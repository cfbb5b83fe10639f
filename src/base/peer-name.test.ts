import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assert as assertProperty, property, string } from 'fast-check';
import { parsePeerName, peerName } from './peer-name.ts';

const SPIFFE_ID = 'spiffe://cluster.local/ns/default/sa/inventory';
const SUBJECT = 'CN=inventory-1,OU=Pod,O=cluster.local';

test('whoever shows a certificate is named by it, wherever it is', () => {
  const seen = { spiffeId: SPIFFE_ID, subject: SUBJECT };
  const name = peerName({ ...seen, address: '10.24.2.23' });
  assert.equal(name, 'cert|cluster.local|default|inventory|Pod|inventory-1');
  assert.equal(peerName({ ...seen, address: '10.24.2.99' }), name);
  assert.deepEqual(parsePeerName(name ?? ''), {
    kind: 'certificate',
    identity: {
      trustDomain: 'cluster.local',
      namespace: 'default',
      serviceAccount: 'inventory',
      workload: { kind: 'Pod', name: 'inventory-1' },
    },
  });
});

test('a certificate without a workload names its account', () => {
  const name = peerName({ spiffeId: SPIFFE_ID, subject: 'CN=somebody', address: '' });
  assert.equal(name, 'cert|cluster.local|default|inventory||');
  const peer = parsePeerName(name ?? '');
  assert(peer?.kind === 'certificate');
  assert.equal(peer.identity.workload, undefined);
});

test('without a certificate it is the address, in its one spelling', () => {
  const plain = { spiffeId: '', subject: '' };
  assert.equal(peerName({ ...plain, address: '10.24.2.23' }), 'ip|10.24.2.23');
  assert.equal(peerName({ ...plain, address: 'FD00::0014' }), 'ip|fd00::14');
  assert.equal(peerName({ ...plain, address: '' }), undefined);
});

test('a foreign identity is not guessed at by its address', () => {
  const spiffeId = 'spiffe://elsewhere/some/path';
  assert.equal(peerName({ spiffeId, subject: '', address: '10.0.0.1' }), undefined);
});

test('names of other forms are none', () => {
  for (const name of [
    '',
    'ip|',
    'ip|010.0.0.1',
    'ip|10.0.0.1|x',
    'cert|td|ns|sa',
    'cert|td|ns|sa|Node|a',
    'cert|td|ns|sa||a',
    'cert|td|NS|sa|Pod|a',
  ]) {
    assert.equal(parsePeerName(name), undefined, name);
  }
});

test('whatever is read is read back from what is written', () => {
  assertProperty(
    property(string(), string(), string(), (spiffeId, subject, address) => {
      const name = peerName({ spiffeId, subject, address });
      return name === undefined || parsePeerName(name) !== undefined;
    }),
  );
});
