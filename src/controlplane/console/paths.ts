// Which route a request means. Pure.
import type { ApiRoute } from './route.ts';

export type Match = {
  readonly route: ApiRoute;
  readonly params: Readonly<Record<string, string>>;
};

/** `others`: the path is there, with these methods. */
export type Lookup =
  | { readonly kind: 'found'; readonly match: Match }
  | { readonly kind: 'others'; readonly methods: readonly string[] }
  | { readonly kind: 'nothing' };

type Compiled = { readonly route: ApiRoute; readonly segments: readonly string[] };

export class RouteTable {
  readonly #routes: readonly Compiled[];

  /** @throws Error for two routes that mean the same, which is a bug */
  constructor(routes: readonly ApiRoute[]) {
    this.#routes = routes.map((route) => ({ route, segments: route.path.split('/') }));
    const shapes = this.#routes.map(({ route, segments }) =>
      [route.method, ...segments.map((it) => (it.startsWith(':') ? ':' : it))].join('/'),
    );
    const twice = shapes.find((shape, index) => shapes.indexOf(shape) !== index);
    if (twice !== undefined) throw new Error(`two routes for ${twice}`);
  }

  /** A route that spells a segment out goes before one that names it. */
  find(method: string, pathname: string): Lookup {
    const segments = pathname.split('/').map(decoded);
    const fitting = this.#routes
      .flatMap(({ route, segments: pattern }) => {
        const params = paramsOf(pattern, segments);
        return params ? [{ route, params }] : [];
      })
      .toSorted((a, b) => Object.keys(a.params).length - Object.keys(b.params).length);
    const match = fitting.find(({ route }) => route.method === method);
    if (match) return { kind: 'found', match };
    const methods = fitting.map(({ route }) => route.method);
    return methods.length > 0 ? { kind: 'others', methods } : { kind: 'nothing' };
  }
}

/** Undefined: no URL encoding. */
function decoded(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}

/** @returns undefined when the path is none of this form; a name stands for at least a character */
function paramsOf(
  pattern: readonly string[],
  segments: readonly (string | undefined)[],
): Readonly<Record<string, string>> | undefined {
  if (pattern.length !== segments.length) return undefined;
  const named: [string, string][] = [];
  for (const [index, part] of pattern.entries()) {
    const segment = segments[index];
    if (segment === undefined) return undefined;
    if (!part.startsWith(':')) {
      if (part !== segment) return undefined;
    } else if (segment === '') return undefined;
    else named.push([part.slice(1), segment]);
  }
  return Object.fromEntries(named);
}
