// Mesh TLS: both ends of it. Certificates and roots come from the agent by SDS, never inline.
import type { MessageInitShape } from '@bufbuild/protobuf';
import {
  DownstreamTlsContextSchema,
  UpstreamTlsContextSchema,
} from '#gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js';
import {
  SubjectAltNameMatcher_SanType,
  TlsParameters_TlsProtocol,
} from '#gen/envoy/extensions/transport_sockets/tls/v3/common_pb.js';
import type { SubjectAltNameMatcherSchema } from '#gen/envoy/extensions/transport_sockets/tls/v3/common_pb.js';
import type { CommonTlsContextSchema } from '#gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js';
import { RawBufferSchema } from '#gen/envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer_pb.js';
import type { MeshConfig } from '#istio/meshconfig/mesh-config.ts';
import { extension, SDS } from './message.ts';
import type { TypedConfig } from './message.ts';
import { MESH_ALPN, ROOT_SECRET, WORKLOAD_SECRET } from './names.ts';

type SanMatcher = MessageInitShape<typeof SubjectAltNameMatcherSchema>;

const TLS_SOCKET = 'envoy.transport_sockets.tls';
const RAW_SOCKET = 'envoy.transport_sockets.raw_buffer';

/**
 * Sessions that a client keeps for resumption with each destination. TLS 1.3 tickets are used
 * once, so Envoy's default of 1 makes most handshakes of a busy pool full ones (+50 % CPU).
 */
const SESSION_KEYS_MAX = 64;

/** Whose identities count as the mesh's: its own trust domain, then that one's aliases. */
type TrustDomains = { readonly trustDomains: readonly string[] };

export const trustDomainsOf = ({
  trustDomain,
  trustDomainAliases,
}: Pick<MeshConfig, 'trustDomain' | 'trustDomainAliases'>): readonly string[] => [
  trustDomain,
  ...trustDomainAliases,
];

/**
 * @param options.sni what the server is told that we want: the service and its port
 * @param options.alpnProtocols by which the server tells requests from bytes; mesh TCP if absent
 * @param options.subjectAltNames the identities that may answer; any of the trust domains if empty
 */
export function clientTls(
  options: TrustDomains & {
    readonly sni: string;
    readonly subjectAltNames: readonly string[];
    readonly alpnProtocols?: readonly string[];
  },
): TypedConfig {
  const { sni, subjectAltNames, trustDomains, alpnProtocols = [MESH_ALPN] } = options;
  const sans = [...new Set(subjectAltNames)].toSorted().map(exactSan);
  return extension(TLS_SOCKET, UpstreamTlsContextSchema, {
    sni,
    maxSessionKeys: SESSION_KEYS_MAX,
    commonTlsContext: commonTls({
      matchTypedSubjectAltNames: sans.length > 0 ? sans : trustDomains.map(trustDomainSan),
      alpnProtocols,
    }),
  });
}

/** What a server of requests agrees to, as Istio's: the codec follows from it. */
export const HTTP_SERVER_ALPNS: readonly string[] = ['h2', 'http/1.1'];

/** A certificate of the trust domain is demanded; who may do what is authorization's to say. */
export function serverTls(
  options: TrustDomains & { readonly alpnProtocols?: readonly string[] },
): TypedConfig {
  const { trustDomains, alpnProtocols = [MESH_ALPN] } = options;
  return extension(TLS_SOCKET, DownstreamTlsContextSchema, {
    requireClientCertificate: true,
    commonTlsContext: commonTls({
      matchTypedSubjectAltNames: trustDomains.map(trustDomainSan),
      alpnProtocols,
    }),
  });
}

export const plaintext = (): TypedConfig => extension(RAW_SOCKET, RawBufferSchema, {});

/**
 * TLS 1.3 only: without it Envoy's client side ends at 1.2. Key exchange groups are Envoy's own
 * choice (X25519MLKEM768 first); a list without P-256 would refuse our P-256 certificates.
 */
function commonTls(options: {
  readonly matchTypedSubjectAltNames: SanMatcher[];
  readonly alpnProtocols: readonly string[];
}): MessageInitShape<typeof CommonTlsContextSchema> {
  const { matchTypedSubjectAltNames, alpnProtocols } = options;
  return {
    tlsParams: {
      tlsMinimumProtocolVersion: TlsParameters_TlsProtocol.TLSv1_3,
      tlsMaximumProtocolVersion: TlsParameters_TlsProtocol.TLSv1_3,
    },
    alpnProtocols: [...alpnProtocols],
    tlsCertificateSdsSecretConfigs: [{ name: WORKLOAD_SECRET, sdsConfig: SDS }],
    validationContextType: {
      case: 'combinedValidationContext',
      value: {
        defaultValidationContext: { matchTypedSubjectAltNames },
        validationContextSdsSecretConfig: { name: ROOT_SECRET, sdsConfig: SDS },
      },
    },
  };
}

/** A URI (SPIFFE IDs are) or, as ServiceEntry.subjectAltNames allows, a DNS name. */
function exactSan(exact: string): SanMatcher {
  const { URI, DNS } = SubjectAltNameMatcher_SanType;
  return {
    sanType: exact.includes('://') ? URI : DNS,
    matcher: { matchPattern: { case: 'exact', value: exact } },
  };
}

function trustDomainSan(trustDomain: string): SanMatcher {
  return {
    sanType: SubjectAltNameMatcher_SanType.URI,
    matcher: { matchPattern: { case: 'prefix', value: `spiffe://${trustDomain}/` } },
  };
}
