// What Envoy is told to add to each entry of the access-log stream, for the agent that reads it:
// tag → where Envoy takes it from. Both ends of that wire read this, so that they cannot drift.

/** Istio's names for where what is nobody's in the mesh is led to: out of it, or nowhere. */
export const NOBODYS = { out: 'PassthroughCluster', nowhere: 'BlackHoleCluster' } as const;
export const isNobodys = (service: string): boolean =>
  service === NOBODYS.out || service === NOBODYS.nowhere;
/** And of the routes of requests that do so (Istio's virtual hosts of these names). */
export const NOBODYS_ROUTE = { out: 'allow_any', nowhere: 'block_all' } as const;

/** `log_name` of the streams to the agent: tells it which side of a call it sees, and of what. */
export const LOG_NAME = {
  outboundTcp: 'isthmus-outbound-tcp',
  inboundTcp: 'isthmus-inbound-tcp',
  outboundHttp: 'isthmus-outbound-http',
  inboundHttp: 'isthmus-inbound-http',
} as const;

/** Command operators (Envoy's access-log formats), evaluated when the entry is written. */
export const FORMAT_TAGS = {
  response_flags: '%RESPONSE_FLAGS%',
} as const;

/** Of the TLS session that the proxy opened: an entry's own properties have the other one. */
export const OUTBOUND_FORMAT_TAGS = {
  upstream_local_uri: '%UPSTREAM_LOCAL_URI_SAN%',
  upstream_peer_uri: '%UPSTREAM_PEER_URI_SAN%',
  upstream_peer_subject: '%UPSTREAM_PEER_SUBJECT%',
  upstream_tls_version: '%UPSTREAM_TLS_VERSION%',
  /** By its stat name: there is one also where nobody is behind it. */
  upstream_cluster: '%UPSTREAM_CLUSTER%',
} as const;

/**
 * Of connections: microseconds from the client's connection until there was one to the server, the
 * wait for configuration with it; without TLS, of whose end Envoy keeps no time here.
 */
export const OUTBOUND_TCP_FORMAT_TAGS = {
  connect_us: '%COMMON_DURATION(DS_CX_BEG:US_CX_END:us)%',
} as const;

/** Of requests. */
export const HTTP_FORMAT_TAGS = {
  content_type: '%REQ(CONTENT-TYPE)%',
  grpc_status: '%GRPC_STATUS_NUMBER%',
} as const;

/**
 * Of the cluster's metadata, key `istio`: the service that was called, `host|name|namespace` as
 * Istio names it. One tag, because each costs every request.
 */
export const SERVICE_TAG = 'service';

export type AccessLogTag =
  | keyof typeof FORMAT_TAGS
  | keyof typeof OUTBOUND_FORMAT_TAGS
  | keyof typeof OUTBOUND_TCP_FORMAT_TAGS
  | keyof typeof HTTP_FORMAT_TAGS
  | typeof SERVICE_TAG;
