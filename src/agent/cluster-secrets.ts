// Secrets of the workload's namespace, read with the workload's own account: whether it may is the
// Kubernetes API's to say, so that nobody gets a key by a Gateway that he could not read himself.
import { readFile } from 'node:fs/promises';
import { isRecord } from '#kube/objects.ts';
import { createKubeClient } from '#kube/https-client.ts';
import type { KubeConfig } from '#kube/kubeconfig.ts';
import { SECRET } from '#kube/resources.ts';
import { isNotFound } from '#kube/status.ts';

/** What is in a Secret, by key; undefined: there is none of that name. */
export type ReadSecret = (name: string) => Promise<ReadonlyMap<string, Uint8Array> | undefined>;

/** Where every Pod finds its account. */
const ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/** @param options.folder where the account's token and the API's root certificate lie */
export function secretReader(
  env: Readonly<Record<string, string | undefined>>,
  options: { readonly namespace: string; readonly folder?: string },
): ReadSecret {
  const { namespace, folder = ACCOUNT } = options;
  return async (name) => {
    const client = createKubeClient(await accountOf(env, { namespace, folder }));
    try {
      const { data } = await client.get(SECRET, { namespace, name });
      const entries = isRecord(data) ? Object.entries(data) : [];
      return new Map(
        entries.flatMap(([key, value]) =>
          typeof value === 'string' ? [[key, Buffer.from(value, 'base64')] as const] : [],
        ),
      );
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    } finally {
      client.close();
    }
  };
}

async function accountOf(
  env: Readonly<Record<string, string | undefined>>,
  { namespace, folder }: { readonly namespace: string; readonly folder: string },
): Promise<KubeConfig> {
  const { KUBERNETES_SERVICE_HOST: host = '', KUBERNETES_SERVICE_PORT: port = '443' } = env;
  if (host === '') throw new Error('this workload has no account at a Kubernetes API');
  return {
    server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    caPem: await readFile(`${folder}/ca.crt`, 'utf8'),
    serverName: undefined,
    credentials: { tokenFile: `${folder}/token` },
    namespace,
  };
}
