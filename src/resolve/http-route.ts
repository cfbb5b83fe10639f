// One HTTP route, of a gateway's table or a virtual host: what happens to the requests it takes.
import type { MessageInitShape } from '@bufbuild/protobuf';
import { base64Decode } from '@bufbuild/protobuf/wire';
import {
  RedirectAction_RedirectResponseCode,
  RouteAction_ClusterNotFoundResponseCode,
} from '#gen/envoy/config/route/v3/route_components_pb.js';
import type {
  RedirectActionSchema,
  RouteActionSchema,
  RouteSchema,
  WeightedCluster_ClusterWeightSchema,
} from '#gen/envoy/config/route/v3/route_components_pb.js';
import { durationMs } from '#istio/duration.ts';
import type { HashKey } from '#istio/destinationrule/traffic-policy.ts';
import type { HttpMatch, HttpRedirect, HttpRewrite } from '#istio/virtualservice/http-schema.ts';
import type { TableRoute, Target } from './http-table.ts';
import { authorityOf, headerOperations } from './http-headers.ts';
import { filterConfigs, millionths, STATUS_MAX } from './http-filters.ts';
import { buildHashPolicy } from './http-hash.ts';
import { buildRouteMatch } from './http-match.ts';
import { buildRetryPolicy } from './http-retry.ts';
import { metadata, milliseconds } from './message.ts';
import { parseOutboundName } from './names.ts';

type Route = MessageInitShape<typeof RouteSchema>;
type RouteAction = MessageInitShape<typeof RouteActionSchema>;
type RedirectAction = MessageInitShape<typeof RedirectActionSchema>;

export type RouteOptions = {
  /** Whether nothing may move for ever; else the listener's own limit holds. */
  readonly isHeldOpen?: boolean;
  /** Whether the requests came in TLS. */
  readonly isTls?: boolean;
};

/** undefined: the route does nothing that there is, and is left out. */
export function buildHttpRoute(table: TableRoute, options: RouteOptions = {}): Route | undefined {
  const { route, match, virtualService } = table;
  const action = actionOf(table, options);
  if (action === undefined) return undefined;
  // of a single target the route says what is done, of several each says it for itself
  const single = table.targets.length === 1 ? table.targets[0] : undefined;
  const { namespace, name } = virtualService;
  const config = `/apis/networking.istio.io/v1/namespaces/${namespace}/virtual-service/${name}`;
  return {
    name: [route.name, match?.name].filter((part) => part !== undefined && part !== '').join('.'),
    match: buildRouteMatch(match, { isHttpRoute: table.isHttpRoute }),
    action,
    statPrefix: match?.statPrefix ?? '',
    metadata: metadata({ istio: { config } }),
    decorator: { operation: spanName(table) },
    typedPerFilterConfig: filterConfigs(route),
    ...headerOperations([route.headers, single?.headers]),
  };
}

function actionOf(table: TableRoute, options: RouteOptions): Route['action'] {
  const { route, port } = table;
  if (route.redirect) {
    const value = redirectOf(route.redirect, { port, isTls: options.isTls === true });
    return value && { case: 'redirect', value };
  }
  if (route.directResponse) {
    const { status, body } = route.directResponse;
    const { string, bytes } = body ?? {};
    return {
      case: 'directResponse',
      value: {
        status: Math.min(status, STATUS_MAX),
        ...(string !== undefined && {
          body: { specifier: { case: 'inlineString', value: string } },
        }),
        ...(bytes !== undefined && {
          body: { specifier: { case: 'inlineBytes', value: base64Decode(bytes) } },
        }),
      },
    };
  }
  if (table.targets.length === 0) return undefined;
  return { case: 'route', value: routeActionOf(table, options) };
}

const NOT_FOUND_IS_500 = RouteAction_ClusterNotFoundResponseCode.INTERNAL_SERVER_ERROR;

/** 0 is "none": Envoy's own default would end every request after 15 seconds. */
const NO_TIMEOUT = milliseconds(0);

function routeActionOf(
  { route, targets, mirrors, isHttpRoute }: TableRoute,
  options: RouteOptions,
): RouteAction {
  const { rewrite, retries, timeout } = route;
  const single = targets.length === 1 ? targets[0] : undefined;
  const authority =
    rewrite?.authority || authorityOf(route.headers) || authorityOf(single?.headers);
  return {
    clusterSpecifier: clustersOf(targets),
    timeout:
      timeout === undefined ? NO_TIMEOUT : milliseconds(Math.round(durationMs(timeout) ?? 0)),
    ...held(options),
    // the Gateway API wants 500 for a destination that there is not
    ...(isHttpRoute && { clusterNotFoundResponseCode: NOT_FOUND_IS_500 }),
    ...rewriteOf(rewrite),
    ...(authority && { hostRewriteSpecifier: { case: 'hostRewriteLiteral', value: authority } }),
    ...hashed(targets.map(({ hashKey }) => hashKey)),
    ...retried(buildRetryPolicy(retries, { isHashed: single?.hashKey !== undefined })),
    requestMirrorPolicies: mirrors.map(({ cluster, percent }) => ({
      cluster,
      runtimeFraction: { defaultValue: millionths(percent) },
      // a copy is no part of the trace
      traceSampled: false,
    })),
  };
}

const held = ({ isHeldOpen = false }: RouteOptions): Pick<RouteAction, 'idleTimeout'> =>
  isHeldOpen ? { idleTimeout: NO_TIMEOUT } : {};

const hashed = (keys: readonly (HashKey | undefined)[]): Pick<RouteAction, 'hashPolicy'> => ({
  hashPolicy: keys.flatMap((key) => (key ? [buildHashPolicy(key)] : [])),
});

const retried = (retryPolicy: RouteAction['retryPolicy']): Pick<RouteAction, 'retryPolicy'> =>
  retryPolicy === undefined ? {} : { retryPolicy };

/**
 * What the span of a route's requests is called, as in Istio: `<host>:<port><path>` of its one
 * destination, else the VirtualService's name in the host's place. The server's proxy calls its
 * span the same, for the client's tells it.
 */
function spanName({ targets, virtualService, port, match }: TableRoute): string {
  const [target] = targets.length === 1 ? targets : [];
  const ref = target && parseOutboundName(target.cluster);
  const place = ref ? `${ref.host}:${ref.port}` : `${virtualService.name}:${port}`;
  return `${place}${spanPath(match)}`;
}

/** What leads out of the mesh has a name of Envoy's, as in Istio. */
function decorated(cluster: string): Pick<Route, 'decorator'> {
  const ref = parseOutboundName(cluster);
  return ref ? { decorator: { operation: `${ref.host}:${ref.port}/*` } } : {};
}

/** What of a path a route says: of all that begin so, with a star. */
function spanPath(match: HttpMatch | undefined): string {
  const { exact, prefix, regex } = match?.uri ?? {};
  return exact ?? regex ?? `${prefix ?? '/'}*`;
}

/** All requests to one cluster, without a VirtualService. */
export function buildPlainRoute(
  name: string,
  cluster: string,
  options: RouteOptions & {
    readonly isRetried?: boolean;
    readonly hashKey?: HashKey | undefined;
  } = {},
): Route {
  const { isRetried = true, hashKey } = options;
  return {
    name,
    match: buildRouteMatch(undefined),
    action: {
      case: 'route',
      value: {
        clusterSpecifier: { case: 'cluster', value: cluster },
        timeout: NO_TIMEOUT,
        ...held(options),
        ...hashed([hashKey]),
        ...(isRetried && retried(buildRetryPolicy(undefined, { isHashed: hashKey !== undefined }))),
      },
    },
    ...decorated(cluster),
  };
}

function clustersOf(targets: readonly Target[]): NonNullable<RouteAction['clusterSpecifier']> {
  const [first, ...others] = targets;
  if (first !== undefined && others.length === 0) return { case: 'cluster', value: first.cluster };
  return { case: 'weightedClusters', value: { clusters: targets.map(weighted) } };
}

function weighted(target: Target): MessageInitShape<typeof WeightedCluster_ClusterWeightSchema> {
  const { cluster, weight, headers } = target;
  const authority = authorityOf(headers);
  return {
    name: cluster,
    weight,
    ...headerOperations([headers]),
    ...(authority && { hostRewriteSpecifier: { case: 'hostRewriteLiteral', value: authority } }),
  };
}

function rewriteOf(
  rewrite: HttpRewrite | undefined,
): Pick<RouteAction, 'prefixRewrite' | 'regexRewrite'> {
  const { uri = '', uriRegexRewrite: regex } = rewrite ?? {};
  if (regex === undefined) return { prefixRewrite: uri };
  const { match = '', rewrite: substitution = '' } = regex;
  return { regexRewrite: { pattern: { regex: match }, substitution } };
}

const REDIRECT_CODES: ReadonlyMap<number, RedirectAction_RedirectResponseCode> = new Map([
  [301, RedirectAction_RedirectResponseCode.MOVED_PERMANENTLY],
  [302, RedirectAction_RedirectResponseCode.FOUND],
  [303, RedirectAction_RedirectResponseCode.SEE_OTHER],
  [307, RedirectAction_RedirectResponseCode.TEMPORARY_REDIRECT],
  [308, RedirectAction_RedirectResponseCode.PERMANENT_REDIRECT],
]);

/** What a request was made to. */
type Server = { readonly port: number; readonly isTls: boolean };

/** undefined: Envoy knows no redirect with that code. */
function redirectOf(redirect: HttpRedirect, server: Server): RedirectAction | undefined {
  const { authority = '', uri, prefixRewrite, scheme = '', redirectCode = 0 } = redirect;
  const responseCode = REDIRECT_CODES.get(redirectCode === 0 ? 301 : redirectCode);
  if (responseCode === undefined) return undefined;
  return {
    hostRedirect: authority,
    responseCode,
    portRedirect: redirectPort(redirect, server),
    ...(scheme !== '' && {
      schemeRewriteSpecifier: { case: 'schemeRedirect', value: scheme } as const,
    }),
    ...(uri !== undefined && {
      pathRewriteSpecifier: { case: 'pathRedirect', value: uri } as const,
    }),
    ...(prefixRewrite !== undefined && {
      pathRewriteSpecifier: { case: 'prefixRewrite', value: prefixRewrite } as const,
    }),
  };
}

/** 0: as in the request. A scheme's own port is not written out. */
function redirectPort({ port, derivePort, scheme }: HttpRedirect, server: Server): number {
  const wanted = port ?? (derivePort === 'FROM_REQUEST_PORT' ? server.port : 0);
  const isHttps = (scheme || (server.isTls ? 'https' : 'http')) === 'https';
  const isOwn = wanted === (isHttps ? 443 : 80);
  return isOwn ? 0 : wanted;
}
