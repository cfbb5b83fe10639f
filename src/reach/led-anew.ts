// Which calls an edit may lead another way: those are worked out anew, and no others. Wide rather
// than exact: a call that is worked out in vain costs time, and nothing else.
import { isHostWithin } from '#istio/virtualservice/host-match.ts';
import { fieldsOf, textAt, textsAt } from '#kube/fields.ts';
import type { KubeObject } from '#kube/objects.ts';
import type { Mesh } from '#model/mesh.ts';
import type { Workload } from '#model/workload.ts';
import type { SeenCall } from './impact.ts';
import type { Edit } from './rehearsal.ts';

type Predicate = (client: Workload, call: SeenCall) => boolean;

export function ledAnewBy(mesh: Mesh, edits: readonly Edit[]): Predicate {
  const predicates = edits.map((edit) => predicateOf(mesh, edit));
  return (client, call) => predicates.some((isLed) => isLed(client, call));
}

function predicateOf(mesh: Mesh, edit: Edit): Predicate {
  const { kind, namespace } = edit;
  const isOfMesh = namespace === mesh.config().rootNamespace;
  switch (kind) {
    // of these the servers' proxies alone decide
    case 'AuthorizationPolicy':
    case 'RequestAuthentication':
    case 'Telemetry':
      return () => false;
    case 'PeerAuthentication':
    case 'Policy': {
      const prefix = `wl:${namespace}/`;
      return (_, { to }) => isOfMesh || to.startsWith(prefix);
    }
    case 'Sidecar':
      return (client) => isOfMesh || client.namespace === namespace;
    case 'DestinationRule':
    case 'VirtualService':
      return isAbout(hostsOf(mesh, edit));
    default:
      return () => true;
  }
}

function isAbout(hosts: readonly string[] | 'any'): Predicate {
  if (hosts === 'any') return () => true;
  return (_, { service }) =>
    service === '' || hosts.some((host) => host === service || isHostWithin(service, host));
}

/** `any`: one without hosts is what others refer to. */
function hostsOf(mesh: Mesh, { namespace, before, after }: Edit): readonly string[] | 'any' {
  const written = [before, after].flatMap((object) => (object ? [hostsIn(object)] : []));
  if (written.length === 0 || written.some((hosts) => hosts.length === 0)) return 'any';
  return written.flat().map((host) => mesh.fullHost(host.toLowerCase(), namespace));
}

function hostsIn(object: KubeObject): readonly string[] {
  const spec = fieldsOf(object.spec);
  return [textAt(spec, 'host'), ...textsAt(spec, 'hosts')].filter((host) => host !== '');
}
