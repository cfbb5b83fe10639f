// The keys of the map: arrows go to the nearest workload in their direction, n and N through the
// edges of one, Enter opens. Alt and an arrow moves a workload, for those who cannot drag.
import { useCallback, type KeyboardEvent } from 'react';
import { nearest } from './geometry.ts';
import type { Placed } from './use-layout.ts';
import type { Scene } from './scene.ts';
import type { Viewport } from './viewport.ts';

const DIRECTIONS: Readonly<Record<string, { readonly x: number; readonly y: number }>> = {
  ArrowLeft: { x: -1, y: 0 },
  ArrowRight: { x: 1, y: 0 },
  ArrowUp: { x: 0, y: -1 },
  ArrowDown: { x: 0, y: 1 },
};
const NUDGE = 20;

type Input = {
  readonly scene: Scene;
  readonly placed: Placed;
  readonly viewport: Viewport;
  readonly onSelect: (id: string) => void;
};

export function useGraphKeys(input: Input): (event: KeyboardEvent) => void {
  const { scene, placed, viewport, onSelect } = input;
  return useCallback(
    (event: KeyboardEvent) => {
      const item = event.target instanceof Element ? event.target.closest('[data-id]') : null;
      const id = item?.getAttribute('data-id');
      if (!id || event.ctrlKey || event.metaKey) return;
      const focus = (next: string | undefined): void => {
        if (next === undefined) return;
        focusItem(viewport.svg.current, next);
        viewport.reveal(placed.extentOf(next));
      };
      const direction = DIRECTIONS[event.key];
      if (direction) {
        event.preventDefault();
        if (event.altKey) return nudge(placed, id, direction);
        return focus(neighbour(scene, placed, id, direction));
      }
      if (event.key === 'Enter' || event.key === ' ') {
        event.preventDefault();
        return onSelect(id);
      }
      if (event.key === 'n' || event.key === 'N') focus(nextEdge(scene, id, event.key === 'n'));
      return undefined;
    },
    [scene, placed, viewport, onSelect],
  );
}

function focusItem(root: SVGSVGElement | null, id: string): void {
  for (const item of root?.querySelectorAll<SVGGElement>('[data-id]') ?? []) {
    if (item.dataset['id'] === id) return item.focus();
  }
}

function nudge(placed: Placed, id: string, direction: { x: number; y: number }): void {
  const at = id.startsWith('edge:') ? undefined : placed.pointOf(id);
  if (at) placed.pin(id, { x: at.x + direction.x * NUDGE, y: at.y + direction.y * NUDGE });
}

function neighbour(
  scene: Scene,
  placed: Placed,
  id: string,
  direction: { x: number; y: number },
): string | undefined {
  const from = placed.middleOf(id);
  if (!from) return undefined;
  const others = scene.nodes.flatMap((node) => {
    const at = node.id === id ? undefined : placed.pointOf(node.id);
    return at ? [{ id: node.id, ...at }] : [];
  });
  return nearest(from, direction, others);
}

/** From a workload its first edge; from an edge the next one of the workload that it starts at. */
function nextEdge(scene: Scene, id: string, isForward: boolean): string | undefined {
  const current = scene.edges.find((edge) => `edge:${edge.id}` === id);
  const home = lastHome.of(id, current?.from);
  const edges = scene.edges.filter(({ from, to }) => from === home || to === home);
  if (edges.length === 0) return undefined;
  const index = current ? edges.indexOf(current) : isForward ? -1 : 0;
  const next = edges[(index + (isForward ? 1 : -1) + edges.length) % edges.length];
  return next && `edge:${next.id}`;
}

/** The workload whose edges are gone through: an edge has two ends and does not say which. */
const lastHome = {
  id: '',
  of(id: string, fallback: string | undefined): string {
    if (!id.startsWith('edge:')) this.id = id;
    return this.id || (fallback ?? '');
  },
};
