// A DestinationRule as the mesh uses it: how clients are to speak to a host.
import type { KubeObject } from '#kube/objects.ts';
import { NOT_ACTED_ON, unusedFields } from '../acted-on.ts';
import type { ActedOn } from '../acted-on.ts';
import { parseObject } from '../kind.ts';
import type { ParsedMeta, ParseResult, Violation } from '../object.ts';
import { checkDestinationRule } from './check.ts';
import { destinationRuleKind } from './schema.ts';
import type { ClientTlsSpec, DestinationRuleSpec, TrafficPolicySpec } from './schema.ts';

/** The TLS that clients are to use, whatever the endpoints say of themselves. */
export type ClientTls = {
  readonly mode: NonNullable<ClientTlsSpec['mode']>;
  /** Empty: what the mesh says for the service and its port. */
  readonly sni: string;
  /** Empty: the identities that are known of the endpoints. */
  readonly subjectAltNames: readonly string[];
};

/** undefined: not said, so that each endpoint is spoken to as it says itself (automatic mTLS). */
export type PortPolicy = { readonly tls: ClientTls | undefined };

export type TrafficPolicy = PortPolicy & {
  /** By port of the service: replaces all that the policy says otherwise, said anew or not. */
  readonly portLevel: ReadonlyMap<number, PortPolicy>;
};

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
  /** As written: `.`, `*`, namespaces; empty for everybody. */
  readonly exportTo: readonly string[];
  /** Is it for some clients of its namespace only? Such a rule is not in force yet. */
  readonly hasSelector: boolean;
  readonly remarks: readonly Violation[];
};

const TLS: ActedOn = { mode: true, sni: true, subjectAltNames: true };
const TRAFFIC_POLICY: ActedOn = {
  tls: TLS,
  portLevelSettings: { port: true, tls: TLS },
};
const ACTED_ON: ActedOn = {
  host: true,
  exportTo: true,
  trafficPolicy: TRAFFIC_POLICY,
  subsets: { name: true, labels: true, trafficPolicy: TRAFFIC_POLICY },
};

export function parseDestinationRule(object: KubeObject): ParseResult<DestinationRule> {
  return parseObject(destinationRuleKind, object, (spec, meta, at) => {
    checkDestinationRule(spec, meta.namespace, at);
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
      hasSelector: spec.workloadSelector !== undefined,
      remarks: remarksOf(spec),
    };
  });
}

function policyOf(spec: TrafficPolicySpec | undefined): TrafficPolicy | undefined {
  if (spec === undefined) return undefined;
  const portLevel = new Map<number, PortPolicy>();
  for (const { port, tls } of spec.portLevelSettings ?? []) {
    const number = port?.number ?? 0;
    if (!portLevel.has(number)) portLevel.set(number, { tls: clientTlsOf(tls) }); // first counts
  }
  return { tls: clientTlsOf(spec.tls), portLevel };
}

function clientTlsOf(spec: ClientTlsSpec | undefined): ClientTls | undefined {
  if (spec === undefined) return undefined;
  // protobuf's zero value: TLS settings without a mode turn TLS off
  const { mode = 'DISABLE', sni = '', subjectAltNames = [] } = spec;
  return { mode, sni, subjectAltNames };
}

function remarksOf(spec: DestinationRuleSpec): readonly Violation[] {
  const unused = unusedFields(spec, ACTED_ON).map((remark) =>
    remark.field === 'spec.workloadSelector'
      ? { ...remark, message: `${NOT_ACTED_ON}: the rule applies to no client` }
      : remark,
  );
  return [...unused, ...tlsRemarks(spec)];
}

/** TLS that the proxy cannot originate yet is refused to clients, and that is to be told. */
function tlsRemarks({ trafficPolicy, subsets = [] }: DestinationRuleSpec): readonly Violation[] {
  const policies: readonly (readonly [string, TrafficPolicySpec | undefined])[] = [
    ['spec.trafficPolicy', trafficPolicy],
    ...subsets.map((subset, index) => {
      return [`spec.subsets[${index}].trafficPolicy`, subset.trafficPolicy] as const;
    }),
  ];
  return policies.flatMap(([field, policy]) => [
    ...modeRemark(`${field}.tls.mode`, policy?.tls),
    ...(policy?.portLevelSettings ?? []).flatMap(({ tls }, index) =>
      modeRemark(`${field}.portLevelSettings[${index}].tls.mode`, tls),
    ),
  ]);
}

function modeRemark(field: string, tls: ClientTlsSpec | undefined): readonly Violation[] {
  const mode = tls?.mode;
  if (mode !== 'SIMPLE' && mode !== 'MUTUAL') return [];
  const message = `${mode} is ${NOT_ACTED_ON}: connections are refused rather than made in plaintext`;
  return [{ field, message }];
}
