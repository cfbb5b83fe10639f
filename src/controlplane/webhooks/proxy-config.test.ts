import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readProxyConfig } from './proxy-config.ts';

test("a Pod's own settings of its proxy become its agent's", () => {
  const text = `
concurrency: 2
drainDuration: 5s
holdApplicationUntilProxyStarts: true
tracing: {zipkin: {address: z:9411}}
proxyMetadata:
  ISTIO_META_ROUTER_MODE: sni-dnat
  ISTIO_META_DNS_CAPTURE: "false"
`;
  assert.deepEqual(readProxyConfig(text), {
    ok: true,
    holdsApplication: true,
    env: {
      ISTHMUS_CONCURRENCY: '2',
      ISTHMUS_DRAIN_DURATION: '5s',
      ISTIO_META_ROUTER_MODE: 'sni-dnat',
      ISTIO_META_DNS_CAPTURE: 'false',
    },
  });
  assert.deepEqual(readProxyConfig(''), { ok: true, env: {}, holdsApplication: false });
  assert.deepEqual(readProxyConfig('{"concurrency":1}').ok, true);
});

test('what the mesh says holds where the Pod does not say', () => {
  const defaults = {
    concurrency: 4,
    drainDuration: '9s',
    proxyMetadata: { A: 'a', B: 'b' },
  };
  assert.deepEqual(readProxyConfig('concurrency: 2\nproxyMetadata: { B: own }', defaults), {
    ok: true,
    holdsApplication: false,
    env: { ISTHMUS_CONCURRENCY: '2', ISTHMUS_DRAIN_DURATION: '9s', A: 'a', B: 'own' },
  });
});

test('what cannot be meant is refused, naming the annotation', () => {
  const rows: readonly (readonly [string, RegExp])[] = [
    ['- a', /proxy\.istio\.io\/config is not a YAML object/],
    ['a: b: c', /is not a YAML object/],
    ['concurrency: {}', /has a bad concurrency/],
    ['holdApplicationUntilProxyStarts: maybe', /has a bad holdApplicationUntilProxyStarts/],
    ['proxyMetadata: {"A B": c}', /has bad proxyMetadata "A B"/],
    ['proxyMetadata: {A: {b: c}}', /has bad proxyMetadata "A"/],
  ];
  for (const [text, expected] of rows) {
    const config = readProxyConfig(text);
    assert.match(config.ok ? 'accepted' : config.problem, expected, text);
  }
});
