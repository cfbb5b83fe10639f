// Panning and zooming: the transform is written straight to the drawing, so that moving it renders
// nothing again.
import { useEffect, useMemo, useRef, type RefObject } from 'react';
import type { Box, Point } from './layout/layout.ts';

export const SCALE_MIN = 0.1;
export const SCALE_MAX = 2.5;
/** A small mesh is not blown up to fill a large screen. */
const FIT_SCALE_MAX = 1.15;
const MARGIN = 28;
/** Room around the middle of a shape for all of it and its name, in pixels. */
const RIM = 90;
/** Below this the small text cannot be read and is left out. */
const SMALL_BELOW = 0.6;
const TINY_BELOW = 0.33;

export type Viewport = {
  readonly svg: RefObject<SVGSVGElement | null>;
  readonly layer: RefObject<SVGGElement | null>;
  readonly fit: (bounds: Box, scaleMax?: number) => void;
  readonly zoom: (factor: number, at?: Point) => void;
  /** Moves the drawing as little as needed for these places to be seen. */
  readonly reveal: (places: readonly Point[]) => void;
  readonly pan: (dx: number, dy: number) => void;
  readonly scale: () => number;
  /** From pixels of the window to places of the drawing. */
  readonly toDrawing: (clientX: number, clientY: number) => Point;
};

const bounded = (scale: number): number => Math.min(Math.max(scale, SCALE_MIN), SCALE_MAX);

type Transform = { readonly x: number; readonly y: number; readonly k: number };
type Size = { readonly width: number; readonly height: number };

function fitted(bounds: Box, { width, height }: Size, scaleMax: number): Transform {
  const k = bounded(
    Math.min(
      (width - MARGIN * 2) / Math.max(bounds.width, 1),
      (height - MARGIN * 2) / Math.max(bounds.height, 1),
      scaleMax,
    ),
  );
  return {
    k,
    x: (width - bounds.width * k) / 2 - bounds.x * k,
    y: (height - bounds.height * k) / 2 - bounds.y * k,
  };
}

function zoomed({ x, y, k }: Transform, factor: number, at: Point): Transform {
  const next = bounded(k * factor);
  return { k: next, x: at.x - ((at.x - x) / k) * next, y: at.y - ((at.y - y) / k) * next };
}

/** As little as needed; what does not fit is seen from its beginning. */
function shiftInto(values: readonly number[], room: number): number {
  if (values.length === 0) return 0;
  const [low, high] = [Math.min(...values) - RIM, Math.max(...values) + RIM];
  if (high > room) return Math.max(room - high, -low);
  return low < 0 ? -low : 0;
}

function revealed({ x, y, k }: Transform, places: readonly Point[], room: Size): Transform {
  const dx = shiftInto(
    places.map((place) => place.x * k + x),
    room.width,
  );
  const dy = shiftInto(
    places.map((place) => place.y * k + y),
    room.height,
  );
  return { k, x: x + dx, y: y + dy };
}

const sizeNow = (k: number): string =>
  k < TINY_BELOW ? 'tiny' : k < SMALL_BELOW ? 'small' : 'normal';

export function useViewport(onMoved: () => void): Viewport {
  const svg = useRef<SVGSVGElement>(null);
  const layer = useRef<SVGGElement>(null);
  const state = useRef<Transform>({ x: 0, y: 0, k: 1 });
  const viewport = useMemo((): Viewport => {
    const size = (): Size => {
      const box = svg.current?.getBoundingClientRect();
      return { width: box?.width || 1, height: box?.height || 1 };
    };
    const move = (next: Transform): void => {
      const { x, y, k } = next;
      state.current = next;
      const shift = `translate(${x.toFixed(2)} ${y.toFixed(2)})`;
      layer.current?.setAttribute('transform', `${shift} scale(${k})`);
      if (svg.current) svg.current.dataset['size'] = sizeNow(k);
    };
    const middle = (): Point => ({ x: size().width / 2, y: size().height / 2 });
    return {
      svg,
      layer,
      zoom: (factor, at = middle()) => move(zoomed(state.current, factor, at)),
      scale: () => state.current.k,
      fit: (bounds, scaleMax = FIT_SCALE_MAX) => move(fitted(bounds, size(), scaleMax)),
      reveal: (places) => move(revealed(state.current, places, size())),
      pan(dx, dy) {
        const { x, y, k } = state.current;
        move({ k, x: x + dx, y: y + dy });
      },
      toDrawing(clientX, clientY) {
        const box = svg.current?.getBoundingClientRect();
        const { x, y, k } = state.current;
        return { x: (clientX - (box?.left ?? 0) - x) / k, y: (clientY - (box?.top ?? 0) - y) / k };
      },
    };
  }, []);
  useWheel(viewport, onMoved);
  return viewport;
}

/** React listens to wheels passively; this one keeps the page from scrolling instead. */
function useWheel({ svg, zoom, pan }: Viewport, onMoved: () => void): void {
  useEffect(() => {
    const element = svg.current;
    if (!element) return undefined;
    const turn = (event: WheelEvent): void => {
      event.preventDefault();
      const box = element.getBoundingClientRect();
      const at = { x: event.clientX - box.left, y: event.clientY - box.top };
      if (event.shiftKey) pan(-event.deltaY, 0);
      else zoom(Math.exp(-event.deltaY * 0.0015), at);
      onMoved();
    };
    element.addEventListener('wheel', turn, { passive: false });
    return () => element.removeEventListener('wheel', turn);
  }, [svg, zoom, pan, onMoved]);
}
