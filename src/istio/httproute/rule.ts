// What a rule of an HTTPRoute does, in a VirtualService's words.
import type { Destination, Headers, HttpRoute } from '../virtualservice/http-schema.ts';
import type { BackendRef, HeaderModifier, HttpRouteFilter } from './schema.ts';

export type Place = {
  readonly namespace: string;
  readonly serviceHost: (name: string, namespace: string) => string;
};

/** A Service's name by itself is of the route's own namespace; kind Hostname is Istio's own. */
export function destinationOf(
  { kind = 'Service', name, namespace, port }: BackendRef,
  place: Place,
): Destination {
  const host = kind === 'Hostname' ? name : place.serviceHost(name, namespace ?? place.namespace);
  return { host, ...(port !== undefined && { port: { number: port } }) };
}

/** The rule's filters, of which each kind stands once. */
export function actionsOf(
  filters: readonly HttpRouteFilter[],
  place: Place,
): Pick<HttpRoute, 'redirect' | 'rewrite' | 'mirrors' | 'headers' | 'corsPolicy'> {
  const find = <N extends keyof HttpRouteFilter>(name: N): HttpRouteFilter[N] | undefined =>
    filters.find((filter) => filter[name] !== undefined)?.[name];
  const redirect = find('requestRedirect');
  const rewrite = find('urlRewrite');
  const cors = find('cors');
  return {
    headers: headersOf(filters),
    mirrors: filters.flatMap(({ requestMirror }) =>
      requestMirror ? [mirrorOf(requestMirror, place)] : [],
    ),
    ...(redirect && { redirect: redirectOf(redirect) }),
    ...(rewrite && { rewrite: rewriteOf(rewrite) }),
    ...(cors && {
      corsPolicy: {
        ...cors,
        allowOrigins: (cors.allowOrigins ?? []).map((exact) =>
          exact === '*' ? { regex: '.*' } : { exact },
        ),
        maxAge: `${cors.maxAge ?? 5}s`,
      },
    }),
  };
}

export function headersOf(filters: readonly HttpRouteFilter[]): Headers {
  const request = filters.find((filter) => filter.requestHeaderModifier)?.requestHeaderModifier;
  const response = filters.find((filter) => filter.responseHeaderModifier)?.responseHeaderModifier;
  return {
    ...(request && { request: operationsOf(request) }),
    ...(response && { response: operationsOf(response) }),
  };
}

function operationsOf({ set = [], add = [], remove = [] }: HeaderModifier) {
  const mapOf = (all: typeof set): Record<string, string> =>
    Object.fromEntries(all.map(({ name, value }) => [name, value]));
  return { set: mapOf(set), add: mapOf(add), remove };
}

function mirrorOf(
  { backendRef, percent, fraction }: NonNullable<HttpRouteFilter['requestMirror']>,
  place: Place,
): NonNullable<HttpRoute['mirrors']>[number] {
  const { numerator = 0, denominator = 100 } = fraction ?? {};
  const value = fraction ? (numerator / denominator) * 100 : (percent ?? 100);
  return { destination: destinationOf(backendRef, place), percentage: { value } };
}

function redirectOf(
  redirect: NonNullable<HttpRouteFilter['requestRedirect']>,
): NonNullable<HttpRoute['redirect']> {
  const { scheme, hostname, path, port, statusCode = 302 } = redirect;
  return {
    redirectCode: statusCode,
    ...(scheme !== undefined && { scheme }),
    ...(hostname !== undefined && { authority: hostname }),
    ...(path?.replaceFullPath !== undefined && { uri: path.replaceFullPath }),
    ...(path?.replacePrefixMatch !== undefined && { prefixRewrite: path.replacePrefixMatch }),
    // without a port the new scheme's own, or else that of the request
    ...(port !== undefined && { port }),
    ...(port === undefined && scheme === undefined && { derivePort: 'FROM_REQUEST_PORT' as const }),
  };
}

function rewriteOf({
  hostname,
  path,
}: NonNullable<HttpRouteFilter['urlRewrite']>): NonNullable<HttpRoute['rewrite']> {
  const { replaceFullPath, replacePrefixMatch } = path ?? {};
  return {
    ...(hostname !== undefined && { authority: hostname }),
    ...(replacePrefixMatch !== undefined && { uri: replacePrefixMatch }),
    ...(replaceFullPath !== undefined && {
      uriRegexRewrite: { match: '/.*', rewrite: replaceFullPath },
    }),
  };
}
