// What the Identity page shows, as functions of the report: order, header numbers, what is said of
// each edge's encryption.
import type { CertificateView, Encryption, MeshEdge, MeshNode } from '../../api/types.ts';
import type { IdentityReport, IdentityRow } from '../../api/types.ts';
import { formatPercent } from '../../components/format.ts';
import type { Tone } from '../../components/badge.tsx';
import { certificateState, type CertificateState } from './countdown.ts';

/** Rows that need somebody first; among equals by name, so that nothing moves as clocks tick. */
export function orderCertificates(rows: readonly IdentityRow[], nowMs: number): IdentityRow[] {
  const rank = (row: IdentityRow): number => URGENCY[certificateState(row.certificate, nowMs).kind];
  return rows.toSorted(
    (a, b) =>
      rank(a) - rank(b) || a.workload.localeCompare(b.workload) || a.node.localeCompare(b.node),
  );
}

const URGENCY: Readonly<Record<CertificateState['kind'], number>> = {
  expired: 0,
  overdue: 1,
  unknown: 2,
  fresh: 3,
};

/**
 * The report with certificates that have come since: events carry each of them, so that a rotation
 * shows at once and not at the next report.
 */
export function withNewer(
  rows: readonly IdentityRow[],
  nodes: ReadonlyMap<string, MeshNode>,
): IdentityRow[] {
  return rows.map((row) => {
    const newer = nodes.get(row.node)?.certificate ?? null;
    if (!isNewer(newer, row.certificate)) return row;
    return { ...row, certificate: newer, remark: ofTheClock(row.remark) };
  });
}

/** What was wrong with the former certificate is over; a wrong clock is not. */
const ofTheClock = (remark: string): string =>
  remark
    .split('; ')
    .filter((text) => text.startsWith('the clock of '))
    .join('; ');

function isNewer(one: CertificateView | null, other: CertificateView | null): boolean {
  if (one === null) return false;
  if (other === null) return true;
  return one.serial !== other.serial && one.notBeforeMs > other.notBeforeMs;
}

export type HeaderNumber = {
  readonly name: string;
  readonly value: string;
  /** Of the value, for those who wonder. */
  readonly meaning: string;
  readonly tone: Tone;
};

export function headerNumbers(report: IdentityReport): HeaderNumber[] {
  const { encryptedShare, plaintextEdges, oneSidedEdges, expiring, trust } = report;
  return [
    {
      name: 'Encrypted',
      value: encryptedShare === null ? '–' : formatPercent(encryptedShare),
      meaning:
        encryptedShare === null ? 'no bytes in the last 5 min' : 'of bytes in 5 min, observed',
      tone: encryptedShare === null ? 'unknown' : 'neutral',
    },
    {
      name: 'Plaintext',
      value: String(plaintextEdges),
      meaning: plaintextEdges === 1 ? 'edge' : 'edges',
      tone: plaintextEdges > 0 ? 'bad' : 'neutral',
    },
    {
      name: 'One-sided',
      value: String(oneSidedEdges),
      meaning: oneSidedEdges === 1 ? 'edge, one end reports' : 'edges, one end reports',
      tone: 'neutral',
    },
    {
      name: 'Expiring',
      value: String(expiring),
      meaning: 'with ≤ 20 % of life left',
      tone: expiring > 0 ? 'warn' : 'neutral',
    },
    {
      name: 'Roots',
      value: String(trust.roots.length),
      meaning: trust.roots.length > 1 ? 'trusted: a rotation overlaps' : 'trusted',
      tone: trust.roots.length === 0 ? 'unknown' : 'neutral',
    },
  ];
}

const ENCRYPTION_RANK: Readonly<Record<Encryption['state'], number>> = {
  plaintext: 0,
  mixed: 1,
  unknown: 2,
  'one-sided': 3,
  mutual: 4,
};

/** Plaintext first; then what is partly so, not known, seen by one end, and last what is well. */
export function orderByEncryption(edges: Iterable<MeshEdge>): MeshEdge[] {
  return [...edges].toSorted(
    (a, b) =>
      ENCRYPTION_RANK[a.encryption.state] - ENCRYPTION_RANK[b.encryption.state] ||
      a.from.localeCompare(b.from) ||
      a.to.localeCompare(b.to) ||
      a.port - b.port ||
      a.id.localeCompare(b.id),
  );
}
