// `proxy-config listeners` as a table: a line for each filter chain. Pure.
import type { Any } from '@bufbuild/protobuf/wkt';
import { anyUnpack } from '@bufbuild/protobuf/wkt';
import type {
  Filter,
  FilterChain,
  FilterChainMatch,
} from '#gen/envoy/config/listener/v3/listener_components_pb.js';
import { ListenerSchema } from '#gen/envoy/config/listener/v3/listener_pb.js';
import { ConfigSchema as DirectResponseSchema } from '#gen/envoy/extensions/filters/network/direct_response/v3/config_pb.js';
import { HttpConnectionManagerSchema } from '#gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { TcpProxySchema } from '#gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js';
import { parseResourceJson } from '#controlplane/debug-json.ts';
import type { ShownResource } from '#controlplane/debug-config.ts';
import { renderTable } from '../render.ts';
import { stateOf } from './state.ts';

export function renderListeners(resources: readonly ShownResource[]): string {
  const headers = ['ADDRESSES', 'PORT', 'CHAIN', 'MATCH', 'DESTINATION', 'STATUS'];
  return renderTable(headers, resources.flatMap(listenerRows));
}

function listenerRows(shown: ShownResource): readonly (readonly string[])[] {
  const { address, filterChains } = parseResourceJson(ListenerSchema, shown.resource);
  const socket = address?.address.case === 'socketAddress' ? address.address.value : undefined;
  const place = [socket?.address ?? '', String(socket?.portSpecifier.value ?? '')];
  return filterChains.map((chain) => [
    ...place,
    chain.name,
    renderMatch(chain.filterChainMatch),
    renderDestination(chain),
    stateOf(shown),
  ]);
}

/** In istioctl's words. */
function renderMatch(match: FilterChainMatch | undefined): string {
  const { destinationPort, prefixRanges = [], serverNames = [] } = match ?? {};
  const { transportProtocol = '', applicationProtocols = [] } = match ?? {};
  const ranges = prefixRanges.map(
    ({ addressPrefix, prefixLen }) => `${addressPrefix}/${prefixLen ?? ''}`,
  );
  const parts = [
    ...(destinationPort === undefined ? [] : [`Port: ${destinationPort}`]),
    ...(ranges.length === 0 ? [] : [`Addr: ${ranges.join(',')}`]),
    ...(serverNames.length === 0 ? [] : [`SNI: ${serverNames.join(',')}`]),
    ...(transportProtocol === '' ? [] : [`Trans: ${transportProtocol}`]),
    ...(applicationProtocols.length === 0 ? [] : [`App: ${applicationProtocols.join(',')}`]),
  ];
  return parts.length === 0 ? 'ALL' : parts.join('; ');
}

/** What becomes of a connection that the chain takes: its last filter decides. */
function renderDestination({ filters }: FilterChain): string {
  const config = configOf(filters.at(-1));
  if (config === undefined) return '';
  const tcp = anyUnpack(config, TcpProxySchema);
  if (tcp) return renderTcp(tcp.onDemand !== undefined, tcp.clusterSpecifier);
  const http = anyUnpack(config, HttpConnectionManagerSchema);
  if (http) {
    const { case: kind, value } = http.routeSpecifier;
    return kind === 'rds' ? `Route: ${value.routeConfigName}` : 'Inline Route';
  }
  const answer = anyUnpack(config, DirectResponseSchema);
  if (!answer) return config.typeUrl.replace(/^.*\./, '');
  const { specifier } = answer.response ?? {};
  const text = specifier?.case === 'inlineString' ? specifier.value.trim() : '';
  return text === '' ? 'Closes' : `Answers: ${text}`;
}

function renderTcp(
  isOnDemand: boolean,
  specifier: { readonly case?: string | undefined; readonly value?: unknown },
): string {
  if (isOnDemand) return 'Cluster: of the address dialled, on demand';
  if (specifier.case === 'cluster') return `Cluster: ${String(specifier.value)}`;
  return specifier.case === 'weightedClusters' ? 'Clusters: weighted' : '';
}

function configOf(filter: Filter | undefined): Any | undefined {
  return filter?.configType.case === 'typedConfig' ? filter.configType.value : undefined;
}
