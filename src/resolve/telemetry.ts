// What a proxy tells of its calls, and to whom: what the mesh says of access logs and traces, with
// the clusters of those who take them. Without a cluster there is nobody to tell, and it is not
// told: Envoy would refuse the listener, or keep what nobody will ever fetch.
import type { AccessLog, Mesh, Tracing } from '#model/mesh.ts';
import type { Governed } from '#model/policy-attachment.ts';
import type { LogSide } from '#istio/telemetry/side.ts';
import { collectorOf } from './collector.ts';
import type { CollectorRef } from './collector.ts';
import type { HostLookup } from './host-lookup.ts';

/** Plain data with a fixed order of fields. */
export type AccessLogSetting =
  | Extract<AccessLog, { kind: 'file' }>
  | (Extract<AccessLog, { kind: 'otlp' }> & { readonly collector: CollectorRef });

/** The logs that are written; none: nothing but the stream to the agent. */
export type AccessLogSettings = readonly AccessLogSetting[];

export type TraceSettings = Tracing & { readonly collector: CollectorRef };

/** Of whatever takes requests. */
export type RequestTelemetry = {
  readonly logs: AccessLogSettings;
  /** null: no traces. */
  readonly trace: TraceSettings | null;
};

const SIDES: readonly LogSide[] = ['client', 'server'];

export class TelemetryPlanner {
  readonly #mesh: Mesh;
  readonly #serviceOf: HostLookup;

  constructor(mesh: Mesh, serviceOf: HostLookup) {
    this.#mesh = mesh;
    this.#serviceOf = serviceOf;
  }

  requests(workload: Governed, side: LogSide): RequestTelemetry {
    return { logs: this.logs(workload, side), trace: this.#trace(workload, side) };
  }

  logs(workload: Governed, side: LogSide): AccessLogSettings {
    return this.#mesh.telemetry
      .accessLogs(workload, side)
      .flatMap((log): readonly AccessLogSetting[] => {
        if (log.kind === 'file') return [log];
        const collector = this.#collectorOf({ ...log, protocol: 'grpc' }, workload);
        return collector ? [{ ...log, collector }] : [];
      });
  }

  /** The clusters that listeners of the workload's refer to. */
  clusterNames(workload: Governed): readonly string[] {
    const collectors = SIDES.flatMap((side) => {
      const { logs, trace } = this.requests(workload, side);
      const ofLogs = logs.flatMap((log) => (log.kind === 'otlp' ? log.collector : []));
      return trace ? [...ofLogs, trace.collector] : ofLogs;
    });
    return [...new Set(collectors.map(({ cluster }) => cluster))];
  }

  #trace(workload: Governed, side: LogSide): TraceSettings | null {
    const tracing = this.#mesh.telemetry.tracing(workload, side);
    const collector = tracing && this.#collectorOf(tracing.tracer, workload);
    return collector ? { ...tracing, collector } : null;
  }

  #collectorOf(
    to: Parameters<typeof collectorOf>[0],
    { namespace }: Governed,
  ): CollectorRef | undefined {
    return collectorOf(to, { mesh: this.#mesh, serviceOf: this.#serviceOf, namespace });
  }
}
