// What Envoy's RBAC filters decide of a connection or a request, for tests: the same reading of the same
// message as in envoy/source/extensions/filters/common/rbac/matchers.cc.
import assert from 'node:assert/strict';
import { anyUnpack } from '@bufbuild/protobuf/wkt';
import type { TypedExtensionConfig } from '#gen/envoy/config/core/v3/extension_pb.js';
import type { CidrRange } from '#gen/envoy/config/core/v3/address_pb.js';
import { RBAC_Action } from '#gen/envoy/config/rbac/v3/rbac_pb.js';
import type { Permission, Principal, RBAC } from '#gen/envoy/config/rbac/v3/rbac_pb.js';
import { RBACSchema as HttpRbacSchema } from '#gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.js';
import { RBACSchema } from '#gen/envoy/extensions/filters/network/rbac/v3/rbac_pb.js';
import { parseCidr, parseIp, rangeContains } from '#base/ip.ts';
import { hasHeader, hasMetadata, hasPath, isMatch } from './simulate-request.ts';
import type { SimulatedRequest } from './simulate-request.ts';

export type SimulatedConnection = {
  /** SPIFFE ID of the client's certificate; undefined without mesh TLS. */
  readonly principal: string | undefined;
  readonly sourceAddress: string;
  readonly destinationAddress: string;
  readonly destinationPort: number;
  readonly sni: string;
  /** Only where requests are decided about. */
  readonly request?: SimulatedRequest;
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
  const { typedConfig } = extension;
  const filter =
    typedConfig && (anyUnpack(typedConfig, RBACSchema) ?? anyUnpack(typedConfig, HttpRbacSchema));
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
  if (rules.action === RBAC_Action.LOG) return { isAllowed: true, policies };
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
    case 'header':
      return hasHeader(rule.value, requestOf(connection));
    case 'urlPath':
      return hasPath(rule.value, requestOf(connection));
    default:
      return assert.fail(`permission ${rule.case} is not simulated`);
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
      return isInRange(identifier.value, connection.sourceAddress);
    case 'remoteIp':
      return isInRange(identifier.value, remoteAddress(connection));
    case 'header':
      return hasHeader(identifier.value, requestOf(connection));
    case 'metadata':
      return hasMetadata(identifier.value, requestOf(connection));
    default:
      return assert.fail(`principal ${identifier.case} is not simulated`);
  }
}

function requestOf({ request }: SimulatedConnection): SimulatedRequest {
  return request ?? assert.fail('this means nothing to a TCP connection');
}

/** As a sidecar takes it: whom the last proxy names, else who connects. */
function remoteAddress({ request, sourceAddress }: SimulatedConnection): string {
  return request?.headers['x-forwarded-for']?.split(',').at(-1)?.trim() ?? sourceAddress;
}

function isInRange({ addressPrefix, prefixLen }: CidrRange, address: string): boolean {
  const range = parseCidr(`${addressPrefix}/${prefixLen ?? 0}`);
  const ip = parseIp(address);
  assert(range && ip, `${addressPrefix}/${prefixLen} and ${address} are addresses`);
  return rangeContains(range, ip);
}
