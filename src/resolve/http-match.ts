// Which requests a route of a VirtualService takes, in Envoy's words.
import type { MessageInitShape } from '@bufbuild/protobuf';
import type {
  HeaderMatcherSchema,
  QueryParameterMatcherSchema,
  RouteMatchSchema,
} from '#gen/envoy/config/route/v3/route_components_pb.js';
import type { StringMatcherSchema } from '#gen/envoy/type/matcher/v3/string_pb.js';
import type { HttpMatch, StringMatch } from '#istio/virtualservice/http-schema.ts';
import { claimMatcher, claimPath } from './http-rbac-match.ts';

type RouteMatch = MessageInitShape<typeof RouteMatchSchema>;
type HeaderMatcher = MessageInitShape<typeof HeaderMatcherSchema>;
type StringMatcher = MessageInitShape<typeof StringMatcherSchema>;

const EVERY_PATH = { case: 'prefix', value: '/' } as const;

/**
 * @param match undefined: every request
 * @param options.isHttpRoute by the Gateway API's semantics: a prefix is of whole path segments
 */
export function buildRouteMatch(
  match: HttpMatch | undefined,
  { isHttpRoute = false }: { readonly isHttpRoute?: boolean } = {},
): RouteMatch {
  if (match === undefined) return { pathSpecifier: EVERY_PATH };
  return {
    pathSpecifier: pathOf(match.uri, isHttpRoute),
    caseSensitive: match.ignoreUriCase !== true,
    headers: [
      ...byName(match.headers).flatMap(([name, value]) =>
        claimOf(name) ? [] : [headerOf(name, value)],
      ),
      ...byName(match.withoutHeaders).flatMap(([name, value]) =>
        claimOf(name) ? [] : [withoutHeader(name, value)],
      ),
      ...pseudoHeaders(match),
    ],
    dynamicMetadata: [
      ...byName(match.headers).flatMap(([name, value]) => claimMatch(name, value)),
      ...byName(match.withoutHeaders).flatMap(([name, value]) =>
        claimMatch(name, value).map((matcher) => ({ ...matcher, invert: true })),
      ),
    ],
    queryParameters: byName(match.queryParams).map(([name, value]) => parameterOf(name, value)),
  };
}

/** Does it take every request? */
export function takesEverything(match: HttpMatch | undefined): boolean {
  if (match === undefined) return true;
  const { uri, method, authority, scheme, headers = {}, withoutHeaders = {} } = match;
  const { queryParams = {} } = match;
  const isEveryPath = isAnything(uri) || uri?.prefix === '/' || uri?.regex === '.*';
  const others = [headers, withoutHeaders, queryParams].flatMap((map) => Object.keys(map));
  return isEveryPath && others.length === 0 && [method, authority, scheme].every(isAnything);
}

/** As the Gateway API has it: a whole path, the longest prefix, a method, more headers, … first. */
export function compareSpecificity(a: HttpMatch, b: HttpMatch): number {
  const ranks = [a, b].map(({ uri, method, headers = {}, queryParams = {} }) => [
    uri?.exact !== undefined ? 2 : Number(uri?.prefix !== undefined),
    (uri?.exact ?? uri?.prefix ?? uri?.regex ?? '').length,
    Number(method !== undefined),
    Object.keys(headers).length,
    Object.keys(queryParams).length,
  ]);
  const [one = [], other = []] = ranks;
  const index = one.findIndex((rank, position) => rank !== other[position]);
  return index === -1 ? 0 : (other[index] ?? 0) - (one[index] ?? 0);
}

const isAnything = (match: StringMatch | undefined): boolean =>
  match === undefined || Object.keys(match).length === 0;

/** In a fixed order: a map of the user's own has none. */
const byName = (map: Readonly<Record<string, StringMatch>> = {}) =>
  Object.entries(map).toSorted(([a], [b]) => (a < b ? -1 : 1));

function pathOf(
  uri: StringMatch | undefined,
  isHttpRoute: boolean,
): NonNullable<RouteMatch['pathSpecifier']> {
  if (isHttpRoute && uri?.prefix !== undefined && uri.prefix !== '/') {
    return { case: 'pathSeparatedPrefix', value: uri.prefix.replace(/\/$/, '') };
  }
  if (uri?.exact !== undefined) return { case: 'path', value: uri.exact };
  if (uri?.prefix !== undefined) return { case: 'prefix', value: uri.prefix };
  if (uri?.regex !== undefined) return { case: 'safeRegex', value: { regex: uri.regex } };
  return EVERY_PATH;
}

function pseudoHeaders({ method, authority, scheme }: HttpMatch): HeaderMatcher[] {
  const all = { ':method': method, ':authority': authority, ':scheme': scheme };
  return Object.entries(all).flatMap(([name, match]) =>
    match === undefined ? [] : [headerOf(name, match)],
  );
}

/** `{}` and the expression `*` ask that it be there, whatever its value. */
const isPresence = (match: StringMatch): boolean => isAnything(match) || match.regex === '*';

const CLAIMS = '@request.auth.claims';

/** `@request.auth.claims.a.b` and `@request.auth.claims[a][b]`: of the request's token, `a`, `b`. */
function claimOf(name: string): readonly string[] | undefined {
  if (!name.toLowerCase().startsWith(CLAIMS)) return undefined;
  const rest = name.slice(CLAIMS.length);
  if (rest.startsWith('.')) return rest.slice(1).split('.');
  return rest.startsWith('[') ? claimPath(rest) : undefined;
}

function claimMatch(name: string, match: StringMatch): ReturnType<typeof claimMatcher>[] {
  const path = claimOf(name);
  if (path === undefined) return [];
  return [claimMatcher(path, isPresence(match) ? undefined : buildStringMatch(match))];
}

function headerOf(name: string, match: StringMatch): HeaderMatcher {
  if (isPresence(match)) {
    return { name, headerMatchSpecifier: { case: 'presentMatch', value: true } };
  }
  return { name, headerMatchSpecifier: { case: 'stringMatch', value: buildStringMatch(match) } };
}

/** A header that is not there has no such value, either. */
function withoutHeader(name: string, match: StringMatch): HeaderMatcher {
  const treatMissingHeaderAsEmpty = !isPresence(match);
  return { ...headerOf(name, match), invertMatch: true, treatMissingHeaderAsEmpty };
}

function parameterOf(
  name: string,
  match: StringMatch,
): MessageInitShape<typeof QueryParameterMatcherSchema> {
  if (isPresence(match)) {
    return { name, queryParameterMatchSpecifier: { case: 'presentMatch', value: true } };
  }
  return {
    name,
    queryParameterMatchSpecifier: { case: 'stringMatch', value: buildStringMatch(match) },
  };
}

export function buildStringMatch({ exact, prefix, regex }: StringMatch): StringMatcher {
  if (prefix !== undefined) return { matchPattern: { case: 'prefix', value: prefix } };
  if (regex !== undefined) return { matchPattern: { case: 'safeRegex', value: { regex } } };
  return { matchPattern: { case: 'exact', value: exact ?? '' } };
}
