// Which fields of an object nothing here acts on (yet): they are real and accepted, so that
// nobody's manifests fail; and they are named to whoever asks, so that nobody believes in them.
import { isRecord } from '#kube/objects.ts';
import type { KubeObject } from '#kube/objects.ts';
import type { ParseResult, Violation } from './object.ts';

/**
 * Fields that are acted on, by name; `true`: with all that is in them. Items of a list, and the
 * values of a map with keys of the user's own (`*`), are as their field says.
 */
export type ActedOn = { readonly [field: string]: true | ActedOn };

/** A long object is not told to its end. */
const REMARKS_MAX = 32;

export const NOT_ACTED_ON = 'not acted on yet';

/** An object of a kind that is checked and kept, and that nothing acts on yet. */
export type Unused = { readonly remarks: readonly Violation[] };

/** A good object of such a kind says so of its whole spec. */
export const UNUSED: Unused = { remarks: [{ field: 'spec', message: NOT_ACTED_ON }] };

export type ParseUnused = (object: KubeObject) => ParseResult<Unused>;

/** What a kind tells, in its values, of what nothing acts on; nothing of kinds that do not. */
export function remarksOf(value: unknown): readonly Violation[] {
  if (typeof value !== 'object' || value === null || !('remarks' in value)) return [];
  const remarks: readonly Violation[] = Array.isArray(value.remarks) ? value.remarks : [];
  return remarks;
}

/** What is set and not acted on, each at its path under `spec`. */
export function unusedFields(spec: unknown, actedOn: ActedOn): readonly Violation[] {
  const found: Violation[] = [];
  walk({ value: spec, field: 'spec', actedOn }, found);
  return found.slice(0, REMARKS_MAX);
}

function walk(
  place: { readonly value: unknown; readonly field: string; readonly actedOn: ActedOn },
  found: Violation[],
): void {
  const { value, field, actedOn } = place;
  if (Array.isArray(value)) {
    const items: readonly unknown[] = value;
    for (const [index, item] of items.entries()) {
      walk({ value: item, field: `${field}[${index}]`, actedOn }, found);
    }
    return;
  }
  if (!isRecord(value)) return;
  for (const [name, inner] of Object.entries(value)) {
    const isOwnKey = actedOn['*'] !== undefined;
    const path = isOwnKey ? `${field}[${name}]` : `${field}.${name}`;
    const known = actedOn['*'] ?? (Object.hasOwn(actedOn, name) ? actedOn[name] : undefined);
    if (known === undefined) found.push({ field: path, message: NOT_ACTED_ON });
    else if (known !== true) walk({ value: inner, field: path, actedOn: known }, found);
  }
}
