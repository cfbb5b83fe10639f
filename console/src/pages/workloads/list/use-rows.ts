// The rows of the list: made anew when nodes or edges change, put in order when the query does.
import { useMemo } from 'react';
import type { MeshEdge } from '../../../api/types.ts';
import { matchesWorkload } from '../../../find/match.ts';
import { parseFind } from '../../../find/parse.ts';
import { shownNowMs, store, useEdges, useNodes, useSilences } from '../../../store/hooks.ts';
import { isUnheard as isUnheardEdge, type Silence } from '../../../store/silence.ts';
import { useView } from '../../../url/use-view.ts';
import type { ListQuery } from './query.ts';
import { trafficOf, workloadRow, type LiveColumn, type Traffic, type WorkloadRow } from './rows.ts';
import { hasWords, selectRows, type LiveCells } from './select.ts';

export type ListedRow = WorkloadRow & {
  /** All edges that begin or end there. */
  readonly edges: readonly MeshEdge[];
  /** Its proxies that do not report; undefined: all do. */
  readonly silence: Silence | undefined;
  /** Nobody reports any of its edges. */
  readonly isUnheard: boolean;
};

export type SelectedRows = {
  readonly rows: readonly ListedRow[];
  readonly all: readonly ListedRow[];
};

export function useSelectedRows(query: ListQuery): SelectedRows {
  const all = useRows();
  const rows = useMemo(
    () => selectRows(all, query, { live: frozenCells(query), isFound: finder(query.find) }),
    [all, query],
  );
  return { rows, all };
}

/** By words, or by the map's find language, of the workload and of its edges. */
function finder(find: string): (row: ListedRow) => boolean {
  const parsed = parseFind(find);
  const expression = parsed.isValid ? parsed.expression : null;
  const nowMs = shownNowMs();
  const { byNode: silent } = store.silences();
  return (row) => {
    if (hasWords(row, find)) return true;
    if (!expression) return false;
    const { node, edges } = row;
    return matchesWorkload(
      expression,
      { node, isSilent: silent.has(node.id), nowMs },
      edges.map((edge) => ({ ...factsOf(edge), nowMs })),
    );
  };
}

const factsOf = (edge: MeshEdge) => ({
  edge,
  from: store.node(edge.from),
  to: store.node(edge.to),
  numbers: store.samples.of(edge.index),
  movedMs: store.samples.movedMs(edge.index),
});

const FROZEN = new WeakMap<ListQuery, Map<string, number | string | null>>();

/**
 * Numbers that change each second must not make rows jump: they count as they were when this order
 * was asked for, and those of a new row as they were when it came.
 */
function frozenCells(query: ListQuery): LiveCells<ListedRow> {
  const frozen = FROZEN.get(query) ?? new Map<string, number | string | null>();
  FROZEN.set(query, frozen);
  return (row, column) => {
    const kept = frozen.get(row.id);
    if (kept !== undefined) return kept;
    const value = liveOrder(row, column);
    frozen.set(row.id, value);
    return value;
  };
}

function useRows(): readonly ListedRow[] {
  const nodes = useNodes();
  const edges = useEdges();
  const silences = useSilences();
  const { ns } = useView();
  return useMemo(() => {
    const inbound = groupBy(edges, ({ to }) => [to]);
    const both = groupBy(edges, ({ from, to }) => (from === to ? [to] : [from, to]));
    return nodes
      .filter(({ namespace }) => ns.length === 0 || ns.includes(namespace))
      .map((node) => {
        const own = both.get(node.id) ?? [];
        const row = workloadRow(node, inbound.get(node.id) ?? []);
        const silence = silences.byNode.get(node.id);
        const isUnheard = own.length > 0 && own.every((edge) => isUnheardEdge(edge, silences));
        return { ...row, isProblem: row.isProblem || !!silence, edges: own, silence, isUnheard };
      });
  }, [nodes, edges, silences, ns]);
}

function groupBy(
  edges: readonly MeshEdge[],
  keysOf: (edge: MeshEdge) => readonly string[],
): ReadonlyMap<string, readonly MeshEdge[]> {
  const groups = new Map<string, MeshEdge[]>();
  for (const edge of edges) {
    for (const key of keysOf(edge)) {
      const group = groups.get(key);
      if (group) group.push(edge);
      else groups.set(key, [edge]);
    }
  }
  return groups;
}

export const trafficNow = (edges: readonly MeshEdge[]): Traffic =>
  trafficOf(edges.map(({ index }) => store.samples.of(index)));

function liveOrder(row: ListedRow, column: LiveColumn): number | string | null {
  const { toServer, toClient, open } = trafficNow(row.edges);
  switch (column) {
    case 'rate':
      return toServer === null || toClient === null ? null : toServer + toClient;
    case 'connections':
      return open;
    case 'certificate':
      return row.node.certificate?.notAfterMs ?? null;
    case 'changed':
      return row.node.changedAtMs;
  }
}
