// By which identity a workload's proxy is known.
import { certificateNameOf, type WorkloadIdentity } from '#base/workload-identity.ts';
import type { Mesh } from '#model/mesh.ts';
import type { Workload } from '#model/workload.ts';

/** As its certificate has it: what the catalog is asked as. */
export function identityOf(mesh: Pick<Mesh, 'config'>, workload: Workload): WorkloadIdentity {
  const { kind, namespace, name, serviceAccount } = workload;
  const { trustDomain } = mesh.config();
  const holder = { kind, name: certificateNameOf(name) };
  return { trustDomain, namespace, serviceAccount, workload: holder };
}
