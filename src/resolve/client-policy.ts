// How a client is to secure its connections to a port of a service: what a DestinationRule says,
// or else what each endpoint says of itself.
import { assertNever } from '#base/assert-never.ts';
import type { ClientTls, TrafficPolicy } from '#istio/destinationrule/destination-rule.ts';
import type { DestinationPolicy } from '#model/destination-rules.ts';

/** Plain data with a fixed order of fields: it is part of a recipe's key. */
export type ClientSecurity =
  /** Mesh TLS to the endpoints that take it, plaintext to the others (automatic mTLS). */
  | { readonly kind: 'automatic' }
  | { readonly kind: 'plaintext' }
  /** Mesh TLS to every endpoint; what is empty is as in automatic mTLS. */
  | { readonly kind: 'mesh'; readonly sni: string; readonly subjectAltNames: readonly string[] }
  /** TLS of a kind that nothing here originates yet: nothing may go out instead of it. */
  | { readonly kind: 'refused' };

export const AUTOMATIC: ClientSecurity = { kind: 'automatic' };

/** @param options.subset name of a subset of the rule; empty for the whole service */
export function clientSecurity(
  rule: DestinationPolicy | undefined,
  options: { readonly port: number; readonly subset: string },
): ClientSecurity {
  const tls = rule && tlsOf(rule, options);
  if (tls === undefined) return AUTOMATIC;
  const { mode, sni, subjectAltNames } = tls;
  switch (mode) {
    case 'DISABLE':
      return { kind: 'plaintext' };
    case 'ISTIO_MUTUAL':
      return { kind: 'mesh', sni, subjectAltNames };
    case 'SIMPLE':
    case 'MUTUAL':
      return { kind: 'refused' };
    default:
      return assertNever(mode);
  }
}

/** A subset's policy overrides the rule's, block by block. */
function tlsOf(
  { policy, subsets }: DestinationPolicy,
  { port, subset }: { readonly port: number; readonly subset: string },
): ClientTls | undefined {
  const ofAll = policy && tlsOfPort(policy, port);
  const own = subsets.find(({ name }) => name === subset)?.policy;
  if (own === undefined) return ofAll;
  return own.portLevel.has(port) ? tlsOfPort(own, port) : (own.tls ?? ofAll);
}

/** Settings for a port replace the others wholesale: without TLS in them, none is said. */
function tlsOfPort(policy: TrafficPolicy, port: number): ClientTls | undefined {
  const ofPort = policy.portLevel.get(port);
  return ofPort === undefined ? policy.tls : ofPort.tls;
}
