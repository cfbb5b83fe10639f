// `isthmus graph`: the map, for programs and for pictures.
import type { Surroundings } from '../command.ts';
import { fetchSnapshot } from '../mesh/follow.ts';
import { renderGraph, withinNamespace, type GraphFormat } from '../mesh/graph.ts';
import { openMeshApi, type MeshApiWords } from '../mesh-api/client.ts';

type GraphCall = Surroundings & {
  readonly flags: MeshApiWords & {
    readonly namespace: string | undefined;
    readonly output: GraphFormat;
  };
};

/** @throws OperatorError CONTROL_PLANE_UNREACHABLE, CONTROL_PLANE_REFUSED, USAGE */
export async function runGraph(call: GraphCall): Promise<number> {
  const { flags, print } = call;
  const all = await fetchSnapshot(await openMeshApi(flags, call));
  const { namespace, output } = flags;
  print(renderGraph(output, namespace === undefined ? all : withinNamespace(all, namespace)));
  return 0;
}
