// Which workloads and edges a search finds. What it asks may change with every tick (`tcp >
// 1kB/s`), so it is asked again each second while one is on; it renders only when the answer
// differs.
import { useCallback, useMemo, useSyncExternalStore } from 'react';
import { matchesEdge, matchesNode } from '../../find/match.ts';
import type { Expression } from '../../find/parse.ts';
import { shownNowMs, store } from '../../store/hooks.ts';
import type { Scene } from './scene.ts';

export type Found = {
  /** Null: no search is on. */
  readonly of: (id: string) => boolean | null;
  readonly nodes: number;
  readonly edges: number;
};

const NONE: Found = { of: () => null, nodes: 0, edges: 0 };

export function useFound(scene: Scene, expression: Expression | null): Found {
  const subscribe = useCallback(
    (listener: () => void) => (expression ? store.subscribe('samples', listener) : () => undefined),
    [expression],
  );
  const read = useCallback(
    () => (expression ? found(scene, expression).join('\n') : ''),
    [scene, expression],
  );
  const ids = useSyncExternalStore(subscribe, read);
  return useMemo(() => {
    if (!expression) return NONE;
    const all = new Set(ids === '' ? [] : ids.split('\n'));
    const edges = [...all].filter((id) => id.startsWith('edge:')).length;
    return { of: (id) => all.has(id), edges, nodes: all.size - edges };
  }, [ids, expression]);
}

function found(scene: Scene, expression: Expression): string[] {
  const nowMs = shownNowMs();
  const { byNode: silent } = store.silences();
  const nodes = scene.nodes.filter(({ members }) =>
    members.some((node) => matchesNode(expression, { node, isSilent: silent.has(node.id), nowMs })),
  );
  const edges = scene.edges.filter(({ members }) =>
    members.some((edge) =>
      matchesEdge(expression, {
        edge,
        from: store.node(edge.from),
        to: store.node(edge.to),
        numbers: store.samples.of(edge.index),
        movedMs: store.samples.movedMs(edge.index),
        nowMs,
      }),
    ),
  );
  return [...nodes.map(({ id }) => id), ...edges.map(({ id }) => `edge:${id}`)];
}
