// Keeps a layout for each scope: places outlast what happens to the mesh, and places made by hand
// outlast the page.
import { useCallback, useMemo, useRef, useState } from 'react';
import type { ViewState } from '../../url/view-state.ts';
import { curveOf } from './geometry.ts';
import { Layout, type Box, type Point } from './layout/layout.ts';
import type { Scene } from './scene.ts';

export type Placed = {
  readonly pointOf: (id: string) => Point | undefined;
  /** Of a node, or of an edge (`edge:<id>`) where its label stands. */
  readonly middleOf: (sel: string) => Point | undefined;
  /** The same, with both ends of an edge. */
  readonly extentOf: (sel: string) => readonly Point[];
  readonly boxes: readonly (Box & { readonly group: string })[];
  readonly bounds: Box;
  readonly pin: (id: string, at: Point) => void;
  readonly unpin: (id: string) => void;
  readonly isPinned: (id: string) => boolean;
  readonly relayout: () => void;
  /** Another number after everything was laid out anew. */
  readonly generation: number;
};

const PINS_MAX = 500;

type Pins = ReadonlyMap<string, Point>;

function readPins(key: string): Pins {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(key) ?? '[]');
    return new Map(Array.isArray(kept) ? (kept as [string, Point][]).slice(0, PINS_MAX) : []);
  } catch {
    return new Map();
  }
}

function writePins(key: string, pins: Pins): void {
  try {
    if (pins.size === 0) localStorage.removeItem(key);
    else localStorage.setItem(key, JSON.stringify([...pins].slice(-PINS_MAX)));
  } catch {
    // Without storage a place lasts as long as the page.
  }
}

/** As long as the page is open; leaving the map and coming back moves nothing. */
const layouts = new Map<string, Layout>();

export function useLayout(scene: Scene, view: ViewState): Placed {
  const scope = `${view.group} ${view.ns.join(',')} ${scene.isCollapsed ? 'groups' : ''}`.trim();
  const key = `isthmus.pins.${scope}`;
  const [pinned, setPinned] = useState<{ readonly key: string; readonly pins: Pins }>();
  const pins = useMemo(() => (pinned?.key === key ? pinned.pins : readPins(key)), [pinned, key]);
  const [generation, setGeneration] = useState(0);
  const done = useRef(0);
  const setPins = useCallback(
    (next: Pins) => {
      writePins(key, next);
      setPinned({ key, pins: next });
    },
    [key],
  );
  return useMemo(() => {
    const layout = layouts.get(scope) ?? new Layout();
    layouts.set(scope, layout);
    if (generation !== done.current) layout.relayout(scene.nodes, scene.edges);
    else layout.update(scene.nodes, scene.edges);
    done.current = generation;
    const pointOf = (id: string): Point | undefined => pins.get(id) ?? layout.point(id);
    const boxes = layout.boxes(pins);
    return {
      pointOf,
      middleOf: (sel) => middleOf(sel, scene, pointOf),
      extentOf: (sel) => extentOf(sel, scene, pointOf),
      boxes,
      bounds: around(boxes),
      pin: (id, at) => setPins(new Map([...pins, [id, at]])),
      unpin: (id) => setPins(new Map([...pins].filter(([other]) => other !== id))),
      isPinned: (id) => pins.has(id),
      relayout: () => {
        setPins(new Map());
        setGeneration((count) => count + 1);
      },
      generation,
    };
  }, [scene, scope, pins, setPins, generation]);
}

function middleOf(
  sel: string,
  scene: Scene,
  pointOf: (id: string) => Point | undefined,
): Point | undefined {
  if (!sel.startsWith('edge:')) return pointOf(sel);
  const edge = scene.edges.find(({ id }) => `edge:${id}` === sel);
  const from = edge && pointOf(edge.from);
  const to = edge && pointOf(edge.to);
  return from && to && curveOf(from, to, edge.lane).middle;
}

function extentOf(
  sel: string,
  scene: Scene,
  pointOf: (id: string) => Point | undefined,
): readonly Point[] {
  const edge = scene.edges.find(({ id }) => `edge:${id}` === sel);
  const ids = edge ? [edge.from, edge.to] : [sel];
  return ids.map(pointOf).filter((point) => point !== undefined);
}

function around(boxes: readonly Box[]): Box {
  if (boxes.length === 0) return { x: 0, y: 0, width: 1, height: 1 };
  const x = Math.min(...boxes.map((box) => box.x));
  const y = Math.min(...boxes.map((box) => box.y));
  return {
    x,
    y,
    width: Math.max(...boxes.map((box) => box.x + box.width)) - x,
    height: Math.max(...boxes.map((box) => box.y + box.height)) - y,
  };
}
