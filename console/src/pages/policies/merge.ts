// Three texts into one: what both sides made of a common base, line by line. A part that only one
// side changed is taken from it; a part that both changed differently is for a person to decide.

export type MergePart = {
  /** `same`: nobody changed it (or both did alike). */
  readonly kind: 'same' | 'theirs' | 'mine' | 'conflict';
  readonly base: readonly string[];
  readonly theirs: readonly string[];
  readonly mine: readonly string[];
};

/** Which side's lines a conflict gets. */
export type Choice = 'theirs' | 'mine';

type Lines = readonly string[];

export function mergeParts(base: string, theirs: string, mine: string): readonly MergePart[] {
  const lines = { base: base.split('\n'), theirs: theirs.split('\n'), mine: mine.split('\n') };
  const inTheirs = matches(lines.base, lines.theirs);
  const inMine = matches(lines.base, lines.mine);
  const parts: MergePart[] = [];
  let at = { base: 0, theirs: 0, mine: 0 };
  for (let index = 0; index <= lines.base.length; index += 1) {
    const theirsAt = index === lines.base.length ? lines.theirs.length : inTheirs[index];
    const mineAt = index === lines.base.length ? lines.mine.length : inMine[index];
    if (theirsAt === undefined || mineAt === undefined) continue;
    // The line at `index` stands in all three: what lies before it belongs together.
    const changed = {
      base: lines.base.slice(at.base, index),
      theirs: lines.theirs.slice(at.theirs, theirsAt),
      mine: lines.mine.slice(at.mine, mineAt),
    };
    push(parts, { kind: kindOf(changed), ...changed });
    const line = lines.base.slice(index, index + 1);
    push(parts, { kind: 'same', base: line, theirs: line, mine: line });
    at = { base: index + 1, theirs: theirsAt + 1, mine: mineAt + 1 };
  }
  return parts;
}

function push(parts: MergePart[], part: MergePart): void {
  if (part.base.length + part.theirs.length + part.mine.length === 0) return;
  const last = parts.at(-1);
  if (last?.kind !== 'same' || part.kind !== 'same') {
    parts.push(part);
    return;
  }
  parts[parts.length - 1] = {
    kind: 'same',
    base: [...last.base, ...part.base],
    theirs: [...last.theirs, ...part.theirs],
    mine: [...last.mine, ...part.mine],
  };
}

function kindOf({ base, theirs, mine }: Omit<MergePart, 'kind'>): MergePart['kind'] {
  if (isEqual(theirs, mine)) return 'same';
  if (isEqual(base, mine)) return 'theirs';
  return isEqual(base, theirs) ? 'mine' : 'conflict';
}

const isEqual = (a: Lines, b: Lines): boolean =>
  a.length === b.length && a.every((line, index) => line === b[index]);

/** @param choices for the conflicts in their order; undefined where one is open: no text yet */
export function mergedText(
  parts: readonly MergePart[],
  choices: readonly (Choice | undefined)[],
): string | undefined {
  const lines: string[] = [];
  let conflict = 0;
  for (const part of parts) {
    if (part.kind !== 'conflict') {
      lines.push(...(part.kind === 'mine' ? part.mine : part.theirs));
      continue;
    }
    const choice = choices[conflict];
    if (choice === undefined) return undefined;
    lines.push(...part[choice]);
    conflict += 1;
  }
  return lines.join('\n');
}

/** A part that differs; `conflict` counts those that wait for a choice, from 0. */
export type Difference = {
  readonly key: string;
  readonly part: MergePart;
  readonly conflict: number;
};

export function differences(parts: readonly MergePart[]): readonly Difference[] {
  let line = 1;
  let conflict = -1;
  const found: Difference[] = [];
  for (const part of parts) {
    if (part.kind === 'conflict') conflict += 1;
    if (part.kind !== 'same') found.push({ key: `${part.kind} at ${line}`, part, conflict });
    line += part.base.length + part.theirs.length + part.mine.length;
  }
  return found;
}

/** Above this many pairs of lines the middle counts as changed as a whole: it stays quick. */
const PAIRS_MAX = 4_000_000;

/** Of each line of `a`, which line of `b` it is in a longest common subsequence. */
function matches(a: Lines, b: Lines): readonly (number | undefined)[] {
  const found: (number | undefined)[] = Array.from(a, () => undefined);
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) {
    found[head] = head;
    head += 1;
  }
  let tail = 0;
  const shorter = Math.min(a.length, b.length) - head;
  while (tail < shorter && a[a.length - 1 - tail] === b[b.length - 1 - tail]) {
    tail += 1;
    found[a.length - tail] = b.length - tail;
  }
  const middle = longestCommon(a.slice(head, a.length - tail), b.slice(head, b.length - tail));
  for (const [left, right] of middle) found[head + left] = head + right;
  return found;
}

function longestCommon(a: Lines, b: Lines): readonly (readonly [number, number])[] {
  if (a.length * b.length > PAIRS_MAX) return [];
  const width = b.length + 1;
  // lengths[i * width + j]: of the longest common subsequence of a from i and b from j.
  const lengths = new Uint32Array((a.length + 1) * width);
  const length = (i: number, j: number): number => lengths[i * width + j] ?? 0;
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      lengths[i * width + j] =
        a[i] === b[j] ? length(i + 1, j + 1) + 1 : Math.max(length(i + 1, j), length(i, j + 1));
    }
  }
  const pairs: (readonly [number, number])[] = [];
  for (let i = 0, j = 0; i < a.length && j < b.length;) {
    if (a[i] === b[j]) pairs.push([i++, j++]);
    else if (length(i + 1, j) >= length(i, j + 1)) i += 1;
    else j += 1;
  }
  return pairs;
}
