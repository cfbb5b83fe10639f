// Would the policies of a workload let a call in, and which of them says so? The rules are compiled
// by the data plane's own compiler (`resolve/rbac-rules.ts`), and asked in its order: what must be
// asked elsewhere (CUSTOM), what refuses (DENY), what must agree (ALLOW).
import { create } from '@bufbuild/protobuf';
import { RBACSchema } from '#gen/envoy/config/rbac/v3/rbac_pb.js';
import type { Policy } from '#gen/envoy/config/rbac/v3/rbac_pb.js';
import type { WorkloadAuthorization } from '#model/mesh.ts';
import type { ChainPort, RbacKind } from '#resolve/names.ts';
import { filterRules } from '#resolve/rbac-rules.ts';
import { appliesTo } from './rbac-truth.ts';
import type { CallFacts } from './rbac-truth.ts';

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

export const authorize = (policies: PortPolicies, call: CallFacts): Decision =>
  decide(compile(policies), call);

/** Policies made ready to judge many calls. */
export type CompiledPolicies = {
  readonly policies: PortPolicies;
  /** Equal for policies that decide alike. */
  readonly text: string;
  /** undefined: no policy of this kind is in force. */
  readonly rules: Readonly<Record<RbacKind, readonly CompiledRule[] | undefined>>;
};

type CompiledRule = { readonly ref: RuleRef; readonly policy: Policy };

export function compile(policies: PortPolicies): CompiledPolicies {
  const filters = {
    custom: filterRules({ ...policies, kind: 'custom' }),
    deny: filterRules({ ...policies, kind: 'deny' }),
    allow: filterRules({ ...policies, kind: 'allow' }),
  };
  return {
    policies,
    text: JSON.stringify(filters),
    rules: {
      // CUSTOM marks by shadow rules; AUDIT, in the others, decides nothing
      custom: compiledRules(filters.custom.shadowRules),
      deny: compiledRules(filters.deny.rules),
      allow: compiledRules(filters.allow.rules),
    },
  };
}

export function decide({ policies, rules }: CompiledPolicies, call: CallFacts): Decision {
  const denied = matchesOf(rules.deny, call);
  const asked = matchesOf(rules.custom, call);
  const allowed = matchesOf(rules.allow, call);
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

type Rules = NonNullable<ReturnType<typeof filterRules>['rules']>;

function compiledRules(rules: Rules | undefined): readonly CompiledRule[] | undefined {
  if (rules === undefined) return undefined;
  return Object.entries(create(RBACSchema, rules).policies).flatMap(([name, policy]) => {
    const ref = ruleOf(name);
    return ref ? [{ ref, policy }] : [];
  });
}

function matchesOf(
  rules: readonly CompiledRule[] | undefined,
  call: CallFacts,
): Matches | undefined {
  if (rules === undefined) return undefined;
  const found: { yes: RuleRef[]; unknown: RuleRef[] } = { yes: [], unknown: [] };
  for (const { ref, policy } of rules) {
    const truth = appliesTo(policy, call);
    if (truth !== 'no') found[truth].push(ref);
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
