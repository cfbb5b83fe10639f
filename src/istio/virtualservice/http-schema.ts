// VirtualService's http: which requests go where, and what is done to them on the way.
import { duration, strings, uint32 } from '../kind-parts.ts';
import { object } from '../schema/object-schema.ts';
import {
  boolean,
  double,
  int32,
  integer,
  list,
  map,
  nullable,
  string,
  word,
} from '../schema/schema.ts';
import type { Static } from '../schema/schema.ts';

const stringMatch = () =>
  object(
    { exact: string(), prefix: string(), regex: string() },
    { oneOf: ['exact', 'prefix', 'regex'] },
  );

const match = object({
  name: string(),
  uri: stringMatch(),
  scheme: stringMatch(),
  method: stringMatch(),
  authority: stringMatch(),
  headers: map(stringMatch()),
  port: uint32(),
  sourceLabels: map(string()),
  gateways: strings(),
  queryParams: map(stringMatch()),
  ignoreUriCase: boolean(),
  withoutHeaders: map(stringMatch()),
  sourceNamespace: string(),
  statPrefix: string(),
});

export const destination = () =>
  object(
    { host: string(), subset: string(), port: object({ number: uint32() }) },
    { required: ['host'] },
  );

const headerOperations = () =>
  object({ set: map(string()), add: map(string()), remove: strings() });

const headers = () => object({ request: headerOperations(), response: headerOperations() });

const percent = () => object({ value: double() });

const redirect = object(
  {
    uri: string(),
    prefixRewrite: string(),
    authority: string(),
    port: uint32(),
    derivePort: word(['FROM_PROTOCOL_DEFAULT', 'FROM_REQUEST_PORT']),
    scheme: string(),
    redirectCode: uint32(),
  },
  { oneOf: ['port', 'derivePort'] },
);

const directResponse = object(
  {
    status: uint32(),
    body: object(
      { string: string(), bytes: string({ format: 'byte' }) },
      { oneOf: ['string', 'bytes'] },
    ),
  },
  { required: ['status'] },
);

const fault = object({
  delay: object(
    {
      percent: int32(),
      fixedDelay: duration(),
      exponentialDelay: duration(),
      percentage: percent(),
    },
    { oneOf: ['fixedDelay', 'exponentialDelay'] },
  ),
  abort: object(
    { httpStatus: int32(), grpcStatus: string(), http2Error: string(), percentage: percent() },
    { oneOf: ['httpStatus', 'grpcStatus', 'http2Error'] },
  ),
});

const corsPolicy = object({
  allowOrigin: strings(),
  allowOrigins: list(stringMatch()),
  allowMethods: strings(),
  allowHeaders: strings(),
  exposeHeaders: strings(),
  maxAge: duration(),
  allowCredentials: nullable(boolean()),
  unmatchedPreflights: word(['UNSPECIFIED', 'FORWARD', 'IGNORE']),
});

const retries = object({
  attempts: int32(),
  perTryTimeout: duration(),
  retryOn: string(),
  retryRemoteLocalities: nullable(boolean()),
  retryIgnorePreviousHosts: nullable(boolean()),
  backoff: duration(),
});

const mirrorPercent = () => nullable(integer({ min: 0, max: 4_294_967_295 }));

export const httpRoute = object({
  name: string(),
  match: list(match),
  route: list(
    object(
      { destination: destination(), weight: int32(), headers: headers() },
      { required: ['destination'] },
    ),
  ),
  redirect,
  directResponse,
  delegate: object({ name: string(), namespace: string() }),
  rewrite: object({
    uri: string(),
    authority: string(),
    uriRegexRewrite: object({ match: string(), rewrite: string() }),
  }),
  timeout: duration(),
  retries,
  fault,
  mirror: destination(),
  mirrors: list(
    object({ destination: destination(), percentage: percent() }, { required: ['destination'] }),
  ),
  mirrorPercent: mirrorPercent(),
  mirror_percent: mirrorPercent(),
  mirrorPercentage: percent(),
  corsPolicy,
  headers: headers(),
});

export type StringMatch = Static<ReturnType<typeof stringMatch>>;
export type HttpMatch = Static<typeof match>;
export type HttpRoute = Static<typeof httpRoute>;
export type HttpRedirect = Static<typeof redirect>;
export type HttpRetries = Static<typeof retries>;
export type HttpRewrite = NonNullable<HttpRoute['rewrite']>;
export type HttpDestination = NonNullable<HttpRoute['route']>[number];
export type Headers = Static<ReturnType<typeof headers>>;
export type Destination = Static<ReturnType<typeof destination>>;
