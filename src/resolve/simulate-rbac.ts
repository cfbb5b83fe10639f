// What Envoy's RBAC network filter decides of a connection, for tests: the same reading of the same
// message as in envoy/source/extensions/filters/common/rbac/matchers.cc.
import assert from 'node:assert/strict';
import { anyUnpack } from '@bufbuild/protobuf/wkt';
import type { TypedExtensionConfig } from '#gen/envoy/config/core/v3/extension_pb.js';
import type { CidrRange } from '#gen/envoy/config/core/v3/address_pb.js';
import { RBAC_Action } from '#gen/envoy/config/rbac/v3/rbac_pb.js';
import type { Permission, Principal, RBAC } from '#gen/envoy/config/rbac/v3/rbac_pb.js';
import { RBACSchema } from '#gen/envoy/extensions/filters/network/rbac/v3/rbac_pb.js';
import type { StringMatcher } from '#gen/envoy/type/matcher/v3/string_pb.js';
import { parseCidr, parseIp, rangeContains } from '#base/ip.ts';

export type SimulatedConnection = {
  /** SPIFFE ID of the client's certificate; undefined without mesh TLS. */
  readonly principal: string | undefined;
  readonly sourceAddress: string;
  readonly destinationAddress: string;
  readonly destinationPort: number;
  readonly sni: string;
};

export type RbacVerdict = {
  readonly isAllowed: boolean;
  /** The policies that matched, sorted. */
  readonly policies: readonly string[];
  /** What dry-run policies would have decided; undefined without any. */
  readonly shadow: boolean | undefined;
};

export function simulateRbac(
  extension: TypedExtensionConfig,
  connection: SimulatedConnection,
): RbacVerdict {
  const filter = extension.typedConfig && anyUnpack(extension.typedConfig, RBACSchema);
  assert(filter, 'the extension is an RBAC filter');
  const { isAllowed = true, policies = [] } = evaluate(filter.rules, connection) ?? {};
  return { isAllowed, policies, shadow: evaluate(filter.shadowRules, connection)?.isAllowed };
}

function evaluate(
  rules: RBAC | undefined,
  connection: SimulatedConnection,
): { readonly isAllowed: boolean; readonly policies: readonly string[] } | undefined {
  if (rules === undefined) return undefined;
  const policies = Object.entries(rules.policies)
    .filter(([, { permissions }]) => permissions.some((rule) => permits(rule, connection)))
    .filter(([, { principals }]) => principals.some((rule) => isPrincipal(rule, connection)))
    .map(([name]) => name)
    .toSorted();
  const matched = policies.length > 0;
  return { isAllowed: rules.action === RBAC_Action.ALLOW ? matched : !matched, policies };
}

function permits({ rule }: Permission, connection: SimulatedConnection): boolean {
  switch (rule.case) {
    case 'any':
      return rule.value;
    case 'andRules':
      return rule.value.rules.every((inner) => permits(inner, connection));
    case 'orRules':
      return rule.value.rules.some((inner) => permits(inner, connection));
    case 'notRule':
      return !permits(rule.value, connection);
    case 'destinationPort':
      return rule.value === connection.destinationPort;
    case 'destinationIp':
      return isInRange(rule.value, connection.destinationAddress);
    case 'requestedServerName':
      return isMatch(rule.value, connection.sni);
    default:
      return assert.fail(`permission ${rule.case} means nothing to a TCP connection`);
  }
}

function isPrincipal({ identifier }: Principal, connection: SimulatedConnection): boolean {
  switch (identifier.case) {
    case 'any':
      return identifier.value;
    case 'andIds':
      return identifier.value.ids.every((inner) => isPrincipal(inner, connection));
    case 'orIds':
      return identifier.value.ids.some((inner) => isPrincipal(inner, connection));
    case 'notId':
      return !isPrincipal(identifier.value, connection);
    case 'authenticated': {
      const { principalName } = identifier.value;
      if (connection.principal === undefined) return false;
      return principalName === undefined || isMatch(principalName, connection.principal);
    }
    case 'directRemoteIp':
    case 'remoteIp':
      return isInRange(identifier.value, connection.sourceAddress);
    default:
      return assert.fail(`principal ${identifier.case} means nothing to a TCP connection`);
  }
}

function isInRange({ addressPrefix, prefixLen }: CidrRange, address: string): boolean {
  const range = parseCidr(`${addressPrefix}/${prefixLen ?? 0}`);
  const ip = parseIp(address);
  assert(range && ip, `${addressPrefix}/${prefixLen} and ${address} are addresses`);
  return rangeContains(range, ip);
}

function isMatch({ matchPattern }: StringMatcher, text: string): boolean {
  switch (matchPattern.case) {
    case 'exact':
      return text === matchPattern.value;
    case 'prefix':
      return text.startsWith(matchPattern.value);
    case 'suffix':
      return text.endsWith(matchPattern.value);
    case 'contains':
      return text.includes(matchPattern.value);
    case 'safeRegex':
      return new RegExp(`^(?:${matchPattern.value.regex})$`).test(text);
    default:
      return assert.fail(`string match ${matchPattern.case} is not simulated`);
  }
}
