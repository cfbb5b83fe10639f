// The control plane's own serving certificate: signed by the mesh's authority, so that an agent
// needs no other root, and renewed in place.
import { createPublicKey } from 'node:crypto';
import type { Clock } from '#base/clock.ts';
import { parseIp } from '#base/ip.ts';
import type { Logger } from '#base/log.ts';
import type { GrpcServerTls } from '#grpc/server.ts';
import { WORKLOAD_LIFETIME_MS, type Authority, type ServerNames } from './authority.ts';
import { createWorkloadKey, renderPrivateKey } from './csr.ts';
import { renewalDelayMs, type CertificateWindow } from './renewal.ts';

/** Istio's name of the service first, so that an agent's usual settings fit. */
const OWN_NAMES = [
  'istiod.istio-system.svc',
  'istiod.istio-system.svc.cluster.local',
  'isthmusd.istio-system.svc',
  'isthmusd.istio-system.svc.cluster.local',
  'localhost',
];
const OWN_ADDRESSES = ['127.0.0.1', '::1'];
/** Renewal is local and cannot fail for long; this keeps a wrong clock from spinning. */
const RENEWAL_INTERVAL_MIN_MS = 10_000;

export type ServerCertificate = { readonly tls: GrpcServerTls; readonly window: CertificateWindow };

/** The names that every isthmusd answers to, and `extra` names or addresses of this one. */
export function serverNames(extra: readonly string[]): ServerNames {
  const isAddress = (name: string): boolean => parseIp(name) !== undefined;
  return {
    dnsNames: [...new Set([...OWN_NAMES, ...extra.filter((name) => !isAddress(name))])],
    ips: [...new Set([...OWN_ADDRESSES, ...extra.filter(isAddress)])],
  };
}

/** A new key and its certificate; clients are verified against the mesh's roots. */
export function issueServerCertificate(
  authority: Authority,
  names: ServerNames,
  nowMs: number,
): ServerCertificate {
  const key = createWorkloadKey();
  const publicKey = createPublicKey(key).export({ format: 'der', type: 'spki' });
  const lifetimeMs = WORKLOAD_LIFETIME_MS;
  const issued = authority.issueServer({ publicKey, names, lifetimeMs, nowMs });
  const { chainPem: cert, notBeforeMs, notAfterMs } = issued;
  return {
    tls: { cert, key: renderPrivateKey(key), clientCa: authority.trustBundlePem },
    window: { notBeforeMs, notAfterMs },
  };
}

export type ServerCertificateOptions = {
  readonly authority: () => Authority;
  /** `AuthoritySource.subscribe`: another authority, or other roots, take effect at once. */
  readonly subscribe?: (listener: () => void) => () => void;
  readonly names: ServerNames;
  /** Such as `(tls) => server.setTls(tls)`. */
  readonly apply: (tls: GrpcServerTls) => void;
  readonly clock: Clock;
  /** 0 (inclusive) to 1 (exclusive): spreads servers that started together. */
  readonly random: () => number;
  readonly log: Logger;
};

/**
 * Renews at half of the lifetime, and whenever the authority changes, until aborted; begins with
 * `current`. Sessions that are open keep the certificate they began with.
 */
export async function runServerCertificate(
  current: ServerCertificate,
  options: ServerCertificateOptions,
  signal: AbortSignal,
): Promise<void> {
  const { authority, subscribe, names, apply, clock, random, log } = options;
  const renew = (): CertificateWindow => {
    const { tls, window } = issueServerCertificate(authority(), names, clock.nowMs());
    apply(tls);
    log.info('serving certificate renewed', { expires: new Date(window.notAfterMs).toISOString() });
    return window;
  };
  let { window } = current;
  const unsubscribe = subscribe?.(() => {
    window = renew();
  });
  try {
    while (!signal.aborted) {
      // After a change by another authority this wakes too early once, and waits again.
      const delayMs = renewalDelayMs(window, clock.nowMs(), random());
      await clock.sleep(Math.max(delayMs, RENEWAL_INTERVAL_MIN_MS), signal).catch(() => undefined);
      if (!signal.aborted && renewalDelayMs(window, clock.nowMs(), 1) === 0) window = renew();
    }
  } finally {
    unsubscribe?.();
  }
}
