// The pointer on the map: a click chooses, a drag moves a workload or the whole.
import { useRef, type MouseEvent, type PointerEvent } from 'react';
import type { Point } from './layout/layout.ts';
import type { Placed } from './use-layout.ts';
import type { Viewport } from './viewport.ts';

/** Less is a click with an unsteady hand. */
const DRAG_FROM = 5;

type Input = {
  readonly viewport: Viewport;
  readonly placed: Placed;
  readonly onMoved: () => void;
  readonly onSelect: (id: string) => void;
};

type Drag = {
  readonly id: string;
  readonly start: Point;
  last: Point;
  isDrag: boolean;
};

type Handlers = {
  readonly onPointerDown: (event: PointerEvent<SVGSVGElement>) => void;
  readonly onPointerMove: (event: PointerEvent<SVGSVGElement>) => void;
  readonly onPointerUp: (event: PointerEvent<SVGSVGElement>) => void;
  readonly onPointerCancel: () => void;
  readonly onClick: (event: MouseEvent<SVGSVGElement>) => void;
};

const idAt = (target: EventTarget): string =>
  (target instanceof Element ? target.closest('[data-id]') : null)?.getAttribute('data-id') ?? '';

export function useGraphPointer({ viewport, placed, onMoved, onSelect }: Input): Handlers {
  const drag = useRef<Drag>(undefined);
  const move = (event: PointerEvent<SVGSVGElement>, { id, last }: Drag): void => {
    if (id === '' || id.startsWith('edge:')) {
      viewport.pan(event.clientX - last.x, event.clientY - last.y);
    } else placed.pin(id, viewport.toDrawing(event.clientX, event.clientY));
  };
  return {
    onPointerDown(event) {
      if (event.button !== 0) return;
      const start = { x: event.clientX, y: event.clientY };
      drag.current = { id: idAt(event.target), start, last: start, isDrag: false };
    },
    onPointerMove(event) {
      const current = drag.current;
      if (!current) return;
      const at = { x: event.clientX, y: event.clientY };
      if (!current.isDrag) {
        if (Math.hypot(at.x - current.start.x, at.y - current.start.y) < DRAG_FROM) return;
        current.isDrag = true;
        event.currentTarget.setPointerCapture(event.pointerId);
        if (current.id === '' || current.id.startsWith('edge:')) onMoved();
      }
      move(event, current);
      current.last = at;
    },
    onPointerUp() {
      const current = drag.current;
      drag.current = undefined;
      if (current && !current.isDrag && current.id !== '') onSelect(current.id);
    },
    onPointerCancel() {
      drag.current = undefined;
    },
    onClick(event) {
      // Without a pointer: a screen reader or a voice has pressed it.
      const id = idAt(event.target);
      if (event.detail === 0 && id !== '') onSelect(id);
    },
  };
}
