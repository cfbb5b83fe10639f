// Policies as the rules of one filter, of connections and of requests alike: whom to ask, what
// refuses, what must agree, in the order that Istio has them.
import type { MessageInitShape } from '@bufbuild/protobuf';
import { RBAC_Action } from '#gen/envoy/config/rbac/v3/rbac_pb.js';
import type { PolicySchema, RBACSchema } from '#gen/envoy/config/rbac/v3/rbac_pb.js';
import type { AuthorizationPolicy } from '#istio/authorizationpolicy/authorization-policy.ts';
import type { WorkloadAuthorization } from '#model/mesh.ts';
import type { RbacKind } from './names.ts';
import { anyPermission, anyPrincipal, notPermission, notPrincipal } from './rbac-match.ts';
import { translateRule } from './rbac-rule.ts';
import type { RuleContext } from './rbac-rule.ts';

type Policy = MessageInitShape<typeof PolicySchema>;
type Rules = MessageInitShape<typeof RBACSchema>;

export type RulesInput = Omit<RuleContext, 'policyNamespace'> & {
  readonly kind: RbacKind;
  readonly authorization: WorkloadAuthorization;
  /** Is there somebody to ask what the CUSTOM policies select, the same for all of them? */
  readonly hasAuthorizer: boolean;
};

/** What the filters of both layers have in common. */
export type FilterRules = {
  readonly rules?: Rules;
  readonly shadowRules?: Rules;
  readonly shadowRulesStatPrefix?: string;
};

/** Istio's prefixes, so that its dashboards find the statistics. */
const SHADOW_STAT_PREFIX = { allow: 'istio_dry_run_allow_', deny: 'istio_dry_run_deny_' } as const;
const CUSTOM_STAT_PREFIX = 'istio_ext_authz_';
/** Under what the filter leaves which rule of a CUSTOM policy matched. */
export const CUSTOM_VERDICT = `${CUSTOM_STAT_PREFIX}shadow_effective_policy_id`;

/** Begins the names of rules whose matches are to be asked about. */
export const customRulePrefix = (provider: string): string => `istio-ext-authz-${provider}-`;

/**
 * No ALLOW policy at all lets everybody in; ALLOW policies without a rule that fits let nobody in.
 * What a CUSTOM policy selects is refused where there is nobody to ask.
 */
export function filterRules(input: RulesInput): FilterRules {
  const { kind, authorization } = input;
  if (kind === 'custom') return marks(input);
  const enforced = authorization[kind].filter(({ isDryRun }) => !isDryRun);
  const shadow = authorization[kind].filter(({ isDryRun }) => isDryRun);
  const unasked = kind === 'deny' ? unaskable(input) : {};
  const rules = { ...rulesByName(enforced, input), ...unasked };
  const action = kind === 'deny' ? RBAC_Action.DENY : RBAC_Action.ALLOW;
  return {
    ...(enforced.length + Object.keys(unasked).length > 0 && {
      rules: { action, policies: sorted(rules) },
    }),
    ...(shadow.length > 0 && {
      shadowRules: { action, policies: rulesByName(shadow, input) },
      shadowRulesStatPrefix: SHADOW_STAT_PREFIX[kind],
    }),
  };
}

/**
 * Marks what the authorizer is to be asked about, and what AUDIT policies want seen
 * (`%DYNAMIC_METADATA(envoy.common:access_log_hint)%`). Lets everything pass.
 */
function marks(input: RulesInput): FilterRules {
  const { authorization, hasAuthorizer } = input;
  const { audit, custom } = authorization;
  const nameOf = (policy: AuthorizationPolicy, index: number): string =>
    customRulePrefix(policy.provider) + ruleName(policy, index);
  return {
    ...(audit.length > 0 && {
      rules: { action: RBAC_Action.LOG, policies: rulesByName(audit, input) },
    }),
    ...(hasAuthorizer &&
      custom.length > 0 && {
        shadowRules: { action: RBAC_Action.DENY, policies: rulesByName(custom, input, nameOf) },
        shadowRulesStatPrefix: CUSTOM_STAT_PREFIX,
      }),
  };
}

/** Nobody can be asked: what the policies select is refused. */
function unaskable(input: RulesInput): Record<string, Policy> {
  const { hasAuthorizer, authorization } = input;
  if (hasAuthorizer) return {};
  const nameOf = (policy: AuthorizationPolicy, index: number): string =>
    `${ruleName(policy, index)}-deny-due-to-bad-CUSTOM-action`;
  return rulesByName(authorization.custom, input, nameOf);
}

/** In the order of their names: a protobuf map's order is part of the bytes. */
function rulesByName(
  policies: readonly AuthorizationPolicy[],
  { kind, layer, port, trustDomains }: RulesInput,
  nameOf: (policy: AuthorizationPolicy, index: number) => string = ruleName,
): Record<string, Policy> {
  const action = kind === 'allow' ? 'allow' : 'deny';
  const entries = policies.flatMap((policy): readonly (readonly [string, Policy])[] => {
    if (policy.rules.length === 0) return [[nameOf(policy, 0), MATCH_NOTHING]];
    const context = { layer, port, trustDomains, policyNamespace: policy.namespace };
    return policy.rules.flatMap((rule, index) => {
      const translated = translateRule(rule, action, context).policy;
      return translated ? [[nameOf(policy, index), translated] as const] : [];
    });
  });
  return sorted(Object.fromEntries(entries));
}

/** Istio's form: shown in access logs as the policy that decided. */
const ruleName = ({ namespace, name }: AuthorizationPolicy, index: number): string =>
  `ns[${namespace}]-policy[${name}]-rule[${index}]`;

const MATCH_NOTHING: Policy = {
  permissions: [notPermission(anyPermission)],
  principals: [notPrincipal(anyPrincipal)],
};

const sorted = <T>(map: Readonly<Record<string, T>>): Record<string, T> =>
  Object.fromEntries(Object.entries(map).toSorted(([a], [b]) => (a < b ? -1 : 1)));
