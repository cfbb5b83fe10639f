// The smallest change to a policy that lets a call in, as an object to apply.
import { stringify } from 'yaml';
import { parseSpiffeId } from '#base/workload-identity.ts';
import type { AuthorizationPolicy } from '#istio/authorizationpolicy/authorization-policy.ts';
import type { AuthorizationRule } from '#istio/authorizationpolicy/schema.ts';
import { AUTHORIZATION_POLICY, apiVersionOf } from '#kube/resources.ts';
import type { CallFacts } from './rbac-truth.ts';

/** Without this rule's hold on the client, who is named as narrowly as it can be. */
export function excepting(policy: AuthorizationPolicy, index: number, call: CallFacts): string {
  const source = exceptionOf(call);
  const rules = policy.rules.map((rule, at): AuthorizationRule =>
    at === index ? { ...rule, from: exceptedFrom(rule, source) } : rule,
  );
  return policyYaml({ ...policy, rules });
}

type From = NonNullable<AuthorizationRule['from']>;
type Source = NonNullable<From[number]['source']>;

function exceptedFrom(rule: AuthorizationRule, except: Source): From {
  const from = rule.from ?? [];
  if (from.length === 0) return [{ source: except }];
  return from.map(({ source = {} }) => ({
    source: {
      ...source,
      ...(except.notPrincipals && {
        notPrincipals: [...(source.notPrincipals ?? []), ...except.notPrincipals],
      }),
      ...(except.notIpBlocks && {
        notIpBlocks: [...(source.notIpBlocks ?? []), ...except.notIpBlocks],
      }),
    },
  }));
}

/** With one more rule, for this client and this port. */
export function allowing(policy: AuthorizationPolicy, call: CallFacts): string {
  const rule: AuthorizationRule = {
    from: [{ source: sourceOf(call) }],
    to: [{ operation: { ports: [String(call.destinationPort)] } }],
  };
  return policyYaml({ ...policy, rules: [...policy.rules, rule] });
}

/** `cluster.local/ns/default/sa/web` */
export const principalOf = (spiffeId: string): string => spiffeId.replace(/^spiffe:\/\//, '');

const hasIdentity = ({ principal = '' }: CallFacts): boolean => parseSpiffeId(principal).ok;

const sourceOf = (call: CallFacts): Source =>
  hasIdentity(call)
    ? { principals: [principalOf(call.principal ?? '')] }
    : { ipBlocks: [call.sourceAddress ?? '0.0.0.0/0'] };

const exceptionOf = (call: CallFacts): Source =>
  hasIdentity(call)
    ? { notPrincipals: [principalOf(call.principal ?? '')] }
    : { notIpBlocks: [call.sourceAddress ?? '0.0.0.0/0'] };

/** What `kubectl apply` wrote down of the object before would be wrong now. */
const NOT_COPIED = new Set(['kubectl.kubernetes.io/last-applied-configuration']);

function policyYaml(policy: AuthorizationPolicy): string {
  const { namespace, name, labels, selector, targets, action, rules, provider } = policy;
  const annotations = Object.fromEntries(
    Object.entries(policy.annotations).filter(([key]) => !NOT_COPIED.has(key)),
  );
  return stringify({
    apiVersion: apiVersionOf(AUTHORIZATION_POLICY),
    kind: AUTHORIZATION_POLICY.kind,
    metadata: {
      name,
      namespace,
      ...(Object.keys(labels).length > 0 && { labels }),
      ...(Object.keys(annotations).length > 0 && { annotations }),
    },
    spec: {
      ...(Object.keys(selector).length > 0 && { selector: { matchLabels: selector } }),
      ...(targets.length > 0 && { targetRefs: targets }),
      action,
      ...(provider !== '' && { provider: { name: provider } }),
      rules,
    },
  });
}
