// Where everything on the map stands. Groups side by side, callers left; inside a group columns by
// rank. What stands somewhere stays there: a newcomer takes a free place, and only relayout()
// moves.
import { ranksOf, sweep, type Link } from './ranks.ts';

export type LayoutNode = {
  readonly id: string;
  readonly group: string;
  /** Order of groups from left to right; those of one class by who calls whom. */
  readonly groupClass: number;
};

export type Point = { readonly x: number; readonly y: number };
export type Box = Point & { readonly width: number; readonly height: number };

/** Room for a shape, its name and the label of an edge beside it. */
export const COLUMN = 300;
export const ROW = 120;
/** From a group's edge to the middle of its outermost nodes. */
export const PAD_X = 108;
export const PAD_TOP = 104;
export const PAD_BOTTOM = 88;
const GROUP_GAP = 230;
const STACK_GAP = 40;
/** Groups of one class stand on top of each other when there are more than this. */
const SIDE_BY_SIDE_MAX = 3;
/** So many columns a group may have however few its workloads are. */
const COLUMNS_FREE = 5;

/** A group's rectangle of places; `rows` counts half rows, so that short columns stand centred. */
type Parcel = {
  readonly group: string;
  readonly x: number;
  readonly y: number;
  readonly columns: number;
  /** How far down nodes may stand; infinite where nothing is below. */
  readonly height: number;
};

export class Layout {
  readonly #points = new Map<string, Point>();
  readonly #groupOf = new Map<string, string>();
  #parcels: Parcel[] = [];

  point = (id: string): Point | undefined => this.#points.get(id);

  /** Takes in who is there now. Answers whether any place is new. */
  update(nodes: readonly LayoutNode[], links: readonly Link[]): boolean {
    const present = new Map(nodes.map((node) => [node.id, node]));
    for (const id of this.#points.keys()) {
      if (present.get(id)?.group === this.#groupOf.get(id)) continue;
      this.#points.delete(id);
      this.#groupOf.delete(id);
    }
    if (this.#points.size === 0) {
      this.relayout(nodes, links);
      return nodes.length > 0;
    }
    const newcomers = nodes.filter(({ id }) => !this.#points.has(id));
    for (const node of newcomers.toSorted((a, b) => (a.id < b.id ? -1 : 1))) {
      this.#settle(node, links);
    }
    return newcomers.length > 0;
  }

  relayout(nodes: readonly LayoutNode[], links: readonly Link[]): void {
    this.#points.clear();
    this.#groupOf.clear();
    this.#parcels = [];
    for (const { id, group } of nodes) this.#groupOf.set(id, group);
    const blocks = blocksOf(nodes, links);
    const height = Math.max(0, ...blocks.map((stack) => heightOf(stack)));
    let x = 0;
    for (const stack of blocks) {
      let y = (height - heightOf(stack)) / 2;
      for (const [index, block] of stack.entries()) {
        this.#place(block, x, y, index === stack.length - 1);
        y += block.height + STACK_GAP;
      }
      x += Math.max(...stack.map(({ width }) => width)) + GROUP_GAP;
    }
  }

  /** Of each group, the rectangles that its nodes fill; `moved` are places by hand. */
  boxes(moved: ReadonlyMap<string, Point>): readonly (Box & { readonly group: string })[] {
    const inside = new Map<Parcel, Point[]>();
    for (const [id, point] of this.#points) {
      const parcel = this.#parcelAt(this.#groupOf.get(id) ?? '', point);
      if (!parcel) continue;
      inside.set(parcel, [...(inside.get(parcel) ?? []), moved.get(id) ?? point]);
    }
    return [...inside].map(([parcel, points]) => ({ group: parcel.group, ...around(points) }));
  }

  #parcelAt(group: string, { x, y }: Point): Parcel | undefined {
    const own = this.#parcels.filter((parcel) => parcel.group === group);
    const isInside = (parcel: Parcel): boolean =>
      x >= parcel.x &&
      x <= parcel.x + PAD_X * 2 + (parcel.columns - 1) * COLUMN &&
      y >= parcel.y &&
      y <= parcel.y + parcel.height;
    return own.find(isInside) ?? own[0];
  }

  #place(block: Block, x: number, y: number, isLast: boolean): void {
    const { group, columns, height } = block;
    this.#parcels.push({
      group,
      x,
      y,
      columns: columns.length,
      height: isLast ? Number.POSITIVE_INFINITY : height,
    });
    const rows = Math.max(...columns.map((column) => column.length));
    for (const [index, column] of columns.entries()) {
      const top = y + PAD_TOP + ((rows - column.length) * ROW) / 2;
      const centre = x + PAD_X + index * COLUMN;
      column.forEach((id, row) => this.#points.set(id, { x: centre, y: top + row * ROW }));
    }
  }

  #settle(node: LayoutNode, links: readonly Link[]): void {
    const near = this.#wish(node, links);
    const place = this.#freePlace(node.group, near) ?? this.#newParcel(node);
    this.#points.set(node.id, place);
    this.#groupOf.set(node.id, node.group);
  }

  /** Right of its callers, else left of whom it calls, else at the top. */
  #wish({ id }: LayoutNode, links: readonly Link[]): Point {
    const at = (ids: readonly string[]): Point[] =>
      ids.map((other) => this.#points.get(other)).filter((point) => point !== undefined);
    const callers = at(links.filter(({ to }) => to === id).map(({ from }) => from));
    const callees = at(links.filter(({ from }) => from === id).map(({ to }) => to));
    const others = callers.length > 0 ? callers : callees;
    if (others.length === 0) return { x: Number.NEGATIVE_INFINITY, y: 0 };
    const mean = (of: (point: Point) => number): number =>
      others.reduce((sum, point) => sum + of(point), 0) / others.length;
    return {
      x: mean(({ x }) => x) + (callers.length > 0 ? COLUMN : -COLUMN),
      y: mean(({ y }) => y),
    };
  }

  #freePlace(group: string, wish: Point): Point | undefined {
    const taken = [...this.#points.values()];
    const isFree = ({ x, y }: Point): boolean =>
      taken.every((other) => Math.abs(other.x - x) >= COLUMN || Math.abs(other.y - y) >= ROW);
    let best: Point | undefined;
    let bestCost = Number.POSITIVE_INFINITY;
    for (const place of this.#places(group)) {
      const dx = Number.isFinite(wish.x) ? Math.abs(place.x - wish.x) * 2 : place.x / 1e6;
      const cost = dx + Math.abs(place.y - wish.y);
      if (cost >= bestCost || !isFree(place)) continue;
      best = place;
      bestCost = cost;
    }
    return best;
  }

  *#places(group: string): Generator<Point> {
    const lowest = Math.max(0, ...[...this.#points.values()].map(({ y }) => y)) + ROW;
    for (const parcel of this.#parcels.filter((one) => one.group === group)) {
      const end = Math.min(parcel.y + parcel.height - PAD_BOTTOM, lowest);
      for (let column = 0; column < parcel.columns; column++) {
        for (let y = parcel.y + PAD_TOP; y <= end; y += ROW / 2) {
          yield { x: parcel.x + PAD_X + column * COLUMN, y };
        }
      }
    }
  }

  /** Room of its own at the map's edge: nothing that stands somewhere moves for it. */
  #newParcel({ group, groupClass }: LayoutNode): Point {
    const xs = this.#parcels.map((one) => one.x);
    const ends = this.#parcels.map((one) => one.x + PAD_X * 2 + (one.columns - 1) * COLUMN);
    const x =
      groupClass === 0
        ? Math.min(0, ...xs) - GROUP_GAP - PAD_X * 2
        : Math.max(0, ...ends) + GROUP_GAP;
    const y = Math.min(...this.#parcels.map((one) => one.y));
    this.#parcels.push({ group, x, y, columns: 1, height: Number.POSITIVE_INFINITY });
    return { x: x + PAD_X, y: y + PAD_TOP };
  }
}

type Block = {
  readonly group: string;
  readonly columns: readonly (readonly string[])[];
  readonly width: number;
  readonly height: number;
};

const heightOf = (stack: readonly Block[]): number =>
  stack.reduce((sum, { height }) => sum + height + STACK_GAP, -STACK_GAP);

function around(points: readonly Point[]): Box {
  const xs = points.map(({ x }) => x);
  const ys = points.map(({ y }) => y);
  const [left, top] = [Math.min(...xs) - PAD_X, Math.min(...ys) - PAD_TOP];
  return {
    x: left,
    y: top,
    width: Math.max(...xs) + PAD_X - left,
    height: Math.max(...ys) + PAD_BOTTOM - top,
  };
}

/** Stacks of groups from left to right. */
function blocksOf(nodes: readonly LayoutNode[], links: readonly Link[]): Block[][] {
  const members = Map.groupBy(
    nodes.toSorted((a, b) => (a.id < b.id ? -1 : 1)),
    ({ group }) => group,
  );
  const groupOf = new Map(nodes.map(({ id, group }) => [id, group]));
  const between = links.map(({ from, to }) => ({
    from: groupOf.get(from) ?? '',
    to: groupOf.get(to) ?? '',
  }));
  const ranks = ranksOf([...members.keys()], between);
  const stacks = new Map<number, Block[]>();
  for (const [group, own] of members) {
    const groupClass = own[0]?.groupClass ?? 0;
    // VM networks stand together, whoever calls whom among them.
    const key = groupClass * 1000 + (groupClass === 1 ? (ranks.get(group) ?? 0) : 0);
    const block = blockOf(
      group,
      own.map(({ id }) => id),
      links,
      between.length,
    );
    stacks.set(key, [...(stacks.get(key) ?? []), block]);
  }
  const inOrder = [...stacks].toSorted(([a], [b]) => a - b).map(([, stack]) => stack);
  const isWide = inOrder.length > SIDE_BY_SIDE_MAX * 2;
  const joined = isWide ? [inOrder.flat()] : inOrder;
  return joined.flatMap((stack) => (stack.length > SIDE_BY_SIDE_MAX ? piled(stack) : [stack]));
}

/** Many groups of one column, in piles about as high as they are wide together. */
function piled(stack: readonly Block[]): Block[][] {
  const total = heightOf(stack);
  const width = Math.max(...stack.map((block) => block.width)) + GROUP_GAP;
  const piles = Math.max(1, Math.round(Math.sqrt(total / width)));
  const result: Block[][] = [[]];
  for (const block of stack) {
    const last = result.at(-1) ?? [];
    if (last.length > 0 && heightOf([...last, block]) > total / piles) result.push([block]);
    else last.push(block);
  }
  return result;
}

function blockOf(
  group: string,
  ids: readonly string[],
  links: readonly Link[],
  linkCount: number,
): Block {
  const ranks = ranksOf(ids, links);
  const last = Math.max(...ranks.values());
  // Long chains would make a ribbon that fits no screen: several of their ranks share a column.
  const most = Math.max(COLUMNS_FREE, Math.round(Math.sqrt(ids.length)));
  const share = last >= most ? most / (last + 1) : 1;
  const byRank = Map.groupBy(ids, (id) => Math.floor((ranks.get(id) ?? 0) * share));
  const ordered = [...byRank].toSorted(([a], [b]) => a - b).map(([, column]) => column);
  const sweeps = linkCount > 2_000 ? 2 : 6;
  const tallest = Math.max(4, Math.ceil(Math.sqrt(ids.length * 2.2)));
  const columns = sweep(ordered, links, sweeps).flatMap((column) => split(column, tallest));
  const rows = Math.max(...columns.map((column) => column.length));
  return {
    group,
    columns,
    width: PAD_X * 2 + (columns.length - 1) * COLUMN,
    height: PAD_TOP + (rows - 1) * ROW + PAD_BOTTOM,
  };
}

/** A column too tall to look at becomes several. */
function split(column: readonly string[], tallest: number): string[][] {
  const parts = Math.ceil(column.length / tallest);
  const size = Math.ceil(column.length / parts);
  return Array.from({ length: parts }, (_, part) => column.slice(part * size, (part + 1) * size));
}
