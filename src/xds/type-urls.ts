// The xDS types whose order or form the protocol layer must know; it serves any other type as well.

const PREFIX = 'type.googleapis.com/envoy.';

export const CLUSTER_TYPE = `${PREFIX}config.cluster.v3.Cluster`;
export const ENDPOINTS_TYPE = `${PREFIX}config.endpoint.v3.ClusterLoadAssignment`;
export const LISTENER_TYPE = `${PREFIX}config.listener.v3.Listener`;
export const ROUTES_TYPE = `${PREFIX}config.route.v3.RouteConfiguration`;
export const VIRTUAL_HOST_TYPE = `${PREFIX}config.route.v3.VirtualHost`;
export const EXTENSION_TYPE = `${PREFIX}config.core.v3.TypedExtensionConfig`;
export const SECRET_TYPE = `${PREFIX}extensions.transport_sockets.tls.v3.Secret`;
