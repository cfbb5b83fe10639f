// A DestinationRule as the mesh uses it: how clients are to speak to a host.
import type { KubeObject } from '#kube/objects.ts';
import { NOT_ACTED_ON, unusedFields } from '../acted-on.ts';
import type { ActedOn } from '../acted-on.ts';
import { parseObject } from '../kind.ts';
import type { ParsedMeta, ParseResult, Violation } from '../object.ts';
import { checkDestinationRule } from './check.ts';
import { destinationRuleKind } from './schema.ts';
import type { DestinationRuleSpec, TrafficPolicySpec } from './schema.ts';
import { policyOf } from './traffic-policy.ts';
import type { TrafficPolicy } from './traffic-policy.ts';

export type Subset = {
  readonly name: string;
  /** Of the endpoints in it; empty selects all. */
  readonly labels: Readonly<Record<string, string>>;
  readonly policy: TrafficPolicy | undefined;
};

export type DestinationRule = ParsedMeta & {
  /** As written, in lower case: a host, a short name of the rule's namespace, `*`, `*.local`. */
  readonly host: string;
  readonly policy: TrafficPolicy | undefined;
  readonly subsets: readonly Subset[];
  /** As written: `.`, `*`, namespaces; empty for the mesh's default. */
  readonly exportTo: readonly string[];
  /**
   * Labels of the clients, all of its own namespace, that it is for; undefined: for all clients.
   */
  readonly selector: Readonly<Record<string, string>> | undefined;
  readonly remarks: readonly Violation[];
};

const TLS: ActedOn = {
  mode: true,
  sni: true,
  subjectAltNames: true,
  clientCertificate: true,
  privateKey: true,
  caCertificates: true,
  insecureSkipVerify: true,
};
const SETTINGS: ActedOn = {
  tls: TLS,
  loadBalancer: {
    simple: true,
    consistentHash: true,
    localityLbSetting: true,
    warmup: true,
    warmupDurationSecs: true,
  },
  connectionPool: { tcp: true, http: true },
  outlierDetection: {
    consecutiveGatewayErrors: true,
    consecutive5xxErrors: true,
    splitExternalLocalOriginErrors: true,
    consecutiveLocalOriginFailures: true,
    interval: true,
    baseEjectionTime: true,
    maxEjectionPercent: true,
    minHealthPercent: true,
  },
};
const TRAFFIC_POLICY: ActedOn = {
  ...SETTINGS,
  portLevelSettings: { port: true, ...SETTINGS },
  proxyProtocol: true,
  retryBudget: true,
};
const ACTED_ON: ActedOn = {
  host: true,
  exportTo: true,
  trafficPolicy: TRAFFIC_POLICY,
  subsets: { name: true, labels: true, trafficPolicy: TRAFFIC_POLICY },
  workloadSelector: true,
};

export function parseDestinationRule(object: KubeObject): ParseResult<DestinationRule> {
  return parseObject(destinationRuleKind, object, (spec, meta, at) => {
    checkDestinationRule(spec, meta.namespace, at);
    const { workloadSelector } = spec;
    return {
      ...meta,
      host: spec.host.toLowerCase().replace(/\.$/, ''),
      policy: policyOf(spec.trafficPolicy),
      subsets: (spec.subsets ?? []).map(({ name, labels = {}, trafficPolicy }) => ({
        name,
        labels,
        policy: policyOf(trafficPolicy),
      })),
      exportTo: spec.exportTo ?? [],
      selector: workloadSelector && (workloadSelector.matchLabels ?? {}),
      remarks: remarksOf(spec),
    };
  });
}

function remarksOf(spec: DestinationRuleSpec): readonly Violation[] {
  const unused = unusedFields(spec, ACTED_ON).map((remark) => {
    if (!/\.tls\.(?:credentialName|caCrl)$/.test(remark.field)) return remark;
    return { ...remark, message: `${NOT_ACTED_ON}: connections are refused` };
  });
  return [...unused, ...policiesOf(spec).flatMap(([field, policy]) => tcpRemarks(field, policy))];
}

type Settings = Pick<TrafficPolicySpec, 'connectionPool'>;

/** Every place of a rule that has settings. */
function policiesOf(spec: DestinationRuleSpec): readonly (readonly [string, Settings])[] {
  const { trafficPolicy = {}, subsets = [] } = spec;
  const whole: readonly (readonly [string, TrafficPolicySpec])[] = [
    ['spec.trafficPolicy', trafficPolicy],
    ...subsets.map(
      (subset, index) =>
        [`spec.subsets[${index}].trafficPolicy`, subset.trafficPolicy ?? {}] as const,
    ),
  ];
  return whole.flatMap(([field, policy]) => [
    [field, policy] as const,
    ...(policy.portLevelSettings ?? []).map(
      (settings, index) => [`${field}.portLevelSettings[${index}]`, settings] as const,
    ),
  ]);
}

/** Connections that are told apart by address only share one listener and its settings. */
function tcpRemarks(field: string, { connectionPool }: Settings): readonly Violation[] {
  const tcp = connectionPool?.tcp ?? {};
  const message = 'acted on for requests only: a TCP connection lives as long as its ends want';
  return (['idleTimeout', 'maxConnectionDuration'] as const)
    .filter((name) => tcp[name] !== undefined)
    .map((name) => ({ field: `${field}.connectionPool.tcp.${name}`, message }));
}
