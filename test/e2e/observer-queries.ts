// What others ask Prometheus of a mesh: Kiali's graph (graph/telemetry/istio, 2.31) and the panels
// of Istio's own dashboards (manifests/addons/dashboards, of August 2026). Data: a query is as it is
// there, with the variables of Grafana in it. And the kinds of objects that Kiali asks for.
import type { ResourceType } from '#kube/resources.ts';

/** Other than v1, by group or by group and kind. */
const VERSIONS: Readonly<Record<string, string>> = {
  'networking.istio.io/EnvoyFilter': 'v1alpha3',
  'extensions.istio.io': 'v1alpha1',
};

const pluralOf = (singular: string): string =>
  /[^aeiou]y$/.test(singular) ? `${singular.slice(0, -1)}ies` : `${singular}s`;

const EDGE = [
  'source_cluster',
  'source_workload_namespace',
  'source_workload',
  'source_canonical_service',
  'source_canonical_revision',
  'destination_cluster',
  'destination_service_namespace',
  'destination_service',
  'destination_service_name',
  'destination_workload_namespace',
  'destination_workload',
  'destination_canonical_service',
  'destination_canonical_revision',
];
const TCP_EDGE = [...EDGE, 'response_flags'].join(',');
const HTTP_EDGE = [
  ...EDGE,
  'request_protocol',
  'response_code',
  'grpc_response_status',
  'response_flags',
].join(',');
const LOCK = [...EDGE, 'source_principal', 'destination_principal', 'connection_security_policy'];

const OVER = '[60s]';

/** Of one namespace's graph: what comes in, as servers say, and what goes out, as clients say. */
export const KIALI = {
  tcpIn: edges('istio_tcp_received_bytes_total', 'destination', TCP_EDGE),
  tcpOut: edges('istio_tcp_received_bytes_total', 'source', TCP_EDGE),
  httpIn: edges('istio_requests_total', 'destination', HTTP_EDGE),
  httpOut: edges('istio_requests_total', 'source', HTTP_EDGE),
  tcpLock: locks('istio_tcp_sent_bytes_total'),
  httpLock: locks('istio_requests_total'),
  responseTime:
    'histogram_quantile(0.95, sum(rate(istio_request_duration_milliseconds_bucket' +
    `{reporter="destination",destination_workload_namespace="default"}${OVER})) ` +
    `by (le,${EDGE.join(',')}))`,
  throughput:
    'sum(rate(istio_request_bytes_sum' +
    `{reporter="source",source_workload_namespace="default"}${OVER})) by (${EDGE.join(',')})`,
} as const;

function edges(metric: string, reporter: 'source' | 'destination', by: string): string {
  const filter = `reporter="${reporter}",${reporter}_workload_namespace="default"`;
  return `sum(rate(${metric}{${filter}}${OVER})) by (${by}) > 0`;
}

function locks(metric: string): string {
  const filter = 'reporter="destination",destination_service_namespace="default"';
  return `sum(rate(${metric}{${filter}}${OVER})) by (${LOCK.join(',')}) > 0`;
}

/**
 * What Kiali reads of the Kubernetes API for its graph, its lists of workloads and services, and
 * its pages of configuration. Where one is not known, it fails as a whole.
 */
export const KIALI_KINDS: readonly ResourceType[] = [
  ...kindsOf('', ['ConfigMap', 'Namespace', 'Pod', 'ReplicationController', 'Secret', 'Service']),
  ...kindsOf('apps', ['DaemonSet', 'Deployment', 'ReplicaSet', 'StatefulSet']),
  ...kindsOf('batch', ['CronJob', 'Job']),
  ...kindsOf('networking.istio.io', [
    'DestinationRule',
    'EnvoyFilter',
    'Gateway',
    'ServiceEntry',
    'Sidecar',
    'VirtualService',
    'WorkloadEntry',
    'WorkloadGroup',
  ]),
  ...kindsOf('security.istio.io', [
    'AuthorizationPolicy',
    'PeerAuthentication',
    'RequestAuthentication',
  ]),
  ...kindsOf('telemetry.istio.io', ['Telemetry']),
  ...kindsOf('extensions.istio.io', ['WasmPlugin']),
];

function kindsOf(group: string, kinds: readonly string[]): readonly ResourceType[] {
  return kinds.map((kind) => ({
    group,
    version: VERSIONS[`${group}/${kind}`] ?? VERSIONS[group] ?? 'v1',
    kind,
    plural: pluralOf(kind.toLowerCase()),
    namespaced: kind !== 'Namespace',
  }));
}

const SERVICE = 'reporter=~"$qrep",destination_service="$service"';
const FROM = 'source_workload=~"$srcwl",source_workload_namespace=~"$srcns"';
const TO = 'destination_workload=~"$dstwl",destination_workload_namespace=~"$dstns"';
const BY_FROM = 'by (source_workload,source_workload_namespace)';
const BY_TO = 'by (destination_workload,destination_workload_namespace)';
const MTLS = 'connection_security_policy="mutual_tls"';
const RATE = '[$__rate_interval]';
const SEEN = 'reporter=~"source|waypoint"';
const WORKLOAD = 'destination_workload_namespace=~"$namespace",destination_workload=~"$workload"';
const OUTGOING =
  'reporter="source",source_workload_namespace=~"$namespace",source_workload=~"$client"';

/** `$service` is of TCP in the first, of HTTP in the second. */
export const ISTIO_TCP: readonly string[] = [
  // service
  `sum(irate(istio_tcp_received_bytes_total{${SERVICE}}${RATE}))`,
  `sum(irate(istio_tcp_sent_bytes_total{${SERVICE}}${RATE}))`,
  `round(sum(irate(istio_tcp_received_bytes_total{${MTLS},${SERVICE},${FROM}}${RATE})) ${BY_FROM}, 0.001)`,
  `round(sum(irate(istio_tcp_sent_bytes_total{${MTLS},${SERVICE},${FROM}}${RATE})) ${BY_FROM}, 0.001)`,
  `round(sum(irate(istio_tcp_received_bytes_total{${MTLS},reporter="destination",destination_service="$service",${TO}}${RATE})) ${BY_TO}, 0.001)`,
  // workload
  `sum(irate(istio_tcp_sent_bytes_total{reporter=~"$qrep",${WORKLOAD}}${RATE})) + sum(irate(istio_tcp_received_bytes_total{reporter=~"$qrep",${WORKLOAD}}${RATE}))`,
  `round(sum(irate(istio_tcp_received_bytes_total{${MTLS},${OUTGOING},destination_service=~"$service"}${RATE})) by (destination_service), 0.001)`,
  `round(sum(irate(istio_tcp_sent_bytes_total{${MTLS},${OUTGOING},destination_service=~"$service"}${RATE})) by (destination_service), 0.001)`,
  // mesh
  `label_join(sum by (destination_workload,destination_workload_namespace,destination_service) (rate(istio_tcp_received_bytes_total{${SEEN}}${RATE})), "destination_workload_var", ".", "destination_workload", "destination_workload_namespace")`,
  `label_join(sum by (destination_workload,destination_workload_namespace,destination_service) (rate(istio_tcp_sent_bytes_total{${SEEN}}${RATE})), "destination_workload_var", ".", "destination_workload", "destination_workload_namespace")`,
];

export const ISTIO_HTTP: readonly string[] = [
  // service
  `round(sum(irate(istio_requests_total{${SERVICE}}${RATE})), 0.001)`,
  `sum(irate(istio_requests_total{${SERVICE},response_code!~"5.*"}${RATE})) / (sum(irate(istio_requests_total{${SERVICE}}${RATE})) or on () vector(1))`,
  `(histogram_quantile(0.50, sum(irate(istio_request_duration_milliseconds_bucket{${SERVICE}}${RATE})) by (le)) / 1000) or histogram_quantile(0.50, sum(irate(istio_request_duration_seconds_bucket{${SERVICE}}${RATE})) by (le))`,
  `round(sum(irate(istio_requests_total{${MTLS},${SERVICE},${FROM}}${RATE})) by (source_workload,source_workload_namespace,response_code), 0.001)`,
  `histogram_quantile(0.95, sum(irate(istio_request_bytes_bucket{${SERVICE}}${RATE})) by (source_workload,source_workload_namespace,le))`,
  `histogram_quantile(0.95, sum(irate(istio_response_bytes_bucket{${SERVICE}}${RATE})) by (source_workload,source_workload_namespace,le))`,
  // workload
  `round(sum(irate(istio_requests_total{destination_principal=~"spiffe.*",${OUTGOING},destination_service=~"$service"}${RATE})) by (destination_service,response_code), 0.001)`,
  // mesh
  `round(sum(rate(istio_requests_total{${SEEN}}${RATE})), 0.01)`,
  `sum(rate(istio_requests_total{${SEEN},response_code!~"5.."}${RATE})) / sum(rate(istio_requests_total{${SEEN}}${RATE}))`,
  `round(sum(rate(istio_requests_total{${SEEN},response_code=~"5.."}${RATE})), 0.01) or vector(0)`,
  `label_join(histogram_quantile(0.9, sum by (le,destination_workload,destination_workload_namespace) (rate(istio_request_duration_milliseconds_bucket{${SEEN}}${RATE}))), "destination_workload_var", ".", "destination_workload", "destination_workload_namespace")`,
];

/** Without those of the container's runtime and of Go, which are not the mesh's to tell. */
export const ISTIO_CONTROL_PLANE: readonly string[] = [
  'sum by (component,tag) (istio_build)',
  `sum by (type) (irate(pilot_xds_pushes${RATE}))`,
  `sum by (type,event) (rate(pilot_k8s_reg_events${RATE}))`,
  `sum by (type,event) (rate(pilot_k8s_cfg_events${RATE}))`,
  `sum by (type) (rate(pilot_push_triggers${RATE}))`,
  'sum(pilot_xds)',
  'pilot_total_xds_internal_errors',
  `sum(rate(pilot_xds_push_time_bucket{}${RATE})) by (le)`,
  `sum(rate(pilot_xds_config_size_bytes_bucket{}${RATE})) by (le)`,
  `sum(rate(sidecar_injection_success_total${RATE}))`,
  `sum(rate(sidecar_injection_failure_total${RATE}))`,
];
