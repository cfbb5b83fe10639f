// A node or an edge that is there no more, as it was last. Pure.
import type { MeshEdge, MeshNode } from '#api/graph.ts';
import type { LastKnown } from '#api/past.ts';
import { edgeIn, nodeIn } from '../past/documents.ts';
import type { Past } from '../past/past.ts';

type Known = {
  readonly nodes: ReadonlyMap<string, MeshNode>;
  readonly edges: ReadonlyMap<string, MeshEdge>;
  readonly past: Pick<Past, 'left'>;
};

/**
 * @param id of a node, or `edge:<id>`
 * @returns undefined: it was never there, or too long ago
 */
export function lastKnown(id: string, known: Known): LastKnown | undefined {
  if (!id.startsWith('edge:')) {
    const found = nodeOf(id, known);
    return found && { leftAtMs: found.leftAtMs, node: found.node, edge: null, ends: [] };
  }
  const found = edgeOf(id, known);
  if (!found) return undefined;
  const ends = [found.edge.from, found.edge.to].flatMap((end) => nodeOf(end, known)?.node ?? []);
  return { leftAtMs: found.leftAtMs, node: null, edge: found.edge, ends };
}

type Found<Name extends string, T> = { readonly leftAtMs: number | null } & Record<Name, T>;

function nodeOf(id: string, { nodes, past }: Known): Found<'node', MeshNode> | undefined {
  const there = nodes.get(id);
  if (there) return { leftAtMs: there.state === 'gone' ? there.changedAtMs : null, node: there };
  const left = past.left(`node:${id}`);
  const node = left && nodeIn(new Map([[left.key, left.document]]), id);
  if (!left || !node) return undefined;
  // Edges kept it on the map for a while: it had left before.
  return { leftAtMs: node.state === 'gone' ? node.changedAtMs : left.atMs, node };
}

function edgeOf(key: string, { edges, past }: Known): Found<'edge', MeshEdge> | undefined {
  const id = key.slice('edge:'.length);
  const there = edges.get(id);
  if (there) return { leftAtMs: null, edge: there };
  const left = past.left(key);
  const edge = left && edgeIn(new Map([[key, left.document]]), id);
  return left && edge && { leftAtMs: left.atMs, edge };
}
