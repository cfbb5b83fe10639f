// TLS to somebody outside of the mesh (a DestinationRule's SIMPLE and MUTUAL). What it is checked
// by and done with are files beside the client: its agent reads them and tells Envoy by SDS, so
// that a file that is not there yet holds the connections back and nothing else.
import {
  SubjectAltNameMatcher_SanType,
  TlsParameters_TlsProtocol,
} from '#gen/envoy/extensions/transport_sockets/tls/v3/common_pb.js';
import type { SubjectAltNameMatcherSchema } from '#gen/envoy/extensions/transport_sockets/tls/v3/common_pb.js';
import { UpstreamTlsContextSchema } from '#gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js';
import type { CommonTlsContextSchema } from '#gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { canonicalIp } from '#base/ip.ts';
import { certificateFileSecret, rootFileSecret } from '#base/file-secret.ts';
import type { ClientSecurity } from './client-policy.ts';
import type { Spoken } from './cluster-http.ts';
import { extension, SDS } from './message.ts';
import type { TypedConfig } from './message.ts';

type OwnSecurity = Extract<ClientSecurity, { kind: 'own' }>;

export function ownTls(input: {
  readonly security: OwnSecurity;
  readonly spoken: Spoken;
  /** ServiceEntry.subjectAltNames, where the rule names nobody. */
  readonly writtenNames: readonly string[];
}): TypedConfig {
  const { security, spoken, writtenNames } = input;
  const { sni, certificate, subjectAltNames } = security;
  const names = subjectAltNames.length > 0 ? subjectAltNames : writtenNames;
  return extension('envoy.transport_sockets.tls', UpstreamTlsContextSchema, {
    sni,
    commonTlsContext: {
      // without it Envoy's client side ends at 1.2
      tlsParams: { tlsMaximumProtocolVersion: TlsParameters_TlsProtocol.TLSv1_3 },
      alpnProtocols: spoken === 'http2' ? ['h2'] : [],
      ...(certificate && {
        tlsCertificateSdsSecretConfigs: [
          { name: certificateFileSecret(certificate), sdsConfig: SDS },
        ],
      }),
      ...(!security.skipsVerification && { validationContextType: validation(security, names) }),
    },
  });
}

function validation(
  { caCertificates }: OwnSecurity,
  names: readonly string[],
): NonNullable<MessageInitShape<typeof CommonTlsContextSchema>['validationContextType']> {
  const matchTypedSubjectAltNames = [...new Set(names)].toSorted().map(sanMatcher);
  return {
    case: 'combinedValidationContext',
    value: {
      defaultValidationContext: { matchTypedSubjectAltNames },
      validationContextSdsSecretConfig: { name: rootFileSecret(caCertificates), sdsConfig: SDS },
    },
  };
}

/** A URI, an address or a name, in full. */
export function sanMatcher(exact: string): MessageInitShape<typeof SubjectAltNameMatcherSchema> {
  const { URI, DNS, IP_ADDRESS } = SubjectAltNameMatcher_SanType;
  const host = canonicalIp(exact) === undefined ? DNS : IP_ADDRESS;
  return {
    sanType: exact.includes('://') ? URI : host,
    matcher: { matchPattern: { case: 'exact', value: exact } },
  };
}
