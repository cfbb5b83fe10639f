// From who calls whom to columns: cycles broken, then longest paths. Pure and deterministic: what
// it is given is sorted first.

export type Link = { readonly from: string; readonly to: string };

/** Column of each id, from 0. Callers stand left of whom they call, but where calls go in rings. */
export function ranksOf(ids: readonly string[], links: readonly Link[]): Map<string, number> {
  const known = new Set(ids);
  const callees = new Map<string, string[]>();
  for (const { from, to } of links) {
    if (from === to || !known.has(from) || !known.has(to)) continue;
    const list = callees.get(from) ?? [];
    if (!list.includes(to)) list.push(to);
    callees.set(from, list);
  }
  const called = new Set([...callees.values()].flat());
  // From those that nobody calls: a ring is then cut where it closes.
  const starts = ids.toSorted(
    (a, b) => Number(called.has(a)) - Number(called.has(b)) || order(a, b),
  );
  const sequence = topological(starts, callees);
  const place = new Map(sequence.map((id, index) => [id, index]));
  const ranks = new Map(ids.map((id) => [id, 0]));
  for (const id of sequence) {
    for (const to of callees.get(id) ?? []) {
      const isForward = (place.get(to) ?? 0) > (place.get(id) ?? 0);
      if (isForward) ranks.set(to, Math.max(ranks.get(to) ?? 0, (ranks.get(id) ?? 0) + 1));
    }
  }
  return ranks;
}

const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Depth first without recursion: a chain may be as long as there are workloads. */
function topological(starts: readonly string[], callees: ReadonlyMap<string, string[]>): string[] {
  const finished: string[] = [];
  const seen = new Set<string>();
  for (const start of starts) {
    const stack: { readonly id: string; readonly rest: string[] }[] = [];
    const enter = (id: string): void => {
      if (seen.has(id)) return;
      seen.add(id);
      stack.push({ id, rest: (callees.get(id) ?? []).toSorted(order) });
    };
    enter(start);
    for (let top = stack.at(-1); top; top = stack.at(-1)) {
      const next = top.rest.shift();
      if (next !== undefined) enter(next);
      else {
        finished.push(top.id);
        stack.pop();
      }
    }
  }
  return finished.toReversed();
}

/** Orders each column by where its neighbours stand; a few sweeps are enough to untangle most. */
export function sweep(
  columns: readonly (readonly string[])[],
  links: readonly Link[],
  sweeps = 6,
): string[][] {
  const neighbours = new Map<string, string[]>();
  const note = (id: string, other: string): void => {
    neighbours.set(id, [...(neighbours.get(id) ?? []), other]);
  };
  for (const { from, to } of links) {
    note(from, to);
    note(to, from);
  }
  let result = columns.map((column) => column.toSorted(order));
  for (let round = 0; round < sweeps; round++) {
    const place = new Map<string, number>();
    for (const column of result) {
      column.forEach((id, index) => place.set(id, (index + 0.5) / column.length));
    }
    const middle = (id: string): number => {
      const places = (neighbours.get(id) ?? []).map((other) => place.get(other) ?? 0.5);
      const own = place.get(id) ?? 0.5;
      return places.length === 0 ? own : places.reduce((sum, at) => sum + at, 0) / places.length;
    };
    result = result.map((column) => {
      const at = new Map(column.map((id) => [id, middle(id)]));
      return column.toSorted((a, b) => (at.get(a) ?? 0) - (at.get(b) ?? 0));
    });
  }
  return result;
}
