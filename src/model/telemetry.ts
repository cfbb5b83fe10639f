// Which Telemetries are for a workload, and what comes of them.
import type { MeshConfig } from '#istio/meshconfig/mesh-config.ts';
import type { LogSide, Telemetry } from '#istio/telemetry/telemetry.ts';
import { accessLogsOf } from './access-logs.ts';
import type { AccessLog } from './access-logs.ts';
import { membersOf } from './collection.ts';
import type { Graph } from './graph.ts';
import type { Inputs } from './inputs.ts';
import { metricRulesOf } from './metric-rules.ts';
import type { MetricRule } from './metric-rules.ts';
import { isFor } from './policy-attachment.ts';
import type { Governed } from './policy-attachment.ts';
import { compareAge } from './services.ts';
import { tracingFor } from './tracing.ts';
import type { Tracing } from './tracing.ts';

/** What a workload's proxy tells others, on one side of its calls. */
export type ProxyTelemetry = {
  readonly accessLogs: (workload: Governed, side: LogSide) => readonly AccessLog[];
  /** undefined: no traces. */
  readonly tracing: (workload: Governed, side: LogSide) => Tracing | undefined;
  /** Of the metrics of which anything is said. */
  readonly metrics: (workload: Governed) => readonly MetricRule[];
};

export function deriveTelemetry(
  graph: Graph,
  { telemetries }: Inputs,
  options: {
    readonly rootNamespace: () => string;
    readonly config: () => MeshConfig;
    readonly clusterId: string;
  },
): ProxyTelemetry {
  const { rootNamespace, config, clusterId } = options;
  const byNamespace = graph.index('Telemetries by namespace', telemetries, ({ namespace }) => [
    namespace,
  ]);
  const ordered = graph.derive('Telemetries in order', byNamespace, (_, namespace) =>
    membersOf(byNamespace, namespace)
      .flatMap((key) => telemetries.get(key) ?? [])
      .toSorted(compareAge),
  );
  /** The mesh's, the namespace's, then the workload's own. */
  const widestFirst = (workload: Governed): readonly Telemetry[] => {
    const root = rootNamespace();
    const own = ordered.get(workload.namespace) ?? [];
    const ofMesh = (ordered.get(root) ?? []).find(isForAll);
    const ofNamespace = workload.namespace === root ? undefined : own.find(isForAll);
    const ofWorkload = own.filter((one) => !isForAll(one) && isFor(one, workload));
    return [ofMesh, ofNamespace, ...ofWorkload].filter((one) => one !== undefined);
  };
  return {
    accessLogs: (workload, side) => {
      const said = widestFirst(workload)
        .map(({ accessLogging }) => accessLogging)
        .filter((entries) => entries.length > 0);
      return accessLogsOf(config(), said, side);
    },
    tracing: (workload, side) => {
      const said = widestFirst(workload).flatMap(({ tracing }) => tracing);
      return tracingFor(config(), said, { workload, clusterId, side });
    },
    metrics: (workload) => metricRulesOf(widestFirst(workload).flatMap(({ metrics }) => metrics)),
  };
}

const isForAll = ({ selector, targets }: Telemetry): boolean =>
  targets.length === 0 && Object.keys(selector).length === 0;
