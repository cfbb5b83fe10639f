// The part of JSONPath that printer columns and selectable fields use: fields, quoted fields,
// indexes, wildcards and filters on equality.
import type { Json } from './object.ts';
import { isJsonList, isJsonObject } from './object.ts';

type Step =
  | { readonly kind: 'field'; readonly name: string }
  | { readonly kind: 'index'; readonly index: number }
  | { readonly kind: 'all' }
  | { readonly kind: 'filter'; readonly path: readonly Step[]; readonly value: Json };

const STEP =
  /^(?:\.([A-Za-z0-9_$-]+(?:\\\.[A-Za-z0-9_$/-]+)*)|\[(-?\d+)\]|\[\*\]|\.\*|\['([^']+)'\]|\["([^"]+)"\]|\[\?\(@([^=]+?)\s*==\s*("[^"]*"|'[^']*'|\w+)\)\])/;
const PATH_LENGTH_MAX = 1_000;

const cache = new Map<string, readonly Step[]>();
const CACHE_SIZE_MAX = 1_000;

/** @returns all values at the path; none for a path that is not understood */
export function readPath(value: Json, path: string): readonly Json[] {
  let steps = cache.get(path);
  if (!steps) {
    steps = parsePath(path) ?? [];
    if (cache.size >= CACHE_SIZE_MAX) cache.clear();
    cache.set(path, steps);
  }
  return steps.length === 0 ? [] : follow([value], steps);
}

/** @returns undefined when the path is not understood */
export function parsePath(path: string): readonly Step[] | undefined {
  if (path.length > PATH_LENGTH_MAX) return undefined;
  const steps: Step[] = [];
  let rest = path.startsWith('.') || path.startsWith('[') ? path : `.${path}`;
  while (rest !== '') {
    const match = STEP.exec(rest);
    const step = match && stepOf(match);
    if (!match || !step) return undefined;
    steps.push(step);
    rest = rest.slice(match[0].length);
  }
  return steps;
}

function stepOf(match: RegExpExecArray): Step | undefined {
  const [, field, index, single, double, filter, wanted] = match;
  const name = field?.replaceAll('\\.', '.') ?? single ?? double;
  if (name !== undefined) return { kind: 'field', name };
  if (index !== undefined) return { kind: 'index', index: Number(index) };
  if (filter === undefined || wanted === undefined) return { kind: 'all' };
  const path = parsePath(filter);
  return path && { kind: 'filter', path, value: literal(wanted) };
}

function literal(text: string): Json {
  if (/^["']/.test(text)) return text.slice(1, -1);
  if (text === 'true' || text === 'false') return text === 'true';
  return Number.isNaN(Number(text)) ? text : Number(text);
}

function follow(values: readonly Json[], steps: readonly Step[]): readonly Json[] {
  return steps.reduce<readonly Json[]>(
    (found, step) => found.flatMap((value) => apply(value, step)),
    values,
  );
}

function apply(value: Json, step: Step): readonly Json[] {
  switch (step.kind) {
    case 'field': {
      const isThere = isJsonObject(value) && Object.hasOwn(value, step.name);
      const inner = isThere ? value[step.name] : undefined;
      return inner === undefined ? [] : [inner];
    }
    case 'index': {
      const item = isJsonList(value) ? value.at(step.index) : undefined;
      return item === undefined ? [] : [item];
    }
    case 'all':
      return childrenOf(value);
    default:
      return childrenOf(value).filter((child) => follow([child], step.path).includes(step.value));
  }
}

function childrenOf(value: Json): readonly Json[] {
  if (isJsonList(value)) return value;
  if (!isJsonObject(value)) return [];
  return Object.values(value).filter((child) => child !== undefined);
}
