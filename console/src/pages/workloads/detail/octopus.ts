// The small map of one workload's neighbours: who calls it at the left, whom it calls at the right.
import type { MeshEdge } from '../../../api/types.ts';

export type Arm = {
  /** The neighbour's node. */
  readonly node: string;
  readonly edges: readonly MeshEdge[];
  readonly side: 'left' | 'right';
  /** Middle of its place, in the drawing's units. */
  readonly y: number;
};

export type Octopus = {
  readonly arms: readonly Arm[];
  /** Neighbours that there is no room for, on each side. */
  readonly hidden: { readonly left: number; readonly right: number };
  readonly height: number;
  readonly centerY: number;
};

const ARM_HEIGHT = 44;
/** More than fit a screen; the list of connections has all. */
const ARMS_MAX = 8;

/**
 * Places neighbours by name, so that none moves when another one comes to talk more. Who is on both
 * sides is drawn on both.
 */
export function layOut(node: string, edges: Iterable<MeshEdge>): Octopus {
  const left = new Map<string, MeshEdge[]>();
  const right = new Map<string, MeshEdge[]>();
  for (const edge of edges) {
    if (edge.to === node) push(left, edge.from, edge);
    if (edge.from === node) push(right, edge.to, edge);
  }
  const rows = Math.max(1, Math.min(ARMS_MAX, Math.max(left.size, right.size)));
  const height = rows * ARM_HEIGHT;
  return {
    arms: [...armsOf(left, 'left', height), ...armsOf(right, 'right', height)],
    hidden: {
      left: Math.max(0, left.size - ARMS_MAX),
      right: Math.max(0, right.size - ARMS_MAX),
    },
    height,
    centerY: height / 2,
  };
}

function push(into: Map<string, MeshEdge[]>, key: string, edge: MeshEdge): void {
  const known = into.get(key);
  if (known === undefined) into.set(key, [edge]);
  else known.push(edge);
}

/** Evenly over the height, so that the shorter side is centred. */
function armsOf(
  neighbours: ReadonlyMap<string, readonly MeshEdge[]>,
  side: Arm['side'],
  height: number,
): Arm[] {
  const shown = [...neighbours].toSorted(([a], [b]) => a.localeCompare(b)).slice(0, ARMS_MAX);
  return shown.map(([node, edges], index) => ({
    node,
    edges: edges.toSorted((a, b) => a.port - b.port || a.id.localeCompare(b.id)),
    side,
    y: (height * (index + 0.5)) / shown.length,
  }));
}
