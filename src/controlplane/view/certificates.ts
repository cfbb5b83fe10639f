// What is known of a workload's certificate, as the map says it. Pure.
import type { CertificateView } from '#api/graph.ts';
import type { Authority } from '#ca/authority.ts';
import { renewalDelayMs } from '#ca/renewal.ts';
import type { SeenCertificate } from '../debug-certificates.ts';

/** @param authority that signs now: what was signed by one before it ends at its own end, too */
export function certificateView(
  seen: SeenCertificate,
  authority: Pick<Authority, 'roots' | 'notAfterMs'>,
): CertificateView {
  const notBeforeMs = Date.parse(seen.notBefore);
  const leafEndMs = Date.parse(seen.notAfter);
  const rootEndMs = Math.max(...authority.roots.map(({ validTo }) => Date.parse(validTo)));
  const { end, limitedBy } = earliestOf([
    { end: leafEndMs, limitedBy: 'leaf' },
    { end: authority.notAfterMs, limitedBy: 'intermediate' },
    { end: rootEndMs, limitedBy: 'root' },
  ]);
  return {
    identity: seen.spiffeId,
    serial: withColons(seen.serial),
    notBeforeMs,
    notAfterMs: end,
    limitedBy,
    issuer: subjectOf(authority),
    rotateAtMs:
      notBeforeMs + renewalDelayMs({ notBeforeMs, notAfterMs: leafEndMs }, notBeforeMs, 0),
    rotations: seen.rotations,
    source: seen.seen === 'issued' ? 'issued' : 'observed',
  };
}

type End = { readonly end: number; readonly limitedBy: CertificateView['limitedBy'] };

/** The first of several that end together: a leaf is cut to its authority's end. */
const earliestOf = (ends: readonly [End, ...End[]]): End =>
  ends.reduce((first, other) => (other.end < first.end ? other : first));

/** The signing certificate's own name is not kept: where none stands between, it is the root's. */
const subjectOf = ({ roots }: Pick<Authority, 'roots'>): string =>
  (roots[0]?.subject ?? '').split('\n').join(', ');

export const withColons = (hex: string): string =>
  hex
    .toLowerCase()
    .match(/.{1,2}/g)
    ?.join(':') ?? '';
