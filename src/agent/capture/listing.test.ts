import assert from 'node:assert/strict';
import { test } from 'node:test';
import { listingFingerprint } from './listing.ts';

const rule = (handle: number, port: number) => ({
  rule: {
    family: 'inet',
    table: 'isthmus',
    chain: 'output',
    handle,
    expr: [{ redirect: { port } }],
  },
});
const set = (elem: readonly unknown[], handle = 1) => ({ set: { name: 's', handle, elem } });
const listing = (...objects: readonly object[]): string =>
  JSON.stringify({ nftables: [{ metainfo: { version: '1.0.6' } }, ...objects] });

test('handles and the order of elements do not count', () => {
  const prefix = { prefix: { addr: '10.0.0.0', len: 8 } };
  assert.equal(
    listingFingerprint(listing(set(['10.0.0.1', prefix], 1), rule(5, 15001))),
    listingFingerprint(listing(set([prefix, '10.0.0.1'], 9), rule(7, 15001))),
  );
});

test('everything else counts: rules, their order, elements', () => {
  const base = listing(set(['10.0.0.1']), rule(1, 15001), rule(2, 15006));
  const others = [
    listing(set(['10.0.0.1']), rule(1, 15006), rule(2, 15001)),
    listing(set(['10.0.0.1']), rule(1, 15001)),
    listing(set(['10.0.0.2']), rule(1, 15001), rule(2, 15006)),
    listing(set(['10.0.0.1', '10.0.0.2']), rule(1, 15001), rule(2, 15006)),
    listing(rule(1, 15001), rule(2, 15006)),
  ];
  for (const other of others) {
    assert.notEqual(listingFingerprint(other), listingFingerprint(base), other);
  }
});

test('what lapses in a set of DNS servers does not count, that there is such a set does', () => {
  const servers = (name: string, elem: readonly unknown[]) => ({ set: { name, elem } });
  const lapsing = [{ elem: { val: '10.0.0.2', timeout: 45, expires: 44 } }];
  const held = listing(servers('dns_servers4', lapsing), rule(1, 15053));
  assert.equal(
    listingFingerprint(held),
    listingFingerprint(listing(servers('dns_servers4', []), rule(1, 15053))),
  );
  assert.notEqual(listingFingerprint(held), listingFingerprint(listing(rule(1, 15053))));
  assert.notEqual(
    listingFingerprint(listing(servers('mesh_addresses4', lapsing))),
    listingFingerprint(listing(servers('mesh_addresses4', []))),
  );
});

test('what is no listing has no fingerprint', () => {
  for (const text of ['', 'nft: error', '[]', '{"nftables": 1}', 'null']) {
    assert.equal(listingFingerprint(text), undefined, text);
  }
});
