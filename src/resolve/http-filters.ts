// What a route asks of the HTTP filters before the router: faults and cross-origin requests.
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import {
  CorsPolicySchema,
  CorsSchema,
} from '#gen/envoy/extensions/filters/http/cors/v3/cors_pb.js';
import type { FaultDelaySchema } from '#gen/envoy/extensions/filters/common/fault/v3/fault_pb.js';
import { HTTPFaultSchema } from '#gen/envoy/extensions/filters/http/fault/v3/fault_pb.js';
import type { FaultAbortSchema } from '#gen/envoy/extensions/filters/http/fault/v3/fault_pb.js';
import { FractionalPercent_DenominatorType } from '#gen/envoy/type/v3/percent_pb.js';
import type { FractionalPercentSchema } from '#gen/envoy/type/v3/percent_pb.js';
import { durationMs } from '#istio/duration.ts';
import type { HttpRoute } from '#istio/virtualservice/http-schema.ts';
import { buildStringMatch } from './http-match.ts';
import { extension, milliseconds, packed } from './message.ts';
import type { TypedConfig } from './message.ts';

const CORS = 'envoy.filters.http.cors';
const FAULT = 'envoy.filters.http.fault';

/** In this order right before the router (or what replaces it): routes say what they are to do. */
export const ROUTE_FILTERS: readonly TypedConfig[] = [
  extension(CORS, CorsSchema, {}),
  extension(FAULT, HTTPFaultSchema, {}),
];

/** By the name of the filter. */
export function filterConfigs({ fault, corsPolicy }: HttpRoute): Record<string, Any> {
  const injected = fault && faultOf(fault);
  return {
    ...(corsPolicy && { [CORS]: packed(CorsPolicySchema, corsOf(corsPolicy)) }),
    ...(injected && { [FAULT]: packed(HTTPFaultSchema, injected) }),
  };
}

/** Istio takes 600, too; Envoy refuses it, and with it the whole table. */
export const STATUS_MAX = 599;

/** Envoy's finest fraction. */
export function millionths(percent: number): MessageInitShape<typeof FractionalPercentSchema> {
  return {
    numerator: Math.round(percent * 10_000),
    denominator: FractionalPercent_DenominatorType.MILLION,
  };
}

type Fault = NonNullable<HttpRoute['fault']>;

function faultOf({ delay, abort }: Fault): MessageInitShape<typeof HTTPFaultSchema> | undefined {
  const delayed = delay && delayOf(delay);
  const aborted = abort && abortOf(abort);
  if (delayed === undefined && aborted === undefined) return undefined;
  return { ...(delayed && { delay: delayed }), ...(aborted && { abort: aborted }) };
}

function delayOf(
  delay: NonNullable<Fault['delay']>,
): MessageInitShape<typeof FaultDelaySchema> | undefined {
  const { fixedDelay = '', percentage, percent } = delay;
  const fixedMs = durationMs(fixedDelay);
  if (fixedMs === undefined) return undefined;
  const value = milliseconds(Math.round(fixedMs));
  return {
    faultDelaySecifier: { case: 'fixedDelay', value },
    percentage: millionths(percentage === undefined ? (percent ?? 0) : (percentage.value ?? 0)),
  };
}

/** As gRPC numbers them. */
const GRPC_STATUSES = (
  'OK CANCELLED UNKNOWN INVALID_ARGUMENT DEADLINE_EXCEEDED NOT_FOUND ALREADY_EXISTS ' +
  'PERMISSION_DENIED RESOURCE_EXHAUSTED FAILED_PRECONDITION ABORTED OUT_OF_RANGE UNIMPLEMENTED ' +
  'INTERNAL UNAVAILABLE DATA_LOSS UNAUTHENTICATED'
).split(' ');

/** Without a percentage nothing is aborted, as in Istio. */
function abortOf(
  abort: NonNullable<Fault['abort']>,
): MessageInitShape<typeof FaultAbortSchema> | undefined {
  const { httpStatus, grpcStatus, percentage } = abort;
  const share = percentage && { percentage: millionths(percentage.value ?? 0) };
  if (httpStatus !== undefined) {
    const value = Math.min(httpStatus, STATUS_MAX);
    return { errorType: { case: 'httpStatus', value }, ...share };
  }
  const value = GRPC_STATUSES.indexOf(grpcStatus ?? '');
  return value === -1 ? undefined : { errorType: { case: 'grpcStatus', value }, ...share };
}

function corsOf(
  policy: NonNullable<HttpRoute['corsPolicy']>,
): MessageInitShape<typeof CorsPolicySchema> {
  const { allowOrigins, allowOrigin = [], allowCredentials, maxAge = '' } = policy;
  const maxAgeMs = durationMs(maxAge);
  const origins = allowOrigins ?? allowOrigin.map((exact) => ({ exact }));
  return {
    allowOriginStringMatch: origins.map(buildStringMatch),
    allowMethods: (policy.allowMethods ?? []).join(','),
    allowHeaders: (policy.allowHeaders ?? []).join(','),
    exposeHeaders: (policy.exposeHeaders ?? []).join(','),
    ...(maxAgeMs !== undefined && { maxAge: String(Math.floor(maxAgeMs / 1000)) }),
    ...(typeof allowCredentials === 'boolean' && { allowCredentials }),
    filterEnabled: { defaultValue: millionths(100) },
    // a preflight of a stranger is the application's to answer, unless it is to be ignored
    forwardNotMatchingPreflights: policy.unmatchedPreflights !== 'IGNORE',
  };
}
