// Authorization of connections to a port, as the extension-config resources that its filter chains
// fetch by name: whom to ask, what refuses, and what must agree. A change of policy changes only
// them, so new connections obey it at once and the sessions that are open live on.
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { TypedExtensionConfigSchema } from '#gen/envoy/config/core/v3/extension_pb.js';
import { RBACSchema } from '#gen/envoy/extensions/filters/network/rbac/v3/rbac_pb.js';
import type { AuthorizationPolicy } from '#istio/authorizationpolicy/authorization-policy.ts';
import { TCP_AUTHORIZER } from './inbound-names.ts';
import { packed } from './message.ts';
import { rbacName } from './names.ts';
import { translateRule } from './rbac-rule.ts';
import { filterRules } from './rbac-rules.ts';
import type { RulesInput } from './rbac-rules.ts';

type Extension = MessageInitShape<typeof TypedExtensionConfigSchema>;

/** Istio's prefix, so that its dashboards find the statistics. */
export const TCP_STAT_PREFIX = 'tcp.';
/** Under what Envoy's filter leaves its verdicts. */
export const TCP_RBAC_METADATA = 'envoy.filters.network.rbac';

export function buildRbac(input: Omit<RulesInput, 'layer'>): Extension {
  const rules = filterRules({ ...input, layer: 'tcp' });
  return {
    name: rbacName(input.kind, input.port),
    typedConfig: packed(RBACSchema, { statPrefix: TCP_STAT_PREFIX, ...rules }),
  };
}

/** Stands where an authorizer would be asked about connections, and there is none. */
export const buildNoTcpAuthorizer = (): Extension => ({
  name: TCP_AUTHORIZER,
  typedConfig: packed(RBACSchema, { statPrefix: TCP_STAT_PREFIX }),
});

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
  if (action === 'AUDIT') return [];
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
  return [note('on TCP ports it does not count if its provider speaks HTTP'), ...notes];
}
