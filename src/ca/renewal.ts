// When a certificate is to be renewed. Pure.

export type CertificateWindow = {
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
};

/** Share of the lifetime over which agents that started together are spread. */
const JITTER_SHARE = 0.1;

/**
 * How long to wait before renewing a certificate.
 *
 * Renewal starts at half of the lifetime, so that a control plane that is away for the other half
 * costs nothing. `jitter` spreads agents that all started together.
 *
 * @param nowMs wall-clock milliseconds since the Unix epoch, as on the certificate
 * @param jitter 0 (inclusive) to 1 (exclusive), drawn by the caller so that this stays pure
 * @returns milliseconds from `nowMs`, never negative: 0 means "renew now"
 */
export function renewalDelayMs(window: CertificateWindow, nowMs: number, jitter: number): number {
  const lifetimeMs = window.notAfterMs - window.notBeforeMs;
  const jitterMs = lifetimeMs * JITTER_SHARE * jitter;
  return Math.max(0, window.notBeforeMs + lifetimeMs / 2 - jitterMs - nowMs);
}
