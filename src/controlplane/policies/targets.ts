// Whom a policy is for, by the model's own rules. Pure.
import { stringsOf } from '#istio/object.ts';
import { isHostWithin } from '#istio/virtualservice/host-match.ts';
import { fieldsOf, objectsAt, textAt, textsAt, type Fields } from '#kube/fields.ts';
import type { KubeObject } from '#kube/objects.ts';
import type { Mesh } from '#model/mesh.ts';
import { isFor } from '#model/policy-attachment.ts';
import type { MeshService } from '#model/service.ts';
import { hasLabels, type Workload } from '#model/workload.ts';
import { nodeIdOf } from '../view/node-id.ts';

export const specOf = ({ spec }: KubeObject): Fields => fieldsOf(spec);

/** Labels of those whom it is for; a kind has one of the two fields, or none. */
export function selectorOf(object: KubeObject): Readonly<Record<string, string>> {
  const spec = specOf(object);
  const ofTraffic = fieldsOf(spec['workloadSelector']);
  return {
    ...stringsOf(fieldsOf(spec['selector'])['matchLabels']),
    ...stringsOf(ofTraffic['labels']),
    ...stringsOf(ofTraffic['matchLabels']), // as a DestinationRule has it
  };
}

function targetRefs(object: KubeObject) {
  const fields = specOf(object);
  const one = fieldsOf(fields['targetRef']);
  const all = [...objectsAt(fields, 'targetRefs'), ...(textAt(one, 'name') ? [one] : [])];
  return all.map((ref) => ({
    group: textAt(ref, 'group'),
    kind: textAt(ref, 'kind'),
    name: textAt(ref, 'name'),
  }));
}

/** Names of the Services that a legacy Policy is for. */
const legacyTargets = (object: KubeObject): readonly string[] =>
  objectsAt(specOf(object), 'targets').map((target) => textAt(target, 'name'));

/** `mesh`, `namespace`, or what it selects by. */
export function scopeOf(mesh: Mesh, object: KubeObject): string {
  const selector = Object.entries(selectorOf(object));
  const labels = selector.map(([name, value]) => `${name}=${value}`).join(', ');
  switch (object.kind) {
    case 'MeshPolicy':
      return 'mesh';
    case 'Policy':
      return legacyTargets(object).join(', ') || 'namespace';
    case 'DestinationRule': {
      const host = textAt(specOf(object), 'host');
      return labels === '' ? host : `${host}, for ${labels}`;
    }
    case 'VirtualService':
      return textsAt(specOf(object), 'hosts').join(', ') || 'delegate of others';
    default: {
      const refs = targetRefs(object).map(({ kind, name }) => `${kind} ${name}`);
      if (refs.length > 0) return refs.join(', ');
      if (labels !== '') return labels;
      return object.metadata.namespace === mesh.config().rootNamespace ? 'mesh' : 'namespace';
    }
  }
}

/** The workloads that a policy is for; of one about hosts, those that are behind the hosts. */
export function targetsOf(mesh: Mesh, object: KubeObject): readonly Workload[] {
  const { namespace = '' } = object.metadata;
  const all = [...mesh.workloads.entries()].map(([, workload]) => workload);
  const isOfMesh = namespace === mesh.config().rootNamespace;
  const within = all.filter((workload) => isOfMesh || workload.namespace === namespace);
  switch (object.kind) {
    case 'MeshPolicy':
      return all;
    case 'Policy': {
      const names = legacyTargets(object);
      if (names.length === 0) return all.filter((one) => one.namespace === namespace);
      const hosts = names.map((name) => mesh.fullHost(name, namespace));
      return all.filter(({ key }) =>
        mesh
          .inboundPorts(key)
          .some(({ service }) => hosts.some((host) => service.key === `${namespace}/${host}`)),
      );
    }
    case 'DestinationRule':
    case 'VirtualService':
      return servicesOf(mesh, object).flatMap((service) => workloadsBehind(mesh, service));
    case 'Sidecar': {
      const labels = selectorOf(object);
      return within.filter((one) => !one.isGateway && hasLabels(one.labels, labels));
    }
    case 'PeerAuthentication': {
      const selector = selectorOf(object);
      // in the root namespace one with a selector is for nobody
      if (isOfMesh && Object.keys(selector).length > 0) return [];
      return within.filter((workload) => hasLabels(workload.labels, selector));
    }
    default: {
      const selector = selectorOf(object);
      const policy = { namespace, selector, targets: targetRefs(object) };
      return within.filter((workload) => isFor(policy, workload));
    }
  }
}

/** As people call them: `default/postgresql-1-vm`, all of its instances together; or a host. */
export function targetNames(mesh: Mesh, object: KubeObject): readonly string[] {
  const workloads = targetsOf(mesh, object).map((one) => nodeIdOf(one).slice('wl:'.length));
  const hosts = hostsOf(mesh, object).length === 0 ? [] : servicesOf(mesh, object);
  const others = hosts.filter((service) => workloadsBehind(mesh, service).length === 0);
  return [...new Set([...workloads, ...others.map(({ host }) => host)])].toSorted();
}

/** The hosts that it is about, in full; of the kinds that are about none: none. */
export function hostsOf(mesh: Mesh, object: KubeObject): readonly string[] {
  const { namespace = '' } = object.metadata;
  const spec = specOf(object);
  const full = (host: string): string => mesh.fullHost(host.toLowerCase(), namespace);
  if (object.kind === 'DestinationRule') return [textAt(spec, 'host')].filter(Boolean).map(full);
  if (object.kind !== 'VirtualService') return [];
  const destinations = ['http', 'tls', 'tcp']
    .flatMap((layer) => objectsAt(spec, layer))
    .flatMap((route) => objectsAt(route, 'route'))
    .map((route) => textAt(fieldsOf(route['destination']), 'host'));
  const hosts = destinations.length > 0 ? destinations : textsAt(spec, 'hosts');
  return [...new Set(hosts.filter(Boolean).map(full))];
}

export function servicesOf(mesh: Mesh, object: KubeObject): readonly MeshService[] {
  const hosts = hostsOf(mesh, object);
  if (hosts.length === 0) return [];
  return [...mesh.services.entries()]
    .map(([, service]) => service)
    .filter(({ host }) => hosts.some((one) => host === one || isHostWithin(host, one)));
}

function workloadsBehind(mesh: Mesh, { key }: MeshService): readonly Workload[] {
  const endpoints = [...(mesh.endpoints.get(key)?.byPort.values() ?? [])].flat();
  const keys = new Set(endpoints.flatMap(({ workload }) => workload ?? []));
  return [...keys].flatMap((one) => mesh.workloads.get(one) ?? []);
}
