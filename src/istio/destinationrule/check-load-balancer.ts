// Istio's rules for DestinationRule's loadBalancer that its schema cannot say.
import type { Reading } from '../schema/reading.ts';
import type { TrafficPolicySpec } from './schema.ts';

type LoadBalancer = NonNullable<TrafficPolicySpec['loadBalancer']>;
type LocalitySetting = NonNullable<LoadBalancer['localityLbSetting']>;

/** Envoy's limit (maglev.proto, `table_size`), a prime; Istio stays below it. */
const MAGLEV_TABLE_SIZE_END = 5_000_011;

export function checkLoadBalancer(balancer: LoadBalancer | undefined, at: Reading): void {
  if (balancer === undefined) return;
  checkConsistentHash(balancer.consistentHash, at.property('consistentHash'));
  const { localityLbSetting: locality, zoneAwareLbSetting: zones } = balancer;
  if (locality && zones)
    at.refuse('Invalid value: only one of localityLbSetting, zoneAwareLbSetting');
  checkLocality(locality, at.property('localityLbSetting'));
  checkZones(zones, at.property('zoneAwareLbSetting'));
  if (balancer.warmup?.aggression === 0) {
    const place = at.property('warmup').property('aggression');
    place.refuse('Invalid value: 0: must be greater than 0');
  }
}

function checkConsistentHash(hash: LoadBalancer['consistentHash'], at: Reading): void {
  if (hash === undefined) return;
  const { tableSize = 0 } = hash.maglev ?? {};
  if (hash.maglev && (tableSize >= MAGLEV_TABLE_SIZE_END || !isPrime(tableSize))) {
    const place = at.property('maglev').property('tableSize');
    place.refuse(`Invalid value: ${tableSize}: must be a prime below ${MAGLEV_TABLE_SIZE_END}`);
  }
  if ((hash.minimumRingSize ?? 0) !== 0 && (hash.ringHash ?? hash.maglev) !== undefined) {
    at.refuse('Invalid value: only one of minimumRingSize, ringHash, maglev');
  }
  const cookie = hash.httpCookie;
  if (cookie === undefined) return;
  if (cookie.name === '') at.property('httpCookie').property('name').missing();
  const seen = new Set<string>();
  for (const [index, { name }] of (cookie.attributes ?? []).entries()) {
    const place = at.property('httpCookie').property('attributes').item(index).property('name');
    if (name === '') place.missing();
    if (seen.has(name)) place.refuse(`Duplicate value: ${place.quote(name)}`);
    seen.add(name);
  }
}

/** By trial division: the limit above keeps it to some 2,200 steps. 1 is one to Envoy. */
function isPrime(value: number): boolean {
  if (value < 1) return false;
  for (let divisor = 2; divisor * divisor <= value; divisor += 1) {
    if (value % divisor === 0) return false;
  }
  return true;
}

export function checkLocality(setting: LocalitySetting | undefined, at: Reading): void {
  if (setting === undefined) return;
  const { distribute = [], failover = [], failoverPriority = [] } = setting;
  if (distribute.length > 0 && failover.length > 0) {
    at.refuse('Invalid value: only one of distribute, failover');
  }
  if (failover.length > 0) refuseTopology(failoverPriority, at);
  for (const [index, { to = {} }] of distribute.entries()) {
    const place = at.property('distribute').item(index).property('to');
    const weights = Object.values(to);
    const sum = weights.reduce((sum, weight) => sum + weight, 0);
    if (sum !== 100 || weights.includes(0)) {
      place.refuse(`Invalid value: weights must be above 0 and add up to 100, not ${sum}`);
    }
    checkLocalities(Object.keys(to), place);
  }
  checkLocalities(
    distribute.map(({ from = '' }) => from),
    at.property('distribute'),
  );
  checkFailover(failover, at.property('failover'));
}

/** Which zone is near, Envoy knows by itself. */
function checkZones(zones: LoadBalancer['zoneAwareLbSetting'], at: Reading): void {
  refuseTopology(zones?.failoverPriority ?? [], at);
  checkFailover(zones?.failover ?? [], at.property('failover'));
}

function checkFailover(failover: NonNullable<LocalitySetting['failover']>, at: Reading): void {
  for (const [index, { from = '', to = '' }] of failover.entries()) {
    const place = at.item(index);
    if (from === to) place.refuse('Invalid value: fails over to itself');
    for (const [name, region] of Object.entries({ from, to })) {
      if (!region.includes('/') && !region.includes('*')) continue;
      place.property(name).refuse(`Invalid value: ${place.quote(region)}: must be a region`);
    }
  }
}

const TOPOLOGY: ReadonlySet<string> = new Set([
  'topology.kubernetes.io/region',
  'topology.kubernetes.io/zone',
  'topology.istio.io/subzone',
]);

/** Labels of the place itself, where `failover` says what becomes of regions. */
function refuseTopology(labels: readonly string[], at: Reading): void {
  for (const [index, label] of labels.entries()) {
    if (!TOPOLOGY.has(label)) continue;
    const place = at.property('failoverPriority').item(index);
    place.refuse(`Forbidden: ${place.quote(label)} cannot be used here`);
  }
}

/** `region/zone/subzone`, whose end may be `*`; none within another. */
function checkLocalities(localities: readonly string[], at: Reading): void {
  const taken: string[] = [];
  for (const locality of localities) {
    const parts = locality.split('/');
    const isPlace = parts.length <= 3 && parts.every((part) => part !== '');
    if (!isPlace || /\*./.test(locality)) {
      at.refuse(`Invalid value: ${at.quote(locality)}: must be region/zone/subzone, * at its end`);
      continue;
    }
    const reach = `${locality.replace(/\/?\*$/, '')}/`.replace(/^\/$/, '');
    const isOverlapping = taken.some((other) => reach.startsWith(other) || other.startsWith(reach));
    if (isOverlapping) at.refuse(`Invalid value: ${at.quote(locality)}: overlaps with another`);
    taken.push(reach);
  }
}
