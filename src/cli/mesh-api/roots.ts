// By what a console's certificate is verified that is served with TLS: it is of the mesh's own
// authority, whose roots the Kubernetes API tells.
import { OperatorError } from '#base/operator-error.ts';
import { createKubeClient } from '#kube/https-client.ts';
import type { KubeConfig } from '#kube/kubeconfig.ts';
import { isRecord } from '#kube/objects.ts';
import { CONFIG_MAP } from '#kube/resources.ts';
import { KubeStatusError } from '#kube/status.ts';

const ROOTS = { namespace: 'istio-system', name: 'istio-ca-root-cert' };
const ROOTS_KEY = 'root-cert.pem';

/** @returns undefined when they are not to be read: then the system's authorities count */
export async function meshRoots(
  config: KubeConfig,
  signal: AbortSignal,
): Promise<string | undefined> {
  const client = createKubeClient(config);
  try {
    const { data } = await client.get(CONFIG_MAP, ROOTS, { signal });
    const pem = isRecord(data) ? data[ROOTS_KEY] : undefined;
    return typeof pem === 'string' ? pem : undefined;
  } catch (error) {
    // A console behind an ingress has a certificate of other authorities.
    if (error instanceof KubeStatusError || error instanceof OperatorError) return undefined;
    throw error;
  } finally {
    client.close();
  }
}
