// Which spans a workload's proxy reports: Istio's merging of Telemetry, and MeshConfig below it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { meshOf } from './mesh-of.ts';
import type { Tracing } from './tracing.ts';

const WORKLOAD = { namespace: 'shop', labels: { app: 'web', version: 'v3' } };

const PROVIDERS = `extensionProviders: [
  { name: a, opentelemetry: { service: a.obs, port: 4317 } },
  { name: b, opentelemetry: { service: b.obs, port: 4318, maxTagLength: 64, http: { path: x } } },
  { name: logs, envoyFileAccessLog: { path: /dev/stdout } }]`.replaceAll('\n', ' ');

const config = (more = ''): string => `
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data: { mesh: "{ ${PROVIDERS}${more} }" }
`;

const telemetry = (namespace: string, tracing: string, more = ''): string => `
---
kind: Telemetry
metadata: { name: t${more === '' ? '' : '-own'}, namespace: ${namespace} }
spec: { ${more} tracing: ${tracing} }
`;

const tracing = (yaml: string, side: 'client' | 'server' = 'client'): Tracing | undefined =>
  meshOf(yaml).telemetry.tracing(WORKLOAD, side);

const MESH = telemetry('istio-system', '[{ providers: [{ name: a }] }]');
const OWN = 'selector: { matchLabels: { app: web } },';

test('without a provider there are no spans', () => {
  assert.equal(tracing(config()), undefined);
  assert.equal(tracing(config(', enableTracing: true')), undefined);
  assert.equal(tracing(config() + telemetry('shop', '[{ providers: [{ name: no }] }]')), undefined);
  assert.equal(
    tracing(config() + telemetry('shop', '[{ providers: [{ name: logs }] }]')),
    undefined,
  );
  assert.equal(
    tracing(config() + telemetry('shop', '[{ randomSamplingPercentage: 5 }]')),
    undefined,
  );
});

test('MeshConfig’s default provider, with Istio’s sampling, tags and service name', () => {
  const found = tracing(config(', defaultProviders: { tracing: [a, b] }'));
  assert.equal(found?.tracer.service, 'a.obs');
  assert.equal(found.sampling, 1);
  assert.equal(found.service, 'web.shop');
  assert.deepEqual(
    found.tags.map((tag) => [tag.name, tag.kind === 'literal' ? tag.value : '']),
    [
      ['istio.canonical_revision', 'v3'],
      ['istio.canonical_service', 'web'],
      ['istio.cluster_id', 'Kubernetes'],
      ['istio.mesh_id', 'cluster.local'],
      ['istio.namespace', 'shop'],
    ],
  );
});

test('the namespace’s before the mesh’s, the workload’s before both, field by field', () => {
  const shop = telemetry(
    'shop',
    '[{ providers: [{ name: b }], randomSamplingPercentage: 50, enableIstioTags: false }]',
  );
  const own = telemetry('shop', '[{ randomSamplingPercentage: 0 }]', OWN);
  const found = tracing(config() + MESH + shop + own);
  assert.equal(found?.tracer.service, 'b.obs');
  assert.equal(found.tracer.path, '/x');
  assert.equal(found.sampling, 0);
  assert.equal(found.maxTagLength, 64);
  assert.deepEqual(found.tags, []);
});

test('for one side, and switched off below', () => {
  const clients = telemetry(
    'shop',
    '[{ match: { mode: CLIENT }, disableSpanReporting: true }, { disableContextPropagation: true }]',
  );
  assert.equal(tracing(config() + MESH + clients), undefined);
  assert.equal(tracing(config() + MESH + clients, 'server')?.keepsContext, true);
});

test('tags: the user’s beside and before Istio’s, Telemetry’s instead of MeshConfig’s', () => {
  const ofMesh = `, defaultConfig: { tracing: { sampling: 7, maxPathTagLength: 99,
    customTags: { m: { literal: { value: x } } } } }`.replaceAll('\n', ' ');
  const first = tracing(config(ofMesh) + MESH);
  assert.equal(first?.sampling, 7);
  assert.equal(first.maxTagLength, 99);
  assert.equal(first.tags.at(-1)?.name, 'm');
  const custom = `[{ customTags: { "istio.namespace": { literal: { value: mine } },
    h: { header: { name: x-user } } } }]`;
  const second = tracing(config(ofMesh) + MESH + telemetry('shop', custom));
  assert.deepEqual(
    second?.tags.filter(({ name }) => !name.startsWith('istio.c')),
    [
      { name: 'h', kind: 'header', header: 'x-user', otherwise: '' },
      { name: 'istio.mesh_id', kind: 'literal', value: 'cluster.local' },
      { name: 'istio.namespace', kind: 'literal', value: 'mine' },
    ],
  );
});

test('what Envoy would refuse is not in force', () => {
  const rejected = (tags: string): readonly string[] =>
    [...meshOf(telemetry('shop', `[{ customTags: ${tags} }]`)).rejections.entries()].flatMap(
      ([, { violations }]) => violations.map(({ field, message }) => `${field}: ${message}`),
    );
  assert.match(rejected('{ a: { header: { name: "x y" } } }')[0] ?? '', /no name of a header/);
  assert.match(
    rejected('{ a: { formatter: { value: "%NOPE%" } } }')[0] ?? '',
    /customTags\[a\]\.formatter\.value: .*knows no operator NOPE/,
  );
});
