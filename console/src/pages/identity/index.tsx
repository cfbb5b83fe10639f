// Who is who, what is encrypted, and what ends when.
import { useEffect, useMemo, type ReactNode } from 'react';
import { get } from '../../api/client.ts';
import type { IdentityReport } from '../../api/types.ts';
import { browserClock } from '../../base/clock.ts';
import { Loading, Problem } from '../../components/states.tsx';
import { Tabs } from '../../components/tabs.tsx';
import { useLoaded, type Loaded } from '../../components/use-loaded.ts';
import { shownNowMs, useEdges, useNodes, useStatus } from '../../store/hooks.ts';
import { changeView, useView } from '../../url/use-view.ts';
import { Certificates } from './certificates.tsx';
import { certificateState } from './countdown.ts';
import { EdgesByEncryption } from './edges.tsx';
import './identity.css';
import { headerNumbers, withNewer, type HeaderNumber } from './rows.ts';
import { Timeline } from './timeline.tsx';
import { Trust } from './trust.tsx';

const TABS = [
  { id: 'certificates', title: 'Certificates' },
  { id: 'edges', title: 'Edges by encryption' },
  { id: 'trust', title: 'Trust' },
  { id: 'timeline', title: 'Timeline' },
] as const;

/** Shares of bytes and the timeline come with the report; the rest follows events at once. */
const RELOAD_MS = 5_000;

export default function IdentityPage(): ReactNode {
  const loaded = useReport();
  const report = useLiveReport(loaded.value);
  const { tab } = useView();
  const { problem, reload } = loaded;
  return (
    <div className="page identity-page">
      <h1>Identity</h1>
      {problem && <Problem problem={problem} onRetry={reload} />}
      {!report && !problem && <Loading what="identities" rows={8} onRetry={reload} />}
      {report && (
        <>
          <Numbers numbers={headerNumbers(report)} />
          <Tabs
            label="Identity"
            tabs={TABS}
            selected={tab}
            onSelect={(id) => changeView({ tab: id === 'certificates' ? '' : id })}
          >
            {tab === 'edges' && <EdgesByEncryption />}
            {tab === 'trust' && <Trust trust={report.trust} certificates={report.certificates} />}
            {tab === 'timeline' && <Timeline events={report.timeline} />}
            {!['edges', 'trust', 'timeline'].includes(tab) && (
              <Certificates rows={report.certificates} />
            )}
          </Tabs>
        </>
      )}
    </div>
  );
}

function useReport(): Loaded<IdentityReport> {
  const { at } = useView();
  const path = at === null ? '/api/v1/identity' : `/api/v1/identity?at=${at}`;
  const loaded = useLoaded(path, (signal) => get<IdentityReport>(path, { signal }));
  const { isLoading, reload } = loaded;
  useEffect(
    () => (isLoading || at !== null ? undefined : browserClock.after(RELOAD_MS, reload)),
    [isLoading, at, reload],
  );
  return loaded;
}

/** The report, with what events have changed since: counts and certificates. */
function useLiveReport(report: IdentityReport | undefined): IdentityReport | undefined {
  const nodes = useNodes();
  const edges = useEdges();
  const status = useStatus();
  return useMemo(() => {
    if (!report) return undefined;
    const byId = new Map(nodes.map((node) => [node.id, node]));
    const certificates = withNewer(report.certificates, byId);
    const nowMs = shownNowMs();
    return {
      ...report,
      certificates,
      plaintextEdges: status?.plaintextEdges ?? report.plaintextEdges,
      oneSidedEdges: edges.filter(({ encryption }) => encryption.state === 'one-sided').length,
      expiring: certificates.filter(({ certificate }) =>
        ['overdue', 'expired'].includes(certificateState(certificate, nowMs).kind),
      ).length,
    };
  }, [report, nodes, edges, status]);
}

function Numbers({ numbers }: { readonly numbers: readonly HeaderNumber[] }): ReactNode {
  return (
    <dl className="identity-numbers" aria-label="Summary">
      {numbers.map(({ name, value, meaning, tone }) => (
        <div key={name} className={tone}>
          <dt>{name}</dt>
          <dd>
            <strong>{value}</strong> <span>{meaning}</span>
          </dd>
        </div>
      ))}
    </dl>
  );
}
