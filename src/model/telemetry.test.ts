// Which access logs a workload writes: Istio's merging of Telemetry, level by level.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { meshOf } from './mesh-of.ts';
import type { Mesh } from './mesh.ts';

const WORKLOAD = { namespace: 'shop', labels: { app: 'web' } };

const config = (text: string): string => `
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data: { mesh: "${text.replaceAll('"', '\\"')}" }
`;

const PROVIDERS = `{ extensionProviders: [
  { name: a, envoyFileAccessLog: { path: /dev/stderr, logFormat: { text: 'A' } } },
  { name: b, envoyFileAccessLog: { path: /b, logFormat: { labels: { x: '%START_TIME%' } } } },
  { name: p, prometheus: {} }] }`;

const telemetry = (namespace: string, logging: string, more = ''): string => `
---
kind: Telemetry
metadata: { name: t${more === '' ? '' : '-own'}, namespace: ${namespace} }
spec: { ${more} accessLogging: ${logging} }
`;

/** Path → filter, of the logs of one side. */
const logs = (mesh: Mesh, side: 'client' | 'server' = 'server') =>
  Object.fromEntries(
    mesh.telemetry
      .accessLogs(WORKLOAD, side)
      .map((log) => [log.kind === 'file' ? log.path : `${log.service}:${log.port}`, log.filter]),
  );

test('without Telemetry it is as MeshConfig says', () => {
  assert.deepEqual(logs(meshOf('')), { '/dev/stdout': '' });
  assert.deepEqual(logs(meshOf(config('{ accessLogFile: "" }'))), {});
  const [log] = meshOf(config('{ accessLogEncoding: JSON }')).telemetry.accessLogs(
    WORKLOAD,
    'server',
  );
  assert.deepEqual(log?.kind === 'file' && log.format, { kind: 'json', fields: {} });
  const fields = `{ accessLogEncoding: JSON, accessLogFormat: '{"a":"%PROTOCOL%"}' }`;
  const [own] = meshOf(config(fields)).telemetry.accessLogs(WORKLOAD, 'server');
  assert.deepEqual(own?.kind === 'file' && own.format, {
    kind: 'json',
    fields: { a: '%PROTOCOL%' },
  });
});

const CASES: readonly (readonly [string, string, Record<string, string>])[] = [
  [
    'the mesh’s',
    telemetry('istio-system', '[{ providers: [{ name: a }] }]'),
    { '/dev/stderr': '' },
  ],
  [
    'the namespace’s before the mesh’s',
    telemetry('istio-system', '[{ providers: [{ name: a }] }]') +
      telemetry('shop', '[{ providers: [{ name: b }] }]'),
    { '/b': '' },
  ],
  [
    'the workload’s before the namespace’s',
    telemetry('shop', '[{ providers: [{ name: a }] }]') +
      telemetry(
        'shop',
        '[{ providers: [{ name: b }] }]',
        'selector: { matchLabels: { app: web } },',
      ),
    { '/b': '' },
  ],
  [
    'not another workload’s',
    telemetry('shop', '[{ providers: [{ name: a }] }]', 'selector: { matchLabels: { app: db } },'),
    { '/dev/stdout': '' },
  ],
  [
    'several providers',
    telemetry('shop', '[{ providers: [{ name: b }, { name: a }] }]'),
    { '/dev/stderr': '', '/b': '' },
  ],
  [
    'a filter',
    telemetry(
      'shop',
      "[{ providers: [{ name: a }], filter: { expression: 'response.code >= 400' } }]",
    ),
    { '/dev/stderr': 'response.code >= 400' },
  ],
  [
    'disabled below where it was named',
    telemetry('istio-system', '[{ providers: [{ name: a }] }]') +
      telemetry('shop', '[{ disabled: true }]'),
    {},
  ],
  [
    'the built-in provider',
    telemetry('shop', '[{ providers: [{ name: envoy }] }]'),
    { '/dev/stdout': '' },
  ],
  ['a provider of something else', telemetry('shop', '[{ providers: [{ name: p }] }]'), {}],
  [
    'one side only',
    telemetry('shop', '[{ match: { mode: CLIENT }, providers: [{ name: a }] }]'),
    {},
  ],
];

for (const [name, objects, expected] of CASES) {
  test(`logs: ${name}`, () => {
    assert.deepEqual(logs(meshOf(config(PROVIDERS.replaceAll('\n', ' ')) + objects)), expected);
  });
}

test('what is for clients is for no server', () => {
  const objects = telemetry('shop', '[{ match: { mode: CLIENT }, providers: [{ name: a }] }]');
  const mesh = meshOf(config(PROVIDERS.replaceAll('\n', ' ')) + objects);
  assert.deepEqual(logs(mesh, 'client'), { '/dev/stderr': '' });
});

test('MeshConfig’s default providers stand where no Telemetry names any', () => {
  const text = PROVIDERS.replaceAll('\n', ' ').replace(
    '{ ext',
    '{ defaultProviders: { accessLogging: [b] }, ext',
  );
  assert.deepEqual(logs(meshOf(config(text))), { '/b': '' });
  const filtered = telemetry('shop', '[{ disabled: true }]');
  assert.deepEqual(logs(meshOf(config(text) + filtered)), {});
});
