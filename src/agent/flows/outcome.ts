// How a connection or a request ended: did it fail, or was it the client's mistake? Pure.
import type { CallKind } from '#telemetry/report.ts';

/** Envoy's flags of connections and requests that did not come about or broke at the server. */
const FAILURES = new Set(
  'UF UH NR NC UO URX UAEX LH LR UR UC RL UT DT UPE DPE IH SI NFCF OM DO'.split(' '),
);

/**
 * gRPC's codes that are 5xx in HTTP's words (googleapis: google/rpc/code.proto): unknown, deadline
 * exceeded, unimplemented, internal, unavailable, data loss. The answer itself is a 200.
 */
const GRPC_FAILURES = new Set(['2', '4', '12', '13', '14', '15']);

export function hasFailed(kind: CallKind, deniedBy: string): boolean {
  if (deniedBy !== '') return true;
  if (kind.responseCode !== '' && Number(kind.responseCode) >= 500) return true;
  if (GRPC_FAILURES.has(kind.grpcStatus)) return true;
  return kind.responseFlags.split(',').some((flag) => FAILURES.has(flag));
}

/** An answer that says that the request was wrong: 4xx, or gRPC's codes that mean as much. */
export function isClientError({ responseCode, grpcStatus }: CallKind): boolean {
  const code = Number(responseCode);
  if (responseCode !== '' && code >= 400 && code < 500) return true;
  return grpcStatus !== '' && grpcStatus !== '0' && !GRPC_FAILURES.has(grpcStatus);
}
