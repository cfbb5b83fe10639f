// A call as Envoy would carry it, worked out from what the catalog answers, for tests: so they can
// speak of behaviour ("this client, that address: this cluster, mTLS with those identities").
import assert from 'node:assert/strict';
import { fromBinary } from '@bufbuild/protobuf';
import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import { anyUnpack } from '@bufbuild/protobuf/wkt';
import type { WorkloadIdentity } from '#base/workload-identity.ts';
import { Cluster_DiscoveryType, ClusterSchema } from '#gen/envoy/config/cluster/v3/cluster_pb.js';
import type { Cluster } from '#gen/envoy/config/cluster/v3/cluster_pb.js';
import type { TransportSocket } from '#gen/envoy/config/core/v3/base_pb.js';
import { TypedExtensionConfigSchema } from '#gen/envoy/config/core/v3/extension_pb.js';
import { HealthStatus } from '#gen/envoy/config/core/v3/health_check_pb.js';
import { ClusterLoadAssignmentSchema } from '#gen/envoy/config/endpoint/v3/endpoint_pb.js';
import type { ClusterLoadAssignment } from '#gen/envoy/config/endpoint/v3/endpoint_pb.js';
import type { LbEndpoint } from '#gen/envoy/config/endpoint/v3/endpoint_components_pb.js';
import type { FilterChain } from '#gen/envoy/config/listener/v3/listener_components_pb.js';
import { ListenerSchema } from '#gen/envoy/config/listener/v3/listener_pb.js';
import { TcpProxySchema } from '#gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js';
import { UpstreamTlsContextSchema } from '#gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js';
import { ResourceSchema } from '#gen/envoy/service/discovery/v3/discovery_pb.js';
import type { EncodedResource, ResourceCatalog } from '#xds/catalog.ts';
import { TLS_MODE_METADATA } from './endpoints.ts';
import { isInspected } from './first-speaker.ts';
import {
  destinationClusterName,
  hostPort,
  MESH_ALPN,
  outboundSni,
  TYPE_URL,
  VIRTUAL_INBOUND,
} from './names.ts';
import type { Destination } from './names.ts';
import { simulateRbac } from './simulate-rbac.ts';

type Catalog = ResourceCatalog<WorkloadIdentity>;

export type SimulatedEndpoint = {
  readonly address: string;
  /** undefined: plaintext. */
  readonly tls: { readonly sni: string; readonly identities: readonly string[] } | undefined;
};

export type OutboundCall = {
  /** As logs and statistics show it. */
  readonly cluster: string;
  /** Those that take new connections. */
  readonly endpoints: readonly SimulatedEndpoint[];
  /** Wherever the client dialled; `endpoints` is empty then. */
  readonly isPassthrough: boolean;
};

/** What the catalog answers to one question, asked and let go again. */
export function ask(
  catalog: Catalog,
  question: { readonly proxy: WorkloadIdentity; readonly typeUrl: string; readonly name: string },
): EncodedResource | undefined {
  const key = catalog.acquire(question.proxy, question.typeUrl, question.name);
  catalog.settle();
  const answer = catalog.lookup(key);
  catalog.release(key);
  return answer;
}

export function decode<Desc extends DescMessage>(
  schema: Desc,
  encoded: EncodedResource,
): MessageShape<Desc> {
  const { name, version, resource } = fromBinary(ResourceSchema, encoded.bytes);
  assert.deepEqual({ name, version }, { name: encoded.name, version: encoded.version });
  const message = resource && anyUnpack(resource, schema);
  assert(message, `${name} is a ${schema.typeName}`);
  return message;
}

/** A process beside `proxy` connects to an address. */
export function simulateOutbound(
  catalog: Catalog,
  proxy: WorkloadIdentity,
  destination: Destination,
): OutboundCall {
  const name = destinationClusterName(destination);
  const answer = ask(catalog, { proxy, typeUrl: TYPE_URL.cluster, name });
  assert(answer, 'a destination is always answered');
  const cluster = decode(ClusterSchema, answer);
  const assignment =
    answer.endpoints === undefined
      ? cluster.loadAssignment
      : assignmentOf(catalog, proxy, answer.endpoints);
  const endpoints = (assignment?.endpoints ?? [])
    .flatMap(({ lbEndpoints }) => lbEndpoints)
    .filter(({ healthStatus }) => healthStatus === HealthStatus.HEALTHY)
    .map((endpoint) => ({ address: addressOf(endpoint), tls: tlsOf(cluster, endpoint) }));
  const isPassthrough = cluster.clusterDiscoveryType.value === Cluster_DiscoveryType.ORIGINAL_DST;
  return { cluster: cluster.altStatName, endpoints, isPassthrough };
}

function assignmentOf(
  catalog: Catalog,
  proxy: WorkloadIdentity,
  name: string,
): ClusterLoadAssignment | undefined {
  const answer = ask(catalog, { proxy, typeUrl: TYPE_URL.endpoints, name });
  return answer && decode(ClusterLoadAssignmentSchema, answer);
}

function addressOf({ hostIdentifier }: LbEndpoint): string {
  assert(hostIdentifier.case === 'endpoint');
  const address = hostIdentifier.value.address?.address;
  assert(address?.case === 'socketAddress' && address.value.portSpecifier.case === 'portValue');
  return hostPort({ address: address.value.address, port: address.value.portSpecifier.value });
}

/** The first transport socket whose match the endpoint's metadata fulfils, or the cluster's own. */
function tlsOf(cluster: Cluster, endpoint: LbEndpoint): SimulatedEndpoint['tls'] {
  const says = endpoint.metadata?.filterMetadata[TLS_MODE_METADATA] ?? {};
  const chosen = cluster.transportSocketMatches.find(({ match = {} }) =>
    Object.entries(match).every(([field, value]) => says[field] === value),
  );
  const config = typedConfigOf(chosen ? chosen.transportSocket : cluster.transportSocket);
  const context = config && anyUnpack(config, UpstreamTlsContextSchema);
  if (context === undefined) return undefined;
  const validation = context.commonTlsContext?.validationContextType;
  assert(validation?.case === 'combinedValidationContext', 'roots come by SDS');
  const sans = validation.value.defaultValidationContext?.matchTypedSubjectAltNames ?? [];
  const identities = sans.map(({ matcher }) => {
    const value = matcher?.matchPattern.value;
    return typeof value === 'string' ? value : assert.fail('identities are matched as text');
  });
  return { sni: context.sni, identities };
}

const typedConfigOf = (socket: TransportSocket | undefined) =>
  socket?.configType.case === 'typedConfig' ? socket.configType.value : undefined;

export type InboundClient =
  | { readonly kind: 'mesh'; readonly principal: string }
  /** TLS of the application's own. */
  | { readonly kind: 'tls' }
  | { readonly kind: 'plaintext' };

export type InboundCall = {
  readonly chain: string;
  readonly cluster: string;
  readonly isAllowed: boolean;
};

/** Somebody connects to a workload's port; undefined: no filter chain takes the connection. */
export function simulateInbound(
  catalog: Catalog,
  proxy: WorkloadIdentity,
  call: {
    readonly address: string;
    readonly port: number;
    readonly from: string;
    readonly client: InboundClient;
  },
): InboundCall | undefined {
  const answer = ask(catalog, { proxy, typeUrl: TYPE_URL.listener, name: VIRTUAL_INBOUND });
  assert(answer, 'the workload has an inbound listener');
  const chain = chainFor(decode(ListenerSchema, answer).filterChains, call.port, call.client);
  if (chain === undefined) return undefined;
  const isMesh = call.client.kind === 'mesh';
  const connection = {
    principal: isMesh && chain.transportSocket ? call.client.principal : undefined,
    sourceAddress: call.from,
    destinationAddress: call.address,
    destinationPort: call.port,
    sni: isMesh ? outboundSni({ host: 'host', port: call.port }) : '',
  };
  const isAllowed = chain.filters
    .filter(({ configType }) => configType.case === 'configDiscovery')
    .every(({ name }) => {
      const policy = ask(catalog, { proxy, typeUrl: TYPE_URL.extension, name });
      assert(policy, `${name} is there: without it nobody would be let in`);
      return simulateRbac(decode(TypedExtensionConfigSchema, policy), connection).isAllowed;
    });
  return { chain: chain.name, cluster: clusterOf(chain), isAllowed };
}

/** By destination port first, never going back; then transport protocol, then ALPN. */
function chainFor(
  chains: readonly FilterChain[],
  port: number,
  client: InboundClient,
): FilterChain | undefined {
  const portOf = (chain: FilterChain): number | undefined =>
    chain.filterChainMatch?.destinationPort;
  const ofPort = chains.filter((chain) => portOf(chain) === port);
  const candidates = ofPort.length > 0 ? ofPort : chains.filter((chain) => !portOf(chain));
  const isTls = client.kind !== 'plaintext' && isInspected(port);
  const transport = isTls ? 'tls' : 'raw_buffer';
  const alpn = client.kind === 'mesh' ? MESH_ALPN : 'none';
  const fits = ({ filterChainMatch: match }: FilterChain): boolean =>
    [transport, ''].includes(match?.transportProtocol ?? '') &&
    (!match?.applicationProtocols.length || match.applicationProtocols.includes(alpn));
  const weight = ({ filterChainMatch: match }: FilterChain): number =>
    Number(match?.transportProtocol !== '') * 2 + Number(!!match?.applicationProtocols.length);
  return candidates.filter(fits).toSorted((a, b) => weight(b) - weight(a))[0];
}

function clusterOf({ filters }: FilterChain): string {
  const last = filters.at(-1);
  assert(last?.configType.case === 'typedConfig');
  const proxy = anyUnpack(last.configType.value, TcpProxySchema);
  assert(proxy?.clusterSpecifier.case === 'cluster');
  return proxy.clusterSpecifier.value;
}
