// Field paths as violations have them (`spec.http[0].match[1].headers[x-a]`) as steps.
import type { Path } from './resource.ts';

const STEP = /([^.[\]]+)|\[([^\]]*)\]/g;

/** A number in brackets is an index, anything else there is a key of the user's own. */
export function parsePath(field: string): Path {
  return [...field.matchAll(STEP)].map(([, name, bracket = '']) => {
    if (name !== undefined) return name;
    return /^\d+$/.test(bracket) ? Number(bracket) : bracket;
  });
}
