// A Kubernetes API for tests of the control plane: the embedded server; or the cluster that
// $ISTHMUS_TEST_KUBECONFIG leads to as an administrator, with what deploy/rbac.yaml gives isthmusd
// there, and no more.
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';
import type { KubeClient } from '#kube/client.ts';
import { createKubeClient } from '#kube/https-client.ts';
import { loadKubeconfig } from '#kube/kubeconfig.ts';
import { isKubeObject, type KubeObject } from '#kube/objects.ts';
import { NAMESPACE, SERVICE_ACCOUNT, type ResourceType } from '#kube/resources.ts';
import { isAlreadyExists } from '#kube/status.ts';
import { ApiServerProcess } from './api-server.ts';

const RBAC = fileURLToPath(new URL('../../deploy/rbac.yaml', import.meta.url));
const CONTROL_PLANE = { namespace: 'istio-system', name: 'istiod' };
const TOKEN_SECONDS = 3600;

export type TestCluster = AsyncDisposable & {
  /** An administrator's. */
  readonly kubeconfig: string;
  /** Of isthmusd. */
  readonly controlPlaneKubeconfig: string;
  /** The administrator's. */
  readonly kube: KubeClient;
  /** Who that is, by the certificate in the file. */
  readonly administrator: { readonly name: string; readonly isMaster: boolean };
};

export const rbacType = (kind: string, namespaced: boolean): ResourceType => ({
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  plural: `${kind.toLowerCase()}s`,
  kind,
  namespaced,
});

export async function startTestCluster(): Promise<TestCluster> {
  const given = process.env['ISTHMUS_TEST_KUBECONFIG'];
  if (given !== undefined) return await realCluster(given);
  const server = await ApiServerProcess.start();
  return {
    kubeconfig: server.kubeconfig,
    controlPlaneKubeconfig: join(dirname(server.kubeconfig), 'isthmusd.kubeconfig'),
    kube: await server.client(),
    administrator: { name: 'kubernetes-admin', isMaster: false },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

async function realCluster(kubeconfig: string): Promise<TestCluster> {
  const config = await loadKubeconfig(kubeconfig);
  const kube = createKubeClient(config);
  const folder = await mkdtemp(join(tmpdir(), 'cluster-'));
  const { namespace } = CONTROL_PLANE;
  await ensure(kube, NAMESPACE, { metadata: { name: namespace } });
  await ensure(kube, SERVICE_ACCOUNT, { metadata: CONTROL_PLANE });
  for (const document of parseAllDocuments(readFileSync(RBAC, 'utf8'))) {
    const object: unknown = document.toJS();
    if (!isKubeObject(object)) throw new Error(`${RBAC} has something that is no object`);
    const kind = object.kind ?? '';
    await ensure(kube, rbacType(kind, !kind.startsWith('Cluster')), object);
  }
  const options = { audiences: [], expirationSeconds: TOKEN_SECONDS };
  const { token } = await kube.createToken(CONTROL_PLANE, options);
  const controlPlaneKubeconfig = join(folder, 'isthmusd.kubeconfig');
  await writeFile(controlPlaneKubeconfig, renderKubeconfig(config, token), { mode: 0o600 });
  return {
    kubeconfig,
    controlPlaneKubeconfig,
    kube,
    administrator: administratorOf(config.credentials.certificate?.certificatePem ?? ''),
    async [Symbol.asyncDispose]() {
      kube.close();
      await rm(folder, { recursive: true });
    },
  };
}

function administratorOf(certificatePem: string): TestCluster['administrator'] {
  const { subject } = new X509Certificate(certificatePem);
  const [, name = ''] = /^CN=(.*)$/m.exec(subject) ?? [];
  return { name, isMaster: /^O=system:masters$/m.test(subject) };
}

/** JSON is YAML. */
function renderKubeconfig(
  { server, caPem = '' }: { readonly server: string; readonly caPem: string | undefined },
  token: string,
): string {
  const authority = Buffer.from(caPem).toString('base64');
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'real', cluster: { server, 'certificate-authority-data': authority } }],
    users: [{ name: 'isthmusd', user: { token } }],
    contexts: [{ name: 'real', context: { cluster: 'real', user: 'isthmusd' } }],
    'current-context': 'real',
  });
}

type Made = Pick<KubeObject, 'metadata'> & { readonly [field: string]: unknown };

/** Made, or made to be so. */
export async function ensure(kube: KubeClient, type: ResourceType, object: Made): Promise<void> {
  try {
    await kube.create(type, object);
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    await kube.patch(type, object.metadata, object, { kind: 'merge' });
  }
}
