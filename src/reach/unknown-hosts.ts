// Hosts and subsets in rules of traffic that mean nobody in the mesh as it is now.
import { fieldsOf, objectsAt, textAt, textMapOf, textsAt } from '#kube/fields.ts';
import type { Fields } from '#kube/fields.ts';
import type { KubeObject } from '#kube/objects.ts';
import type { Mesh } from '#model/mesh.ts';
import type { MeshService } from '#model/service.ts';
import { hasLabels } from '#model/workload.ts';
import type { Unknown } from './unknown-names.ts';

export function unknownHosts(mesh: Mesh, object: KubeObject): readonly Unknown[] {
  const spec = fieldsOf(object.spec);
  const { namespace = '' } = object.metadata;
  const names = new Names(mesh, namespace);
  switch (object.kind) {
    case 'DestinationRule': {
      const host = textAt(spec, 'host');
      return [...names.host(host, 'spec.host'), ...subsetNotes(mesh, names.service(host), spec)];
    }
    case 'VirtualService':
      return ['http', 'tls', 'tcp'].flatMap((layer) =>
        objectsAt(spec, layer).flatMap((route, index) =>
          objectsAt(route, 'route').flatMap((to, position) => {
            const place = `spec.${layer}[${index}].route[${position}].destination`;
            return destinationNotes(mesh, names, { to: fieldsOf(to['destination']), place });
          }),
        ),
      );
    case 'Sidecar':
      return objectsAt(spec, 'egress').flatMap((listener, index) =>
        textsAt(listener, 'hosts').flatMap((written, position) => {
          const [, within = '', host = ''] = /^([^/]*)\/(.*)$/.exec(written) ?? [];
          const field = `spec.egress[${index}].hosts[${position}]`;
          return /^[*.~]/.test(within) || within === '' || host === '*'
            ? names.host(host, field)
            : names.hostIn(within, host, field);
        }),
      );
    default:
      return [];
  }
}

class Names {
  readonly #mesh: Mesh;
  readonly #namespace: string;
  readonly #services: readonly MeshService[];

  constructor(mesh: Mesh, namespace: string) {
    this.#mesh = mesh;
    this.#namespace = namespace;
    this.#services = [...mesh.services.entries()].map(([, service]) => service);
  }

  get namespace(): string {
    return this.#namespace;
  }

  service(written: string): MeshService | undefined {
    const host = this.#mesh.fullHost(written.toLowerCase(), this.#namespace);
    return this.#services.find((one) => one.host === host);
  }

  /** A wildcard may mean whoever comes. */
  host(written: string, field: string): readonly Unknown[] {
    if (written === '' || written.startsWith('*') || this.service(written)) return [];
    const wanted = this.#mesh.fullHost(written.toLowerCase(), this.#namespace);
    const message = `nothing in the mesh is called ${wanted}`;
    const candidates = this.#services.map(({ host }) => host);
    return [{ severity: 'warning', field, message, wanted, candidates }];
  }

  hostIn(namespace: string, host: string, field: string): readonly Unknown[] {
    if (host.startsWith('*')) return [];
    const there = this.#services.filter((one) => one.namespace === namespace);
    if (there.some((one) => one.host === host)) return [];
    const message = `namespace ${namespace} has no ${host}`;
    const candidates = there.map((one) => `${namespace}/${one.host}`);
    return [{ severity: 'warning', field, message, wanted: `${namespace}/${host}`, candidates }];
  }
}

/** Labels that no endpoint has: whoever is led there is refused. */
function subsetNotes(
  mesh: Mesh,
  service: MeshService | undefined,
  spec: Fields,
): readonly Unknown[] {
  if (service === undefined || service.resolution !== 'static') return [];
  const endpoints = [...(mesh.endpoints.get(service.key)?.byPort.values() ?? [])].flat();
  const labels = endpoints.map(
    (one) => (one.workload && mesh.workloads.get(one.workload)?.labels) || one.labels,
  );
  return objectsAt(spec, 'subsets').flatMap((subset, index): readonly Unknown[] => {
    const wanted = textMapOf(subset['labels']);
    if (labels.some((one) => hasLabels(one, wanted))) return [];
    const field = `spec.subsets[${index}].labels`;
    const message = `no endpoint of ${service.host} has these labels: the subset is nobody`;
    return [{ severity: 'warning', field, message, wanted: '', candidates: [] }];
  });
}

function destinationNotes(
  mesh: Mesh,
  names: Names,
  { to, place }: { readonly to: Fields; readonly place: string },
): readonly Unknown[] {
  const host = textAt(to, 'host');
  const service = names.service(host);
  const wanted = textAt(to, 'subset');
  if (service === undefined || wanted === '') return names.host(host, `${place}.host`);
  const subsets = mesh.destinationRuleFor(names.namespace, service)?.subsets ?? [];
  const candidates = subsets.map(({ name }) => name);
  if (candidates.includes(wanted)) return [];
  const message = `no DestinationRule has a subset ${wanted} of ${service.host}`;
  return [{ severity: 'warning', field: `${place}.subset`, message, wanted, candidates }];
}
