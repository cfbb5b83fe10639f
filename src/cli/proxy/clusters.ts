// `proxy-config clusters` and `endpoints` as tables, under Istio's names. Pure.
import { Cluster_DiscoveryType, ClusterSchema } from '#gen/envoy/config/cluster/v3/cluster_pb.js';
import type { Address } from '#gen/envoy/config/core/v3/address_pb.js';
import { HealthStatus } from '#gen/envoy/config/core/v3/health_check_pb.js';
import { ClusterLoadAssignmentSchema } from '#gen/envoy/config/endpoint/v3/endpoint_pb.js';
import type { LbEndpoint } from '#gen/envoy/config/endpoint/v3/endpoint_components_pb.js';
import { parseResourceJson } from '#controlplane/debug-json.ts';
import type { ShownResource } from '#controlplane/debug-config.ts';
import { hostPort } from '#resolve/names.ts';
import { renderTable } from '../render.ts';
import { stateOf } from './state.ts';

const DESTINATION = /^dst\|(.+)$/;
/** `outbound|5432||db.default.svc.cluster.local`, `inbound|5432|tcp|db.default.svc.cluster.local`. */
const ISTIO_NAME = /^(outbound|inbound)\|(\d+)\|([^|]*)\|([^|]*)$/;

export function renderClusters(resources: readonly ShownResource[]): string {
  const headers = ['SERVICE FQDN', 'PORT', 'SUBSET', 'DIRECTION', 'TYPE', 'DIALLED AT', 'STATUS'];
  return renderTable(headers, resources.map(clusterRow));
}

/** `name` is what the proxy asked for; the statistics name is Istio's. */
function clusterRow(shown: ShownResource): readonly string[] {
  const { altStatName, name, clusterDiscoveryType } = parseResourceJson(
    ClusterSchema,
    shown.resource,
  );
  const type =
    clusterDiscoveryType.case === 'type' ? Cluster_DiscoveryType[clusterDiscoveryType.value] : '';
  const dialled = DESTINATION.exec(name)?.[1] ?? '';
  const [, direction = '', port = '', subset = '', host = ''] =
    ISTIO_NAME.exec(altStatName || name) ?? [];
  if (direction === '') return [altStatName || name, '', '', '', type, dialled, stateOf(shown)];
  return [host, port, subset, direction, type, dialled, stateOf(shown)];
}

export function renderEndpoints(resources: readonly ShownResource[]): string {
  const headers = ['ENDPOINT', 'HEALTH', 'TLS', 'WORKLOAD', 'CLUSTER', 'STATUS'];
  return renderTable(headers, resources.flatMap(endpointRows));
}

function endpointRows(shown: ShownResource): readonly (readonly string[])[] {
  const assignment = parseResourceJson(ClusterLoadAssignmentSchema, shown.resource);
  const endpoints = assignment.endpoints.flatMap(({ lbEndpoints }) => lbEndpoints);
  if (endpoints.length === 0) return [['none', '', '', '', shown.name, stateOf(shown)]];
  return endpoints.map((endpoint) => [
    endpointAddress(endpoint),
    HealthStatus[endpoint.healthStatus],
    textAt(endpoint, 'envoy.transport_socket_match', 'tlsMode') === 'istio' ? 'mTLS' : 'none',
    workloadOf(endpoint),
    shown.name,
    stateOf(shown),
  ]);
}

function endpointAddress({ hostIdentifier }: LbEndpoint): string {
  return hostIdentifier.case === 'endpoint' ? renderAddress(hostIdentifier.value.address) : '';
}

export function renderAddress(address: Address | undefined): string {
  if (address?.address.case !== 'socketAddress') return '';
  const { address: host, portSpecifier } = address.address.value;
  return hostPort({ address: host, port: Number(portSpecifier.value ?? 0) });
}

function workloadOf(endpoint: LbEndpoint): string {
  const workload = textAt(endpoint, 'istio', 'workload');
  return workload && `${workload}.${textAt(endpoint, 'istio', 'workload_namespace')}`;
}

function textAt({ metadata }: LbEndpoint, key: string, field: string): string {
  const value = metadata?.filterMetadata[key]?.[field];
  return typeof value === 'string' ? value : '';
}
