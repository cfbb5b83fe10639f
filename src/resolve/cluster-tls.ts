// How a cluster's endpoints are spoken to: mesh TLS, TLS of strangers, or nothing of the kind; and
// what goes before all of it.
import type { MessageInitShape } from '@bufbuild/protobuf';
import { assertNever } from '#base/assert-never.ts';
import type {
  Cluster_TransportSocketMatchSchema,
  ClusterSchema,
} from '#gen/envoy/config/cluster/v3/cluster_pb.js';
import { ProxyProtocolConfig_Version } from '#gen/envoy/config/core/v3/proxy_protocol_pb.js';
import { ProxyProtocolUpstreamTransportSchema } from '#gen/envoy/extensions/transport_sockets/proxy_protocol/v3/upstream_proxy_protocol_pb.js';
import type { ClientSecurity, ClientSettings } from './client-policy.ts';
import { MESH_ALPNS } from './cluster-http.ts';
import type { Spoken } from './cluster-http.ts';
import { TLS_MODE_ISTIO } from './endpoints.ts';
import { extension } from './message.ts';
import type { TypedConfig } from './message.ts';
import { outboundSni } from './names.ts';
import type { ServicePortRef } from './names.ts';
import { ownTls } from './tls-own.ts';
import { clientTls, plaintext } from './tls.ts';

type Cluster = MessageInitShape<typeof ClusterSchema>;

export type TransportInput = {
  /** Of the cluster, for what a bug says of itself. */
  readonly name: string;
  readonly service: ServicePortRef;
  readonly security: ClientSecurity;
  readonly spoken: Spoken;
  /** Who may answer: the endpoints' SPIFFE IDs and ServiceEntry.subjectAltNames. */
  readonly subjectAltNames: readonly string[];
  /** Those of them that somebody wrote. */
  readonly writtenNames: readonly string[];
  /** The mesh's own, then its aliases. */
  readonly trustDomains: readonly string[];
  readonly proxyProtocol: ClientSettings['proxyProtocol'];
  /** Do endpoints say of themselves what they take? Not where the client chose the address. */
  readonly hasEndpoints: boolean;
};

/** Nothing of it is plaintext. */
export function transport(
  input: TransportInput,
): Pick<Cluster, 'transportSocket' | 'transportSocketMatches'> {
  const { security, hasEndpoints } = input;
  const wrap = (socket: TypedConfig): TypedConfig => withProxyProtocol(socket, input.proxyProtocol);
  const bare = input.proxyProtocol === undefined ? {} : { transportSocket: wrap(plaintext()) };
  switch (security.kind) {
    case 'automatic':
      return hasEndpoints ? { transportSocketMatches: autoMtls(input, wrap) } : bare;
    case 'mesh':
      return { transportSocket: wrap(meshTls(input, security)) };
    case 'own':
      return { transportSocket: wrap(ownTls({ ...input, security })) };
    case 'plaintext':
      return bare;
    case 'refused':
      throw new Error(`${input.name} is refused, and so has no cluster`);
    default:
      return assertNever(security);
  }
}

/** Each endpoint is spoken to as its own metadata says; the first match counts. */
function autoMtls(
  input: TransportInput,
  wrap: (socket: TypedConfig) => TypedConfig,
): MessageInitShape<typeof Cluster_TransportSocketMatchSchema>[] {
  const mesh = wrap(meshTls(input, { sni: '', subjectAltNames: [] }));
  return [
    { name: 'tlsMode-istio', match: TLS_MODE_ISTIO, transportSocket: mesh },
    { name: 'tlsMode-disabled', match: {}, transportSocket: wrap(plaintext()) },
  ];
}

/** @param rule what a DestinationRule says instead of what is known; empty where it does not */
function meshTls(
  { service, subjectAltNames, trustDomains, spoken }: TransportInput,
  rule: { readonly sni: string; readonly subjectAltNames: readonly string[] },
): TypedConfig {
  return clientTls({
    sni: rule.sni === '' ? outboundSni(service) : rule.sni,
    subjectAltNames: rule.subjectAltNames.length > 0 ? rule.subjectAltNames : subjectAltNames,
    trustDomains,
    ...(spoken !== 'tcp' && { alpnProtocols: MESH_ALPNS[spoken] }),
  });
}

function withProxyProtocol(
  transportSocket: TypedConfig,
  version: TransportInput['proxyProtocol'],
): TypedConfig {
  if (version === undefined) return transportSocket;
  return extension(
    'envoy.transport_sockets.upstream_proxy_protocol',
    ProxyProtocolUpstreamTransportSchema,
    { config: { version: ProxyProtocolConfig_Version[version] }, transportSocket },
  );
}
