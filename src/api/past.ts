// What is not there any more, as it was last. `GET /api/v1/history/last?of=<id>`, where the id is a
// node's, or `edge:<id>`. Not found: it was never there, or too long ago.
import type { MeshEdge, MeshNode } from './graph.ts';

export type LastKnown = {
  /** When it left; null: it has not. */
  readonly leftAtMs: number | null;
  /** What was asked for, if it is a node. */
  readonly node: MeshNode | null;
  /** What was asked for, if it is an edge. */
  readonly edge: MeshEdge | null;
  /** The nodes at both ends of an edge, as far as they are known. */
  readonly ends: readonly MeshNode[];
};
