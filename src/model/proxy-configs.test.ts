// How the proxy of a workload is to run: scope by scope, field by field.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apply, meshOf } from './mesh-of.ts';

const proxyConfig = (name: string, namespace: string, spec: string): string => `
kind: ProxyConfig
metadata: { name: ${name}, namespace: ${namespace} }
spec: ${spec}
`;

test('the mesh, its root namespace, the workload’s namespace, the workload: later ones win', () => {
  const mesh = meshOf(
    [
      `
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data: { mesh: "defaultConfig: { concurrency: 1, drainDuration: 9s, proxyMetadata: { A: a, B: b } }" }
`,
      proxyConfig('root', 'istio-system', '{ concurrency: 2, environmentVariables: { B: root } }'),
      proxyConfig('shop', 'shop', '{ concurrency: 3 }'),
      proxyConfig('web', 'shop', '{ selector: { matchLabels: { app: web } }, concurrency: 4 }'),
    ].join('---'),
  );
  const concurrency = (namespace: string, app: string): unknown =>
    mesh.proxySettings(namespace, { app })['concurrency'];
  assert.equal(concurrency('other', 'web'), 2);
  assert.equal(concurrency('shop', 'db'), 3);
  assert.equal(concurrency('shop', 'web'), 4);
  assert.deepEqual(mesh.proxySettings('shop', {}), {
    concurrency: 3,
    drainDuration: '9s',
    proxyMetadata: { A: 'a', B: 'root' },
  });
  assert.equal(mesh.remarks.size, 0);
});

test('an image is not chosen by it, and that is told', () => {
  const mesh = meshOf(proxyConfig('a', 'shop', '{ image: { imageType: debug } }'));
  const [[, { remarks }] = ['', { remarks: [] }]] = [...mesh.remarks.entries()];
  assert.deepEqual(
    remarks.map(({ field }) => field),
    ['spec.image'],
  );
  apply(mesh, proxyConfig('a', 'shop', '{}'));
  assert.equal(mesh.remarks.size, 0);
});
