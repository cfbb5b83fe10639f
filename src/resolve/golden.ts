// Resources as text, for goldens: the JSON of protobuf, with what is packed into Any spelled out.
import { createRegistry, fromJson, toJson } from '@bufbuild/protobuf';
import type { DescMessage, JsonValue, MessageShape } from '@bufbuild/protobuf';
import { ClusterSchema } from '#gen/envoy/config/cluster/v3/cluster_pb.js';
import { TypedExtensionConfigSchema } from '#gen/envoy/config/core/v3/extension_pb.js';
import { ClusterLoadAssignmentSchema } from '#gen/envoy/config/endpoint/v3/endpoint_pb.js';
import { VirtualHostSchema } from '#gen/envoy/config/route/v3/route_components_pb.js';
import { RouteConfigurationSchema } from '#gen/envoy/config/route/v3/route_pb.js';
import { ListenerSchema } from '#gen/envoy/config/listener/v3/listener_pb.js';
import {
  HttpGrpcAccessLogConfigSchema,
  TcpGrpcAccessLogConfigSchema,
} from '#gen/envoy/extensions/access_loggers/grpc/v3/als_pb.js';
import { StdoutAccessLogSchema } from '#gen/envoy/extensions/access_loggers/stream/v3/stream_pb.js';
import { OriginalDstSchema } from '#gen/envoy/extensions/filters/listener/original_dst/v3/original_dst_pb.js';
import { HttpInspectorSchema } from '#gen/envoy/extensions/filters/listener/http_inspector/v3/http_inspector_pb.js';
import { TlsInspectorSchema } from '#gen/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector_pb.js';
import { ConfigSchema as DirectResponseSchema } from '#gen/envoy/extensions/filters/network/direct_response/v3/config_pb.js';
import { CorsSchema } from '#gen/envoy/extensions/filters/http/cors/v3/cors_pb.js';
import { FilterChainConfigSchema } from '#gen/envoy/extensions/filters/http/filter_chain/v3/filter_chain_pb.js';
import { HTTPFaultSchema } from '#gen/envoy/extensions/filters/http/fault/v3/fault_pb.js';
import { JwtAuthenticationSchema } from '#gen/envoy/extensions/filters/http/jwt_authn/v3/config_pb.js';
import { OnDemandSchema } from '#gen/envoy/extensions/filters/http/on_demand/v3/on_demand_pb.js';
import { RBACSchema as HttpRbacSchema } from '#gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.js';
import { RBACSchema } from '#gen/envoy/extensions/filters/network/rbac/v3/rbac_pb.js';
import { ConfigSchema as SetFilterStateSchema } from '#gen/envoy/extensions/filters/network/set_filter_state/v3/set_filter_state_pb.js';
import { HttpConnectionManagerSchema } from '#gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { RouterSchema } from '#gen/envoy/extensions/filters/http/router/v3/router_pb.js';
import { PreviousHostsPredicateSchema } from '#gen/envoy/extensions/retry/host/previous_hosts/v3/previous_hosts_pb.js';
import { HttpProtocolOptionsSchema } from '#gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js';
import { TcpProxySchema } from '#gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js';
import { RawBufferSchema } from '#gen/envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer_pb.js';
import {
  DownstreamTlsContextSchema,
  UpstreamTlsContextSchema,
} from '#gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js';
import { MeshAddressesSchema } from '#gen/isthmus/v1/agent_pb.js';
import type { EncodedResource } from '#xds/catalog.ts';
import { TYPE_URL } from './names.ts';
import { decode } from './simulate-call.ts';

const registry = createRegistry(
  CorsSchema,
  DirectResponseSchema,
  DownstreamTlsContextSchema,
  FilterChainConfigSchema,
  HttpConnectionManagerSchema,
  HttpGrpcAccessLogConfigSchema,
  HttpInspectorSchema,
  HttpProtocolOptionsSchema,
  OnDemandSchema,
  OriginalDstSchema,
  PreviousHostsPredicateSchema,
  RawBufferSchema,
  HTTPFaultSchema,
  HttpRbacSchema,
  JwtAuthenticationSchema,
  RBACSchema,
  RouterSchema,
  SetFilterStateSchema,
  StdoutAccessLogSchema,
  TcpGrpcAccessLogConfigSchema,
  TcpProxySchema,
  TlsInspectorSchema,
  UpstreamTlsContextSchema,
);

const SCHEMAS: Readonly<Record<string, DescMessage>> = {
  [TYPE_URL.cluster]: ClusterSchema,
  [TYPE_URL.endpoints]: ClusterLoadAssignmentSchema,
  [TYPE_URL.extension]: TypedExtensionConfigSchema,
  [TYPE_URL.listener]: ListenerSchema,
  [TYPE_URL.meshAddresses]: MeshAddressesSchema,
  [TYPE_URL.routes]: RouteConfigurationSchema,
  [TYPE_URL.virtualHost]: VirtualHostSchema,
};

export function renderGolden(typeUrl: string, resource: EncodedResource): string {
  const schema = SCHEMAS[typeUrl];
  if (schema === undefined) throw new Error(`no golden has type ${typeUrl}`);
  const json = toJson(schema, decode(schema, resource), { registry, useProtoFieldName: true });
  return `${JSON.stringify(json, undefined, 2)}\n`;
}

export function parseGolden<Desc extends DescMessage>(
  schema: Desc,
  text: string,
): MessageShape<Desc> {
  const json: JsonValue = JSON.parse(text);
  return fromJson(schema, json, { registry });
}
