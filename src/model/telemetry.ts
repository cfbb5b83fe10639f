// Which Telemetries are for a workload, and what comes of them.
import type { MeshConfig } from '#istio/meshconfig/mesh-config.ts';
import type { AccessLogging, LogSide, Telemetry } from '#istio/telemetry/telemetry.ts';
import { membersOf } from './collection.ts';
import type { Graph } from './graph.ts';
import type { Inputs } from './inputs.ts';
import { isFor } from './policy-attachment.ts';
import type { Governed } from './policy-attachment.ts';
import { compareAge } from './services.ts';
import { textLogsOf } from './text-logs.ts';
import type { TextLog } from './text-logs.ts';

export type TextLogsFor = (workload: Governed, side: LogSide) => readonly TextLog[];

export function deriveTextLogs(
  graph: Graph,
  { telemetries }: Inputs,
  options: { readonly rootNamespace: () => string; readonly config: () => MeshConfig },
): TextLogsFor {
  const { rootNamespace, config } = options;
  const byNamespace = graph.index('Telemetries by namespace', telemetries, ({ namespace }) => [
    namespace,
  ]);
  const ordered = graph.derive('Telemetries in order', byNamespace, (_, namespace) =>
    membersOf(byNamespace, namespace)
      .flatMap((key) => telemetries.get(key) ?? [])
      .toSorted(compareAge),
  );
  return (workload, side) => {
    const root = rootNamespace();
    const own = ordered.get(workload.namespace) ?? [];
    const ofMesh = (ordered.get(root) ?? []).find(isForAll);
    const ofNamespace = workload.namespace === root ? undefined : own.find(isForAll);
    const ofWorkload = own.filter((one) => !isForAll(one) && isFor(one, workload));
    const said = [ofMesh, ofNamespace, ...ofWorkload].flatMap(
      (one): readonly (readonly AccessLogging[])[] =>
        one && one.accessLogging.length > 0 ? [one.accessLogging] : [],
    );
    return textLogsOf(config(), said, side);
  };
}

const isForAll = ({ selector, targets }: Telemetry): boolean =>
  targets.length === 0 && Object.keys(selector).length === 0;
