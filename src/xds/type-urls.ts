// The xDS types whose order or form the protocol layer must know; it serves any other type as well.

const PREFIX = 'type.googleapis.com/envoy.';

export const CLUSTER_TYPE = `${PREFIX}config.cluster.v3.Cluster`;
export const ENDPOINTS_TYPE = `${PREFIX}config.endpoint.v3.ClusterLoadAssignment`;
export const LISTENER_TYPE = `${PREFIX}config.listener.v3.Listener`;
export const ROUTES_TYPE = `${PREFIX}config.route.v3.RouteConfiguration`;
export const VIRTUAL_HOST_TYPE = `${PREFIX}config.route.v3.VirtualHost`;
export const EXTENSION_TYPE = `${PREFIX}config.core.v3.TypedExtensionConfig`;
export const SECRET_TYPE = `${PREFIX}extensions.transport_sockets.tls.v3.Secret`;

const SHORT_NAMES: ReadonlyMap<string, string> = new Map([
  [CLUSTER_TYPE, 'cds'],
  [ENDPOINTS_TYPE, 'eds'],
  [LISTENER_TYPE, 'lds'],
  [ROUTES_TYPE, 'rds'],
  [VIRTUAL_HOST_TYPE, 'vhds'],
  [EXTENSION_TYPE, 'ecds'],
  [SECRET_TYPE, 'sds'],
]);

/** For metrics: `cds`, `lds` and so on; one name for all others, since clients choose types. */
export const shortTypeName = (typeUrl: string): string => SHORT_NAMES.get(typeUrl) ?? 'other';
