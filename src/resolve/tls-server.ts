// TLS of a server's own, ended at the proxy: certificates are files beside it or Secrets of its
// namespace, which its agent reads and tells Envoy by SDS; the mesh's own are as everywhere.
import type { MessageInitShape } from '@bufbuild/protobuf';
import {
  certificateFileSecret,
  credentialRootsSecret,
  credentialSecret,
  rootFileSecret,
} from '#base/file-secret.ts';
import { TlsParameters_TlsProtocol } from '#gen/envoy/extensions/transport_sockets/tls/v3/common_pb.js';
import type { CertificateValidationContextSchema } from '#gen/envoy/extensions/transport_sockets/tls/v3/common_pb.js';
import { DownstreamTlsContextSchema } from '#gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js';
import type { CommonTlsContextSchema } from '#gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js';
import type { ClientCertificates, TlsTermination, TlsVersion } from '#istio/gateway/server-tls.ts';
import { extension, SDS_OF_ONE } from './message.ts';
import type { TypedConfig } from './message.ts';
import { sanMatcher } from './tls-own.ts';
import { serverTls } from './tls.ts';

const { TLS_AUTO, TLSv1_0, TLSv1_1, TLSv1_2, TLSv1_3 } = TlsParameters_TlsProtocol;
const VERSIONS: Readonly<Record<TlsVersion, TlsParameters_TlsProtocol>> = {
  TLSV1_0: TLSv1_0,
  TLSV1_1: TLSv1_1,
  TLSV1_2: TLSv1_2,
  TLSV1_3: TLSv1_3,
};

/** @param options.alpnProtocols empty: whoever is behind it agrees on nothing by TLS */
export function terminate(
  tls: TlsTermination,
  options: { readonly alpnProtocols: readonly string[]; readonly trustDomains: readonly string[] },
): TypedConfig {
  if (tls.kind === 'mesh') return serverTls(options);
  const { certificates, clients, cipherSuites } = tls;
  const [lowest = 'TLSV1_2', highest] = tls.versions;
  return extension('envoy.transport_sockets.tls', DownstreamTlsContextSchema, {
    requireClientCertificate: clients.kind === 'required',
    commonTlsContext: {
      tlsParams: {
        tlsMinimumProtocolVersion: VERSIONS[lowest],
        tlsMaximumProtocolVersion: highest === undefined ? TLS_AUTO : VERSIONS[highest],
        cipherSuites: [...cipherSuites],
      },
      alpnProtocols: [...options.alpnProtocols],
      tlsCertificateSdsSecretConfigs: certificates.map((one) => ({
        name: one.kind === 'files' ? certificateFileSecret(one) : credentialSecret(one.name),
        sdsConfig: SDS_OF_ONE,
      })),
      ...validation(clients),
    },
  });
}

function validation(
  clients: ClientCertificates,
): Pick<MessageInitShape<typeof CommonTlsContextSchema>, 'validationContextType'> {
  if (clients.kind === 'none') return {};
  const { authorities, subjectAltNames, hashes, spkis } = clients;
  const name =
    authorities.kind === 'file'
      ? rootFileSecret(authorities.path)
      : credentialRootsSecret(authorities.name);
  const asked: MessageInitShape<typeof CertificateValidationContextSchema> = {
    matchTypedSubjectAltNames: subjectAltNames.map(sanMatcher),
    verifyCertificateHash: [...hashes],
    verifyCertificateSpki: [...spkis],
  };
  return {
    validationContextType: {
      case: 'combinedValidationContext',
      value: {
        defaultValidationContext: asked,
        validationContextSdsSecretConfig: { name, sdsConfig: SDS_OF_ONE },
      },
    },
  };
}
