// networking.istio.io Sidecar: the single source of the kind.
import { SIDECAR } from '#kube/resources.ts';
import { connectionPool } from '../destinationrule/schema.ts';
import { serverTls } from '../gateway/schema.ts';
import type { Kind } from '../kind.ts';
import { istioStatus, labelsSelector, strings, uint32 } from '../kind-parts.ts';
import { object } from '../schema/object-schema.ts';
import { list, string, word } from '../schema/schema.ts';
import type { Static } from '../schema/schema.ts';
import { destination } from '../virtualservice/http-schema.ts';

const sidecarPort = object({
  number: uint32(),
  protocol: string(),
  name: string(),
  targetPort: uint32(),
});

const captureMode = word(['DEFAULT', 'IPTABLES', 'NONE']);

const ingressListener = object(
  {
    port: sidecarPort,
    bind: string(),
    captureMode,
    defaultEndpoint: string(),
    tls: serverTls,
    connectionPool,
  },
  { required: ['port'] },
);

const egressListener = object(
  { port: sidecarPort, bind: string(), captureMode, hosts: strings() },
  { required: ['hosts'] },
);

export const sidecarSpec = object({
  workloadSelector: labelsSelector(),
  ingress: list(ingressListener),
  egress: list(egressListener),
  inboundConnectionPool: connectionPool,
  outboundTrafficPolicy: object({
    mode: word(['REGISTRY_ONLY', 'ALLOW_ANY']),
    egressProxy: destination(),
  }),
});

export type SidecarSpec = Static<typeof sidecarSpec>;
export type IngressListener = Static<typeof ingressListener>;
export type EgressListener = Static<typeof egressListener>;
export type SidecarPort = Static<typeof sidecarPort>;

export const sidecarKind: Kind<SidecarSpec> = {
  type: SIDECAR,
  singular: 'sidecar',
  shortNames: [],
  categories: ['istio-io', 'networking-istio-io'],
  versions: ['v1', 'v1alpha3', 'v1beta1'],
  columns: [],
  spec: sidecarSpec,
  isSpecRequired: false,
  status: istioStatus(),
};
