// Which workloads hold a service account: asked before a certificate names one of them.
import {
  CERTIFICATE_NAME_LENGTH_MAX,
  certificateNameOf,
  type WorkloadKind,
} from '#base/workload-identity.ts';
import type { KubeClient } from '#kube/client.ts';
import { isRecord, type KubeObject } from '#kube/objects.ts';
import { POD, WORKLOAD_ENTRY } from '#kube/resources.ts';
import { isNotFound } from '#kube/status.ts';

export type ServiceAccountHolder = { readonly namespace: string; readonly serviceAccount: string };

/** Both throw OperatorError or KubeStatusError when the answer cannot be known now. */
export type WorkloadDirectory = {
  /**
   * The full name of this service account's Pod or WorkloadEntry that stands in certificates as
   * `certificateName`, or undefined when there is none (any more).
   */
  find(
    kind: WorkloadKind,
    holder: ServiceAccountHolder,
    certificateName: string,
    signal: AbortSignal,
  ): Promise<string | undefined>;
  /** The names of all WorkloadEntries of this service account. */
  entries(holder: ServiceAccountHolder, signal: AbortSignal): Promise<readonly string[]>;
};

/**
 * A directory that asks the API server each time: one small request for a renewal, and a list of
 * the namespace's WorkloadEntries for a machine that does not say which of them it is.
 */
export function createKubeDirectory(client: Pick<KubeClient, 'get' | 'list'>): WorkloadDirectory {
  const list = async (
    kind: WorkloadKind,
    holder: ServiceAccountHolder,
    signal: AbortSignal,
  ): Promise<string[]> => {
    const { namespace } = holder;
    const { items } = await client.list(TYPES[kind], { namespace, signal });
    return items
      .filter((item) => isHeldBy(item, kind, holder))
      .map(({ metadata }) => metadata.name);
  };
  return {
    entries: (holder, signal) => list('WorkloadEntry', holder, signal),
    async find(kind, holder, certificateName, signal) {
      const { namespace } = holder;
      try {
        const ref = { namespace, name: certificateName };
        const found = await client.get(TYPES[kind], ref, { signal });
        if (isHeldBy(found, kind, holder)) return certificateName;
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
      // Only a name of the full length may be a cut one, whose original must be looked for.
      if (certificateName.length < CERTIFICATE_NAME_LENGTH_MAX) return undefined;
      const names = await list(kind, holder, signal);
      return names.find((name) => certificateNameOf(name) === certificateName);
    },
  };
}

const TYPES = { Pod: POD, WorkloadEntry: WORKLOAD_ENTRY } as const;

/** Both kinds mean `default` when they name no service account. */
function isHeldBy(
  { spec }: KubeObject,
  kind: WorkloadKind,
  { serviceAccount }: ServiceAccountHolder,
): boolean {
  const field = kind === 'Pod' ? 'serviceAccountName' : 'serviceAccount';
  const name = isRecord(spec) ? spec[field] : undefined;
  return (typeof name === 'string' && name !== '' ? name : 'default') === serviceAccount;
}
