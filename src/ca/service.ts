// istio.v1.auth.IstioCertificateService: what every agent calls to get its certificate, and again
// at half of its lifetime. The request contributes a key; the identity is the caller's.
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { spiffeIdOf, type WorkloadIdentity } from '#base/workload-identity.ts';
import {
  IstioCertificateRequestSchema,
  IstioCertificateResponseSchema,
  type IstioCertificateRequest,
} from '#gen/istio/v1/auth/ca_pb.js';
import type { GrpcHandler } from '#grpc/call.ts';
import { GrpcStatus, GrpcStatusError } from '#grpc/status.ts';
import { unaryHandler, type UnaryMethod } from '#grpc/unary.ts';
import { WORKLOAD_LIFETIME_MS, type Authority } from './authority.ts';
import { authenticateCaller, type Caller, type CallerChecks, type CallerProof } from './caller.ts';
import { parseCertificateRequest, type CertificateRequest } from './csr-reader.ts';
import { IssueLimiter } from './issue-limit.ts';

/**
 * Requests that wait for the API server at a time. Whoever reaches the port may ask, so this is
 * what a flood of bad tokens can cost.
 */
const REQUESTS_IN_FLIGHT_MAX = 256;

/** Anything else is a failure of ours, or of the API server. */
const REFUSALS: ReadonlySet<number> = new Set([
  GrpcStatus.unauthenticated,
  GrpcStatus.permissionDenied,
]);

export const CREATE_CERTIFICATE = '/istio.v1.auth.IstioCertificateService/CreateCertificate';

export type Refusal = {
  /** One sentence. */
  readonly reason: string;
  /** `10.128.0.14:40190` */
  readonly remote: string;
  /** The WorkloadEntry that the caller says it is; empty: it says none. */
  readonly entry: string;
};

export type CertificateServiceOptions = CallerChecks & {
  /** Asked for each certificate, so that a rotated authority signs from then on. */
  readonly authority: () => Authority;
  /** Of a certificate that asks for no lifetime, and the longest. Default 24 h. */
  readonly lifetimeMs?: number;
  readonly limiter?: IssueLimiter;
  /** Counted on. */
  readonly counters?: CertificateCounters;
  /** Told of callers who could not prove who they are, or are not who they say. */
  readonly onRefused?: (refusal: Refusal) => void;
  readonly clock: Clock;
  readonly log: Logger;
};

/** Since the start; only ever growing. */
export type CertificateCounters = {
  requests: number;
  issued: number;
  /** Callers who could not prove who they are, or are not who they say. */
  unauthenticated: number;
  /** Requests of authenticated callers that could not be read. */
  unreadable: number;
};

export const newCertificateCounters = (): CertificateCounters => ({
  requests: 0,
  issued: 0,
  unauthenticated: 0,
  unreadable: 0,
});

/** The service's methods, for `createGrpcServer`. */
export function certificateServiceMethods(
  options: CertificateServiceOptions,
): Readonly<Record<string, GrpcHandler>> {
  const { clock, log } = options;
  const handler = unaryHandler(createCertificateMethod(options), { clock, log });
  return { [CREATE_CERTIFICATE]: handler };
}

/** `CreateCertificate`: answers leaf, intermediates, and last the trust bundle, each as PEM. */
export function createCertificateMethod(options: CertificateServiceOptions): UnaryMethod {
  const { clock, log, limiter = new IssueLimiter() } = options;
  const { counters = newCertificateCounters() } = options;
  let inFlight = 0;
  const authenticate = async (proof: CallerProof, signal: AbortSignal): Promise<Caller> => {
    if (inFlight >= REQUESTS_IN_FLIGHT_MAX) {
      throw new GrpcStatusError(GrpcStatus.unavailable, 'too many requests at once; try again');
    }
    inFlight += 1;
    try {
      return await authenticateCaller(proof, options, { nowMs: clock.nowMs(), signal });
    } catch (error) {
      if (error instanceof GrpcStatusError && REFUSALS.has(error.code)) {
        counters.unauthenticated += 1;
      }
      throw error;
    } finally {
      inFlight -= 1;
    }
  };
  const issue: UnaryMethod = async (bytes, call, signal) => {
    const request = decodeRequest(bytes);
    const { metadata, peer } = call;
    const proof = { metadata, peer, requestedEntry: entryNameIn(request) };
    const { identity, provedBy } = await authenticate(proof, signal);
    const csr = parseCertificateRequest(request.csr);
    if (!csr.ok) counters.unreadable += 1;
    if (!csr.ok) throw invalid(`the certificate request is refused: ${csr.problem}`);
    checkNames(csr.value, identity);
    const nowMs = clock.nowMs();
    checkRate(limiter, identity, nowMs);
    const lifetimeMs = lifetimeOf(request, options.lifetimeMs ?? WORKLOAD_LIFETIME_MS);
    const authority = options.authority();
    const { publicKey, isRsa } = csr.value;
    const issued = authority.issueWorkload({ publicKey, isRsa, identity, lifetimeMs, nowMs });
    counters.issued += 1;
    log.info('certificate issued', {
      spiffeId: spiffeIdOf(identity),
      workload: identity.workload?.name,
      serial: issued.serial,
      expires: new Date(issued.notAfterMs).toISOString(),
      provedBy,
      from: call.remoteAddress,
    });
    const certChain = [...splitChain(issued.chainPem), authority.trustBundlePem];
    const response = create(IstioCertificateResponseSchema, { certChain });
    return toBinary(IstioCertificateResponseSchema, response);
  };
  return async (bytes, call, signal) => {
    counters.requests += 1;
    try {
      return await issue(bytes, call, signal);
    } catch (error) {
      if (error instanceof GrpcStatusError && REFUSALS.has(error.code)) {
        const entry = entryNameIn(decodeRequest(bytes)) ?? '';
        options.onRefused?.({ reason: error.message, remote: call.remoteAddress, entry });
      }
      throw error;
    }
  };
}

function decodeRequest(bytes: Uint8Array): IstioCertificateRequest {
  try {
    return fromBinary(IstioCertificateRequestSchema, bytes);
  } catch (cause) {
    const message = 'the request is not an IstioCertificateRequest';
    throw new GrpcStatusError(GrpcStatus.invalidArgument, message, { cause });
  }
}

/** Which WorkloadEntry a machine is, where its service account has several. */
function entryNameIn({ metadata }: IstioCertificateRequest): string | undefined {
  const name = metadata?.['WorkloadEntry'];
  if (name === undefined || name === '') return undefined;
  if (typeof name !== 'string') throw invalid("the request's metadata WorkloadEntry is no string");
  return name;
}

/** A request may ask for the caller's own identity or for none: another one is a mix-up or worse. */
function checkNames({ names }: CertificateRequest, identity: WorkloadIdentity): void {
  const own = spiffeIdOf(identity);
  const foreign = names.find((name) => name !== own);
  if (foreign === undefined) return;
  throw new GrpcStatusError(
    GrpcStatus.permissionDenied,
    `the certificate request asks for ${foreign}, but the caller is ${own}`,
  );
}

function checkRate(limiter: IssueLimiter, identity: WorkloadIdentity, nowMs: number): void {
  const { kind = '', name = '' } = identity.workload ?? {};
  const waitMs = limiter.take(`${spiffeIdOf(identity)} ${kind} ${name}`, nowMs);
  if (waitMs === 0) return;
  throw new GrpcStatusError(
    GrpcStatus.resourceExhausted,
    `${name} asks for certificates too often; try again in ${Math.ceil(waitMs / 1000)} s`,
  );
}

/** Whole seconds asked for, at most the mesh's own; 0 stands for that. */
function lifetimeOf({ validityDuration }: IstioCertificateRequest, maxMs: number): number {
  if (validityDuration < 0n) throw invalid('the validity asked for is negative');
  if (validityDuration === 0n) return maxMs;
  return Math.min(Number(validityDuration) * 1000, maxMs);
}

const splitChain = (pem: string): string[] =>
  pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n/g) ?? [];

const invalid = (message: string): GrpcStatusError =>
  new GrpcStatusError(GrpcStatus.invalidArgument, message);
