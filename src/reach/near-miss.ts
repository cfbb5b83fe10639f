// What keeps a rule from matching a call: the conditions that do not hold, one by one. Each is
// compiled as a rule of its own by the data plane's compiler, so it means here what it means there.
import { create } from '@bufbuild/protobuf';
import { PolicySchema } from '#gen/envoy/config/rbac/v3/rbac_pb.js';
import type { AuthorizationPolicy } from '#istio/authorizationpolicy/authorization-policy.ts';
import type { AuthorizationRule } from '#istio/authorizationpolicy/schema.ts';
import { parseSpiffeId } from '#base/workload-identity.ts';
import { translateRule } from '#resolve/rbac-rule.ts';
import type { PortPolicies, RuleRef } from './authorize.ts';
import { appliesTo } from './rbac-truth.ts';
import type { CallFacts } from './rbac-truth.ts';

export type NearMiss = {
  readonly rule: RuleRef;
  /** `the namespace is prod, not default`: at least one. */
  readonly misses: readonly string[];
};

/** Rules told of: the nearest ones. */
const NEAR_MISSES_MAX = 3;
/** Rules looked at, of all policies together. */
const RULES_MAX = 200;

/** The ALLOW rules that would have let the call in but for as little as possible, nearest first. */
export function nearMisses(policies: PortPolicies, call: CallFacts): readonly NearMiss[] {
  const all = policies.authorization.allow
    .filter(({ isDryRun }) => !isDryRun)
    .flatMap((policy) => policy.rules.map((rule, index) => ({ policy, rule, index })))
    .slice(0, RULES_MAX)
    .map(({ policy, rule, index }) => {
      const { namespace, name } = policy;
      const misses = missesOf(rule, policy, { policies, call });
      return { rule: { namespace, name, index }, misses };
    });
  return all
    .filter(({ misses }) => misses.length > 0)
    .toSorted((a, b) => a.misses.length - b.misses.length)
    .slice(0, NEAR_MISSES_MAX);
}

type Asked = { readonly policies: PortPolicies; readonly call: CallFacts };

/** Of several `from` (or `to`) the one that misses least. */
function missesOf(
  rule: AuthorizationRule,
  policy: AuthorizationPolicy,
  asked: Asked,
): readonly string[] {
  const fails = (part: AuthorizationRule): boolean => !holds(part, policy, asked);
  const sources = (rule.from ?? []).map(({ source = {} }) =>
    fieldsOf(source)
      .filter(([field, values]) => fails({ from: [{ source: { [field]: values } }] }))
      .map(([field, values]) => describe(field, values, asked.call)),
  );
  const operations = (rule.to ?? []).map(({ operation = {} }) =>
    fieldsOf(operation)
      .filter(([field, values]) => fails({ to: [{ operation: { [field]: values } }] }))
      .map(([field, values]) => describe(field, values, asked.call)),
  );
  const conditions = (rule.when ?? [])
    .filter((condition) => fails({ when: [condition] }))
    .map(({ key, values = [], notValues = [] }) =>
      values.length > 0
        ? `${key} would have to be ${listOf(values)}`
        : `${key} must not be ${listOf(notValues)}`,
    );
  return [...shortest(sources), ...shortest(operations), ...conditions];
}

function holds(
  rule: AuthorizationRule,
  { namespace: policyNamespace }: AuthorizationPolicy,
  { policies: { layer, port, trustDomains }, call }: Asked,
): boolean {
  const context = { layer, port, trustDomains, policyNamespace };
  const { policy } = translateRule(rule, 'allow', context);
  return policy !== undefined && appliesTo(create(PolicySchema, policy), call) !== 'no';
}

const fieldsOf = (fields: Readonly<Record<string, readonly string[] | undefined>>) =>
  Object.entries(fields).flatMap(([field, values]): readonly [string, string[]][] =>
    values && values.length > 0 ? [[field, [...values]]] : [],
  );

const shortest = (lists: readonly (readonly string[])[]): readonly string[] =>
  lists.toSorted((a, b) => a.length - b.length)[0] ?? [];

/** What a field of a rule asks for, beside what the call has. */
function describe(field: string, values: readonly string[], call: CallFacts): string {
  const wanted = listOf(values);
  const isNot = field.startsWith('not');
  const name = isNot ? `${field.charAt(3).toLowerCase()}${field.slice(4)}` : field;
  const [noun = name, actual = ''] = factOf(name, call) ?? [];
  if (isNot) return `${noun} must not be ${wanted}`;
  return actual === ''
    ? `${noun} would have to be ${wanted}, and there is none`
    : `${noun} is ${actual}, not ${wanted}`;
}

function factOf(
  field: string,
  { principal, sourceAddress = '', destinationPort }: CallFacts,
): readonly [noun: string, actual: string] | undefined {
  const parsed = principal ? parseSpiffeId(principal) : undefined;
  const identity = parsed?.ok ? parsed.value : undefined;
  switch (field) {
    case 'principals':
      return ["the client's identity", (principal ?? '').replace(/^spiffe:\/\//, '')];
    case 'namespaces':
      return ['the namespace', identity?.namespace ?? ''];
    case 'serviceAccounts':
      return [
        'the service account',
        identity ? `${identity.namespace}/${identity.serviceAccount}` : '',
      ];
    case 'trustDomains':
      return ['the trust domain', identity?.trustDomain ?? ''];
    case 'ipBlocks':
    case 'remoteIpBlocks':
      return ["the client's address", sourceAddress];
    case 'ports':
      return ['the port', String(destinationPort)];
    case 'methods':
    case 'paths':
    case 'hosts':
    case 'requestPrincipals':
      return [`the request's ${field}`, ''];
    default:
      return undefined;
  }
}

const LISTED_MAX = 3;

function listOf(values: readonly string[]): string {
  const shown = values.slice(0, LISTED_MAX).join(' or ');
  return values.length > LISTED_MAX ? `${shown} or ${values.length - LISTED_MAX} more` : shown;
}
