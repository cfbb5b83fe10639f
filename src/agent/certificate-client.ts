// One request to the mesh's certificate authority: istio.v1.auth.IstioCertificateService, as every
// Istio agent calls it, with the service account's token or the certificate that is to be renewed.
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  IstioCertificateRequestSchema,
  IstioCertificateResponseSchema,
} from '#gen/istio/v1/auth/ca_pb.js';
import { GrpcStatus, GrpcStatusError, type GrpcCode } from '#grpc/status.ts';
import type { GrpcMetadata } from '#grpc/call.ts';
import { connectGrpc } from '#grpc/client.ts';
import type { ControlPlaneConfig } from './config.ts';
import { serverNameOf, type Dial } from './control-plane.ts';
import type { IdentityProblem } from './identity.ts';

export const CA_METHOD = '/istio.v1.auth.IstioCertificateService/CreateCertificate';

/** How the agent proves who it is. */
export type Credential =
  | { readonly kind: 'token'; readonly token: string }
  | { readonly kind: 'certificate'; readonly keyPem: string; readonly chainPem: string };

export type CertificateOutcome =
  /** PEM, leaf first. */
  { readonly kind: 'issued'; readonly chainPem: string } | IdentityProblem;

export type CertificateRequest = {
  readonly csrPem: string;
  readonly credential: Credential;
  readonly lifetimeMs: number;
  /** The WorkloadEntry that this VM claims to be. */
  readonly workloadEntry: string | undefined;
  readonly clusterId: string;
  /** PEM: who may have signed the authority's certificate. */
  readonly rootsPem: string;
};

const DEADLINE_MS = 10_000;

/** Every failure is an outcome; only aborting `signal` rejects. */
export async function requestCertificate(
  config: ControlPlaneConfig,
  request: CertificateRequest,
  options: { readonly signal: AbortSignal; readonly dial?: Dial },
): Promise<CertificateOutcome> {
  const { credential } = request;
  const { dial = connectGrpc, signal } = options;
  await using channel = dial({
    target: config.ca,
    tls: {
      ca: request.rootsPem,
      serverName: serverNameOf(config.ca, config),
      ...(credential.kind === 'certificate' && {
        cert: credential.chainPem,
        key: credential.keyPem,
      }),
    },
  });
  // Istio's header; names the cluster that a token comes from where a mesh has several
  const metadata: GrpcMetadata = {
    clusterid: request.clusterId,
    ...(credential.kind === 'token' && { authorization: `Bearer ${credential.token}` }),
  };
  const limits = { metadata, signal, deadlineMs: DEADLINE_MS };
  try {
    const response = await channel.unary(CA_METHOD, encodeRequest(request), limits);
    const { certChain } = fromBinary(IstioCertificateResponseSchema, response);
    return { kind: 'issued', chainPem: certChain.join('\n') };
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof GrpcStatusError) return problemOf(error, config, credential);
    // an answer that is no message comes from something that is no authority
    const reason = `the authority answered nonsense: ${String(error)}`;
    return { kind: 'unreachable', reason, remedy: remedyToReach(config) };
  }
}

function encodeRequest(request: CertificateRequest): Uint8Array {
  const { workloadEntry } = request;
  return toBinary(
    IstioCertificateRequestSchema,
    create(IstioCertificateRequestSchema, {
      csr: request.csrPem,
      validityDuration: BigInt(Math.ceil(request.lifetimeMs / 1_000)),
      ...(workloadEntry !== undefined && { metadata: { WorkloadEntry: workloadEntry } }),
    }),
  );
}

/** The authority has looked at the request and will look at it the same way again. */
const REFUSALS: ReadonlySet<GrpcCode> = new Set([
  GrpcStatus.unauthenticated,
  GrpcStatus.permissionDenied,
  GrpcStatus.invalidArgument,
  GrpcStatus.notFound,
  GrpcStatus.failedPrecondition,
  GrpcStatus.unimplemented,
]);

function problemOf(
  error: GrpcStatusError,
  config: ControlPlaneConfig,
  credential: Credential,
): IdentityProblem {
  if (!REFUSALS.has(error.code)) {
    return { kind: 'unreachable', reason: error.message, remedy: remedyToReach(config) };
  }
  const remedy =
    credential.kind === 'token'
      ? 'give this machine a fresh token of its own service account (audience istio-ca), ' +
        'and see that its WorkloadEntry names that account'
      : 'give this machine a token; the certificate it has is not accepted';
  return { kind: 'refused', reason: error.message, remedy };
}

function remedyToReach(config: ControlPlaneConfig): string {
  const { host, port } = config.ca;
  return (
    `see that ${host}:${port} (CA_ADDR) can be reached and that root-cert.pem is the mesh's; ` +
    'the agent keeps trying'
  );
}
