// What a compiled rule says of a call: the same messages that the data plane's filters get, read as
// they read them (envoy/source/extensions/filters/common/rbac/matchers.cc), but of a call of which
// some things may not be known.
import type { CidrRange } from '#gen/envoy/config/core/v3/address_pb.js';
import type { Permission, Policy, Principal } from '#gen/envoy/config/rbac/v3/rbac_pb.js';
import { parseCidr, parseIp, rangeContains } from '#base/ip.ts';
import { matchesText } from './text-match.ts';
import { every, not, some, truthOf } from './truth.ts';
import type { Truth } from './truth.ts';

/** A connection, or (`layer` http) a request of which only the connection was recorded. */
export type CallFacts = {
  /** SPIFFE ID of the client; empty: it shows none (plaintext); undefined: not known. */
  readonly principal: string | undefined;
  /** undefined: not known, as of whoever talked yesterday. */
  readonly sourceAddress: string | undefined;
  readonly destinationAddress: string | undefined;
  /** Of the server workload. */
  readonly destinationPort: number;
  /** undefined: not known. */
  readonly sni: string | undefined;
};

export function appliesTo({ permissions, principals }: Policy, call: CallFacts): Truth {
  const isMeant = some(permissions, (rule) => permits(rule, call));
  return isMeant === 'no'
    ? isMeant
    : every([isMeant, some(principals, (rule) => isPrincipal(rule, call))], (truth) => truth);
}

function permits({ rule }: Permission, call: CallFacts): Truth {
  switch (rule.case) {
    case 'any':
      return truthOf(rule.value);
    case 'andRules':
      return every(rule.value.rules, (inner) => permits(inner, call));
    case 'orRules':
      return some(rule.value.rules, (inner) => permits(inner, call));
    case 'notRule':
      return not(permits(rule.value, call));
    case 'destinationPort':
      return truthOf(rule.value === call.destinationPort);
    case 'destinationIp':
      return isInRange(rule.value, call.destinationAddress);
    case 'requestedServerName':
      return call.sni === undefined ? 'unknown' : matchesText(rule.value, call.sni);
    default:
      return 'unknown'; // of a request, or of what another filter left
  }
}

function isPrincipal({ identifier }: Principal, call: CallFacts): Truth {
  switch (identifier.case) {
    case 'any':
      return truthOf(identifier.value);
    case 'andIds':
      return every(identifier.value.ids, (inner) => isPrincipal(inner, call));
    case 'orIds':
      return some(identifier.value.ids, (inner) => isPrincipal(inner, call));
    case 'notId':
      return not(isPrincipal(identifier.value, call));
    case 'authenticated': {
      const { principalName } = identifier.value;
      const { principal } = call;
      if (principal === undefined) return 'unknown';
      if (principal === '') return 'no';
      return principalName === undefined ? 'yes' : matchesText(principalName, principal);
    }
    case 'directRemoteIp':
      return isInRange(identifier.value, call.sourceAddress);
    case 'remoteIp':
      return isInRange(identifier.value, call.sourceAddress);
    default:
      return 'unknown';
  }
}

function isInRange({ addressPrefix, prefixLen }: CidrRange, address: string | undefined): Truth {
  if (address === undefined) return 'unknown';
  const range = parseCidr(`${addressPrefix}/${prefixLen ?? 0}`);
  const ip = parseIp(address);
  return range && ip ? truthOf(rangeContains(range, ip)) : 'no';
}
