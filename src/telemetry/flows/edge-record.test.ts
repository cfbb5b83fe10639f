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
