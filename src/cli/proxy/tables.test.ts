// The tables of `proxy-config`, made of the resolver's own goldens: real resources, whole outputs.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import type { JsonValue } from '@bufbuild/protobuf';
import type { ShownResource } from '#controlplane/debug-config.ts';
import { renderClusters, renderEndpoints } from './clusters.ts';
import { renderListeners } from './listeners.ts';
import { renderRoutes } from './routes.ts';
import { groupByProxy, renderProxies } from './status.ts';

function shown(path: string, changes: Partial<ShownResource> = {}): ShownResource {
  const url = new URL(`../../resolve/testdata/${path}.golden`, import.meta.url);
  const resource: JsonValue = JSON.parse(readFileSync(url, 'utf8'));
  const named = typeof resource === 'object' && resource !== null && !Array.isArray(resource);
  const name = named ? (resource['name'] ?? resource['cluster_name']) : '';
  assert(typeof name === 'string');
  return { name, version: 'v', isHeld: true, isAcknowledged: true, resource, ...changes };
}

const tables: Readonly<Record<string, () => string>> = {
  clusters: () =>
    renderClusters([
      shown('library/cluster-by-service-address'),
      shown('library/cluster-inbound', { isAcknowledged: false }),
      shown('library/cluster-inbound-passthrough'),
      shown('library/cluster-passthrough', { rejection: 'no' }),
      shown('library/cluster-tombstone', { isHeld: false, isAcknowledged: false }),
      shown('gateway/cluster-front-v1'),
    ]),
  endpoints: () =>
    renderEndpoints([shown('library/endpoints'), shown('gateway/endpoints-front-v1')]),
  listeners: () =>
    renderListeners([
      shown('library/listener-outbound'),
      shown('library/listener-inbound'),
      shown('gateway/listener-http'),
      shown('gateway/listener-passthrough'),
    ]),
  routes: () => renderRoutes([shown('gateway/routes-http')]),
};

for (const [name, render] of Object.entries(tables)) {
  test(name, (t) => {
    const path = fileURLToPath(new URL(`testdata/${name}.golden`, import.meta.url));
    t.assert.fileSnapshot(render(), path, { serializers: [(text: string) => `${text}\n`] });
  });
}

test('who is connected', (t) => {
  const type = (name: string, names: number, changes = {}) => ({
    typeUrl: `type.googleapis.com/envoy.config.x.v3.${name}`,
    names,
    acknowledged: names,
    due: 0,
    rejections: [],
    ...changes,
  });
  const stream = { remoteAddress: '::ffff:10.24.2.23:40190', connectedAtMs: 0 };
  const id = 'Pod/default/inventory-1';
  const refusal = { name: 'dst|10.0.0.1:80', message: 'unknown filter' };
  const proxies = groupByProxy([
    { ...stream, id, types: [type('Cluster', 3), type('Listener', 2)], connectedAtMs: 60_000 },
    {
      ...stream,
      id: 'WorkloadEntry/default/db-10.128.0.14',
      remoteAddress: '10.128.0.14:51000',
      types: [
        type('Cluster', 2, { acknowledged: 1 }),
        type('ClusterLoadAssignment', 1, { due: 1 }),
        type('TypedExtensionConfig', 4, { rejections: [refusal] }),
      ],
    },
    { ...stream, id, types: [type('MeshAddresses', 1)] },
  ]);
  const path = fileURLToPath(new URL('testdata/status.golden', import.meta.url));
  const said = renderProxies(proxies, 7_500_000);
  t.assert.fileSnapshot(said, path, { serializers: [(text: string) => `${text}\n`] });
  assert.equal(renderProxies([], 0), 'no proxy is connected to this control plane');
});
