// An authority for tests, with a root of its own: real certificates, made in a line.
import { createPublicKey, type X509Certificate } from 'node:crypto';
import type { WorkloadIdentity } from '#base/workload-identity.ts';
import { openAuthority, WORKLOAD_LIFETIME_MS, type Authority } from './authority.ts';
import { parseCertificates } from './certificate-reader.ts';
import { createWorkloadKey, renderPrivateKey } from './csr.ts';
import { createRoot } from './root.ts';

export type KeyAndCertificate = {
  readonly keyPem: string;
  readonly chainPem: string;
  readonly certificate: X509Certificate;
};

export type FakeAuthority = {
  readonly authority: Authority;
  readonly rootPem: string;
  workload(
    identity: WorkloadIdentity,
    options?: { readonly lifetimeMs?: number },
  ): KeyAndCertificate;
  server(dnsNames: readonly string[], ips?: readonly string[]): KeyAndCertificate;
};

/** @param nowMs the time at which everything is issued */
export function createFakeAuthority(nowMs: number, trustDomain = 'cluster.local'): FakeAuthority {
  const root = createRoot(trustDomain, nowMs);
  const opened = openAuthority(root, nowMs);
  if (!opened.ok) throw new Error(opened.problem);
  const authority = opened.value;
  const issue = (make: (publicKey: Uint8Array) => { chainPem: string }): KeyAndCertificate => {
    const key = createWorkloadKey();
    const { chainPem } = make(createPublicKey(key).export({ format: 'der', type: 'spki' }));
    const parsed = parseCertificates(chainPem);
    const [certificate] = parsed.ok ? parsed.value : [];
    if (!certificate) throw new Error('the authority issued something unreadable');
    return { keyPem: renderPrivateKey(key), chainPem, certificate };
  };
  return {
    authority,
    rootPem: root.rootPem,
    workload: (identity, { lifetimeMs = WORKLOAD_LIFETIME_MS } = {}) =>
      issue((publicKey) =>
        authority.issueWorkload({ publicKey, isRsa: false, identity, lifetimeMs, nowMs }),
      ),
    server: (dnsNames, ips = []) =>
      issue((publicKey) => {
        const names = { dnsNames, ips };
        return authority.issueServer({ publicKey, names, lifetimeMs: WORKLOAD_LIFETIME_MS, nowMs });
      }),
  };
}
