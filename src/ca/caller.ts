// Who asks for a certificate, and so which identity it will carry. Everything comes from what the
// caller has proved (a certificate of ours, or a token that the API server vouches for); of what it
// merely says, only the choice among its own WorkloadEntries counts.
import type { X509Certificate } from 'node:crypto';
import {
  certificateNameOf,
  identityProblem,
  type WorkloadIdentity,
} from '#base/workload-identity.ts';
import { OperatorError } from '#base/operator-error.ts';
import type { GrpcMetadata } from '#grpc/call.ts';
import { GrpcStatus, GrpcStatusError } from '#grpc/status.ts';
import type { TokenReviewResult } from '#kube/client.ts';
import { KubeStatusError } from '#kube/status.ts';
import { parsePeerIdentity } from './peer-identity.ts';
import { describeTokenProblem } from './token-problem.ts';
import type { ServiceAccountHolder, WorkloadDirectory } from './workload-directory.ts';

export type CallerProof = {
  readonly metadata: GrpcMetadata;
  /** Verified by TLS. */
  readonly peer: X509Certificate | undefined;
  /** The metadata field `WorkloadEntry` of the request. */
  readonly requestedEntry: string | undefined;
};

export type CallerChecks = {
  readonly trustDomain: string;
  /** A token must be meant for one of these; Istio's default is `istio-ca`. */
  readonly audiences: readonly string[];
  readonly reviewToken: (
    token: string,
    options: { readonly audiences: readonly string[]; readonly signal: AbortSignal },
  ) => Promise<TokenReviewResult>;
  readonly directory: WorkloadDirectory;
};

export type Caller = {
  readonly identity: WorkloadIdentity;
  readonly provedBy: 'certificate' | 'token';
};

/** A projected token has about 1 KiB. */
const TOKEN_LENGTH_MAX = 16 << 10;
const POD_NAME = 'authentication.kubernetes.io/pod-name';

/**
 * The certificate goes first, as in Istio: a workload renews by it long after its token has ended.
 * When it does not serve, a token beside it may.
 *
 * @throws GrpcStatusError UNAUTHENTICATED, PERMISSION_DENIED, INVALID_ARGUMENT or UNAVAILABLE, with
 *   one sentence for each proof that did not serve
 */
export async function authenticateCaller(
  proof: CallerProof,
  checks: CallerChecks,
  context: { readonly nowMs: number; readonly signal: AbortSignal },
): Promise<Caller> {
  const token = bearerTokenOf(proof.metadata);
  const { peer } = proof;
  if (!peer) {
    if (token === undefined) {
      throw unauthenticated('neither a bearer token nor a client certificate was presented');
    }
    return { identity: await byToken(token, proof, checks, context), provedBy: 'token' };
  }
  try {
    return { identity: await byCertificate(peer, checks, context), provedBy: 'certificate' };
  } catch (error) {
    if (token === undefined || !(error instanceof GrpcStatusError)) throw error;
    if (error.code === GrpcStatus.unavailable) throw error;
    return { identity: await byToken(token, proof, checks, context), provedBy: 'token' };
  }
}

/** Renewal: the same identity again, as long as the workload that it names is still there. */
async function byCertificate(
  peer: X509Certificate,
  checks: CallerChecks,
  { nowMs, signal }: { readonly nowMs: number; readonly signal: AbortSignal },
): Promise<WorkloadIdentity> {
  const parsed = parsePeerIdentity(peer, { trustDomain: checks.trustDomain, nowMs });
  if (!parsed.ok) throw unauthenticated(parsed.problem);
  const { workload, namespace, serviceAccount } = parsed.value;
  if (!workload) throw denied('the client certificate names no Pod and no WorkloadEntry');
  const { kind } = workload;
  const name = await known(checks.directory.find(kind, parsed.value, workload.name, signal));
  if (name === undefined) {
    throw denied(
      `namespace ${namespace} has no ${kind} ${workload.name} ` +
        `of service account ${serviceAccount} any more`,
    );
  }
  return { ...parsed.value, workload: { kind, name } };
}

async function byToken(
  token: string,
  { requestedEntry }: CallerProof,
  checks: CallerChecks,
  { nowMs, signal }: { readonly nowMs: number; readonly signal: AbortSignal },
): Promise<WorkloadIdentity> {
  const { audiences, trustDomain } = checks;
  if (token.length > TOKEN_LENGTH_MAX) throw unauthenticated('the bearer token is too long');
  const review = await known(checks.reviewToken(token, { audiences, signal }));
  if (!review.isAuthenticated) {
    const reported = review.problem;
    throw unauthenticated(describeTokenProblem(token, { audiences, reported, nowMs }));
  }
  const holder = holderOf(review.username);
  const [podName] = review.extra[POD_NAME] ?? [];
  if (podName !== undefined && requestedEntry !== undefined) {
    throw denied(`the token is bound to Pod ${podName}, which is no WorkloadEntry`);
  }
  const workload =
    podName === undefined
      ? await entryOf(holder, requestedEntry, checks.directory, signal)
      : { kind: 'Pod' as const, name: podName };
  const identity = { trustDomain, ...holder, workload };
  const problem = identityProblem(identity);
  if (problem !== undefined) throw denied(`the token's identity cannot be certified: ${problem}`);
  return identity;
}

function holderOf(username: string): ServiceAccountHolder {
  const [, namespace, serviceAccount] =
    /^system:serviceaccount:([^:]+):([^:]+)$/.exec(username) ?? [];
  if (namespace === undefined || serviceAccount === undefined) {
    throw denied(`${username} is not a service account`);
  }
  return { namespace, serviceAccount };
}

/** A machine's token is bound to no object: its WorkloadEntry is one of its service account's. */
async function entryOf(
  holder: ServiceAccountHolder,
  requested: string | undefined,
  directory: WorkloadDirectory,
  signal: AbortSignal,
): Promise<NonNullable<WorkloadIdentity['workload']>> {
  const { namespace, serviceAccount } = holder;
  if (requested !== undefined) {
    const certificateName = certificateNameOf(requested);
    const found = await known(directory.find('WorkloadEntry', holder, certificateName, signal));
    if (found === requested) return { kind: 'WorkloadEntry', name: requested };
    throw denied(
      `namespace ${namespace} has no WorkloadEntry ${requested} ` +
        `with serviceAccount ${serviceAccount}; register it first`,
    );
  }
  const names = await known(directory.entries(holder, signal));
  const [name, ...others] = names;
  if (name === undefined) {
    throw denied(
      `namespace ${namespace} has no WorkloadEntry with serviceAccount ${serviceAccount}; ` +
        'register the machine first, or use a token that is bound to a Pod',
    );
  }
  if (others.length > 0) {
    throw new GrpcStatusError(
      GrpcStatus.invalidArgument,
      `${names.length} WorkloadEntries of namespace ${namespace} have serviceAccount ` +
        `${serviceAccount}: name one in the request's metadata, as WorkloadEntry`,
    );
  }
  return { kind: 'WorkloadEntry', name };
}

function bearerTokenOf(metadata: GrpcMetadata): string | undefined {
  const header = metadata['authorization'];
  const text = typeof header === 'string' ? header : header?.[0];
  return /^bearer +(\S+)$/i.exec(text ?? '')?.[1];
}

/** An API server that cannot be asked is no reason to refuse for good: the caller tries again. */
async function known<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (cause) {
    if (!(cause instanceof OperatorError || cause instanceof KubeStatusError)) throw cause;
    const message = `the caller cannot be checked now: ${cause.message}`;
    throw new GrpcStatusError(GrpcStatus.unavailable, message, { cause });
  }
}

const unauthenticated = (message: string): GrpcStatusError =>
  new GrpcStatusError(GrpcStatus.unauthenticated, message);

const denied = (message: string): GrpcStatusError =>
  new GrpcStatusError(GrpcStatus.permissionDenied, message);
