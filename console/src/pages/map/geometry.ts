// Lines and shapes of the map. Pure.
import type { NodeKind } from '../../api/types.ts';
import type { Point } from './layout/layout.ts';

/** From a shape's middle to its rim. */
export const RADIUS = 30;
const LANE = 74;

const polygon = (corners: number, radius: number, turn: number): string =>
  Array.from({ length: corners }, (_, index) => {
    const angle = turn + (index * 2 * Math.PI) / corners;
    return `${(radius * Math.cos(angle)).toFixed(1)},${(radius * Math.sin(angle)).toFixed(1)}`;
  }).join(' ');

export const PENTAGON = polygon(5, RADIUS + 5, -Math.PI / 2);
export const HEXAGON = polygon(6, RADIUS + 2, 0);

export type EdgeCurve = {
  readonly path: string;
  /** Where the label stands. */
  readonly middle: Point;
};

/** From rim to rim, so that the arrow's tip touches the shape. */
export function curveOf(from: Point, to: Point, lane: number): EdgeCurve {
  if (from.x === to.x && from.y === to.y) return loopAt(from);
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const length = Math.hypot(dx, dy);
  // Beside the straight line, always to the same side for both ways between two.
  const side = dx > 0 || (dx === 0 && dy > 0) ? 1 : -1;
  const isBack = dx < -1;
  const bulge = (lane * side + (isBack ? -0.9 : 0) + (Math.abs(dx) < 1 ? 1.2 : 0)) * LANE;
  const [nx, ny] = [-dy / length, dx / length];
  const bend = { x: (from.x + to.x) / 2 + nx * bulge, y: (from.y + to.y) / 2 + ny * bulge };
  const start = towards(from, bend, RADIUS + 3);
  const end = towards(to, bend, RADIUS + 10);
  // The control point of a curve that passes through `bend`.
  const control = { x: 2 * bend.x - (start.x + end.x) / 2, y: 2 * bend.y - (start.y + end.y) / 2 };
  return {
    path: `M${text(start)}Q${text(control)} ${text(end)}`,
    middle: bend,
  };
}

function loopAt({ x, y }: Point): EdgeCurve {
  const [left, right] = [x - 14, x + 14];
  const top = y - RADIUS - 62;
  const start = `${left},${y - RADIUS}`;
  return {
    path: `M${start}C${left - 22},${top} ${right + 22},${top} ${right},${y - RADIUS - 8}`,
    middle: { x, y: top + 10 },
  };
}

function towards(from: Point, to: Point, distance: number): Point {
  const length = Math.hypot(to.x - from.x, to.y - from.y) || 1;
  return {
    x: from.x + ((to.x - from.x) / length) * distance,
    y: from.y + ((to.y - from.y) / length) * distance,
  };
}

const text = ({ x, y }: Point): string => `${x.toFixed(1)},${y.toFixed(1)}`;

/** Four steps: a thousandfold is a step and a half wider, whatever the unit. */
export function widthStep(bytesPerSecond: number | undefined): 0 | 1 | 2 | 3 {
  if (!bytesPerSecond || bytesPerSecond < 1) return 0;
  const size = Math.log10(bytesPerSecond);
  if (size < 3) return 1;
  return size < 6 ? 2 : 3;
}

/** The nearest in the direction of an arrow key; straight ahead counts more than near. */
export function nearest(
  from: Point,
  direction: Point,
  candidates: readonly (Point & { readonly id: string })[],
): string | undefined {
  let best: string | undefined;
  let bestCost = Number.POSITIVE_INFINITY;
  for (const { id, x, y } of candidates) {
    const [dx, dy] = [x - from.x, y - from.y];
    const ahead = dx * direction.x + dy * direction.y;
    const aside = Math.abs(dx * direction.y) + Math.abs(dy * direction.x);
    if (ahead <= 1 || aside > ahead * 3) continue;
    const cost = ahead + aside * 2;
    if (cost < bestCost) {
      best = id;
      bestCost = cost;
    }
  }
  return best;
}

export const KIND_WORDS: Readonly<Record<NodeKind, string>> = {
  pod: 'Kubernetes workload',
  vm: 'virtual machine',
  gateway: 'gateway',
  external: 'external service',
  unknown: 'unknown peer',
};
