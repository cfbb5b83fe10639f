// Envoy's string matchers, as this project writes them. Patterns come from whoever edits a policy,
// so none of them may cost more than its length times the text's: no RegExp of theirs is run.
import type { StringMatcher } from '#gen/envoy/type/matcher/v3/string_pb.js';
import { truthOf } from './truth.ts';
import type { Truth } from './truth.ts';

/** @returns unknown for a pattern that nothing here writes */
export function matchesText({ matchPattern, ignoreCase }: StringMatcher, text: string): Truth {
  const fold = (value: string): string => (ignoreCase ? value.toLowerCase() : value);
  switch (matchPattern.case) {
    case 'exact':
      return truthOf(fold(text) === fold(matchPattern.value));
    case 'prefix':
      return truthOf(fold(text).startsWith(fold(matchPattern.value)));
    case 'suffix':
      return truthOf(fold(text).endsWith(fold(matchPattern.value)));
    case 'contains':
      return truthOf(fold(text).includes(fold(matchPattern.value)));
    case 'safeRegex': {
      const pattern = parsePattern(matchPattern.value.regex);
      return pattern ? truthOf(isWhole(pattern, text)) : 'unknown';
    }
    default:
      return 'unknown';
  }
}

/** One character, or (`isRun`) any number of them. */
type Part = { readonly takes: (character: string) => boolean; readonly isRun: boolean };

const anything = (): boolean => true;
const noSlash = (character: string): boolean => character !== '/';
const only = (wanted: string): Part => ({ takes: (one) => one === wanted, isRun: false });
const run = (takes: Part['takes']): Part => ({ takes, isRun: true });
const one = (takes: Part['takes']): Part => ({ takes, isRun: false });

/** The only expressions that `rbac-match.ts` and `http-rbac-match.ts` make use of. */
const EXPRESSIONS: readonly (readonly [text: string, parts: readonly Part[]])[] = [
  ['[^/]*', [run(noSlash)]],
  ['[^/]+', [one(noSlash), run(noSlash)]],
  ['.*', [run(anything)]],
  ['.+', [one(anything), run(anything)]],
];

function parsePattern(regex: string): readonly Part[] | undefined {
  const parts: Part[] = [];
  for (let index = 0; index < regex.length;) {
    const [text, meant] = EXPRESSIONS.find((entry) => regex.startsWith(entry[0], index)) ?? [];
    if (text !== undefined && meant) {
      parts.push(...meant);
      index += text.length;
      continue;
    }
    const isEscaped = regex[index] === '\\';
    const character = regex.charAt(isEscaped ? index + 1 : index);
    if (character === '' || (!isEscaped && /[.*+?^${}()|[\]]/.test(character))) return undefined;
    parts.push(only(character));
    index += isEscaped ? 2 : 1;
  }
  return parts;
}

/** Does the pattern match the whole text? It is at all places at once, character by character. */
function isWhole(parts: readonly Part[], text: string): boolean {
  let places = withRunsLeft(parts, [0]);
  for (const character of text) {
    const next: number[] = [];
    for (const place of places) {
      const part = parts[place];
      if (part?.takes(character)) next.push(part.isRun ? place : place + 1);
    }
    places = withRunsLeft(parts, next);
  }
  return places.has(parts.length);
}

/** A run may end at any time: whoever stands at one stands behind it, too. */
function withRunsLeft(parts: readonly Part[], places: readonly number[]): ReadonlySet<number> {
  const all = new Set(places);
  for (const place of all) if (parts[place]?.isRun) all.add(place + 1);
  return all;
}
