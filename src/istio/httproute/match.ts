// A match of an HTTPRoute in a VirtualService's words.
import type { HttpMatch, StringMatch } from '../virtualservice/http-schema.ts';
import type { HttpRouteMatch } from './schema.ts';

type ValueMatch = NonNullable<HttpRouteMatch['headers']>[number];

export function matchOf({ path, headers, queryParams, method }: HttpRouteMatch): HttpMatch {
  const { type = 'PathPrefix', value = '/' } = path ?? {};
  return {
    uri: pathOf(type, value),
    headers: byName(headers),
    queryParams: byName(queryParams),
    ...(method !== undefined && { method: { exact: method } }),
  };
}

function pathOf(type: string, value: string): StringMatch {
  if (type === 'Exact') return { exact: value };
  return type === 'PathPrefix' ? { prefix: value } : { regex: value };
}

/** Of two for one name the first counts, as the API has it. */
function byName(matches: readonly ValueMatch[] = []): Record<string, StringMatch> {
  const all = matches.map(({ name, type, value }): [string, StringMatch] => [
    name,
    type === 'RegularExpression' ? { regex: value } : { exact: value },
  ]);
  return Object.fromEntries(all.toReversed());
}
