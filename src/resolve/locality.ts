// Which endpoints a client prefers by where they are, as Istio has it: shares by place
// (`distribute`), or one place after the other as the nearer ones fail (`failover`,
// `failoverPriority`). Failing over needs somebody who notices, so without outlier detection nobody
// is preferred, unless the service itself asks for it (trafficDistribution).
import type { LocalitySetting, SaidLocality } from '#istio/destinationrule/locality.ts';
import type { TrafficDistribution } from '#istio/core/service.ts';
import { HOSTNAME, NETWORK, REGION, SUBZONE, ZONE } from '#model/topology.ts';
import { localityKey, parseLocality } from './endpoints.ts';
import type { EndpointGroup, Locality } from './endpoints.ts';
import type { ClusterEndpoint } from './endpoints.ts';

/** Plain data with a fixed order of fields: it is part of a recipe's key. */
export type LocalityPreference =
  | {
      readonly kind: 'distribute';
      readonly to: readonly (readonly [pattern: string, percent: number])[];
    }
  | {
      readonly kind: 'failover';
      /** Of the client. */
      readonly locality: string;
      /** The region that clients of this one turn to before all others; empty: none. */
      readonly region: string;
    }
  | {
      readonly kind: 'labels';
      /** What each label must be, the most telling first; the client's, or as written. */
      readonly labels: readonly (readonly [name: string, value: string])[];
      /** Among those alike by label. */
      readonly nearest: Extract<LocalityPreference, { kind: 'failover' }> | null;
    };

/** Where a client is. */
export type ClientPlace = {
  /** `region/zone/subzone`; empty when unknown. */
  readonly locality: string;
  /** Its own, with those of where it runs (`topologyLabels`). */
  readonly labels: Readonly<Record<string, string>>;
};

const PRIORITIES: Readonly<Record<Exclude<TrafficDistribution, 'any'>, readonly string[]>> = {
  zone: [NETWORK, REGION, ZONE],
  close: [NETWORK, REGION, ZONE, SUBZONE],
  node: [NETWORK, REGION, ZONE, SUBZONE, HOSTNAME],
};

/** null: no endpoint is preferred to another. */
export function planPreference(
  client: ClientPlace,
  said: {
    readonly ofRule: SaidLocality;
    readonly ofService: TrafficDistribution;
    readonly ofMesh: SaidLocality;
    readonly detectsOutliers: boolean;
  },
): LocalityPreference | null {
  const { setting, isForced } = settingOf(said);
  if (setting === undefined) return null;
  if (setting.distribute.length > 0) return distribution(client, setting);
  if (!isForced && !said.detectsOutliers) return null;
  const failover = failoverOf(client, setting);
  const { failoverPriority } = setting;
  if (failoverPriority.length === 0) return failover;
  const labels = failoverPriority.map((text) => {
    const [name = '', value] = text.split('=', 2);
    return [name, value ?? client.labels[name] ?? ''] as const;
  });
  return { kind: 'labels', labels, nearest: setting.failover.length > 0 ? failover : null };
}

/** The rule's before the Service's before the mesh's, each as a whole. */
function settingOf(said: {
  readonly ofRule: SaidLocality;
  readonly ofService: TrafficDistribution;
  readonly ofMesh: SaidLocality;
}): { readonly setting: LocalitySetting | undefined; readonly isForced: boolean } {
  const { ofRule, ofService, ofMesh } = said;
  if (ofRule !== undefined) return { setting: known(ofRule), isForced: false };
  if (ofService === 'any') return { setting: known(ofMesh), isForced: false };
  const failoverPriority = PRIORITIES[ofService];
  return { setting: { distribute: [], failover: [], failoverPriority }, isForced: true };
}

const known = (said: SaidLocality): LocalitySetting | undefined =>
  said === 'off' ? undefined : said;

function distribution(
  { locality }: ClientPlace,
  { distribute }: LocalitySetting,
): LocalityPreference | null {
  const own = locality === '' ? undefined : distribute.find(({ from }) => fits(from, locality));
  return own ? { kind: 'distribute', to: own.to } : null;
}

function failoverOf(
  { locality }: ClientPlace,
  { failover }: LocalitySetting,
): Extract<LocalityPreference, { kind: 'failover' }> | null {
  if (locality === '') return null;
  const { region } = parseLocality(locality);
  const to = failover.find(({ from }) => from === region)?.to ?? '';
  return { kind: 'failover', locality, region: to };
}

/** Is a place within a pattern: `*`, `region`, `region/*`, `region/zone/*`, `region/zone/subzone`? */
function fits(pattern: string, place: string): boolean {
  if (pattern === '*') return true;
  const wanted = pattern.replace(/\/\*$/, '').split('/');
  const parts = place.split('/');
  return wanted.every((part, index) => part === '*' || part === '' || part === parts[index]);
}

/** An endpoint with the labels that it has, and those of where it runs. */
export type PlacedEndpoint = ClusterEndpoint & {
  readonly labels: Readonly<Record<string, string>>;
};

/** Priorities follow each other without a gap, which Envoy demands. */
export function groupEndpoints(
  endpoints: readonly PlacedEndpoint[],
  preference: LocalityPreference | null,
): readonly EndpointGroup[] {
  const byPlace = Map.groupBy(endpoints, (endpoint) => {
    const rank = rankOf(endpoint, preference);
    return `${rank} ${localityKey(endpoint.locality)}`;
  });
  const groups = [...byPlace].map(([key, members]) => ({
    rank: Number(key.slice(0, key.indexOf(' '))),
    locality: members[0]?.locality ?? parseLocality(''),
    endpoints: members,
  }));
  const ranks = [...new Set(groups.map(({ rank }) => rank))].toSorted((a, b) => a - b);
  const placed = groups.map(({ rank, ...group }) => ({
    ...group,
    priority: ranks.indexOf(rank),
    weight: undefined,
  }));
  return preference?.kind === 'distribute' ? shared(placed, preference.to) : placed;
}

/** Istio's: four steps by place, and the region that is neither named nor one's own at the end. */
const REGION_STEPS = 5;

function rankOf(endpoint: PlacedEndpoint, preference: LocalityPreference | null): number {
  switch (preference?.kind) {
    case 'failover':
      return rankByPlace(endpoint.locality, preference);
    case 'labels': {
      const { labels, nearest } = preference;
      const differs = labels.findIndex(([name, value]) => (endpoint.labels[name] ?? '') !== value);
      const rank = differs === -1 ? 0 : labels.length - differs;
      return rank * REGION_STEPS + (nearest === null ? 0 : rankByPlace(endpoint.locality, nearest));
    }
    default:
      return 0;
  }
}

function rankByPlace(
  place: Locality,
  { locality, region }: { readonly locality: string; readonly region: string },
): number {
  const client = parseLocality(locality);
  if (place.region === client.region) {
    if (place.zone !== client.zone) return 2;
    return place.subZone === client.subZone ? 0 : 1;
  }
  return region === '' || place.region === region ? 3 : 4;
}

/** A place is in the narrowest pattern that it fits, whose share is split among all its places. */
function shared(
  groups: readonly EndpointGroup[],
  to: readonly (readonly [pattern: string, percent: number])[],
): readonly EndpointGroup[] {
  const left = new Set(groups);
  const narrowestFirst = to.toSorted(([a], [b]) => narrowness(b) - narrowness(a));
  return narrowestFirst.flatMap(([pattern, percent]) => {
    const members = [...left].filter(({ locality }) => fits(pattern, localityKey(locality)));
    for (const member of members) left.delete(member);
    const sum = members.reduce((total, { endpoints }) => total + weightOf(endpoints), 0);
    return members.map((member) => ({
      ...member,
      weight: Math.ceil((weightOf(member.endpoints) * percent) / sum),
    }));
  });
}

/** How many steps of a place a pattern fixes. */
const narrowness = (pattern: string): number =>
  pattern.split('/').filter((part) => part !== '*' && part !== '').length;

const weightOf = (endpoints: readonly ClusterEndpoint[]): number =>
  endpoints.reduce((total, { weight }) => total + weight, 0);
