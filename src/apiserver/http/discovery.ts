// Discovery: which groups, versions and resources there are, in the old form (one document for each
// group version) and in the aggregated one (everything at once).
import { apiVersionOf, resourceOf } from '../kinds/kind.ts';
import type { Kind } from '../kinds/kind.ts';
import type { KindRegistry } from '../kinds/kind-registry.ts';
import { byVersionPriority } from '../kinds/kind-registry.ts';
import type { Json, JsonObject } from '../object.ts';
import type { Review, Subresource } from './special.ts';

export type DiscoverySources = {
  readonly kinds: KindRegistry;
  readonly reviews: readonly Review[];
  readonly subresources: readonly Subresource[];
};

const VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];
const STATUS_VERBS = ['get', 'patch', 'update'];

type GroupVersionKind = { readonly group: string; readonly version: string; readonly kind: string };

type SubresourceEntry = {
  readonly name: string;
  readonly response: GroupVersionKind;
  readonly verbs: readonly string[];
};

type ResourceEntry = {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly singular: string;
  readonly kind: string;
  readonly isNamespaced: boolean;
  readonly verbs: readonly string[];
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly subresources: readonly SubresourceEntry[];
};

function entriesOf(sources: DiscoverySources): readonly ResourceEntry[] {
  const stored = sources.kinds
    .all()
    .flatMap((kind) => kind.versions.map(({ name }) => storedEntry(kind, name, sources)));
  const reviews = sources.reviews.map(({ served }) => ({
    ...namesOf(served.kind),
    version: served.version.name,
    verbs: ['create'],
    subresources: [],
  }));
  return [...stored, ...reviews];
}

function storedEntry(kind: Kind, versionName: string, sources: DiscoverySources): ResourceEntry {
  const version = kind.versions.find(({ name }) => name === versionName);
  const own = { group: kind.group, version: versionName, kind: kind.kind };
  const scale = { group: 'autoscaling', version: 'v1', kind: 'Scale' };
  const special = sources.subresources.filter(({ parent }) => parent === resourceOf(kind));
  return {
    ...namesOf(kind),
    version: versionName,
    verbs: VERBS,
    subresources: [
      ...(version?.hasStatus ? [{ name: 'status', response: own, verbs: STATUS_VERBS }] : []),
      ...(version?.scale ? [{ name: 'scale', response: scale, verbs: STATUS_VERBS }] : []),
      ...special.map(({ name, verbs, ...response }) => ({ name, response, verbs })),
    ],
  };
}

function namesOf({ group, plural, singular, kind, isNamespaced, shortNames, categories }: Kind) {
  return { group, plural, singular, kind, isNamespaced, shortNames, categories };
}

type GroupEntries = {
  readonly group: string;
  readonly versions: readonly {
    readonly version: string;
    readonly resources: readonly ResourceEntry[];
  }[];
};

/** Groups in the order of installation, which is kubectl's preference; versions best first. */
function groupsOf(sources: DiscoverySources): readonly GroupEntries[] {
  const groups = Map.groupBy(entriesOf(sources), ({ group }) => group);
  return [...groups].map(([group, entries]) => ({
    group,
    versions: [...Map.groupBy(entries, ({ version }) => version)]
      .toSorted(([a], [b]) => byVersionPriority(a, b))
      .map(([version, resources]) => ({
        version,
        resources: resources.toSorted((a, b) => a.plural.localeCompare(b.plural)),
      })),
  }));
}

/** `GET /api` in the old form. */
export function legacyVersions(serverAddress: string): JsonObject {
  const serverAddressByClientCIDRs = [{ clientCIDR: '0.0.0.0/0', serverAddress }];
  return { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs };
}

/** `GET /apis` in the old form. */
export function legacyGroups(sources: DiscoverySources): JsonObject {
  const groups = groupsOf(sources).filter(({ group }) => group !== '');
  return { kind: 'APIGroupList', apiVersion: 'v1', groups: groups.map(legacyGroupEntry) };
}

/** `GET /apis/GROUP`; undefined when there is no such group. */
export function legacyGroup(sources: DiscoverySources, name: string): JsonObject | undefined {
  const found = groupsOf(sources).find(({ group }) => group === name && name !== '');
  return found && { kind: 'APIGroup', apiVersion: 'v1', ...legacyGroupEntry(found) };
}

function legacyGroupEntry({ group, versions }: GroupEntries): JsonObject {
  const served = versions.map(({ version }) => ({
    groupVersion: apiVersionOf(group, version),
    version,
  }));
  return { name: group, versions: served, preferredVersion: served[0] };
}

/** `GET /api/v1` and `GET /apis/GROUP/VERSION`; undefined when there is no such version. */
export function legacyResources(
  sources: DiscoverySources,
  group: string,
  version: string,
): JsonObject | undefined {
  const found = groupsOf(sources)
    .find((one) => one.group === group)
    ?.versions.find((one) => one.version === version);
  return (
    found && {
      kind: 'APIResourceList',
      apiVersion: 'v1',
      groupVersion: apiVersionOf(group, version),
      resources: found.resources.flatMap((entry) => legacyResourceEntries(entry)),
    }
  );
}

function legacyResourceEntries(entry: ResourceEntry): JsonObject[] {
  const { plural, singular, isNamespaced, kind, verbs, shortNames, categories } = entry;
  return [
    {
      name: plural,
      singularName: singular,
      namespaced: isNamespaced,
      kind,
      verbs,
      ...(shortNames.length > 0 && { shortNames }),
      ...(categories.length > 0 && { categories }),
    },
    ...entry.subresources.map(({ name, response, verbs: allowed }) => ({
      name: `${plural}/${name}`,
      singularName: '',
      namespaced: isNamespaced,
      ...(isForeign(response, entry) && { group: response.group, version: response.version }),
      kind: response.kind,
      verbs: allowed,
    })),
  ];
}

function isForeign(response: GroupVersionKind, entry: ResourceEntry): boolean {
  return response.group !== entry.group || response.version !== entry.version;
}

export const AGGREGATED_TYPE =
  'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

/** The aggregated form of `GET /api` (the core group) or of `GET /apis` (all others). */
export function aggregatedGroups(sources: DiscoverySources, root: 'api' | 'apis'): JsonObject {
  const groups = groupsOf(sources).filter(({ group }) => (group === '') === (root === 'api'));
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: 'apidiscovery.k8s.io/v2',
    metadata: {},
    items: groups.map(({ group, versions }) => ({
      metadata: { ...(group !== '' && { name: group }), creationTimestamp: null },
      versions: versions.map(({ version, resources }) => ({
        version,
        freshness: 'Current',
        resources: resources.map((entry) => aggregatedResource(entry)),
      })),
    })),
  };
}

function aggregatedResource(entry: ResourceEntry): Json {
  const { group, version, kind, shortNames, categories, subresources } = entry;
  return {
    resource: entry.plural,
    responseKind: { group, version, kind },
    scope: entry.isNamespaced ? 'Namespaced' : 'Cluster',
    singularResource: entry.singular,
    verbs: entry.verbs,
    ...(shortNames.length > 0 && { shortNames }),
    ...(categories.length > 0 && { categories }),
    ...(subresources.length > 0 && {
      subresources: subresources.map(({ name, response, verbs }) => ({
        subresource: name,
        responseKind: response,
        verbs,
      })),
    }),
  };
}
