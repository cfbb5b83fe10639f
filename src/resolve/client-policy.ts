// How a client is to speak to a port of a service: what a DestinationRule says, or else what each
// endpoint says of itself.
import { assertNever } from '#base/assert-never.ts';
import type {
  ClientTls,
  PortPolicy,
  RetryBudget,
  TrafficPolicy,
} from '#istio/destinationrule/traffic-policy.ts';
import type { DestinationPolicy } from '#model/destination-rules.ts';

/** Plain data with a fixed order of fields: it is part of a recipe's key. */
export type ClientSecurity =
  /** Mesh TLS to the endpoints that take it, plaintext to the others (automatic mTLS). */
  | { readonly kind: 'automatic' }
  | { readonly kind: 'plaintext' }
  /** Mesh TLS to every endpoint; what is empty is as in automatic mTLS. */
  | { readonly kind: 'mesh'; readonly sni: string; readonly subjectAltNames: readonly string[] }
  /** TLS to somebody outside of the mesh, by files that lie beside the client. */
  | {
      readonly kind: 'own';
      /** Empty: the name that a request is for. */
      readonly sni: string;
      /** Empty: any name that a trusted authority vouches for. */
      readonly subjectAltNames: readonly string[];
      /** Empty: those that the machine trusts. */
      readonly caCertificates: string;
      readonly skipsVerification: boolean;
      /** undefined: the client shows no certificate. */
      readonly certificate: { readonly chain: string; readonly key: string } | undefined;
    }
  /** TLS of a kind that nothing here originates: nothing may go out instead of it. */
  | { readonly kind: 'refused' };

export const AUTOMATIC: ClientSecurity = { kind: 'automatic' };

/** All that a rule says of a port, all but TLS. Plain data with a fixed order of fields, too. */
export type ClientSettings = Pick<
  PortPolicy,
  'loadBalancer' | 'connectionPool' | 'outlierDetection'
> & {
  readonly proxyProtocol: TrafficPolicy['proxyProtocol'];
  readonly retryBudget: RetryBudget | undefined;
};

export type ClientPolicy = {
  readonly security: ClientSecurity;
  readonly settings: ClientSettings;
};

/** @param options.subset name of a subset of the rule; empty for the whole service */
export function clientPolicy(
  rule: DestinationPolicy | undefined,
  options: { readonly port: number; readonly subset: string },
): ClientPolicy {
  const said = mergedPolicy(rule, options);
  return {
    security: securityOf(said?.tls),
    settings: {
      loadBalancer: said?.loadBalancer,
      connectionPool: said?.connectionPool,
      outlierDetection: said?.outlierDetection,
      proxyProtocol: said?.proxyProtocol,
      retryBudget: said?.retryBudget,
    },
  };
}

export function clientSecurity(
  rule: DestinationPolicy | undefined,
  options: { readonly port: number; readonly subset: string },
): ClientSecurity {
  return clientPolicy(rule, options).security;
}

type Merged = PortPolicy & Pick<TrafficPolicy, 'proxyProtocol' | 'retryBudget'>;

/**
 * A port's own settings replace all four blocks, said anew or not; a subset's policy overrides the
 * rule's block by block, and its settings of the port again replace all four.
 */
function mergedPolicy(
  rule: DestinationPolicy | undefined,
  { port, subset }: { readonly port: number; readonly subset: string },
): Merged | undefined {
  const whole = rule?.policy && ofPort(rule.policy, port);
  const own = rule?.subsets.find(({ name }) => name === subset)?.policy;
  if (own === undefined) return whole;
  const blocks = own.portLevel.get(port) ?? {
    tls: own.tls ?? whole?.tls,
    loadBalancer: own.loadBalancer ?? whole?.loadBalancer,
    connectionPool: own.connectionPool ?? whole?.connectionPool,
    outlierDetection: own.outlierDetection ?? whole?.outlierDetection,
  };
  return {
    ...blocks,
    proxyProtocol: own.proxyProtocol ?? whole?.proxyProtocol,
    retryBudget: own.retryBudget ?? whole?.retryBudget,
  };
}

function ofPort(policy: TrafficPolicy, port: number): Merged {
  const { proxyProtocol, retryBudget } = policy;
  return { ...(policy.portLevel.get(port) ?? policy), proxyProtocol, retryBudget };
}

function securityOf(tls: ClientTls | undefined): ClientSecurity {
  if (tls === undefined) return AUTOMATIC;
  const { mode, sni, subjectAltNames } = tls;
  switch (mode) {
    case 'DISABLE':
      return { kind: 'plaintext' };
    case 'ISTIO_MUTUAL':
      return { kind: 'mesh', sni, subjectAltNames };
    case 'SIMPLE':
    case 'MUTUAL':
      return ownTls(tls);
    default:
      return assertNever(mode);
  }
}

function ownTls(tls: ClientTls): ClientSecurity {
  if (tls.isBeyondUs) return { kind: 'refused' };
  const { sni, subjectAltNames, caCertificates, skipsVerification } = tls;
  const certificate =
    tls.mode === 'MUTUAL' ? { chain: tls.clientCertificate, key: tls.privateKey } : undefined;
  return { kind: 'own', sni, subjectAltNames, caCertificates, skipsVerification, certificate };
}
