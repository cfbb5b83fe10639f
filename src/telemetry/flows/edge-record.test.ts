// When an edge counts as failing.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EdgeRecord } from './edge-record.ts';

const AT_MS = 1_700_000_000_000;
const FAILURE = { flags: 'UF', text: 'could not connect to the server', atMs: AT_MS };

const newEdge = (): EdgeRecord =>
  new EdgeRecord({
    id: 'e',
    index: 0,
    from: 'wl:library/inventory',
    to: 'wl:default/postgresql',
    port: 5432,
    protocol: 'tcp',
    application: 'postgres',
    service: '',
    firstSeenMs: AT_MS,
    lastSeenMs: AT_MS,
  });

test('a failure is told until it has worked since, and then for some seconds more', () => {
  const edge = newEdge();
  edge.worked(AT_MS - 1000);
  edge.failed(FAILURE);
  assert.deepEqual(edge.state(AT_MS + 3_600_000).failure, FAILURE);
  edge.worked(AT_MS + 1000);
  assert.deepEqual(edge.state(AT_MS + 2000).failure, FAILURE);
  const told = edge.fingerprint(AT_MS + 2000);
  assert.equal(edge.state(AT_MS + 11_000).failure, null);
  assert.notEqual(edge.fingerprint(AT_MS + 11_000), told);
});

test('what works now and fails now is failing', () => {
  const edge = newEdge();
  edge.worked(AT_MS + 5000);
  edge.failed(FAILURE);
  edge.failed({ ...FAILURE, atMs: AT_MS + 6000 });
  assert.equal(edge.state(AT_MS + 60_000).failure?.atMs, AT_MS + 6000);
});

test('who reports to another isthmusd by now is no reporter here, and mutual is not told on', () => {
  const edge = newEdge();
  const session = {
    security: 'mutual',
    version: 'TLSv1.3',
    cipher: '',
    clientIdentity: 'spiffe://cluster.local/ns/library/sa/inventory',
    serverIdentity: 'spiffe://cluster.local/ns/default/sa/postgresql',
  } as const;
  const tell = (end: 'source' | 'destination', atMs: number): void => {
    edge.seen(end, session, { bytes: 1, atMs });
    edge.account[end].atMs = atMs;
  };
  tell('source', AT_MS);
  tell('destination', AT_MS);
  const both = edge.state(AT_MS);
  assert.deepEqual([both.encryption.state, both.reporters.length], ['mutual', 2]);
  tell('destination', AT_MS + 4 * 60_000);
  assert.equal(edge.state(AT_MS + 4 * 60_000).encryption.state, 'mutual');
  tell('destination', AT_MS + 6 * 60_000);
  const one = edge.state(AT_MS + 6 * 60_000);
  assert.deepEqual([one.encryption.state, one.reporters], ['one-sided', ['destination']]);
  tell('source', AT_MS + 7 * 60_000);
  assert.equal(edge.state(AT_MS + 7 * 60_000).encryption.state, 'mutual');
});

test('what proves that packets pass, and that the server answers', () => {
  const edge = newEdge();
  assert.deepEqual(edge.witness(), { reachedMs: 0, answeredMs: 0 });
  edge.reached(AT_MS);
  assert.deepEqual(edge.witness(), { reachedMs: AT_MS, answeredMs: 0 });
  edge.worked(AT_MS + 5);
  assert.deepEqual(edge.witness(), { reachedMs: AT_MS + 5, answeredMs: AT_MS + 5 });
});
