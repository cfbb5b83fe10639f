// The exact resources of one small mesh. test/envoy/resolve-validate.test.ts has Envoy read them;
// `node --test --test-update-snapshots src/resolve/golden.test.ts` writes them anew.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { parseAllDocuments } from 'yaml';
import type { WorkloadIdentity } from '#base/workload-identity.ts';
import type { KubeObject } from '#kube/objects.ts';
import * as kube from '#kube/resources.ts';
import { createMesh } from '#model/mesh.ts';
import { MeshCatalog } from './catalog.ts';
import { renderGolden } from './golden.ts';
import { TYPE_URL } from './names.ts';
import { ask } from './simulate-call.ts';

const TYPES = [
  kube.AUTHORIZATION_POLICY,
  kube.CONFIG_MAP,
  kube.PEER_AUTHENTICATION,
  kube.POD,
  kube.SERVICE_ENTRY,
  kube.WORKLOAD_ENTRY,
];

const INPUT = new URL('testdata/library/input.yaml', import.meta.url);

async function library(): Promise<MeshCatalog> {
  const mesh = createMesh();
  for (const document of parseAllDocuments(await readFile(INPUT, 'utf8'))) {
    const object: KubeObject = document.toJS();
    const type = TYPES.find(({ kind }) => kind === object.kind);
    assert(type, `an object of a known kind: ${String(document)}`);
    mesh.ingest(type, object, 'applied');
  }
  mesh.commit();
  assert.deepEqual([...mesh.rejections.entries()], []);
  return new MeshCatalog(mesh);
}

const identity = (
  kind: 'Pod' | 'WorkloadEntry',
  name: string,
  serviceAccount: string,
): WorkloadIdentity => ({
  trustDomain: 'cluster.local',
  namespace: 'default',
  serviceAccount,
  workload: { kind, name },
});
const client = identity('Pod', 'inventory-1', 'inventory');
const server = identity('WorkloadEntry', 'postgresql-1', 'postgresql');

const { cluster, endpoints, extension, listener, meshAddresses } = TYPE_URL;

/** File → whose, and which resource. */
const GOLDENS: Readonly<Record<string, readonly [WorkloadIdentity, string, string]>> = {
  'listener-outbound': [client, listener, 'virtualOutbound'],
  'listener-inbound': [server, listener, 'virtualInbound'],
  'cluster-by-service-address': [client, cluster, 'dst|240.240.0.5:5432'],
  'cluster-by-workload-address': [client, cluster, 'dst|10.128.0.14:5432'],
  'cluster-tombstone': [client, cluster, 'dst|240.240.0.5:9999'],
  'cluster-passthrough': [client, cluster, 'dst|10.9.9.9:80'],
  'cluster-inbound': [server, cluster, 'inbound|5432||'],
  'cluster-inbound-passthrough': [server, cluster, 'InboundPassthroughCluster'],
  endpoints: [client, endpoints, 'outbound|5432||postgresql-1-vm.default.svc.cluster.local'],
  'extension-allow-5432': [server, extension, 'rbac-allow|5432'],
  'extension-allow-passthrough': [server, extension, 'rbac-allow|passthrough'],
  'extension-authorizer': [server, extension, 'rbac-authorizer'],
  'extension-custom-5432': [server, extension, 'rbac-custom|5432'],
  'extension-deny-5432': [server, extension, 'rbac-deny|5432'],
  'mesh-addresses': [client, meshAddresses, 'mesh'],
};

for (const [file, [proxy, typeUrl, name]] of Object.entries(GOLDENS)) {
  test(`${file} is as it was`, async (t) => {
    const answer = ask(await library(), { proxy, typeUrl, name });
    assert(answer, `${name} is there`);
    const path = new URL(`testdata/library/${file}.golden`, import.meta.url);
    t.assert.fileSnapshot(renderGolden(typeUrl, answer), path.pathname, {
      serializers: [(text: string) => text],
    });
  });
}

test('the same state has the same bytes, in whatever order it came about', async () => {
  const versions = async (): Promise<readonly string[]> => {
    const catalog = await library();
    return Object.values(GOLDENS).map(
      ([proxy, typeUrl, name]) => ask(catalog, { proxy, typeUrl, name })?.version ?? '',
    );
  };
  assert.deepEqual(await versions(), await versions());
});
