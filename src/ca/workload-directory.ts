// Which workloads hold a service account: asked before a certificate names one of them.
import { isRecord, type KubeObject } from '#kube/objects.ts';
import type { KubeClient } from '#kube/client.ts';
import { POD, WORKLOAD_ENTRY } from '#kube/resources.ts';
import type { WorkloadKind } from '#base/workload-identity.ts';

export type WorkloadDirectory = {
  /**
   * Full names of the Pods or WorkloadEntries of this service account that exist now.
   *
   * @throws OperatorError or KubeStatusError when that cannot be known now
   */
  names(
    kind: WorkloadKind,
    holder: { readonly namespace: string; readonly serviceAccount: string },
    signal: AbortSignal,
  ): Promise<readonly string[]>;
};

/** A directory that asks the API server each time: always true, and dear in large namespaces. */
export function createKubeDirectory(client: Pick<KubeClient, 'list'>): WorkloadDirectory {
  return {
    async names(kind, { namespace, serviceAccount }, signal) {
      const type = kind === 'Pod' ? POD : WORKLOAD_ENTRY;
      const field = kind === 'Pod' ? 'serviceAccountName' : 'serviceAccount';
      const { items } = await client.list(type, { namespace, signal });
      return items
        .filter((item) => serviceAccountIn(item, field) === serviceAccount)
        .map(({ metadata }) => metadata.name);
    },
  };
}

/** Both kinds mean `default` when they name none. */
function serviceAccountIn({ spec }: KubeObject, field: string): unknown {
  const name = isRecord(spec) ? spec[field] : undefined;
  return name === undefined || name === '' ? 'default' : name;
}
