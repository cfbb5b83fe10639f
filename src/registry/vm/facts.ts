// What the mesh says to every machine that joins it: its root, its settings, the way in.
import { parse as parseYaml } from 'yaml';
import { OperatorError } from '#base/operator-error.ts';
import type { KubeClient } from '#kube/client.ts';
import { isRecord } from '#kube/objects.ts';
import { CONFIG_MAP, SERVICE } from '#kube/resources.ts';
import { isNotFound } from '#kube/status.ts';
import { findGateway } from './gateway.ts';

type Reader = Pick<KubeClient, 'get' | 'list'>;

const MESH_NAMESPACE = 'istio-system';

/** @throws OperatorError NOT_FOUND when nothing leads to the control plane from outside */
export async function discoverGateway(client: Reader, signal: AbortSignal): Promise<string> {
  const { items } = await client.list(SERVICE, { namespace: MESH_NAMESPACE, signal });
  return findGateway(items, MESH_NAMESPACE);
}

/** @throws OperatorError CONFIG_INVALID while nobody has published it */
export async function readRootCertificate(
  client: Reader,
  namespace: string,
  signal: AbortSignal,
): Promise<string> {
  const data = await readConfigMap(client, { namespace, name: 'istio-ca-root-cert' }, signal);
  const pem = data?.['root-cert.pem'];
  if (typeof pem === 'string' && pem !== '') return pem;
  throw new OperatorError('CONFIG_INVALID', `${namespace} has no root certificate of the mesh`, {
    remedy: 'start isthmusd: it puts ConfigMap istio-ca-root-cert into every namespace',
  });
}

/** A mesh without settings has the defaults; one with settings that do not parse says so itself. */
export async function readMeshSettings(client: Reader, signal: AbortSignal) {
  const data = await readConfigMap(client, { namespace: MESH_NAMESPACE, name: 'istio' }, signal);
  const mesh = parseMesh(data?.['mesh']);
  const { trustDomain = 'cluster.local', defaultConfig } = mesh;
  return {
    trustDomain: String(trustDomain),
    proxyConfig: isRecord(defaultConfig) ? defaultConfig : {},
  };
}

function parseMesh(text: unknown): Record<string, unknown> {
  try {
    const mesh: unknown = parseYaml(typeof text === 'string' ? text : '');
    return isRecord(mesh) ? mesh : {};
  } catch (cause) {
    throw new OperatorError('CONFIG_INVALID', "the mesh's settings are not YAML", {
      remedy: `mend key mesh of ConfigMap ${MESH_NAMESPACE}/istio`,
      cause,
    });
  }
}

async function readConfigMap(
  client: Reader,
  ref: { readonly namespace: string; readonly name: string },
  signal: AbortSignal,
): Promise<Record<string, unknown> | undefined> {
  try {
    const { data } = await client.get(CONFIG_MAP, ref, { signal });
    return isRecord(data) ? data : undefined;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
