// Resources as JSON, for people and for `isthmus proxy-config`: protobuf's own mapping, with what
// is packed into an Any spelled out.
import { createRegistry, fromBinary, fromJson, toJson } from '@bufbuild/protobuf';
import type { DescMessage, JsonValue, MessageShape } from '@bufbuild/protobuf';
import { ClusterSchema } from '#gen/envoy/config/cluster/v3/cluster_pb.js';
import { TypedExtensionConfigSchema } from '#gen/envoy/config/core/v3/extension_pb.js';
import { ClusterLoadAssignmentSchema } from '#gen/envoy/config/endpoint/v3/endpoint_pb.js';
import { ListenerSchema } from '#gen/envoy/config/listener/v3/listener_pb.js';
import { RouteConfigurationSchema } from '#gen/envoy/config/route/v3/route_pb.js';
import { FileAccessLogSchema } from '#gen/envoy/extensions/access_loggers/file/v3/file_pb.js';
import { OpenTelemetryConfigSchema } from '#gen/envoy/config/trace/v3/opentelemetry_pb.js';
import { ExpressionFilterSchema } from '#gen/envoy/extensions/access_loggers/filters/cel/v3/cel_pb.js';
import { TcpGrpcAccessLogConfigSchema } from '#gen/envoy/extensions/access_loggers/grpc/v3/als_pb.js';
import { OpenTelemetryAccessLogConfigSchema } from '#gen/envoy/extensions/access_loggers/open_telemetry/v3/logs_service_pb.js';
import { StdoutAccessLogSchema } from '#gen/envoy/extensions/access_loggers/stream/v3/stream_pb.js';
import { CorsSchema } from '#gen/envoy/extensions/filters/http/cors/v3/cors_pb.js';
import { ExtAuthzSchema } from '#gen/envoy/extensions/filters/http/ext_authz/v3/ext_authz_pb.js';
import { FilterChainConfigSchema } from '#gen/envoy/extensions/filters/http/filter_chain/v3/filter_chain_pb.js';
import { HTTPFaultSchema } from '#gen/envoy/extensions/filters/http/fault/v3/fault_pb.js';
import { JwtAuthenticationSchema } from '#gen/envoy/extensions/filters/http/jwt_authn/v3/config_pb.js';
import { OnDemandSchema } from '#gen/envoy/extensions/filters/http/on_demand/v3/on_demand_pb.js';
import { RBACSchema as HttpRbacSchema } from '#gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.js';
import { RouterSchema } from '#gen/envoy/extensions/filters/http/router/v3/router_pb.js';
import { HttpInspectorSchema } from '#gen/envoy/extensions/filters/listener/http_inspector/v3/http_inspector_pb.js';
import { OriginalDstSchema } from '#gen/envoy/extensions/filters/listener/original_dst/v3/original_dst_pb.js';
import { TlsInspectorSchema } from '#gen/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector_pb.js';
import { ConfigSchema as DirectResponseSchema } from '#gen/envoy/extensions/filters/network/direct_response/v3/config_pb.js';
import { HttpConnectionManagerSchema } from '#gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { ExtAuthzSchema as TcpExtAuthzSchema } from '#gen/envoy/extensions/filters/network/ext_authz/v3/ext_authz_pb.js';
import { RBACSchema } from '#gen/envoy/extensions/filters/network/rbac/v3/rbac_pb.js';
import { ConfigSchema as SetFilterStateSchema } from '#gen/envoy/extensions/filters/network/set_filter_state/v3/set_filter_state_pb.js';
import { TcpProxySchema } from '#gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js';
import { PreviousHostsPredicateSchema } from '#gen/envoy/extensions/retry/host/previous_hosts/v3/previous_hosts_pb.js';
import { RawBufferSchema } from '#gen/envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer_pb.js';
import { UuidRequestIdConfigSchema } from '#gen/envoy/extensions/request_id/uuid/v3/uuid_pb.js';
import { EnvironmentResourceDetectorConfigSchema } from '#gen/envoy/extensions/tracers/opentelemetry/resource_detectors/v3/environment_resource_detector_pb.js';
import { ReqWithoutQuerySchema } from '#gen/envoy/extensions/formatter/req_without_query/v3/req_without_query_pb.js';
import { UpstreamTlsContextSchema } from '#gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js';
import { HttpProtocolOptionsSchema } from '#gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js';
import { ResourceSchema } from '#gen/envoy/service/discovery/v3/discovery_pb.js';
import { TYPE_URL } from '#resolve/names.ts';
import type { EncodedResource } from '#xds/catalog.ts';

/** Of all that the resolver packs; each file's other messages come along. A test finds gaps. */
const registry = createRegistry(
  CorsSchema.file,
  DirectResponseSchema.file,
  EnvironmentResourceDetectorConfigSchema.file,
  ExpressionFilterSchema.file,
  ExtAuthzSchema.file,
  FileAccessLogSchema.file,
  FilterChainConfigSchema.file,
  HttpConnectionManagerSchema.file,
  HTTPFaultSchema.file,
  HttpInspectorSchema.file,
  HttpProtocolOptionsSchema.file,
  HttpRbacSchema.file,
  JwtAuthenticationSchema.file,
  OnDemandSchema.file,
  OpenTelemetryAccessLogConfigSchema.file,
  OpenTelemetryConfigSchema.file,
  OriginalDstSchema.file,
  PreviousHostsPredicateSchema.file,
  RawBufferSchema.file,
  RBACSchema.file,
  ReqWithoutQuerySchema.file,
  RouterSchema.file,
  SetFilterStateSchema.file,
  StdoutAccessLogSchema.file,
  TcpExtAuthzSchema.file,
  TcpGrpcAccessLogConfigSchema.file,
  TcpProxySchema.file,
  TlsInspectorSchema.file,
  UpstreamTlsContextSchema.file,
  UuidRequestIdConfigSchema.file,
);

/** What `isthmus proxy-config` calls a type → the type. Secrets are none of these, ever. */
export const CONFIG_TYPES = {
  clusters: TYPE_URL.cluster,
  endpoints: TYPE_URL.endpoints,
  listeners: TYPE_URL.listener,
  routes: TYPE_URL.routes,
  policies: TYPE_URL.extension,
} as const;

export type ConfigType = keyof typeof CONFIG_TYPES;

const SCHEMAS: Readonly<Record<ConfigType, DescMessage>> = {
  clusters: ClusterSchema,
  endpoints: ClusterLoadAssignmentSchema,
  listeners: ListenerSchema,
  routes: RouteConfigurationSchema,
  policies: TypedExtensionConfigSchema,
};

export function resourceJson(type: ConfigType, { bytes }: EncodedResource): JsonValue {
  const { resource } = fromBinary(ResourceSchema, bytes);
  const schema = SCHEMAS[type];
  return toJson(schema, fromBinary(schema, resource?.value ?? new Uint8Array()), { registry });
}

/** Reads what `resourceJson` wrote. @throws Error when it is no such resource */
export function parseResourceJson<Desc extends DescMessage>(
  schema: Desc,
  json: JsonValue,
): MessageShape<Desc> {
  return fromJson(schema, json, { registry, ignoreUnknownFields: true });
}

/** Unpacks what a filter or transport socket carries, when it is of this type. */
export function knowsType(typeName: string): boolean {
  return registry.getMessage(typeName) !== undefined;
}
