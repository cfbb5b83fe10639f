// Istio's rules for DestinationRule's loadBalancer that its schema cannot say.
import type { Reading } from '../schema/reading.ts';
import type { TrafficPolicySpec } from './schema.ts';

type LoadBalancer = NonNullable<TrafficPolicySpec['loadBalancer']>;
type LocalitySetting = NonNullable<LoadBalancer['localityLbSetting']>;

/** Envoy's limit (maglev.proto, `table_size`), itself a prime. */
const MAGLEV_TABLE_SIZE_MAX = 5_000_011;

export function checkLoadBalancer(balancer: LoadBalancer | undefined, at: Reading): void {
  if (balancer === undefined) return;
  checkConsistentHash(balancer.consistentHash, at.property('consistentHash'));
  checkLocality(balancer.localityLbSetting, at.property('localityLbSetting'));
}

function checkConsistentHash(hash: LoadBalancer['consistentHash'], at: Reading): void {
  if (hash === undefined) return;
  const tableSize = hash.maglev?.tableSize;
  if (tableSize !== undefined && (tableSize > MAGLEV_TABLE_SIZE_MAX || !isPrime(tableSize))) {
    const place = at.property('maglev').property('tableSize');
    place.refuse(`Invalid value: ${tableSize}: must be a prime up to ${MAGLEV_TABLE_SIZE_MAX}`);
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

/** By trial division: the limit above keeps it to some 2,200 steps. */
function isPrime(value: number): boolean {
  if (value < 2) return false;
  for (let divisor = 2; divisor * divisor <= value; divisor += 1) {
    if (value % divisor === 0) return false;
  }
  return true;
}

export function checkLocality(setting: LocalitySetting | undefined, at: Reading): void {
  if (setting === undefined) return;
  const { distribute = [], failover = [], failoverPriority = [] } = setting;
  if (distribute.length > 0 && failover.length + failoverPriority.length > 0) {
    at.refuse('Invalid value: only one of distribute and failover, failoverPriority');
  }
  for (const [index, { to = {} }] of distribute.entries()) {
    const weights = Object.values(to);
    const sum = weights.reduce((sum, weight) => sum + weight, 0);
    if (sum === 100 && !weights.includes(0)) continue;
    const place = at.property('distribute').item(index).property('to');
    place.refuse(`Invalid value: weights must be above 0 and add up to 100, not ${sum}`);
  }
  for (const [index, { from = '', to = '' }] of failover.entries()) {
    const place = at.property('failover').item(index);
    if (from === to) place.refuse('Invalid value: fails over to itself');
    for (const [name, region] of Object.entries({ from, to })) {
      if (!region.includes('/') && !region.includes('*')) continue;
      place.property(name).refuse(`Invalid value: ${place.quote(region)}: must be a region`);
    }
  }
}
