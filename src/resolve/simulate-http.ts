// Which of a virtual host's routes a request takes, and what becomes of it, as Envoy would decide,
// for tests.
import assert from 'node:assert/strict';
import type {
  HeaderMatcher,
  QueryParameterMatcher,
  Route,
  RouteAction,
  RouteMatch,
} from '#gen/envoy/config/route/v3/route_components_pb.js';
import type { StringMatcher } from '#gen/envoy/type/matcher/v3/string_pb.js';

export type Request = {
  /** `http://host:port/path?query`. */
  readonly url: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
};

/** The first route that takes the request. */
export function simulateRoutes(routes: readonly Route[], request: Request): Route | undefined {
  const url = new URL(request.url);
  const headers: Record<string, string> = {
    ...request.headers,
    ':method': request.method ?? 'GET',
    ':authority': url.host,
    ':scheme': 'http',
  };
  return routes.find(({ match }) => match && fits(match, { url, headers }));
}

type Asked = { readonly url: URL; readonly headers: Readonly<Record<string, string>> };

function fits(match: RouteMatch, { url, headers }: Asked): boolean {
  return (
    fitsPath(match, url.pathname) &&
    match.headers.every((matcher) => fitsHeader(matcher, headers)) &&
    match.queryParameters.every((matcher) => fitsParameter(matcher, url.searchParams))
  );
}

function fitsPath({ pathSpecifier, caseSensitive }: RouteMatch, asked: string): boolean {
  const isAnyCase = caseSensitive === false;
  const inCase = (text: string): string => (isAnyCase ? text.toLowerCase() : text);
  switch (pathSpecifier.case) {
    case 'path':
      return inCase(asked) === inCase(pathSpecifier.value);
    case 'prefix':
      return inCase(asked).startsWith(inCase(pathSpecifier.value));
    case 'pathSeparatedPrefix':
      return `${inCase(asked)}/`.startsWith(`${inCase(pathSpecifier.value)}/`);
    case 'safeRegex':
      return new RegExp(`^(?:${pathSpecifier.value.regex})$`).test(asked);
    default:
      return assert.fail(`no path is matched by ${pathSpecifier.case}`);
  }
}

function fitsHeader(matcher: HeaderMatcher, headers: Asked['headers']): boolean {
  const { name, headerMatchSpecifier: specifier, invertMatch } = matcher;
  const value = headers[name] ?? (matcher.treatMissingHeaderAsEmpty ? '' : undefined);
  if (specifier.case === 'presentMatch') return (value !== undefined) !== invertMatch;
  assert(specifier.case === 'stringMatch');
  return value !== undefined && fitsString(specifier.value, value) !== invertMatch;
}

function fitsParameter(matcher: QueryParameterMatcher, parameters: URLSearchParams): boolean {
  const value = parameters.get(matcher.name);
  const { queryParameterMatchSpecifier: specifier } = matcher;
  if (specifier.case === 'presentMatch') return value !== null;
  assert(specifier.case === 'stringMatch');
  return value !== null && fitsString(specifier.value, value);
}

function fitsString({ matchPattern }: StringMatcher, value: string): boolean {
  switch (matchPattern.case) {
    case 'exact':
      return value === matchPattern.value;
    case 'prefix':
      return value.startsWith(matchPattern.value);
    case 'safeRegex':
      return new RegExp(`^(?:${matchPattern.value.regex})$`).test(value);
    default:
      return assert.fail(`no string is matched by ${matchPattern.case}`);
  }
}

/** Clusters with weights, where a redirect leads, or a status of its own. */
export function outcomeOf({ action }: Route): string {
  switch (action.case) {
    case 'route':
      return clustersOf(action.value);
    case 'redirect':
      return `redirect ${action.value.responseCode} ${action.value.hostRedirect}`;
    case 'directResponse':
      return String(action.value.status);
    default:
      return assert.fail(`a route does ${action.case}`);
  }
}

function clustersOf({ clusterSpecifier }: RouteAction): string {
  if (clusterSpecifier.case === 'cluster') return clusterSpecifier.value;
  assert(clusterSpecifier.case === 'weightedClusters');
  return clusterSpecifier.value.clusters.map(({ name, weight }) => `${weight} ${name}`).join(', ');
}
