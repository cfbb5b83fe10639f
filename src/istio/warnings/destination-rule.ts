// Advice about DestinationRules.
import { fieldsOf, numberAt, objectsAt } from '#kube/fields.ts';
import type { Fields } from '#kube/fields.ts';
import { advice } from './warning.ts';
import type { Warning } from './warning.ts';

export function destinationRuleWarnings(spec: Fields): readonly Warning[] {
  const policies: readonly (readonly [Fields, string])[] = [
    [fieldsOf(spec['trafficPolicy']), 'spec.trafficPolicy'],
    ...objectsAt(spec, 'subsets').map(
      (subset, index) =>
        [fieldsOf(subset['trafficPolicy']), `spec.subsets[${index}].trafficPolicy`] as const,
    ),
  ];
  return policies.flatMap(([policy, field]) => [
    ...settingWarnings(policy, field),
    ...objectsAt(policy, 'portLevelSettings').flatMap((setting, index) =>
      settingWarnings(setting, `${field}.portLevelSettings[${index}]`),
    ),
  ]);
}

function settingWarnings(policy: Fields, field: string): readonly Warning[] {
  const warnings: Warning[] = [];
  const outlier = policy['outlierDetection'];
  const balancer = fieldsOf(policy['loadBalancer']);
  if ((numberAt(fieldsOf(outlier), 'consecutiveErrors') ?? 0) !== 0) {
    const message = 'outlier detection consecutive errors is deprecated, use';
    const remedy = 'consecutiveGatewayErrors or consecutive5xxErrors instead';
    warnings.push(advice(`${field}.outlierDetection.consecutiveErrors`, `${message} ${remedy}`));
  }
  if ((numberAt(fieldsOf(balancer['consistentHash']), 'minimumRingSize') ?? 0) !== 0) {
    const place = `${field}.loadBalancer.consistentHash.minimumRingSize`;
    const remedy = "use ConsistentHashLB's RingHash configuration instead";
    warnings.push(advice(place, `consistent hash MinimumRingSize is deprecated, ${remedy}`));
  }
  for (const name of ['localityLbSetting', 'zoneAwareLbSetting']) {
    const { failover, failoverPriority } = fieldsOf(balancer[name]);
    const fails = [failover, failoverPriority].some((it) => Array.isArray(it) && it.length > 0);
    if (!fails || outlier !== undefined) continue;
    const message = 'outlier detection policy must be provided for failover';
    warnings.push(advice(`${field}.loadBalancer.${name}`, message));
  }
  return warnings;
}
