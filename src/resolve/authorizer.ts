// The authorizer of a workload's CUSTOM policies as a cluster of its proxy's.
import { chooseAuthorizer } from '#model/authorizers.ts';
import type { Mesh, WorkloadAuthorization } from '#model/mesh.ts';
import type { Workload } from '#model/workload.ts';
import { providerService } from './collector.ts';
import type { Authorizer } from './ext-authz.ts';
import type { HostLookup } from './host-lookup.ts';
import { outboundName } from './names.ts';

/**
 * undefined: nobody is to be asked, or nobody can be.
 *
 * @param authorization instead of what is in force, for whoever asks what an edit would do
 */
export function authorizerOf(
  { mesh, serviceOf }: { readonly mesh: Mesh; readonly serviceOf: HostLookup },
  workload: Workload,
  authorization: Pick<WorkloadAuthorization, 'custom'> = mesh.authorization(workload),
): Authorizer | undefined {
  const choice = chooseAuthorizer(authorization, mesh.config());
  if (choice.kind !== 'one') return undefined;
  const { provider, settings } = choice;
  const { namespace } = workload;
  const service = providerService(settings.service, { mesh, serviceOf, namespace });
  if (!service?.ports.some(({ number }) => number === settings.port)) return undefined;
  const { host } = service;
  return { provider, settings, host, cluster: outboundName({ host, port: settings.port }) };
}
