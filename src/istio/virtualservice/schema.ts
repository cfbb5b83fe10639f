// networking.istio.io VirtualService: the single source of the kind.
import { VIRTUAL_SERVICE } from '#kube/resources.ts';
import type { Kind } from '../kind.ts';
import { AGE, istioStatus, strings, uint32 } from '../kind-parts.ts';
import { object } from '../schema/object-schema.ts';
import { int32, list, map, string } from '../schema/schema.ts';
import type { Static } from '../schema/schema.ts';
import { destination, httpRoute } from './http-schema.ts';

const route = () =>
  list(object({ destination: destination(), weight: int32() }, { required: ['destination'] }));

const tlsMatch = object(
  {
    sniHosts: strings(),
    destinationSubnets: strings(),
    port: uint32(),
    sourceLabels: map(string()),
    gateways: strings(),
    sourceNamespace: string(),
  },
  { required: ['sniHosts'] },
);

const tcpMatch = object({
  destinationSubnets: strings(),
  port: uint32(),
  sourceSubnet: string(),
  sourceLabels: map(string()),
  gateways: strings(),
  sourceNamespace: string(),
});

export const virtualServiceSpec = object({
  hosts: strings(),
  gateways: strings(),
  http: list(httpRoute),
  tls: list(object({ match: list(tlsMatch), route: route() }, { required: ['match'] })),
  tcp: list(object({ match: list(tcpMatch), route: route() })),
  exportTo: strings(),
});

export type VirtualServiceSpec = Static<typeof virtualServiceSpec>;
export type TlsRoute = NonNullable<VirtualServiceSpec['tls']>[number];
export type TcpRoute = NonNullable<VirtualServiceSpec['tcp']>[number];
export type TlsMatch = Static<typeof tlsMatch>;
export type TcpMatch = Static<typeof tcpMatch>;
export type RouteDestination = Static<ReturnType<typeof route>>[number];

export const virtualServiceKind: Kind<VirtualServiceSpec> = {
  type: VIRTUAL_SERVICE,
  singular: 'virtualservice',
  shortNames: ['vs'],
  categories: ['istio-io', 'networking-istio-io'],
  versions: ['v1', 'v1alpha3', 'v1beta1'],
  columns: [
    { name: 'Gateways', type: 'string', jsonPath: '.spec.gateways' },
    { name: 'Hosts', type: 'string', jsonPath: '.spec.hosts' },
    AGE,
  ],
  spec: virtualServiceSpec,
  isSpecRequired: false,
  status: istioStatus(),
};
