// Who is who, what is encrypted, and what ends when: the Identity page's report. Pure.
import type { X509Certificate } from 'node:crypto';
import type { MeshEdge, MeshNode } from '#api/graph.ts';
import type { IdentityEvent, IdentityReport, IdentityRow } from '#api/identity.ts';
import type { TrustAnchor, TrustReport } from '#api/identity.ts';
import type { Authority } from '#ca/authority.ts';
import type { MeshConfig } from '#istio/meshconfig/mesh-config.ts';

export type IdentityInput = {
  readonly nowMs: number;
  readonly nodes: Iterable<MeshNode>;
  readonly edges: Iterable<MeshEdge>;
  readonly trust: TrustReport;
  /** Newest first; `workload` is the key of an instance. */
  readonly events: readonly IdentityEvent[];
};

/** With less of its life left a certificate should have been renewed long ago. */
const OVERDUE_SHARE = 0.2;
/** More than this fakes the ends of certificates. */
const SKEW_MS_MAX = 5000;

/** Those that need somebody come first. */
const STATES: readonly MeshEdge['encryption']['state'][] = [
  'plaintext',
  'mixed',
  'unknown',
  'one-sided',
  'mutual',
];

export const trustReport = (
  authority: Pick<Authority, 'roots' | 'chain'>,
  config: Pick<MeshConfig, 'trustDomain' | 'trustDomainAliases'>,
): TrustReport => ({
  trustDomain: config.trustDomain,
  aliases: config.trustDomainAliases,
  roots: authority.roots.map(anchorOf),
  chain: authority.chain.map(anchorOf),
});

export function identityReport(input: IdentityInput): IdentityReport {
  const { nowMs, events } = input;
  const edges = [...input.edges];
  const nodes = [...input.nodes];
  const names = new Map(
    nodes.flatMap(({ name, instances }) => instances.map(({ key }) => [key, name] as const)),
  );
  const rows = nodes
    .filter(({ kind, state }) => kind !== 'external' && kind !== 'unknown' && state !== 'gone')
    .map((node) => rowOf(node, nowMs));
  const countOf = (...states: readonly string[]): number =>
    edges.filter(({ encryption }) => states.includes(encryption.state)).length;
  return {
    nowMs,
    encryptedShare: encryptedShare(edges),
    plaintextEdges: countOf('plaintext', 'mixed'),
    oneSidedEdges: countOf('one-sided'),
    expiring: rows.filter(({ certificate }) => certificate && isOverdue(certificate, nowMs)).length,
    certificates: rows.toSorted((a, b) => urgency(a) - urgency(b) || compare(a.node, b.node)),
    edges: edges
      .map(({ id, encryption }) => ({ edge: id, encryption }))
      .toSorted((a, b) => rank(a.encryption) - rank(b.encryption) || compare(a.edge, b.edge)),
    trust: input.trust,
    timeline: [
      ...expiries(rows, nowMs),
      // of an instance that has gone its own name is all that is known
      ...events.map((event) => ({
        ...event,
        workload: names.get(event.workload) ?? event.workload.replace(/^.*\//, ''),
      })),
    ].toSorted((a, b) => b.atMs - a.atMs),
  };
}

const rank = ({ state }: MeshEdge['encryption']): number => STATES.indexOf(state);
const compare = (a: string, b: string): number => (a < b ? -1 : Number(a > b));

/** By when it ends; of whom nothing is known comes last. */
const urgency = ({ certificate }: IdentityRow): number =>
  certificate?.notAfterMs ?? Number.MAX_SAFE_INTEGER;

function isOverdue(
  { notBeforeMs, notAfterMs }: NonNullable<IdentityRow['certificate']>,
  nowMs: number,
): boolean {
  return notAfterMs - nowMs < (notAfterMs - notBeforeMs) * OVERDUE_SHARE;
}

function rowOf(node: MeshNode, nowMs: number): IdentityRow {
  const { id, name, kind, certificate } = node;
  const remarks = [...certificateRemarks(node, nowMs), ...skewRemarks(node)];
  return { node: id, workload: name, isVm: kind === 'vm', certificate, remark: remarks.join('; ') };
}

/** That nothing is known does not say that there is none. */
function certificateRemarks({ certificate, instances }: MeshNode, nowMs: number): string[] {
  if (certificate === null) {
    const hasCalled = instances.some(({ agent }) => agent !== null);
    return [
      hasCalled
        ? 'unknown: no report from its agent, and nothing issued since the control plane started'
        : 'unknown: its agent has never called; without a sidecar it has none',
    ];
  }
  const { notAfterMs, limitedBy } = certificate;
  if (notAfterMs <= nowMs) return ['expired: new connections fail, open ones go on'];
  if (isOverdue(certificate, nowMs)) return ['renewal is overdue'];
  return limitedBy === 'leaf' ? [] : [`ends with the ${limitedBy} that signed it`];
}

function skewRemarks({ instances }: MeshNode): readonly string[] {
  return instances.flatMap(({ key, agent }) => {
    const skewMs = agent?.clockSkewMs ?? 0;
    if (Math.abs(skewMs) <= SKEW_MS_MAX) return [];
    const seconds = Math.abs(Math.round(skewMs / 1000));
    return [`the clock of ${key} is ${seconds} s ${skewMs > 0 ? 'ahead' : 'behind'}`];
  });
}

/** Of the bytes of which it is known how they went; null: there were none. */
function encryptedShare(edges: readonly MeshEdge[]): number | null {
  let all = 0;
  let encrypted = 0;
  for (const { recent } of edges) {
    all += recent.bytes;
    encrypted += recent.encryptedBytes;
  }
  return all === 0 ? null : encrypted / all;
}

function expiries(rows: readonly IdentityRow[], nowMs: number): readonly IdentityEvent[] {
  return rows.flatMap(({ workload, certificate }): readonly IdentityEvent[] => {
    if (certificate === null || certificate.notAfterMs > nowMs) return [];
    const { notAfterMs: atMs, serial } = certificate;
    return [{ atMs, kind: 'expired', workload, text: `serial ${serial}` }];
  });
}

const anchorOf = (certificate: X509Certificate): TrustAnchor => ({
  subject: certificate.subject.split('\n').join(', '),
  fingerprint: certificate.fingerprint256.toLowerCase(),
  notBeforeMs: Date.parse(certificate.validFrom),
  notAfterMs: Date.parse(certificate.validTo),
});
