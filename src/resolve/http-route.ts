// One route of a gateway's table: what happens to the requests that it takes.
import type { MessageInitShape } from '@bufbuild/protobuf';
import { base64Decode } from '@bufbuild/protobuf/wire';
import { RedirectAction_RedirectResponseCode } from '#gen/envoy/config/route/v3/route_components_pb.js';
import type {
  RedirectActionSchema,
  RetryPolicySchema,
  RouteActionSchema,
  RouteSchema,
  WeightedCluster_ClusterWeightSchema,
} from '#gen/envoy/config/route/v3/route_components_pb.js';
import { PreviousHostsPredicateSchema } from '#gen/envoy/extensions/retry/host/previous_hosts/v3/previous_hosts_pb.js';
import { FractionalPercent_DenominatorType } from '#gen/envoy/type/v3/percent_pb.js';
import { durationMs } from '#istio/duration.ts';
import type { HttpRedirect, HttpRetries, HttpRewrite } from '#istio/virtualservice/http-schema.ts';
import type { TableRoute, Target } from './gateway-table.ts';
import { authorityOf, headerOperations } from './http-headers.ts';
import { buildRouteMatch } from './http-match.ts';
import { extension, metadata, milliseconds } from './message.ts';

type Route = MessageInitShape<typeof RouteSchema>;
type RouteAction = MessageInitShape<typeof RouteActionSchema>;
type RedirectAction = MessageInitShape<typeof RedirectActionSchema>;

/** undefined: the route does nothing that there is, and is left out. */
export function buildHttpRoute(table: TableRoute): Route | undefined {
  const { route, match, virtualService } = table;
  const action = actionOf(table);
  if (action === undefined) return undefined;
  // of a single target the route says what is done, of several each says it for itself
  const single = table.targets.length === 1 ? table.targets[0] : undefined;
  const { namespace, name } = virtualService;
  const config = `/apis/networking.istio.io/v1/namespaces/${namespace}/virtual-service/${name}`;
  return {
    name: [route.name, match?.name].filter((part) => part !== undefined && part !== '').join('.'),
    match: buildRouteMatch(match),
    action,
    metadata: metadata({ istio: { config } }),
    ...headerOperations([route.headers, single?.headers]),
  };
}

function actionOf(table: TableRoute): Route['action'] {
  const { route, port } = table;
  if (route.redirect) {
    const value = redirectOf(route.redirect, port);
    return value && { case: 'redirect', value };
  }
  if (route.directResponse) {
    const { status, body } = route.directResponse;
    const { string, bytes } = body ?? {};
    return {
      case: 'directResponse',
      value: {
        status,
        ...(string !== undefined && {
          body: { specifier: { case: 'inlineString', value: string } },
        }),
        ...(bytes !== undefined && {
          body: { specifier: { case: 'inlineBytes', value: base64Decode(bytes) } },
        }),
      },
    };
  }
  return table.targets.length === 0 ? undefined : { case: 'route', value: routeActionOf(table) };
}

function routeActionOf({ route, targets, mirrors }: TableRoute): RouteAction {
  const { rewrite, retries, timeout } = route;
  const single = targets.length === 1 ? targets[0] : undefined;
  const authority =
    rewrite?.authority || authorityOf(route.headers) || authorityOf(single?.headers);
  return {
    clusterSpecifier: clustersOf(targets),
    // 0 is "none": Envoy's own default would end every request after 15 seconds
    timeout: milliseconds(Math.round(durationMs(timeout ?? '0') ?? 0)),
    ...rewriteOf(rewrite),
    ...(authority && { hostRewriteSpecifier: { case: 'hostRewriteLiteral', value: authority } }),
    ...(retries?.attempts !== 0 && { retryPolicy: retryPolicy(retries) }),
    requestMirrorPolicies: mirrors.map(({ cluster, percent }) => ({
      cluster,
      runtimeFraction: {
        defaultValue: {
          numerator: Math.round(percent * 10_000),
          denominator: FractionalPercent_DenominatorType.MILLION,
        },
      },
    })),
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

/**
 * What is tried again when nobody says anything: only what cannot have been done yet. Istio's
 * default without its retries of 503, which may repeat a write that has happened.
 */
const RETRY_ON = 'connect-failure,refused-stream,reset-before-request,unavailable,cancelled';
const ATTEMPTS = 2;
/** Attempts to find an endpoint that has not been tried (Istio's number). */
const HOST_SELECTION_ATTEMPTS = 5;

function retryPolicy(retries: HttpRetries | undefined): MessageInitShape<typeof RetryPolicySchema> {
  const words = (retries?.retryOn ?? RETRY_ON).split(',').map((word) => word.trim());
  const statuses = words.filter((word) => /^[1-5]\d\d$/.test(word)).map(Number);
  const conditions = words.filter((word) => word !== '' && !/^\d+$/.test(word));
  const perTryMs = durationMs(retries?.perTryTimeout ?? '');
  const backoffMs = durationMs(retries?.backoff ?? '');
  return {
    retryOn: [...conditions, ...(statuses.length > 0 ? ['retriable-status-codes'] : [])].join(','),
    retriableStatusCodes: statuses,
    numRetries: retries?.attempts ?? ATTEMPTS,
    ...(perTryMs !== undefined && { perTryTimeout: milliseconds(Math.round(perTryMs)) }),
    ...(backoffMs !== undefined && {
      retryBackOff: { baseInterval: milliseconds(Math.round(backoffMs)) },
    }),
    retryHostPredicate: [
      extension('envoy.retry_host_predicates.previous_hosts', PreviousHostsPredicateSchema, {}),
    ],
    hostSelectionRetryMaxAttempts: BigInt(HOST_SELECTION_ATTEMPTS),
  };
}

const REDIRECT_CODES: ReadonlyMap<number, RedirectAction_RedirectResponseCode> = new Map([
  [301, RedirectAction_RedirectResponseCode.MOVED_PERMANENTLY],
  [302, RedirectAction_RedirectResponseCode.FOUND],
  [303, RedirectAction_RedirectResponseCode.SEE_OTHER],
  [307, RedirectAction_RedirectResponseCode.TEMPORARY_REDIRECT],
  [308, RedirectAction_RedirectResponseCode.PERMANENT_REDIRECT],
]);

/** undefined: Envoy knows no redirect with that code. */
function redirectOf(redirect: HttpRedirect, serverPort: number): RedirectAction | undefined {
  const { authority = '', uri, prefixRewrite, scheme = '', redirectCode = 0 } = redirect;
  const responseCode = REDIRECT_CODES.get(redirectCode === 0 ? 301 : redirectCode);
  if (responseCode === undefined) return undefined;
  return {
    hostRedirect: authority,
    responseCode,
    portRedirect: redirectPort(redirect, serverPort),
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
function redirectPort({ port, derivePort, scheme = '' }: HttpRedirect, serverPort: number): number {
  const wanted = port ?? (derivePort === 'FROM_REQUEST_PORT' ? serverPort : 0);
  const isOwn = (wanted === 80 && scheme !== 'https') || (wanted === 443 && scheme === 'https');
  return isOwn ? 0 : wanted;
}
