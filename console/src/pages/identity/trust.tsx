// Whom workloads believe: the roots, and the chain that their own certificates hang on.
import type { ReactNode } from 'react';
import type { IdentityRow, TrustAnchor, TrustReport } from '../../api/types.ts';
import { Badge } from '../../components/badge.tsx';
import { Countdown, TimeText } from '../../components/text.tsx';
import { Table, type Column } from '../../components/table.tsx';

type Props = { readonly trust: TrustReport; readonly certificates: readonly IdentityRow[] };

export function Trust({ trust, certificates }: Props): ReactNode {
  const { trustDomain, aliases, roots, chain } = trust;
  return (
    <div className="trust">
      <dl className="facts">
        <dt>Trust domain</dt>
        <dd>
          <code>{trustDomain}</code>
        </dd>
        <dt>Also taken for it</dt>
        <dd>{aliases.length === 0 ? 'no other' : aliases.join(', ')}</dd>
      </dl>
      {roots.length > 1 && (
        <p className="note">
          <Badge tone="warn">rotation overlaps</Badge> {roots.length} roots are trusted at a time,
          so that certificates of the old and the new one are good. The old one may go when no
          workload holds a certificate of it.
        </p>
      )}
      <section aria-label="Roots">
        <h2>Roots that workloads trust</h2>
        <Table label="Roots" columns={ANCHOR_COLUMNS} rows={roots} rowKey={keyOf} />
      </section>
      <section aria-label="Chain">
        <h2>From the issuer up to its root</h2>
        <Table label="Chain" columns={ANCHOR_COLUMNS} rows={chain} rowKey={keyOf} />
      </section>
      <section aria-label="Issuers">
        <h2>Who signed what</h2>
        <Table
          label="Issuers"
          columns={ISSUER_COLUMNS}
          rows={issuersOf(certificates)}
          rowKey={({ issuer }) => issuer}
        />
      </section>
    </div>
  );
}

const keyOf = ({ fingerprint }: TrustAnchor): string => fingerprint;

const ANCHOR_COLUMNS: readonly Column<TrustAnchor>[] = [
  { key: 'subject', title: 'Subject', render: ({ subject }) => subject },
  {
    key: 'fingerprint',
    title: 'Fingerprint (SHA-256)',
    render: ({ fingerprint }) => (
      <code className="short wide" title={fingerprint}>
        {fingerprint}
      </code>
    ),
  },
  {
    key: 'since',
    title: 'Valid since',
    render: ({ notBeforeMs }) => <TimeText atMs={notBeforeMs} />,
  },
  {
    key: 'ends',
    title: 'Ends in',
    render: ({ notAfterMs }) => <Countdown untilMs={notAfterMs} />,
  },
];

type Issuer = { readonly issuer: string; readonly workloads: readonly string[] };

/** Certificates of an issuer that is on its way out show who has not been renewed yet. */
function issuersOf(rows: readonly IdentityRow[]): Issuer[] {
  const byIssuer = new Map<string, string[]>();
  for (const { certificate, workload } of rows) {
    const issuer = certificate === null ? 'unknown' : certificate.issuer;
    byIssuer.set(issuer, [...(byIssuer.get(issuer) ?? []), workload]);
  }
  return [...byIssuer]
    .map(([issuer, workloads]) => ({ issuer, workloads }))
    .toSorted((a, b) => b.workloads.length - a.workloads.length);
}

const NAMES_SHOWN = 6;

const ISSUER_COLUMNS: readonly Column<Issuer>[] = [
  {
    key: 'issuer',
    title: 'Issuer',
    render: ({ issuer }) =>
      issuer === 'unknown' ? <span className="unknown">unknown</span> : issuer,
  },
  {
    key: 'count',
    title: 'Certificates',
    isNumeric: true,
    render: ({ workloads }) => workloads.length,
  },
  {
    key: 'workloads',
    title: 'Of',
    render: ({ workloads }) => {
      const more = workloads.length - NAMES_SHOWN;
      return workloads.slice(0, NAMES_SHOWN).join(', ') + (more > 0 ? ` and ${more} more` : '');
    },
  },
];
