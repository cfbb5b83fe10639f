// `isthmus tap A [B]`: connections as they open, move bytes and close.
import { printable } from '#base/printable.ts';
import { OperatorError } from '#base/operator-error.ts';
import type { Surroundings } from '../command.ts';
import { fetchSnapshot } from '../mesh/follow.ts';
import { findNode } from '../mesh/names.ts';
import { MeshState } from '../mesh/state.ts';
import { isConnection, Tap } from '../mesh/tap.ts';
import { openMeshApi, type MeshApi, type MeshApiWords } from '../mesh-api/client.ts';

type TapCall = Surroundings & {
  readonly operands: readonly string[];
  readonly flags: MeshApiWords & {
    readonly namespace: string | undefined;
    readonly output: 'text' | 'json';
  };
};

const LINE_LENGTH_MAX = 1000;

/** @throws OperatorError NOT_FOUND, CONTROL_PLANE_UNREACHABLE, CONTROL_PLANE_REFUSED, USAGE */
export async function runTap(call: TapCall): Promise<number> {
  return await tap(await openMeshApi(call.flags, call), call);
}

export async function tap(api: MeshApi, call: TapCall): Promise<number> {
  const { operands, flags, signal, print } = call;
  let state = new MeshState(await fetchSnapshot(api));
  const [one, other] = operands.map((text) =>
    findNode(state.nodes.values(), text, flags.namespace),
  );
  const tapped = new Tap();
  const { namespace, name } = one ?? { namespace: '', name: '' };
  const path = `/api/v1/workloads/${[namespace, name].map(encodeURIComponent).join('/')}/connections`;
  try {
    for await (const { data } of api.events(path, { follow: 1 })) {
      if (!isConnection(data)) continue;
      const edgeNow = (): ReturnType<typeof state.edgeOf> => state.edgeOf(data.edge);
      // A new edge: what it is between is in the next snapshot.
      if (!edgeNow()) state = new MeshState(await fetchSnapshot(api));
      const edge = edgeNow();
      if (other && edge?.from !== other.id && edge?.to !== other.id) continue;
      if (flags.output === 'json') print(JSON.stringify(data));
      else {
        const line = tapped.line(data, edge, (id) => state.nameOf(id));
        if (line !== undefined) print(printable(line, LINE_LENGTH_MAX));
      }
    }
  } catch (error) {
    if (!signal.aborted || error instanceof OperatorError) throw error;
  }
  return 0;
}
