// Which access logs a workload writes, and which metrics it tells: Istio's merging of Telemetry,
// level by level.
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

const metrics = (namespace: string, entries: string, more = ''): string => `
---
kind: Telemetry
metadata: { name: m${more === '' ? '' : '-own'}, namespace: ${namespace} }
spec: { ${more} metrics: ${entries} }
`;

/** `client REQUEST_COUNT` → what is said of it. */
const rules = (objects: string): Readonly<Record<string, string>> => {
  const mesh = meshOf(objects);
  assert.deepEqual([...mesh.rejections.entries()], []);
  return Object.fromEntries(
    mesh.telemetry
      .metrics(WORKLOAD)
      .map(({ side, metric, isDisabled, tags }) => [
        `${side} ${metric}`,
        [
          ...(isDisabled ? ['off'] : []),
          ...tags.map(({ name, value }) => `${name}=${value ?? '-'}`),
        ].join(' '),
      ]),
  );
};

const OFF = '[{ overrides: [{ disabled: true }] }]';
const PATHS = "{ tagOverrides: { path: { value: 'request.path' } } }";

test('of metrics nothing is said unless a Telemetry does', () => {
  assert.deepEqual(rules(''), {});
  assert.deepEqual(rules(metrics('elsewhere', OFF)), {});
});

test('an override of one metric and one side is for that alone', () => {
  const match = '{ metric: TCP_SENT_BYTES, mode: CLIENT }';
  const said = rules(metrics('shop', `[{ overrides: [{ match: ${match}, disabled: true }] }]`));
  assert.deepEqual(said, { 'client TCP_SENT_BYTES': 'off' });
});

test('without a match it is for all of both sides', () => {
  const said = rules(metrics('shop', OFF));
  assert.equal(Object.keys(said).length, 16);
  assert.deepEqual(new Set(Object.values(said)), new Set(['off']));
});

test('narrower ones have the last word, metric by metric and tag by tag', () => {
  const own = `[{ overrides: [
    { match: { metric: REQUEST_COUNT, mode: SERVER }, disabled: false,
      tagOverrides: { path: { operation: REMOVE }, host: { value: request.host } } } ] }]`;
  const said = rules(
    metrics('istio-system', OFF) +
      metrics('shop', `[{ overrides: [${PATHS}] }]`) +
      metrics('shop', own, 'selector: { matchLabels: { app: web } },'),
  );
  assert.equal(said['server REQUEST_COUNT'], 'host=request.host path=-');
  assert.equal(said['client REQUEST_COUNT'], 'off path=request.path');
});

test('within one, what stands later', () => {
  const twice = `[{ overrides: [{ disabled: true }, { match: { metric: REQUEST_SIZE }, disabled: false }] }]`;
  const said = rules(metrics('shop', twice));
  assert.equal(said['client REQUEST_SIZE'], undefined);
  assert.equal(said['client RESPONSE_SIZE'], 'off');
});

test('what nothing here acts on is said, and the rest is in force', () => {
  const mesh = meshOf(
    metrics(
      'shop',
      `[{ providers: [{ name: stackdriver }], overrides: [{ disabled: true }] },
        { providers: [{ name: prometheus }], reportingInterval: 5s, overrides: [
          { match: { customMetric: mine }, disabled: true },
          { match: { metric: GRPC_REQUEST_MESSAGES }, disabled: true },
          { match: { metric: REQUEST_COUNT }, tagOverrides: {
              'a-b': { value: "'x'" }, pod: { value: "'x'" }, reporter: { operation: REMOVE },
              node: { value: "node.metadata['X']" }, good: { value: "'x'" } } }] }]`,
    ),
  );
  assert.deepEqual(
    mesh.telemetry
      .metrics(WORKLOAD)
      .map(({ side, metric, tags }) => [side, metric, tags.map(({ name }) => name).join()]),
    [
      ['client', 'REQUEST_COUNT', 'good,reporter'],
      ['server', 'REQUEST_COUNT', 'good,reporter'],
    ],
  );
  const [[, remarks] = []] = [...mesh.remarks.entries()];
  assert.deepEqual(
    remarks?.remarks.map(({ field }) => field.replace('spec.metrics', '')),
    [
      '[0].providers',
      '[1].reportingInterval',
      '[1].overrides[0].match.customMetric',
      '[1].overrides[1].match.metric',
      '[1].overrides[2].tagOverrides[a-b]',
      '[1].overrides[2].tagOverrides[pod]',
      '[1].overrides[2].tagOverrides[node]',
    ],
  );
});
