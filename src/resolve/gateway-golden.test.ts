// The exact resources of the library's gateway. test/envoy/gateway-validate.test.ts has Envoy read
// them; `node --test --test-update-snapshots src/resolve/gateway-golden.test.ts` writes them anew.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { isKubeObject } from '#kube/objects.ts';
import * as kube from '#kube/resources.ts';
import { createMesh } from '#model/mesh.ts';
import { MeshCatalog } from './catalog.ts';
import { renderGolden } from './golden.ts';
import { TYPE_URL } from './names.ts';
import { ask } from './simulate-call.ts';
import { tablesOf } from './simulate-gateway.ts';

const TYPES = [kube.DESTINATION_RULE, kube.GATEWAY, kube.POD, kube.SERVICE, kube.VIRTUAL_SERVICE];

/** Those of the library are its users' own: whatever they say is taken. */
const MANIFESTS = [
  'testdata/gateway/input.yaml',
  '../../library/manifests/gateway.yaml',
  '../../library/manifests/front.yaml',
];

async function catalogOf(): Promise<MeshCatalog> {
  const mesh = createMesh();
  for (const path of MANIFESTS) {
    const text = await readFile(new URL(path, import.meta.url), 'utf8');
    for (const document of parseAllDocuments(text)) {
      const object: unknown = document.toJS();
      assert(isKubeObject(object), String(document));
      const type = TYPES.find(({ kind }) => kind === object.kind);
      if (type) mesh.ingest(type, object, 'applied');
    }
  }
  mesh.commit();
  assert.deepEqual([...mesh.rejections.entries()], []);
  assert.deepEqual([...mesh.remarks.entries()], [], 'all that they say is acted on');
  return new MeshCatalog(mesh);
}

const proxy = {
  trustDomain: 'cluster.local',
  namespace: 'istio-system',
  serviceAccount: 'istio-ingressgateway',
  workload: { kind: 'Pod', name: 'istio-ingressgateway-1' },
} as const;

const FRONT = 'front.library.svc.cluster.local';
const ISTIOD = 'istiod.istio-system.svc.cluster.local';
const { cluster, endpoints, extension, listener, routes } = TYPE_URL;

/** File → which resource. */
const GOLDENS: Readonly<Record<string, readonly [typeUrl: string, name: string]>> = {
  'listener-http': [listener, '0.0.0.0_8080'],
  'listener-passthrough': [listener, '0.0.0.0_15012'],
  'routes-http': [routes, 'http.8080'],
  'cluster-front': [cluster, `outbound|80||${FRONT}`],
  'cluster-front-v1': [cluster, `outbound|80|v1|${FRONT}`],
  'cluster-istiod': [cluster, `outbound|15012||${ISTIOD}`],
  'endpoints-front-v1': [endpoints, `outbound|80|v1|${FRONT}`],
  'extension-http-8080': [extension, 'http-policy|8080'],
  'extension-allow-15012': [extension, 'rbac-allow|15012'],
  'extension-deny-15012': [extension, 'rbac-deny|15012'],
};

for (const [file, [typeUrl, name]] of Object.entries(GOLDENS)) {
  test(`${file} is as it was`, async (t) => {
    const answer = ask(await catalogOf(), { proxy, typeUrl, name });
    assert(answer, `${name} is there`);
    const path = new URL(`testdata/gateway/${file}.golden`, import.meta.url);
    t.assert.fileSnapshot(renderGolden(typeUrl, answer), path.pathname, {
      serializers: [(text: string) => text],
    });
  });
}

test('every listener and cluster of the gateway has its golden', async () => {
  const listed = tablesOf(await catalogOf(), proxy).map(([, { name }]) => name);
  const covered = Object.values(GOLDENS)
    .filter(([typeUrl]) => typeUrl === listener || typeUrl === cluster)
    .map(([, name]) => name);
  assert.deepEqual(listed.toSorted(), covered.toSorted());
});
