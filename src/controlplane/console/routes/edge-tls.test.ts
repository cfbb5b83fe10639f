import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EdgeTls } from '#api/identity.ts';
import { LIBRARY } from '#reach/fake-library.ts';
import { meshOf } from '#model/mesh-of.ts';
import { edgeOf, FakeFlows } from '../../view/fake-flows.ts';
import { edgeTls } from './edge-tls.ts';

const POLICIES = `
---
kind: PeerAuthentication
metadata: { name: default, namespace: default }
spec: { mtls: { mode: STRICT } }
---
kind: DestinationRule
metadata: { name: db, namespace: library }
spec: { host: db.default.svc.cluster.local, trafficPolicy: { tls: { mode: ISTIO_MUTUAL } } }
`;

function reasons(from: string, to: string, objects = ''): EdgeTls {
  const flows = new FakeFlows();
  flows.table.set('e1', edgeOf(1, { from, to, port: 5432 }));
  const told = edgeTls({ mesh: meshOf(LIBRARY + objects), flows }, 'e1');
  assert(told);
  return told;
}

test('an edge names the objects that made it what it is', () => {
  const { client, server } = reasons(
    'wl:library/inventory',
    'wl:default/postgresql-1-vm',
    POLICIES,
  );
  assert.equal(server.text, 'STRICT, by PeerAuthentication default/default');
  assert.equal(client.text, 'mutual TLS (ISTIO_MUTUAL), by DestinationRule library/db');
  assert.deepEqual(client.object, { kind: 'DestinationRule', namespace: 'library', name: 'db' });
});

test('or the defaults, or that an end has no proxy', () => {
  const { client, server } = reasons('wl:library/inventory', 'wl:default/postgresql-1-vm');
  assert.match(server.text, /^PERMISSIVE, the default/);
  assert.match(client.text, /\(automatic\)/);
  const outside = reasons('wl:old/legacy', 'ip:203.0.113.9');
  assert.match(outside.client.text, /^no proxy stands beside the client/);
  assert.match(outside.server.text, /^outside of the mesh/);
  assert.deepEqual([outside.client.object, outside.server.object], [null, null]);
});
