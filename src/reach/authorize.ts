// Would the policies of a workload let a call in, and which of them says so? The rules are compiled
// by the data plane's own compiler (`resolve/rbac-rules.ts`), and asked in its order: what must be
// asked elsewhere (CUSTOM), what refuses (DENY), what must agree (ALLOW).
import { create } from '@bufbuild/protobuf';
import { RBACSchema } from '#gen/envoy/config/rbac/v3/rbac_pb.js';
import type { AuthorizationPolicy } from '#istio/authorizationpolicy/authorization-policy.ts';
import type { WorkloadAuthorization } from '#model/mesh.ts';
import type { ChainPort, RbacKind } from '#resolve/names.ts';
import { filterRules } from '#resolve/rbac-rules.ts';
import { appliesTo } from './rbac-truth.ts';
import type { CallFacts } from './rbac-truth.ts';
import type { Truth } from './truth.ts';

/** The policies of one port, and how they are enforced there. */
export type PortPolicies = {
  readonly authorization: WorkloadAuthorization;
  /** Is there somebody for CUSTOM policies to ask? */
  readonly hasAuthorizer: boolean;
  readonly layer: 'tcp' | 'http';
  readonly port: ChainPort;
  readonly trustDomains: readonly string[];
};

export type RuleRef = {
  readonly namespace: string;
  readonly name: string;
  /** From 0, as access logs have it. */
  readonly index: number;
};

export type Decision = {
  /** `unknown`: some rule needs what is not known of the call, or an authorizer decides. */
  readonly verdict: 'allowed' | 'refused' | 'unknown';
  /** `ALLOW by default/pg-allow rule 2`: one clause, the same for the same reason. */
  readonly reason: string;
  /** What decided, or might; undefined: that no rule did. */
  readonly rule: RuleRef | undefined;
  readonly action: 'ALLOW' | 'DENY' | 'CUSTOM' | 'none';
};

type Matches = Readonly<Record<'yes' | 'unknown', readonly RuleRef[]>>;

export function authorize(policies: PortPolicies, call: CallFacts): Decision {
  const denied = matchesOf('deny', policies, call);
  const asked = matchesOf('custom', policies, call);
  const allowed = matchesOf('allow', policies, call);
  const [deny] = denied?.yes ?? [];
  if (deny) return decided('refused', 'DENY', deny);
  const nobodyAllows = allowed && allowed.yes.length + allowed.unknown.length === 0;
  if (nobodyAllows) return refusedByNone(policies);
  const [ask] = [...(asked?.yes ?? []), ...(asked?.unknown ?? [])];
  if (ask) return unsure('CUSTOM', ask, 'an authorizer is asked by');
  const [perhaps] = denied?.unknown ?? [];
  if (perhaps) return unsure('DENY', perhaps, 'it needs more than is known of the call to tell');
  if (allowed === undefined) {
    const reason = 'ALLOW: no ALLOW policy selects the workload';
    return { verdict: 'allowed', reason, rule: undefined, action: 'none' };
  }
  const [allow] = allowed.yes;
  if (allow) return decided('allowed', 'ALLOW', allow);
  const [maybe] = allowed.unknown;
  if (maybe) return unsure('ALLOW', maybe, 'it needs more than is known of the call to tell');
  return refusedByNone(policies);
}

/** What dry-run policies would refuse; the first rule, if one would. */
export function wouldDeny(policies: PortPolicies, call: CallFacts): Decision {
  const { allow, deny } = policies.authorization;
  const enforced = (list: readonly AuthorizationPolicy[]): readonly AuthorizationPolicy[] =>
    list.map((policy) => ({ ...policy, isDryRun: false }));
  const authorization = {
    ...policies.authorization,
    allow: enforced(allow),
    deny: enforced(deny),
  };
  return authorize({ ...policies, authorization }, call);
}

/** undefined: no policy of this kind is in force. */
function matchesOf(
  kind: RbacKind,
  { authorization, hasAuthorizer, layer, port, trustDomains }: PortPolicies,
  call: CallFacts,
): Matches | undefined {
  const filter = filterRules({ kind, authorization, hasAuthorizer, layer, port, trustDomains });
  // of CUSTOM policies the marks are what the filter's shadow rules leave; AUDIT decides nothing
  const rules = kind === 'custom' ? filter.shadowRules : filter.rules;
  if (rules === undefined) return undefined;
  const found: { yes: RuleRef[]; unknown: RuleRef[] } = { yes: [], unknown: [] };
  for (const [name, policy] of Object.entries(create(RBACSchema, rules).policies)) {
    const truth: Truth = appliesTo(policy, call);
    const rule = ruleOf(name);
    if (truth !== 'no' && rule) found[truth].push(rule);
  }
  return found;
}

/** Reads `ns[default]-policy[pg-allow]-rule[0]`, with whatever stands around it. */
function ruleOf(name: string): RuleRef | undefined {
  const [, namespace, policy, index] = /ns\[(.*)\]-policy\[(.*)\]-rule\[(\d+)\]/.exec(name) ?? [];
  if (namespace === undefined || policy === undefined) return undefined;
  return { namespace, name: policy, index: Number(index) };
}

/** `default/pg-allow rule 2`; rules are counted from 1, as people count. */
export const ruleText = ({ namespace, name, index }: RuleRef): string =>
  `${namespace}/${name} rule ${index + 1}`;

function decided(verdict: Decision['verdict'], action: 'ALLOW' | 'DENY', rule: RuleRef): Decision {
  return { verdict, reason: `${action} by ${ruleText(rule)}`, rule, action };
}

function unsure(action: 'ALLOW' | 'DENY' | 'CUSTOM', rule: RuleRef, why: string): Decision {
  const reason =
    action === 'CUSTOM'
      ? `${why} ${ruleText(rule)}`
      : `${action} by ${ruleText(rule)}, perhaps: ${why}`;
  return { verdict: 'unknown', reason, rule, action };
}

function refusedByNone({ authorization }: PortPolicies): Decision {
  const names = authorization.allow
    .filter(({ isDryRun }) => !isDryRun)
    .map(({ namespace, name }) => `${namespace}/${name}`);
  const reason = `DENY: no rule of ${names.join(', ')} matches`;
  return { verdict: 'refused', reason, rule: undefined, action: 'none' };
}
