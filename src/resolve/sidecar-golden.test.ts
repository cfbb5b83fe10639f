// The exact resources of a sidecar that calls services by HTTP. test/envoy/sidecar-validate.test.ts
// has Envoy read them; `node --test --test-update-snapshots src/resolve/sidecar-golden.test.ts`
// writes them anew.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { meshOf } from '#model/mesh-of.ts';
import { MeshCatalog } from './catalog.ts';
import { renderGolden } from './golden.ts';
import { TYPE_URL } from './names.ts';
import { ask } from './simulate-call.ts';

const CLIENT = {
  trustDomain: 'cluster.local',
  namespace: 'shop',
  serviceAccount: 'web',
  workload: { kind: 'Pod', name: 'web-1' },
} as const;

const INPUT = new URL('testdata/http/input.yaml', import.meta.url);
const { cluster, endpoints, listener, routes, virtualHost } = TYPE_URL;

/** File → which resource. */
const GOLDENS: Readonly<Record<string, readonly [typeUrl: string, name: string]>> = {
  'listener-http': [listener, '0.0.0.0_80'],
  'listener-tcp': [listener, '10.96.0.3_80'],
  'routes-http': [routes, '80'],
  'virtual-host-service': [virtualHost, '80/web.shop'],
  'virtual-host-address': [virtualHost, '80/10.96.0.1'],
  'virtual-host-unknown': [virtualHost, '80/nowhere.example.com:80'],
  'cluster-http': [cluster, 'outbound|80||web.shop.svc.cluster.local'],
  'cluster-grpc': [cluster, 'outbound|9000||api.shop.svc.cluster.local'],
  'cluster-undeclared': [cluster, 'outbound|7000||odd.shop.svc.cluster.local'],
  'cluster-passthrough': [cluster, 'PassthroughCluster'],
  'endpoints-http': [endpoints, 'outbound|80||web.shop.svc.cluster.local'],
};

for (const [file, [typeUrl, name]] of Object.entries(GOLDENS)) {
  test(`${file} is as it was`, async (t) => {
    const catalog = new MeshCatalog(meshOf(await readFile(INPUT, 'utf8')));
    const answer = ask(catalog, { proxy: CLIENT, typeUrl, name });
    assert(answer, `${name} is there`);
    const path = new URL(`testdata/http/${file}.golden`, import.meta.url);
    t.assert.fileSnapshot(renderGolden(typeUrl, answer), path.pathname, {
      serializers: [(text: string) => text],
    });
  });
}
