// What stands in a policy's way: that it is refused, or what others say. Pure.
import { parseAuthorizationPolicy } from '#istio/authorizationpolicy/authorization-policy.ts';
import type { AuthorizationPolicy } from '#istio/authorizationpolicy/authorization-policy.ts';
import { renderViolation } from '#istio/object.ts';
import { parseIstioObject } from '#istio/parsers.ts';
import { fieldsOf, objectsAt, textAt, textsAt } from '#kube/fields.ts';
import type { KubeObject } from '#kube/objects.ts';
import type { Mesh } from '#model/mesh.ts';
import { SHADOW_OF } from './objects.ts';
import { hostsOf, selectorOf, servicesOf, specOf, targetsOf } from './targets.ts';

/** @param peers all policies that may be in its way */
export function conflictsOf(
  object: KubeObject,
  { mesh, peers }: { readonly mesh: Mesh; readonly peers: readonly KubeObject[] },
): readonly string[] {
  const result = parseIstioObject(object);
  if (result && !result.ok) {
    const reasons = result.violations.slice(0, 3).map(renderViolation).join(', ');
    return [`not in force as it is: ${reasons}`];
  }
  if (object.metadata.labels?.[SHADOW_OF] !== undefined) return [];
  switch (object.kind) {
    case 'AuthorizationPolicy':
      return deniersOf(mesh, object, peers);
    case 'PeerAuthentication':
    case 'Sidecar':
      return ofSameScope(object, peers);
    case 'MeshPolicy':
    case 'Policy':
      return successorsOf(mesh, object, peers);
    case 'DestinationRule':
      return [...nobodysHosts(mesh, object), ...ofSameHost(mesh, object, peers)];
    case 'VirtualService':
      return [...nobodysHosts(mesh, object), ...notFollowed(mesh, object)];
    default:
      return [];
  }
}

const nameOf = ({ metadata }: KubeObject): string => `${metadata.namespace}/${metadata.name}`;

/** Of several of one scope only the oldest counts. */
function ofSameScope(object: KubeObject, peers: readonly KubeObject[]): readonly string[] {
  const scope = scopeKey(object);
  const others = peers.filter(
    (one) =>
      one.kind === object.kind &&
      one.metadata.namespace === object.metadata.namespace &&
      one.metadata.name !== object.metadata.name &&
      scopeKey(one) === scope,
  );
  const [oldest] = byAge([object, ...others]);
  if (others.length === 0 || oldest === undefined) return [];
  return oldest === object
    ? others.map((one) => `${one.metadata.name} has the same scope, and does not count`)
    : [`${nameOf(oldest)} has the same scope and is older: this one does not count`];
}

const scopeKey = (object: KubeObject): string =>
  JSON.stringify(Object.entries(selectorOf(object)).toSorted(([a], [b]) => (a < b ? -1 : 1)));

const byAge = (objects: readonly KubeObject[]): readonly KubeObject[] =>
  objects.toSorted((a, b) => ageKey(a).localeCompare(ageKey(b)));

const ageKey = ({ metadata }: KubeObject): string =>
  `${metadata.creationTimestamp ?? ''} ${metadata.name}`;

/** In each scope PeerAuthentication goes before the kinds that it has replaced. */
function successorsOf(
  mesh: Mesh,
  object: KubeObject,
  peers: readonly KubeObject[],
): readonly string[] {
  const { rootNamespace } = mesh.config();
  const home = object.kind === 'MeshPolicy' ? rootNamespace : object.metadata.namespace;
  const isTargeted = objectsAt(specOf(object), 'targets').length > 0;
  const targets = new Set(targetsOf(mesh, object).map(({ key }) => key));
  return peers
    .filter((one) => one.kind === 'PeerAuthentication' && one.metadata.namespace === home)
    .filter((one) => (scopeKey(one) === '[]') !== isTargeted)
    .filter((one) => !isTargeted || targetsOf(mesh, one).some(({ key }) => targets.has(key)))
    .map((one) => `PeerAuthentication ${nameOf(one)} is about the same, and goes before it`);
}

/** What an ALLOW lets in and a DENY for everybody refuses all the same. */
function deniersOf(
  mesh: Mesh,
  object: KubeObject,
  peers: readonly KubeObject[],
): readonly string[] {
  const own = policyOf(object);
  if (own?.action !== 'ALLOW' || own.isDryRun) return [];
  const targets = new Set(targetsOf(mesh, object).map(({ key }) => key));
  if (targets.size === 0) return [];
  return peers.flatMap((peer) => {
    const other = policyOf(peer);
    if (other?.action !== 'DENY' || other.isDryRun) return [];
    if (!other.rules.some((rule) => Object.keys(rule).length === 0)) return [];
    const covers = targetsOf(mesh, peer).some(({ key }) => targets.has(key));
    return covers ? [`${other.namespace}/${other.name} refuses everybody whom this lets in`] : [];
  });
}

function policyOf(object: KubeObject): AuthorizationPolicy | undefined {
  if (object.kind !== 'AuthorizationPolicy') return undefined;
  const parsed = parseAuthorizationPolicy(object);
  return parsed.ok ? parsed.value : undefined;
}

/** Hosts that no service has: nothing comes of what is said of them. */
function nobodysHosts(mesh: Mesh, object: KubeObject): readonly string[] {
  const known = new Set(servicesOf(mesh, object).map(({ host }) => host));
  return hostsOf(mesh, object)
    .filter((host) => !host.startsWith('*') && !known.has(host))
    .map((host) => `nothing in the mesh is called ${host}`);
}

/** Of DestinationRules for one host the oldest gives the policy; all give subsets. */
function ofSameHost(
  mesh: Mesh,
  object: KubeObject,
  peers: readonly KubeObject[],
): readonly string[] {
  const isPolicy = (one: KubeObject): boolean => specOf(one)['trafficPolicy'] !== undefined;
  const [host] = hostsOf(mesh, object);
  const others = peers.filter(
    (one) =>
      one.kind === object.kind &&
      one.metadata.namespace === object.metadata.namespace &&
      one.metadata.name !== object.metadata.name &&
      scopeKey(one) === scopeKey(object) &&
      hostsOf(mesh, one)[0] === host &&
      isPolicy(one),
  );
  if (others.length === 0 || !isPolicy(object)) return [];
  const [oldest] = byAge([object, ...others]);
  return oldest === object || oldest === undefined
    ? others.map((one) => `the trafficPolicy of ${one.metadata.name} does not count beside this`)
    : [`${nameOf(oldest)} is for the same host and older: this trafficPolicy does not count`];
}

/** Of VirtualServices for one host sidecars follow one. */
function notFollowed(mesh: Mesh, object: KubeObject): readonly string[] {
  const { namespace = '', name } = object.metadata;
  const isThis = (one: { readonly namespace: string; readonly name: string }): boolean =>
    one.namespace === namespace && one.name === name;
  const conflicts = textsAt(specOf(object), 'hosts').flatMap((written): readonly string[] => {
    const host = mesh.fullHost(written.toLowerCase(), namespace);
    const followed = mesh.virtualServices.ofSidecars(host, namespace);
    const [first, ...others] = followed;
    if (first === undefined || !followed.some(isThis)) return [];
    if (!isThis(first)) {
      return [`${first.namespace}/${first.name} is for ${host}, too, and is followed instead`];
    }
    return others.map((one) => `${one.namespace}/${one.name} is for ${host}, too: not followed`);
  });
  return [...new Set([...conflicts, ...missingSubsets(mesh, object)])];
}

/** Subsets that routes lead to and no DestinationRule has, to clients of its own namespace. */
function missingSubsets(mesh: Mesh, object: KubeObject): readonly string[] {
  const { namespace = '' } = object.metadata;
  const services = servicesOf(mesh, object);
  return ['http', 'tls', 'tcp']
    .flatMap((layer) => objectsAt(specOf(object), layer))
    .flatMap((route) => objectsAt(route, 'route'))
    .flatMap((route): readonly string[] => {
      const destination = fieldsOf(route['destination']);
      const subset = textAt(destination, 'subset');
      const host = mesh.fullHost(textAt(destination, 'host').toLowerCase(), namespace);
      const service = services.find((one) => one.host === host);
      if (subset === '' || !service) return [];
      const known = mesh.destinationRuleFor(namespace, service)?.subsets ?? [];
      if (known.some(({ name }) => name === subset)) return [];
      return [`no DestinationRule has a subset ${subset} of ${host}`];
    });
}
