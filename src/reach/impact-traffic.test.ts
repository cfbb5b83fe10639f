// What edits of rules of traffic, and of the kinds of old, would do to calls that were seen.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'yaml';
import { isKubeObject, type KubeObject } from '#kube/objects.ts';
import { apply } from '#model/mesh-of.ts';
import { CLIENT_ID, NOW, ReachLibrary, SERVER_ID } from './fake-library.ts';
import type { Impact, SeenCall } from './impact.ts';
import { Rehearsal } from './rehearsal.ts';

const STRICT = `
kind: PeerAuthentication
metadata: { name: default, namespace: istio-system }
spec: { mtls: { mode: STRICT } }
`;
/** A service of what has no proxy, and a second library. */
const MORE = `
kind: ServiceEntry
metadata: { name: legacy, namespace: old }
spec:
  hosts: [legacy.old.svc.cluster.local]
  addresses: [240.240.0.9]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{ number: 70, name: tcp, protocol: TCP, targetPort: 7070 }]
  workloadSelector: { labels: { app: legacy } }
---
kind: Pod
metadata: { name: catalogue-2, namespace: library,
  labels: { app: catalogue, version: v2, security.istio.io/tlsMode: istio } }
spec: { serviceAccountName: catalogue, nodeName: n1 }
status: { phase: Running, podIP: 10.24.2.32 }
`;

const call = (rest: Partial<SeenCall> = {}): SeenCall => ({
  from: 'wl:library/inventory',
  to: 'wl:default/postgresql-1-vm',
  port: 5432,
  clientIdentity: CLIENT_ID,
  serverIdentity: SERVER_ID,
  protocol: 'tcp',
  service: 'db.default.svc.cluster.local',
  lastSeenMs: NOW,
  bytes: 1000,
  openConnections: 0,
  ...rest,
});
const toLegacy = call({
  to: 'wl:old/legacy',
  port: 7070,
  clientIdentity: '',
  serverIdentity: '',
  service: 'legacy.old.svc.cluster.local',
});
const toCatalogue = call({
  to: 'wl:library/catalogue-1',
  port: 80,
  protocol: 'http',
  serverIdentity: 'spiffe://cluster.local/ns/library/sa/catalogue',
  service: 'catalogue.library.svc.cluster.local',
});
const toStranger = call({
  to: 'ip:203.0.113.9',
  port: 443,
  clientIdentity: '',
  serverIdentity: '',
  service: '',
});
const fromLegacy = call({ from: 'wl:old/legacy', clientIdentity: '', serverIdentity: '' });
const CALLS = [call(), fromLegacy, toLegacy, toCatalogue, toStranger];

function objectOf(text: string): KubeObject {
  const object: unknown = parse(text);
  assert(isKubeObject(object));
  return object;
}

/** What one new object, or another form of it, would do. */
function impact(
  written: string,
  options: { readonly before?: string; readonly mesh?: string; readonly calls?: SeenCall[] } = {},
): Impact {
  const { before, mesh: more = '', calls = CALLS } = options;
  const { mesh } = new ReachLibrary(`${MORE}${more === '' ? '' : `\n---\n${more}`}`);
  const [after, was] = [written, before].map((text) => (text ? objectOf(text) : undefined));
  const { kind = '', metadata } = after ?? was ?? assert.fail('one of them');
  const ref = { kind, namespace: metadata.namespace ?? '', name: metadata.name };
  const steps = new Rehearsal(mesh).impactOf([{ ...ref, before: was, after }], calls);
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value ?? assert.fail('an answer');
  }
}

/** `default/postgresql-1-vm: why`, of those whom something becomes of. */
const told = (rows: Impact['refused']): readonly string[] =>
  rows.map(({ from, to, after }) => `${from} → ${to}: ${after}`).toSorted();

const rule = (name: string, spec: string): string =>
  `{ apiVersion: networking.istio.io/v1, kind: DestinationRule,
     metadata: { name: ${name}, namespace: library }, spec: ${spec} }`;
const db = (tls: string): string =>
  rule('db', `{ host: db.default.svc.cluster.local, trafficPolicy: { tls: ${tls} } }`);

test('plaintext against a server that takes mutual TLS only will be refused', () => {
  const { refused, unchanged } = impact(db('{ mode: DISABLE }'), { mesh: STRICT });
  assert.deepEqual(told(refused), [
    'wl:library/inventory → wl:default/postgresql-1-vm: ' +
      'DENY: the server takes mutual TLS only (STRICT)',
  ]);
  assert.equal(unchanged.length, CALLS.length - 1);
  assert.deepEqual(told(impact(db('{ mode: DISABLE }')).refused), [], 'PERMISSIVE takes both');
});

test('a client that was told to speak mesh TLS speaks it to whoever takes none', () => {
  const off = STRICT.replace('STRICT', 'DISABLE').replace('istio-system', 'default');
  const { refused } = impact(off, { mesh: db('{ mode: ISTIO_MUTUAL }') });
  assert.deepEqual(told(refused), [
    'wl:library/inventory → wl:default/postgresql-1-vm: ' +
      'DENY: the client speaks mesh TLS, and the server does not take it (DISABLE)',
  ]);
  assert.deepEqual(impact(off).refused, [], 'who was told nothing goes by the server');
});

test('the deletion of such a rule lets the client in', () => {
  const { allowed } = impact('', { before: db('{ mode: DISABLE }'), mesh: STRICT });
  assert.deepEqual(told(allowed).length, 1);
});

test('mesh TLS to whoever has no proxy will be refused', () => {
  const written = rule(
    'legacy',
    '{ host: legacy.old.svc.cluster.local, trafficPolicy: { tls: { mode: ISTIO_MUTUAL } } }',
  );
  const { refused } = impact(written);
  assert.match(told(refused).join(), /^wl:library\/inventory → wl:old\/legacy: .*has no proxy/);
});

test('TLS of the client’s own is the application’s to take', () => {
  const { untold, refused } = impact(db('{ mode: SIMPLE }'));
  assert.match(told(untold).join(), /postgresql-1-vm: whether the application takes the TLS/);
  assert.deepEqual(refused, []);
});

test('another name than the server’s in subjectAltNames will be refused', () => {
  const names = '{ mode: ISTIO_MUTUAL, subjectAltNames: [spiffe://cluster.local/ns/x/sa/y] }';
  assert.match(told(impact(db(names)).refused).join(), /accepts only spiffe:.*\/ns\/x\/sa\/y/);
});

const routes = (destination: string): string =>
  `{ apiVersion: networking.istio.io/v1, kind: VirtualService,
     metadata: { name: catalogue, namespace: library },
     spec: { hosts: [catalogue.library.svc.cluster.local],
             http: [{ route: [{ destination: ${destination} }] }] } }`;
const HOST = 'catalogue.library.svc.cluster.local';

test('routes to nobody will be refused, and routes to others move', () => {
  const none = routes(`{ host: ${HOST}, subset: none }`);
  assert.match(told(impact(none).refused).join(), /catalogue-1: DENY: /);
  const subsets = rule(
    'catalogue',
    `{ host: ${HOST}, subsets: [{ name: v2, labels: { version: v2 } },
                                { name: v9, labels: { version: v9 } }] }`,
  );
  const { moved } = impact(routes(`{ host: ${HOST}, subset: v2 }`), { mesh: subsets });
  assert.match(told(moved).join(), /catalogue-1: led to library\/catalogue-2 instead/);
  const empty = impact(routes(`{ host: ${HOST}, subset: v9 }`), { mesh: subsets });
  assert.match(told(empty.refused).join(), /has no endpoint/);
  const same = impact(routes(`{ host: ${HOST} }`));
  assert.deepEqual([same.refused.length, same.moved.length], [0, 0]);
});

const sidecar = (spec: string): string =>
  `{ apiVersion: networking.istio.io/v1, kind: Sidecar,
     metadata: { name: default, namespace: library }, spec: ${spec} }`;

test('REGISTRY_ONLY refuses what the mesh does not know, and egress hosts what they leave out', () => {
  const registry = sidecar('{ outboundTrafficPolicy: { mode: REGISTRY_ONLY } }');
  const { refused } = impact(registry);
  assert.deepEqual(
    refused.map(({ to }) => to),
    ['ip:203.0.113.9'],
  );
  assert.match(refused[0]?.after ?? '', /lets nothing out to 203\.0\.113\.9:443/);
  const narrow = sidecar(
    "{ outboundTrafficPolicy: { mode: REGISTRY_ONLY }, egress: [{ hosts: ['default/*'] }] }",
  );
  assert.deepEqual(
    impact(narrow)
      .refused.map(({ to }) => to)
      .toSorted(),
    ['ip:203.0.113.9', 'wl:library/catalogue-1', 'wl:old/legacy'],
  );
  const elsewhere = registry.replace('namespace: library', 'namespace: default');
  assert.deepEqual(impact(elsewhere).refused, [], 'it is for its own namespace');
});

const meshPolicy = (peers: string): string =>
  `{ apiVersion: authentication.istio.io/v1alpha1, kind: MeshPolicy,
     metadata: { name: default }, spec: { peers: ${peers} } }`;

test('the kinds of old are treated as PeerAuthentications are', () => {
  const { refused } = impact(meshPolicy('[{ mtls: {} }]'));
  assert.deepEqual(
    refused.map(({ from }) => from),
    ['wl:old/legacy'],
  );
  const permissive = STRICT.replace('STRICT', 'PERMISSIVE');
  const over = impact(meshPolicy('[{ mtls: {} }]'), { mesh: permissive });
  assert.deepEqual(over.refused, [], 'a PeerAuthentication of the mesh goes before it');
  const targeted = `{ apiVersion: authentication.istio.io/v1alpha1, kind: Policy,
    metadata: { name: pg, namespace: default },
    spec: { targets: [{ name: db, ports: [{ number: 5432 }] }], peers: [{ mtls: {} }] } }`;
  assert.deepEqual(
    impact(targeted).refused.map(({ from }) => from),
    ['wl:old/legacy'],
  );
  // without mutual TLS nobody has an identity, and nobody needs one
  const plain = targeted.replace('peers: [{ mtls: {} }]', 'peers: []');
  assert.deepEqual(impact(plain).refused, []);
});

test('whether requests bring other tokens cannot be told; of bytes nothing is asked', () => {
  const { untold, unchanged } = impact(
    `{ apiVersion: security.istio.io/v1, kind: RequestAuthentication,
       metadata: { name: t, namespace: library },
       spec: { jwtRules: [{ issuer: a, jwks: '{"keys":[]}' }] } }`,
    { calls: [toCatalogue, { ...toCatalogue, protocol: 'tcp' }] },
  );
  assert.match(told(untold).join(), /other tokens are believed/);
  assert.deepEqual([untold.length, unchanged.length], [1, 1]);
});

const GATEWAY = `
kind: Pod
metadata: { name: gate, namespace: library, labels: { security.istio.io/tlsMode: istio },
  annotations: { inject.istio.io/templates: gateway } }
spec: { serviceAccountName: gate }
status: { phase: Running, podIP: 10.24.2.40 }
`;

test('a gateway is judged by what it speaks to a service', () => {
  const calls = [call({ from: 'wl:library/gate' })];
  const { refused } = impact(db('{ mode: DISABLE }'), { mesh: `${STRICT}---${GATEWAY}`, calls });
  assert.match(told(refused).join(), /^wl:library\/gate → .*mutual TLS only/);
});

test('a Telemetry refuses nobody', () => {
  const { unchanged } = impact(
    `{ apiVersion: telemetry.istio.io/v1, kind: Telemetry,
       metadata: { name: t, namespace: library }, spec: { accessLogging: [{ disabled: true }] } }`,
  );
  assert.equal(unchanged.length, CALLS.length);
});

test('a rehearsal begins anew with the mesh as it is', () => {
  const { mesh } = new ReachLibrary(MORE);
  const rehearsal = new Rehearsal(mesh);
  const after = objectOf(db('{ mode: DISABLE }'));
  const edit = { kind: 'DestinationRule', namespace: 'library', name: 'db', before: undefined };
  const refusedBy = (wanted: KubeObject | undefined): number => {
    const steps = rehearsal.impactOf([{ ...edit, after: wanted }], CALLS);
    for (;;) {
      const step = steps.next();
      if (step.done) return step.value?.refused.length ?? -1;
    }
  };
  assert.equal(refusedBy(after), 0);
  apply(mesh, STRICT);
  assert.equal(refusedBy(after), 1, 'what came meanwhile counts');
  assert.equal(refusedBy(undefined), 0, 'what was tried is gone');
  assert.equal(mesh.destinationRuleFor('library', { namespace: 'default', host: 'db' }), undefined);
});
