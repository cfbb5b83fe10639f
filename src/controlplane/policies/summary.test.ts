import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parse } from 'yaml';
import { isKubeObject, type KubeObject } from '#kube/objects.ts';
import { apply, meshOf } from '#model/mesh-of.ts';
import { LIBRARY } from '#reach/fake-library.ts';
import { NO_HITS } from './hits.ts';
import { summaryOf } from './summary.ts';

const API: Readonly<Record<string, string>> = {
  MeshPolicy: 'authentication.istio.io/v1alpha1',
  Policy: 'authentication.istio.io/v1alpha1',
  PeerAuthentication: 'security.istio.io/v1',
  Telemetry: 'telemetry.istio.io/v1',
};

function object(kind: string, name: string, spec: string, namespace = 'library'): KubeObject {
  const written: unknown = parse(
    `{ apiVersion: ${API[kind] ?? 'networking.istio.io/v1'}, kind: ${kind},
       metadata: { name: ${name}, ${kind === 'MeshPolicy' ? '' : `namespace: ${namespace},`}
                   creationTimestamp: '2026-01-0${name.length % 9}T00:00:00Z' },
       spec: ${spec} }`,
  );
  assert(isKubeObject(written));
  return written;
}

/** Of the first of these, in a mesh that has them all. */
function summary(...objects: readonly [KubeObject, ...KubeObject[]]) {
  const mesh = meshOf(LIBRARY);
  apply(mesh, objects.map((one) => JSON.stringify(one)).join('\n---\n'));
  const parts = { mesh, peers: objects, hits: NO_HITS, writtenBy: '' };
  const { scope, targets, effect, conflicts } = summaryOf(objects[0], parts);
  return { scope, targets, effect, conflicts };
}

const HOST = 'catalogue.library.svc.cluster.local';
const ALL = ['default/postgresql-1-vm', 'library/catalogue-1', 'library/inventory', 'old/legacy'];

describe('a policy in one row', () => {
  const rows: readonly (readonly [string, KubeObject, ReturnType<typeof summary>])[] = [
    [
      'a DestinationRule is about a host, by its short name, too',
      object(
        'DestinationRule',
        'c',
        `{ host: catalogue, subsets: [{ name: v1, labels: { app: catalogue } }],
           trafficPolicy: { tls: { mode: DISABLE },
                            connectionPool: { tcp: { maxConnections: 1 } } } }`,
      ),
      {
        scope: 'catalogue',
        targets: ['library/catalogue-1'],
        effect: 'TLS DISABLE, limits, 1 subset',
        conflicts: [],
      },
    ],
    [
      'a host that nobody has',
      object('DestinationRule', 'c', '{ host: ratings }'),
      {
        scope: 'ratings',
        targets: [],
        effect: 'says nothing',
        conflicts: ['nothing in the mesh is called ratings.library.svc.cluster.local'],
      },
    ],
    [
      'a VirtualService, for those to whom it leads',
      object(
        'VirtualService',
        'c',
        `{ hosts: [db.default.svc.cluster.local],
           tcp: [{ route: [{ destination: { host: ${HOST}, subset: v2 } }] }] }`,
      ),
      {
        scope: 'db.default.svc.cluster.local',
        targets: ['library/catalogue-1'],
        effect: '1 TCP route',
        conflicts: [`no DestinationRule has a subset v2 of ${HOST}`],
      },
    ],
    [
      'a Sidecar',
      object(
        'Sidecar',
        'c',
        `{ workloadSelector: { labels: { app: inventory } },
           outboundTrafficPolicy: { mode: REGISTRY_ONLY }, egress: [{ hosts: ['default/*'] }] }`,
      ),
      {
        scope: 'app=inventory',
        targets: ['library/inventory'],
        effect: 'REGISTRY_ONLY, sees default/*',
        conflicts: [],
      },
    ],
    [
      'a MeshPolicy',
      object('MeshPolicy', 'default', '{ peers: [{ mtls: {} }] }'),
      { scope: 'mesh', targets: ALL, effect: 'STRICT', conflicts: [] },
    ],
    [
      'a Policy for a service',
      object('Policy', 'pg', '{ targets: [{ name: db }], peers: [] }', 'default'),
      { scope: 'db', targets: ['default/postgresql-1-vm'], effect: 'DISABLE', conflicts: [] },
    ],
    [
      'a Telemetry',
      object('Telemetry', 't', '{ accessLogging: [{ disabled: true }] }'),
      {
        scope: 'namespace',
        targets: ['library/catalogue-1', 'library/inventory'],
        effect: 'access logs',
        conflicts: [],
      },
    ],
    [
      'a PeerAuthentication that selects in the root namespace is for nobody',
      object(
        'PeerAuthentication',
        'p',
        '{ selector: { matchLabels: { app: db } }, mtls: { mode: STRICT } }',
        'istio-system',
      ),
      { scope: 'app=db', targets: [], effect: 'STRICT', conflicts: [] },
    ],
  ];
  for (const [title, one, expected] of rows) {
    test(title, () => {
      assert.deepEqual(summary(one), expected);
    });
  }
});

test('a PeerAuthentication goes before the kinds that it has replaced', () => {
  const old = object('MeshPolicy', 'default', '{ peers: [{ mtls: {} }] }');
  const mesh = object('PeerAuthentication', 'p', '{ mtls: { mode: STRICT } }', 'istio-system');
  const [conflict] = summary(old, mesh).conflicts;
  assert.match(conflict ?? '', /^PeerAuthentication istio-system\/p .* goes before it$/);
  const ofService = object('Policy', 'pg', '{ targets: [{ name: db }] }', 'default');
  assert.deepEqual(summary(ofService, mesh).conflicts, [], 'that of the mesh is wider');
  const selecting = object(
    'PeerAuthentication',
    'p',
    '{ selector: { matchLabels: { app: db } }, mtls: { mode: STRICT } }',
    'default',
  );
  assert.equal(summary(ofService, selecting).conflicts.length, 1);
});

test('of several for one host, or of one scope, the oldest counts', () => {
  const rule = (name: string): KubeObject =>
    object('DestinationRule', name, `{ host: ${HOST}, trafficPolicy: { tls: { mode: SIMPLE } } }`);
  assert.match(summary(rule('bb'), rule('a')).conflicts[0] ?? '', /^library\/a is .* older/);
  assert.match(summary(rule('a'), rule('bb')).conflicts[0] ?? '', /of bb does not count/);
  const routes = (name: string): KubeObject =>
    object('VirtualService', name, `{ hosts: [${HOST}], http: [{ redirect: { uri: /x } }] }`);
  assert.match(summary(routes('bb'), routes('a')).conflicts[0] ?? '', /^library\/a .* instead$/);
  const sidecar = (name: string): KubeObject =>
    object('Sidecar', name, "{ egress: [{ hosts: ['*/*'] }] }");
  assert.match(summary(sidecar('bb'), sidecar('a')).conflicts[0] ?? '', /this one does not count/);
});

test('what is not in force says why', () => {
  const [conflict] = summary(object('DestinationRule', 'c', '{ hots: x }')).conflicts;
  assert.match(conflict ?? '', /^not in force as it is: .*spec.hots/);
});
