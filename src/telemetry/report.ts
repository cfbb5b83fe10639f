// One end's report of a call, as Envoy's access log gives it, and the labels that Istio's standard
// metrics make of it (istio.io: "Istio Standard Metrics"; Istio's stats filter, extension.cc).

/** What a mesh knows of a workload, in the words of Istio's metrics. Never empty. */
export type WorkloadFacts = {
  /** Of a Pod its controller's name, of a VM its own. */
  readonly workload: string;
  readonly namespace: string;
  readonly app: string;
  readonly version: string;
  readonly canonicalService: string;
  readonly canonicalRevision: string;
  readonly cluster: string;
};

/** A missing label and an empty one are the same to Prometheus: so it is said. */
export const UNKNOWN = 'unknown';

export const UNKNOWN_WORKLOAD: WorkloadFacts = {
  workload: UNKNOWN,
  namespace: UNKNOWN,
  app: UNKNOWN,
  version: UNKNOWN,
  canonicalService: UNKNOWN,
  canonicalRevision: UNKNOWN,
  cluster: UNKNOWN,
};

/** One end of a call. */
export type Party = {
  /** What it is asked for by (`base/peer-name.ts`); undefined: nothing names it. */
  readonly peer: string | undefined;
  /** Its SPIFFE ID; empty without a certificate. */
  readonly principal: string;
};

/** Everything that names a series but the workloads, which are asked for. Plain data. */
export type CallKind = {
  readonly reporter: 'source' | 'destination';
  readonly source: Party;
  readonly destination: Party;
  /** The service that was called; empty where none is known. */
  readonly service: { readonly host: string; readonly name: string; readonly namespace: string };
  readonly protocol: 'tcp' | 'http' | 'grpc';
  readonly security: 'mutual_tls' | 'none' | 'unknown';
  /** Envoy's, `-` for none. */
  readonly responseFlags: string;
  /** Of a request: 0 when there was no response. Empty of a connection. */
  readonly responseCode: string;
  /** Of a gRPC call, its status as a number; empty otherwise. */
  readonly grpcStatus: string;
};

export type Labels = readonly (readonly [name: string, value: string])[];

const orUnknown = (text: string): string => (text === '' ? UNKNOWN : text);

/** In the order in which Istio's documentation has them; none is empty. */
export function standardLabels(
  kind: CallKind,
  parties: { readonly source: WorkloadFacts; readonly destination: WorkloadFacts },
): Labels {
  const { source, destination } = parties;
  const { service } = kind;
  const labels: (readonly [string, string])[] = [
    ['reporter', kind.reporter],
    ['source_workload', source.workload],
    ['source_canonical_service', source.canonicalService],
    ['source_canonical_revision', source.canonicalRevision],
    ['source_workload_namespace', source.namespace],
    ['source_principal', orUnknown(kind.source.principal)],
    ['source_app', source.app],
    ['source_version', source.version],
    ['source_cluster', source.cluster],
    ['destination_workload', destination.workload],
    ['destination_workload_namespace', destination.namespace],
    ['destination_principal', orUnknown(kind.destination.principal)],
    ['destination_app', destination.app],
    ['destination_version', destination.version],
    ['destination_service', orUnknown(service.host)],
    ['destination_canonical_service', destination.canonicalService],
    ['destination_canonical_revision', destination.canonicalRevision],
    ['destination_service_name', orUnknown(service.name)],
    ['destination_service_namespace', orUnknown(service.namespace)],
    ['destination_cluster', destination.cluster],
    ['request_protocol', kind.protocol],
  ];
  if (kind.responseCode !== '') labels.push(['response_code', kind.responseCode]);
  if (kind.grpcStatus !== '') labels.push(['grpc_response_status', kind.grpcStatus]);
  labels.push(
    ['response_flags', kind.responseFlags],
    ['connection_security_policy', kind.security],
  );
  return labels;
}
