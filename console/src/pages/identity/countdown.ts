// How long a certificate still holds, in words and colours. By the share of its life that is left:
// a day means little of a certificate that lives for a year, and much of one that lives for a day.
import type { CertificateView } from '../../api/types.ts';
import { formatCountdown, formatDuration } from '../../components/format.ts';

/** What is to be said of it. `unknown` is not "none": nobody has told us. */
export type CertificateState =
  | { readonly kind: 'unknown' }
  | { readonly kind: 'fresh'; readonly leftMs: number; readonly share: number }
  /** A fifth of its life or less is left: it should have been renewed at half of it. */
  | { readonly kind: 'overdue'; readonly leftMs: number; readonly share: number }
  | { readonly kind: 'expired'; readonly sinceMs: number };

const OVERDUE_SHARE = 0.2;

export function certificateState(
  certificate: CertificateView | null,
  nowMs: number,
): CertificateState {
  if (certificate === null) return { kind: 'unknown' };
  const leftMs = certificate.notAfterMs - nowMs;
  if (leftMs <= 0) return { kind: 'expired', sinceMs: -leftMs };
  const lifeMs = certificate.notAfterMs - certificate.notBeforeMs;
  const share = lifeMs > 0 ? Math.min(1, leftMs / lifeMs) : 1;
  return { kind: share <= OVERDUE_SHARE ? 'overdue' : 'fresh', leftMs, share };
}

export function toneOf(state: CertificateState): 'neutral' | 'warn' | 'bad' | 'unknown' {
  switch (state.kind) {
    case 'unknown':
      return 'unknown';
    case 'fresh':
      return 'neutral';
    case 'overdue':
      return 'warn';
    case 'expired':
      return 'bad';
  }
}

/** `22:14:07`, `9 d 03:12:44`, `expired 5 m ago`, `unknown`: what the clock on the row shows. */
export function countdownText(state: CertificateState): string {
  switch (state.kind) {
    case 'unknown':
      return 'unknown';
    case 'expired':
      return `expired ${formatDuration(state.sinceMs)} ago`;
    case 'fresh':
    case 'overdue':
      return formatCountdown(state.leftMs);
  }
}

export type Rotation = {
  readonly text: string;
  readonly isOverdue: boolean;
};

/**
 * When the next one is due, and how many there were. A renewal that the agent has only just missed
 * is none: it begins some seconds after its time, and takes a round trip.
 */
export function rotationOf(certificate: CertificateView | null, nowMs: number): Rotation {
  if (certificate === null) return { text: '–', isOverdue: false };
  const times = certificate.rotations > 0 ? ` ×${certificate.rotations}` : '';
  const lateMs = nowMs - certificate.rotateAtMs;
  if (lateMs > LATE_AFTER_MS)
    return { text: `overdue ${formatDuration(lateMs)}${times}`, isOverdue: true };
  if (lateMs >= 0) return { text: `now${times}`, isOverdue: false };
  return { text: `in ${formatDuration(-lateMs)}${times}`, isOverdue: false };
}

const LATE_AFTER_MS = 30_000;

/** What the state means for those who use the certificate; empty: nothing is wrong. */
export function consequenceOf(
  certificate: CertificateView | null,
  state: CertificateState,
  openConnections: number,
): string {
  if (certificate === null) return '';
  const limit =
    certificate.limitedBy === 'leaf' ? '' : ` (the ${certificate.limitedBy} ends first)`;
  if (state.kind === 'expired') {
    const open =
      openConnections === 1 ? '1 open one continues' : `${openConnections} open ones continue`;
    return `new connections fail${openConnections > 0 ? `, ${open}` : ''}${limit}`;
  }
  if (state.kind === 'overdue') {
    const cause = certificate.limitedBy === 'leaf' ? 'rotation overdue' : 'renew what signs it';
    return `${cause}${limit}`;
  }
  return limit === '' ? '' : `limited by the ${certificate.limitedBy}`;
}

/** Who says when it ends. */
export function sourceText(certificate: CertificateView | null): string {
  if (certificate === null) return 'unknown';
  switch (certificate.source) {
    case 'issued':
      return 'issued here';
    case 'agent':
      return 'agent';
    case 'observed':
      return 'proxy';
    case 'probed':
      return 'probe';
    case 'configured':
      return 'external';
  }
}
