// networking.istio.io Gateway: the single source of the kind.
import { GATEWAY } from '#kube/resources.ts';
import type { Kind } from '../kind.ts';
import { istioStatus, strings, uint32 } from '../kind-parts.ts';
import { object } from '../schema/object-schema.ts';
import { boolean, list, map, nullable, string, word } from '../schema/schema.ts';
import type { Static } from '../schema/schema.ts';

const tlsVersion = () => word(['TLS_AUTO', 'TLSV1_0', 'TLSV1_1', 'TLSV1_2', 'TLSV1_3']);

const isOneAtMost = (...fields: readonly unknown[]): boolean =>
  fields.filter((field) => field !== undefined).length <= 1;

/** Also of a Sidecar's ingress listeners. */
export const serverTls = object(
  {
    httpsRedirect: boolean(),
    mode: word([
      'PASSTHROUGH',
      'SIMPLE',
      'MUTUAL',
      'AUTO_PASSTHROUGH',
      'ISTIO_MUTUAL',
      'OPTIONAL_MUTUAL',
    ]),
    serverCertificate: string(),
    privateKey: string(),
    caCertificates: string(),
    caCrl: string(),
    tlsCertificates: list(
      object({ serverCertificate: string(), privateKey: string(), caCertificates: string() }),
      { itemsMin: 1, itemsMax: 2 },
    ),
    credentialName: string(),
    credentialNames: list(string(), { itemsMin: 1, itemsMax: 2 }),
    caCertCredentialName: string(),
    subjectAltNames: strings(),
    verifyCertificateSpki: strings(),
    verifyCertificateHash: strings(),
    minProtocolVersion: tlsVersion(),
    maxProtocolVersion: tlsVersion(),
    cipherSuites: strings(),
    insecureSkipVerify: nullable(boolean()),
  },
  {
    rules: [
      {
        cel: '(has(self.tlsCertificates) ? 1 : 0) + (has(self.credentialNames) ? 1 : 0) <= 1',
        message: 'only one of credentialNames or tlsCertificates can be set',
        holds: (self) => isOneAtMost(self.tlsCertificates, self.credentialNames),
      },
      {
        cel: '(has(self.credentialName) ? 1 : 0) + (has(self.credentialNames) ? 1 : 0) <= 1',
        message: 'only one of credentialName or credentialNames can be set',
        holds: (self) => isOneAtMost(self.credentialName, self.credentialNames),
      },
      {
        // as Istio has it, though the message tells that credentialName was meant
        cel: '(has(self.credentialNames) ? 1 : 0) + (has(self.tlsCertificates) ? 1 : 0) <= 1',
        message: 'only one of credentialName or tlsCertificates can be set',
        holds: (self) => isOneAtMost(self.credentialNames, self.tlsCertificates),
      },
    ],
  },
);

const server = object(
  {
    port: object(
      { number: uint32(), protocol: string(), name: string(), targetPort: uint32() },
      { required: ['number', 'protocol', 'name'] },
    ),
    bind: string(),
    hosts: strings(),
    tls: serverTls,
    defaultEndpoint: string(),
    name: string(),
  },
  { required: ['port', 'hosts'] },
);

export const gatewaySpec = object({ servers: list(server), selector: map(string()) });

export type GatewaySpec = Static<typeof gatewaySpec>;
export type ServerSpec = Static<typeof server>;
export type ServerTlsSpec = Static<typeof serverTls>;

export const gatewayKind: Kind<GatewaySpec> = {
  type: GATEWAY,
  singular: 'gateway',
  shortNames: ['gw'],
  categories: ['istio-io', 'networking-istio-io'],
  versions: ['v1', 'v1alpha3', 'v1beta1'],
  columns: [],
  spec: gatewaySpec,
  isSpecRequired: false,
  status: istioStatus(),
};
