// Panning and zooming: the transform is written straight to the drawing, so that moving it renders
// nothing again.
import { useCallback, useEffect, useMemo, useRef, type RefObject } from 'react';
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

export function useViewport(onMoved: () => void): Viewport {
  const svg = useRef<SVGSVGElement>(null);
  const layer = useRef<SVGGElement>(null);
  const state = useRef({ x: 0, y: 0, k: 1 });
  const apply = useCallback(() => {
    const { x, y, k } = state.current;
    layer.current?.setAttribute(
      'transform',
      `translate(${x.toFixed(2)} ${y.toFixed(2)}) scale(${k})`,
    );
    const size = k < TINY_BELOW ? 'tiny' : k < SMALL_BELOW ? 'small' : 'normal';
    if (svg.current) svg.current.dataset['size'] = size;
  }, []);
  const viewport = useMemo((): Viewport => {
    const size = (): { width: number; height: number } => {
      const box = svg.current?.getBoundingClientRect();
      return { width: box?.width || 1, height: box?.height || 1 };
    };
    const zoom = (factor: number, at?: Point): void => {
      const { width, height } = size();
      const { x: px, y: py } = at ?? { x: width / 2, y: height / 2 };
      const { x, y, k } = state.current;
      const next = bounded(k * factor);
      state.current = { k: next, x: px - ((px - x) / k) * next, y: py - ((py - y) / k) * next };
      apply();
    };
    return {
      svg,
      layer,
      zoom,
      scale: () => state.current.k,
      fit(bounds, scaleMax = FIT_SCALE_MAX) {
        const { width, height } = size();
        const k = Math.min(
          (width - MARGIN * 2) / Math.max(bounds.width, 1),
          (height - MARGIN * 2) / Math.max(bounds.height, 1),
          scaleMax,
        );
        const scale = bounded(k);
        state.current = {
          k: scale,
          x: (width - bounds.width * scale) / 2 - bounds.x * scale,
          y: (height - bounds.height * scale) / 2 - bounds.y * scale,
        };
        apply();
      },
      reveal(places) {
        const { width, height } = size();
        const { x, y, k } = state.current;
        const shift = (values: readonly number[], room: number): number => {
          if (values.length === 0) return 0;
          const [low, high] = [Math.min(...values) - RIM, Math.max(...values) + RIM];
          if (high > room) return Math.max(room - high, -low);
          return low < 0 ? -low : 0;
        };
        const dx = shift(
          places.map((place) => place.x * k + x),
          width,
        );
        const dy = shift(
          places.map((place) => place.y * k + y),
          height,
        );
        state.current = { k, x: x + dx, y: y + dy };
        apply();
      },
      pan(dx, dy) {
        const { x, y, k } = state.current;
        state.current = { k, x: x + dx, y: y + dy };
        apply();
      },
      toDrawing(clientX, clientY) {
        const box = svg.current?.getBoundingClientRect();
        const { x, y, k } = state.current;
        return { x: (clientX - (box?.left ?? 0) - x) / k, y: (clientY - (box?.top ?? 0) - y) / k };
      },
    };
  }, [apply]);
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
