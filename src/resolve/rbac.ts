// Authorization of a workload's port, as the two extension-config resources that its filter chains
// fetch by name: what refuses, and what must agree. A change of policy changes only them, so new
// connections obey it at once and the sessions that are open live on.
import type { MessageInitShape } from '@bufbuild/protobuf';
import { RBAC_Action } from '#gen/envoy/config/rbac/v3/rbac_pb.js';
import type { PolicySchema, RBACSchema } from '#gen/envoy/config/rbac/v3/rbac_pb.js';
import type { TypedExtensionConfigSchema } from '#gen/envoy/config/core/v3/extension_pb.js';
import { RBACSchema as RbacFilterSchema } from '#gen/envoy/extensions/filters/network/rbac/v3/rbac_pb.js';
import type { AuthorizationPolicy } from '#istio/authorizationpolicy/authorization-policy.ts';
import type { WorkloadAuthorization } from '#model/mesh.ts';
import { packed } from './message.ts';
import { rbacName } from './names.ts';
import type { ChainPort, RbacKind } from './names.ts';
import { anyPermission, anyPrincipal, notPermission, notPrincipal } from './rbac-match.ts';
import { translateRule } from './rbac-rule.ts';
import type { RuleContext } from './rbac-rule.ts';

type Policy = MessageInitShape<typeof PolicySchema>;

export type RbacInput = {
  readonly kind: RbacKind;
  readonly port: ChainPort;
  readonly authorization: Pick<WorkloadAuthorization, 'allow' | 'deny' | 'custom'>;
  /** The mesh's own, then its aliases. */
  readonly trustDomains: readonly string[];
};

/** Istio's prefixes, so that its dashboards find the statistics. */
const STAT_PREFIX = 'tcp.';
export const SHADOW_STAT_PREFIX = {
  allow: 'istio_dry_run_allow_',
  deny: 'istio_dry_run_deny_',
} as const;

/**
 * No ALLOW policy at all lets everybody in; ALLOW policies without a rule that fits let nobody in.
 * Nobody is asked about connections, so what a CUSTOM policy selects is refused; the caller leaves
 * out those that do not count on TCP.
 */
export function buildRbac(input: RbacInput): MessageInitShape<typeof TypedExtensionConfigSchema> {
  const { kind, port, authorization, trustDomains } = input;
  const context = { layer: 'tcp', kind, port, trustDomains } as const;
  const policies =
    kind === 'allow' ? authorization.allow : [...authorization.custom, ...authorization.deny];
  const enforced = policies.filter(({ isDryRun }) => !isDryRun);
  const shadow = policies.filter(({ isDryRun }) => isDryRun);
  return {
    name: rbacName(kind, port),
    typedConfig: packed(RbacFilterSchema, {
      statPrefix: STAT_PREFIX,
      ...(enforced.length > 0 && { rules: buildRules(enforced, context) }),
      ...(shadow.length > 0 && {
        shadowRules: buildRules(shadow, context),
        shadowRulesStatPrefix: SHADOW_STAT_PREFIX[kind],
      }),
    }),
  };
}

export type RulesInput = Omit<RuleContext, 'policyNamespace'> & {
  readonly kind: RbacKind;
};

/** In the order of their names: a protobuf map's order is part of the bytes. */
export function buildRules(
  policies: readonly AuthorizationPolicy[],
  input: RulesInput,
): MessageInitShape<typeof RBACSchema> {
  return {
    action: input.kind === 'allow' ? RBAC_Action.ALLOW : RBAC_Action.DENY,
    policies: rulesByName(policies, input),
  };
}

/** @param nameOf what a rule is called, where that is not as in `ruleName` */
export function rulesByName(
  policies: readonly AuthorizationPolicy[],
  { kind, ...context }: RulesInput,
  nameOf: (policy: AuthorizationPolicy, index: number) => string = ruleName,
): Record<string, Policy> {
  const entries = policies.flatMap((policy): readonly (readonly [string, Policy])[] => {
    if (policy.rules.length === 0) return [[nameOf(policy, 0), MATCH_NOTHING]];
    const policyNamespace = policy.namespace;
    return policy.rules.flatMap((rule, index) => {
      const translated = translateRule(rule, kind, { ...context, policyNamespace }).policy;
      return translated ? [[nameOf(policy, index), translated] as const] : [];
    });
  });
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** Istio's form: shown in access logs as the policy that decided. */
export const ruleName = ({ namespace, name }: AuthorizationPolicy, index: number): string =>
  `ns[${namespace}]-policy[${name}]-rule[${index}]`;

const MATCH_NOTHING: Policy = {
  permissions: [notPermission(anyPermission)],
  principals: [notPrincipal(anyPrincipal)],
};

const CUSTOM_ON_TCP =
  'on TCP ports nobody is asked: with a provider over HTTP the policy does not count, ' +
  'and with any other what it selects is refused';

/** Something in a policy that TCP connections do not see as it was written. */
export type AuthorizationNote = {
  readonly namespace: string;
  readonly name: string;
  /** For the object's status and for `analyze`: one sentence. */
  readonly message: string;
};

/** What whoever wrote a policy should know of what becomes of it on TCP ports. */
export function authorizationNotes(policy: AuthorizationPolicy): readonly AuthorizationNote[] {
  const { namespace, name, action, rules } = policy;
  const note = (message: string): AuthorizationNote => ({ namespace, name, message });
  if (action === 'AUDIT') return [note('AUDIT marks requests; on TCP ports it has no effect')];
  const kind = action === 'ALLOW' ? 'allow' : 'deny';
  const notes = rules.flatMap((rule, index) => {
    const context = { policyNamespace: namespace, trustDomains: [] };
    const { ignored } = translateRule(rule, kind, {
      layer: 'tcp',
      port: 'passthrough',
      ...context,
    });
    if (ignored.length === 0) return [];
    const effect =
      kind === 'allow'
        ? 'the rule allows no connection'
        : 'connections are refused without regard to it';
    return [note(`on TCP ports, which have no ${ignored.join(', ')} (rule ${index}), ${effect}`)];
  });
  if (action !== 'CUSTOM') return notes;
  return [note(CUSTOM_ON_TCP), ...notes];
}
