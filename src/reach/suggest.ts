// "Did you mean …?"

/** More than this many wrong letters is another word. */
const DISTANCE_MAX = 3;
/** Names that are compared: the work is their number times the square of a name's length. */
const CANDIDATES_MAX = 5000;
/** Nobody mistypes a name that is longer. */
const LENGTH_MAX = 100;

/** The candidate nearest to a text that is none of them; undefined when none is near. */
export function nearest(text: string, candidates: Iterable<string>): string | undefined {
  const wanted = text.toLowerCase();
  if (wanted.length > LENGTH_MAX) return undefined;
  const limit = Math.min(DISTANCE_MAX, Math.floor(wanted.length / 3));
  let best: { readonly candidate: string; readonly distance: number } | undefined;
  let count = 0;
  for (const candidate of candidates) {
    count += 1;
    if (count > CANDIDATES_MAX) break;
    if (Math.abs(candidate.length - wanted.length) > limit) continue;
    const distance = distanceOf(wanted, candidate.toLowerCase());
    if (distance > limit || distance === 0) continue;
    if (best === undefined || distance < best.distance) best = { candidate, distance };
  }
  return best?.candidate;
}

/** Letters to add, leave out, replace, or exchange with their neighbours (optimal alignment). */
function distanceOf(a: string, b: string): number {
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let row = 1; row <= a.length; row += 1) {
    const line = [row];
    for (let column = 1; column <= b.length; column += 1) {
      const isSame = a[row - 1] === b[column - 1];
      const isSwapped = a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      line[column] = Math.min(
        (above[column] ?? 0) + 1,
        (line[column - 1] ?? 0) + 1,
        (above[column - 1] ?? 0) + (isSame ? 0 : 1),
        ...(isSwapped ? [(before[column - 2] ?? 0) + 1] : []),
      );
    }
    before = above;
    above = line;
  }
  return above[b.length] ?? 0;
}
