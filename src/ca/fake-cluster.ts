// The certificate service with a small cluster behind it, for its tests: tokens, WorkloadEntries
// and Pods that the reviews and the directory know of.
import { create, fromBinary, toBinary, type JsonObject } from '@bufbuild/protobuf';
import type { KeyObject, X509Certificate } from 'node:crypto';
import { systemClock } from '#base/clock.ts';
import { silentLogger, type Logger } from '#base/log.ts';
import { certificateNameOf, type WorkloadIdentity } from '#base/workload-identity.ts';
import {
  IstioCertificateRequestSchema,
  IstioCertificateResponseSchema,
} from '#gen/istio/v1/auth/ca_pb.js';
import type { UnaryMethod } from '#grpc/unary.ts';
import type { TokenReviewResult } from '#kube/client.ts';
import { parseCertificates } from './certificate-reader.ts';
import { createCertificateRequest, createWorkloadKey } from './csr.ts';
import { createFakeAuthority } from './fake-authority.ts';
import { IssueLimiter } from './issue-limit.ts';
import { parsePeerIdentity } from './peer-identity.ts';
import { createCertificateMethod, newCertificateCounters, type Refusal } from './service.ts';

export const nowMs = systemClock.nowMs();
export const mesh = createFakeAuthority(nowMs);
const TRUST_DOMAIN = 'cluster.local';
const POD_NAME = 'authentication.kubernetes.io/pod-name';

export const pod: WorkloadIdentity = {
  trustDomain: TRUST_DOMAIN,
  namespace: 'default',
  serviceAccount: 'inventory',
  workload: { kind: 'Pod', name: 'inventory-1' },
};
export const machine: WorkloadIdentity = {
  trustDomain: TRUST_DOMAIN,
  namespace: 'default',
  serviceAccount: 'postgresql',
  workload: { kind: 'WorkloadEntry', name: 'postgresql-1-vm' },
};

/** Token → what a review says of it. */
export const REVIEWS: Readonly<Record<string, TokenReviewResult>> = {
  pod: reviewed('inventory', { [POD_NAME]: ['inventory-1'] }),
  machine: reviewed('postgresql'),
  pair: reviewed('pair'),
  stranger: reviewed('stranger'),
  odd: reviewed('Not_A_Name', { [POD_NAME]: ['x'] }),
  person: { ...reviewed('x'), username: 'kubernetes-admin' },
};

const ENTRIES: Readonly<Record<string, readonly string[]>> = {
  postgresql: ['postgresql-1-vm'],
  pair: ['pair-a', 'pair-b'],
};

export type Question = {
  readonly token?: string;
  readonly peer?: X509Certificate;
  readonly metadata?: JsonObject;
  readonly spiffeId?: string;
  readonly csr?: string;
  readonly validity?: bigint;
  readonly entries?: readonly string[];
  readonly atMs?: number;
  readonly review?: () => Promise<TokenReviewResult>;
  readonly onRefused?: (refusal: Refusal) => void;
};

export type Answer = {
  readonly certChain: readonly string[];
  readonly certificate: X509Certificate;
  readonly identity: WorkloadIdentity;
  readonly key: KeyObject;
};

/** The service's method, as the question wants its surroundings. */
export function methodFor(
  { entries, atMs, review, onRefused }: Question,
  limiter: IssueLimiter = new IssueLimiter(),
  log: Logger = silentLogger,
  counters = newCertificateCounters(),
): UnaryMethod {
  const entriesOf = (serviceAccount: string): readonly string[] =>
    (serviceAccount === 'postgresql' ? entries : undefined) ?? ENTRIES[serviceAccount] ?? [];
  return createCertificateMethod({
    trustDomain: TRUST_DOMAIN,
    audiences: ['istio-ca'],
    authority: () => mesh.authority,
    clock: { ...systemClock, nowMs: () => atMs ?? nowMs },
    limiter,
    ...(onRefused && { onRefused }),
    counters,
    log,
    reviewToken: async (token) => {
      const problem = { isAuthenticated: false, problem: 'invalid bearer token' } as const;
      return review ? review() : (REVIEWS[token] ?? problem);
    },
    directory: {
      entries: async ({ serviceAccount }) => entriesOf(serviceAccount),
      find: async (kind, { serviceAccount }, certificateName) => {
        const pods = ['inventory-0', 'inventory-1'];
        const names = kind === 'Pod' ? pods : entriesOf(serviceAccount);
        return names.find((name) => certificateNameOf(name) === certificateName);
      },
    },
  });
}

/** Asks for a certificate, and reads it as its holder's peers will. */
export async function ask(
  question: Question,
  method: UnaryMethod = methodFor(question),
): Promise<Answer> {
  const key = createWorkloadKey();
  const { token, peer, metadata, spiffeId, validity = 0n } = question;
  const csr =
    question.csr ?? createCertificateRequest(key, spiffeId === undefined ? {} : { spiffeId });
  const request = create(IstioCertificateRequestSchema, {
    csr,
    validityDuration: validity,
    ...(metadata && { metadata }),
  });
  const bytes = await method(
    toBinary(IstioCertificateRequestSchema, request),
    {
      metadata: token === undefined ? {} : { authorization: `Bearer ${token}` },
      peer,
      remoteAddress: 'test',
    },
    new AbortController().signal,
  );
  const { certChain } = fromBinary(IstioCertificateResponseSchema, bytes);
  const parsed = parseCertificates(certChain[0] ?? '');
  const [certificate] = parsed.ok ? parsed.value : [];
  if (!certificate) throw new Error('the service answered without a certificate');
  const identity = parsePeerIdentity(certificate, { trustDomain: TRUST_DOMAIN, nowMs });
  if (!identity.ok) throw new Error(identity.problem);
  return { certChain, certificate, identity: identity.value, key };
}

function reviewed(name: string, extra: Record<string, readonly string[]> = {}) {
  return {
    isAuthenticated: true,
    username: `system:serviceaccount:default:${name}`,
    groups: [],
    extra,
    audiences: ['istio-ca'],
  } as const;
}
