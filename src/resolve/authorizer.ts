// The authorizer of a workload's CUSTOM policies as a cluster of its proxy's.
import { chooseAuthorizer } from '#model/authorizers.ts';
import type { Mesh } from '#model/mesh.ts';
import type { MeshService } from '#model/service.ts';
import type { Workload } from '#model/workload.ts';
import type { Authorizer } from './ext-authz.ts';
import type { HostLookup } from './host-lookup.ts';
import { outboundName } from './names.ts';

/** undefined: nobody is to be asked, or nobody can be. */
export function authorizerOf(
  { mesh, serviceOf }: { readonly mesh: Mesh; readonly serviceOf: HostLookup },
  workload: Workload,
): Authorizer | undefined {
  const choice = chooseAuthorizer(mesh.authorization(workload), mesh.config());
  if (choice.kind !== 'one') return undefined;
  const { provider, settings } = choice;
  const service = find(settings.service, { mesh, serviceOf, namespace: workload.namespace });
  if (!service?.ports.some(({ number }) => number === settings.port)) return undefined;
  const { host } = service;
  return { provider, settings, host, cluster: outboundName({ host, port: settings.port }) };
}

/** `namespace/host`, or a host as the workload's own namespace knows it. */
function find(
  written: string,
  options: {
    readonly mesh: Mesh;
    readonly serviceOf: HostLookup;
    readonly namespace: string;
  },
): MeshService | undefined {
  const { mesh, serviceOf, namespace } = options;
  const slash = written.indexOf('/');
  if (slash === -1) return serviceOf(namespace, mesh.fullHost(written, namespace));
  return mesh.services.get(written);
}
