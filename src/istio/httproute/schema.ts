// gateway.networking.k8s.io HTTPRoute, the part of its schema that says what a field is. Where the
// Gateway API's own definition is installed, that one stands.
//
// https://gateway-api.sigs.k8s.io/reference/spec/#httproute
import { HTTP_ROUTE } from '#kube/resources.ts';
import type { Kind } from '../kind.ts';
import { AGE } from '../kind-parts.ts';
import { object, openObject } from '../schema/object-schema.ts';
import { anything, boolean, integer, list, string, word } from '../schema/schema.ts';
import type { Static } from '../schema/schema.ts';

const port = () => integer({ min: 1, max: 65_535 });

const parentRef = object(
  {
    group: string(),
    kind: string(),
    namespace: string(),
    name: string(),
    sectionName: string(),
    port: port(),
  },
  { required: ['name'] },
);

const valueMatch = object(
  { type: word(['Exact', 'RegularExpression']), name: string(), value: string() },
  { required: ['name', 'value'] },
);

const match = object({
  path: object({ type: word(['Exact', 'PathPrefix', 'RegularExpression']), value: string() }),
  headers: list(valueMatch),
  queryParams: list(valueMatch),
  method: string(),
});

const header = object({ name: string(), value: string() }, { required: ['name', 'value'] });

const headerModifier = () =>
  object({ set: list(header), add: list(header), remove: list(string()) });

const pathModifier = () =>
  object({
    type: word(['ReplaceFullPath', 'ReplacePrefixMatch']),
    replaceFullPath: string(),
    replacePrefixMatch: string(),
  });

const backendRef = () => ({
  group: string(),
  kind: string(),
  namespace: string(),
  name: string(),
  port: port(),
});

const filter = object(
  {
    type: string(),
    requestHeaderModifier: headerModifier(),
    responseHeaderModifier: headerModifier(),
    requestMirror: object(
      {
        backendRef: object(backendRef(), { required: ['name'] }),
        percent: integer({ min: 0, max: 100 }),
        fraction: object({ numerator: integer({ min: 0 }), denominator: integer({ min: 1 }) }),
      },
      { required: ['backendRef'] },
    ),
    requestRedirect: object({
      scheme: string(),
      hostname: string(),
      path: pathModifier(),
      port: port(),
      statusCode: integer(),
    }),
    urlRewrite: object({ hostname: string(), path: pathModifier() }),
    cors: object({
      allowOrigins: list(string()),
      allowCredentials: boolean(),
      allowMethods: list(string()),
      allowHeaders: list(string()),
      exposeHeaders: list(string()),
      maxAge: integer(),
    }),
    externalAuth: anything(),
    extensionRef: anything(),
  },
  { required: ['type'] },
);

const rule = object({
  name: string(),
  matches: list(match),
  filters: list(filter),
  backendRefs: list(
    object(
      { ...backendRef(), weight: integer({ min: 0, max: 1_000_000 }), filters: list(filter) },
      { required: ['name'] },
    ),
  ),
  timeouts: object({ request: string(), backendRequest: string() }),
  retry: object({ codes: list(integer()), attempts: integer(), backoff: string() }),
  sessionPersistence: anything(),
});

export const httpRouteSpec = object({
  useDefaultGateways: string(),
  parentRefs: list(parentRef),
  hostnames: list(string()),
  rules: list(rule),
});

export type HttpRouteSpec = Static<typeof httpRouteSpec>;
export type HttpRouteRule = Static<typeof rule>;
export type HttpRouteMatch = Static<typeof match>;
export type HttpRouteFilter = Static<typeof filter>;
export type HeaderModifier = Static<ReturnType<typeof headerModifier>>;
export type BackendRef = Omit<NonNullable<HttpRouteRule['backendRefs']>[number], 'filters'>;

export const httpRouteKind: Kind<HttpRouteSpec> = {
  type: HTTP_ROUTE,
  singular: 'httproute',
  shortNames: [],
  categories: ['gateway-api'],
  versions: ['v1', 'v1beta1'],
  columns: [{ name: 'Hostnames', type: 'string', jsonPath: '.spec.hostnames' }, AGE],
  spec: httpRouteSpec,
  isSpecRequired: true,
  status: openObject({}),
};
