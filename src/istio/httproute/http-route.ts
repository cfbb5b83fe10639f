// An HTTPRoute of Services (GAMMA): read into the VirtualService that says the same, as Istio does
// (istio.io/istio pilot/pkg/config/kube/gateway/conversion.go). Its semantics differ in who follows
// it: the clients of its own namespace, or all clients of a Service of its namespace.
//
// https://gateway-api.sigs.k8s.io/mesh/
import type { KubeObject } from '#kube/objects.ts';
import { NOT_ACTED_ON } from '../acted-on.ts';
import { parseObject } from '../kind.ts';
import type { ParseResult, Violation } from '../object.ts';
import type { HttpRoute } from '../virtualservice/http-schema.ts';
import type { VirtualService } from '../virtualservice/virtual-service.ts';
import { matchOf } from './match.ts';
import { actionsOf, destinationOf, headersOf } from './rule.ts';
import { httpRouteKind } from './schema.ts';
import type { HttpRouteRule, HttpRouteSpec } from './schema.ts';

type Parent = NonNullable<HttpRouteSpec['parentRefs']>[number];

/** No name of a Kubernetes object has a `~`: no VirtualService is called so. */
export const httpRouteName = (name: string): string => `httproute~${name}`;

/** @param serviceHost the full name of a Service; the domain of the cluster is in it */
export function parseHttpRoute(
  object: KubeObject,
  serviceHost: (name: string, namespace: string) => string,
): ParseResult<VirtualService> {
  return parseObject(httpRouteKind, object, (spec, meta) => {
    const { parentRefs = [], rules = [] } = spec;
    const { namespace } = meta;
    const hosts = parentRefs
      .filter(isService)
      .map((parent) => serviceHost(parent.name, parent.namespace ?? namespace).toLowerCase());
    const ports = parentRefs.filter(isService).flatMap(({ port }) => port ?? []);
    const place = { namespace, serviceHost };
    return {
      ...meta,
      name: httpRouteName(meta.name),
      hosts: [...new Set(hosts)],
      isForMesh: hosts.length > 0,
      isHttpRoute: true,
      gateways: [],
      exportTo: [],
      http: rules.map((rule) => routeOf(rule, { ...place, ports })),
      tls: [],
      tcp: [],
      remarks: remarksOf(spec),
    };
  });
}

const isService = ({ group = 'gateway.networking.k8s.io', kind = 'Gateway' }: Parent): boolean =>
  kind === 'Service' && (group === '' || group === 'core');

function routeOf(
  rule: HttpRouteRule,
  place: {
    readonly namespace: string;
    readonly serviceHost: (name: string, namespace: string) => string;
    /** Of the parents that name one; with none, every port. */
    readonly ports: readonly number[];
  },
): HttpRoute {
  const { name, matches = [], backendRefs = [], filters = [], timeouts, retry } = rule;
  const { ports } = place;
  const all = (matches.length === 0 ? [{}] : matches).map(matchOf);
  // who names ports routes these alone
  const match =
    ports.length === 0 ? all : ports.flatMap((port) => all.map((m) => ({ ...m, port })));
  const timeout = timeouts?.request ?? timeouts?.backendRequest;
  return {
    ...(name !== undefined && { name }),
    match,
    ...actionsOf(filters, place),
    route: backendRefs.map(({ filters: own = [], weight, ...ref }) => ({
      destination: destinationOf(ref, place),
      weight: weight ?? 1,
      headers: headersOf(own),
    })),
    ...(timeout !== undefined && { timeout }),
    ...(retry && {
      retries: {
        attempts: retry.attempts ?? 1,
        retryOn: [
          'connect-failure,refused-stream,unavailable,cancelled',
          ...(retry.codes ?? []),
        ].join(','),
        ...(retry.backoff !== undefined && { backoff: retry.backoff }),
      },
    }),
  };
}

const FILTERS: ReadonlySet<string> = new Set([
  'CORS',
  'RequestHeaderModifier',
  'RequestMirror',
  'RequestRedirect',
  'ResponseHeaderModifier',
  'URLRewrite',
]);

function remarksOf({ parentRefs = [], rules = [] }: HttpRouteSpec): readonly Violation[] {
  const parents = parentRefs.flatMap((parent, index) => {
    if (isService(parent)) return [];
    const field = `spec.parentRefs[${index}]`;
    return [{ field, message: `a parent that is no Service is ${NOT_ACTED_ON}` }];
  });
  const parts = rules.flatMap(({ filters = [], sessionPersistence }, index) => {
    const unknown = filters.flatMap(({ type }, position) =>
      FILTERS.has(type)
        ? []
        : [{ field: `spec.rules[${index}].filters[${position}]`, message: NOT_ACTED_ON }],
    );
    const field = `spec.rules[${index}].sessionPersistence`;
    return [...unknown, ...(sessionPersistence ? [{ field, message: NOT_ACTED_ON }] : [])];
  });
  return [...parents, ...parts];
}
