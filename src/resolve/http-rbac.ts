// Authorization of requests to a port: what rbac.ts is to connections. Each decision is a filter of
// its own in the HTTP chain, fetched by name, in the order that Istio has them: whom to ask, what
// refuses, what must agree. A change governs the next request on open connections.
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { TypedExtensionConfigSchema } from '#gen/envoy/config/core/v3/extension_pb.js';
import { RBAC_Action } from '#gen/envoy/config/rbac/v3/rbac_pb.js';
import { RBACSchema as RbacFilterSchema } from '#gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.js';
import type { AuthorizationPolicy } from '#istio/authorizationpolicy/authorization-policy.ts';
import type { WorkloadAuthorization } from '#model/mesh.ts';
import { httpPolicyName } from './inbound-names.ts';
import { packed } from './message.ts';
import { buildRules, ruleName, rulesByName, SHADOW_STAT_PREFIX } from './rbac.ts';
import type { RulesInput } from './rbac.ts';

export type HttpRbacInput = {
  readonly kind: 'custom' | 'deny' | 'allow';
  /** The workload's own. */
  readonly port: number;
  readonly authorization: WorkloadAuthorization;
  /** Is the authorizer that the CUSTOM policies name there, the same for all of them? */
  readonly hasAuthorizer: boolean;
  /** The mesh's own, then its aliases. */
  readonly trustDomains: readonly string[];
};

type Extension = MessageInitShape<typeof TypedExtensionConfigSchema>;
type RbacFilter = MessageInitShape<typeof RbacFilterSchema>;

/** Under what Envoy's RBAC leaves its verdicts, and with which prefix those on CUSTOM policies. */
export const RBAC_METADATA = 'envoy.filters.http.rbac';
const CUSTOM_STAT_PREFIX = 'istio_ext_authz_';
export const CUSTOM_VERDICT = `${CUSTOM_STAT_PREFIX}shadow_effective_policy_id`;

/** Begins the names of rules whose requests are to be asked about. */
export const customRulePrefix = (provider: string): string => `istio-ext-authz-${provider}-`;

export function buildHttpRbac(input: HttpRbacInput): Extension {
  const { kind, port } = input;
  return {
    name: httpPolicyName({ kind, port }),
    typedConfig: packed(RbacFilterSchema, kind === 'custom' ? custom(input) : half(input, kind)),
  };
}

/** A filter that does nothing, for when there is nothing for it to do. */
export const buildNoPolicy = (name: string): Extension => ({
  name,
  typedConfig: packed(RbacFilterSchema, {}),
});

function half(input: HttpRbacInput, kind: 'deny' | 'allow'): RbacFilter {
  const { authorization } = input;
  const context = contextOf(input, kind);
  const policies = authorization[kind];
  const enforced = policies.filter(({ isDryRun }) => !isDryRun);
  const shadow = policies.filter(({ isDryRun }) => isDryRun);
  const unasked = kind === 'deny' ? unaskable(input) : {};
  const rules = { ...rulesByName(enforced, context), ...unasked };
  const hasRules = enforced.length + Object.keys(unasked).length > 0;
  const action = kind === 'deny' ? RBAC_Action.DENY : RBAC_Action.ALLOW;
  return {
    ...(hasRules && { rules: { action, policies: sorted(rules) } }),
    ...(shadow.length > 0 && {
      shadowRules: buildRules(shadow, context),
      shadowRulesStatPrefix: SHADOW_STAT_PREFIX[kind],
    }),
  };
}

/**
 * Marks the requests that the authorizer is to be asked about, and those that AUDIT policies want
 * seen (`%DYNAMIC_METADATA(envoy.common:access_log_hint)%`). Lets everything pass.
 */
function custom(input: HttpRbacInput): RbacFilter {
  const { authorization, hasAuthorizer } = input;
  const context = contextOf(input, 'deny');
  const { audit, custom } = authorization;
  const nameOf = (policy: AuthorizationPolicy, index: number): string =>
    customRulePrefix(policy.provider) + ruleName(policy, index);
  const isAsked = hasAuthorizer && custom.length > 0;
  return {
    ...(audit.length > 0 && {
      rules: { action: RBAC_Action.LOG, policies: rulesByName(audit, context) },
    }),
    ...(isAsked && {
      shadowRules: { action: RBAC_Action.DENY, policies: rulesByName(custom, context, nameOf) },
      shadowRulesStatPrefix: CUSTOM_STAT_PREFIX,
    }),
  };
}

/** Nobody can be asked: what the policies select is refused. */
function unaskable(input: HttpRbacInput): ReturnType<typeof rulesByName> {
  const { hasAuthorizer, authorization } = input;
  if (hasAuthorizer) return {};
  const nameOf = (policy: AuthorizationPolicy, index: number): string =>
    `${ruleName(policy, index)}-deny-due-to-bad-CUSTOM-action`;
  return rulesByName(authorization.custom, contextOf(input, 'deny'), nameOf);
}

const contextOf = ({ port, trustDomains }: HttpRbacInput, kind: 'deny' | 'allow'): RulesInput => ({
  layer: 'http',
  kind,
  port,
  trustDomains,
});

/** A protobuf map's order is part of the bytes. */
const sorted = <T>(map: Readonly<Record<string, T>>): Record<string, T> =>
  Object.fromEntries(Object.entries(map).toSorted(([a], [b]) => (a < b ? -1 : 1)));
