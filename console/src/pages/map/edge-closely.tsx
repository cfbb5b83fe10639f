// What only a closer look tells of an edge: its requests of the last minute by both ends, and how
// old its open connections are.
import { useEffect, type ReactNode } from 'react';
import { get } from '../../api/client.ts';
import type {
  AgeCount,
  ConnectTimes,
  EdgeHttp,
  EdgeReport,
  MeshEdge,
  OpenConnections,
  Percentiles,
} from '../../api/types.ts';
import { onSecond } from '../../base/clock.ts';
import { formatCount, formatDuration, formatMs, formatPercent } from '../../components/format.ts';
import { useLoaded } from '../../components/use-loaded.ts';
import { store } from '../../store/hooks.ts';

type Props = { readonly edge: MeshEdge };

const REFRESH_SECONDS = 2;

/** Of the past only what the edge itself says is known. */
export function EdgeClosely({ edge }: Props): ReactNode {
  const report = useReport(edge);
  if (edge.protocol !== 'tcp') return <Requests http={report ? report.edge.http : edge.http} />;
  return report ? <Open {...report} /> : null;
}

function useReport(edge: MeshEdge): EdgeReport | undefined {
  const path = `/api/v1/edges/${encodeURIComponent(edge.id)}`;
  const { value, reload } = useLoaded(path, async (signal) => get<EdgeReport>(path, { signal }));
  useEffect(() => {
    let second = 0;
    return onSecond(() => {
      second += 1;
      if (second % REFRESH_SECONDS === 0 && !document.hidden && store.pastMs === null) reload();
    });
  }, [reload]);
  return store.pastMs === null ? value : undefined;
}

const SHARES = ['p50Ms', 'p95Ms', 'p99Ms'] as const;

function Requests({ http }: { readonly http: EdgeHttp | null }): ReactNode {
  return (
    <section aria-label="Requests">
      <h3>Requests of the last minute</h3>
      {http ? <RequestFacts {...http} /> : <p className="quiet">There were none.</p>}
    </section>
  );
}

function RequestFacts({ requests, failed, clientErrors, client, server }: EdgeHttp): ReactNode {
  return (
    <>
      <p>
        {formatCount(Math.round(requests))} requests ·{' '}
        <span className={failed > 0 ? 'bad' : ''}>{formatPercent(failed / requests)} failed</span> ·{' '}
        {formatPercent(clientErrors === null ? null : clientErrors / requests)} answered 4xx
      </p>
      <table className="percentiles" aria-label="Duration of requests">
        <thead>
          <tr>
            <th scope="col">Duration</th>
            <th scope="col">p50</th>
            <th scope="col">p95</th>
            <th scope="col">p99</th>
          </tr>
        </thead>
        <tbody>
          <PercentileRow title="at the client" of={client} />
          <PercentileRow title="at the server" of={server} />
        </tbody>
      </table>
    </>
  );
}

type RowProps = { readonly title: string; readonly of: Percentiles | null };

const PercentileRow = ({ title, of }: RowProps): ReactNode => (
  <tr>
    <th scope="row">{title}</th>
    {of === null ? (
      <td colSpan={SHARES.length} className="unknown">
        not told by its proxy
      </td>
    ) : (
      SHARES.map((share) => (
        <td key={share} title={`${of[share]} ms`}>
          {formatMs(of[share])}
        </td>
      ))
    )}
  </tr>
);

function Open({ open, connect }: EdgeReport): ReactNode {
  if (!open || (open.count === 0 && open.others === 0 && !connect)) return null;
  return (
    <section aria-label="Open connections">
      <h3>Open connections</h3>
      <p>{[...openWords(open), ...connectWords(connect)].join(' · ')}</p>
      {open.count > 0 && <Ages ages={open.ages} count={open.count} />}
    </section>
  );
}

const openWords = (open: OpenConnections): string[] => [
  `${open.count} open`,
  ...(open.others > 0 ? [`${open.others} more, not known one by one`] : []),
  `${open.idle} idle in a pool (no byte for ${formatDuration(open.idleAfterMs)})`,
  ...(open.oldestMs === null ? [] : [`oldest ${formatDuration(open.oldestMs)}`]),
];

const connectWords = (connect: ConnectTimes | null): string[] =>
  connect === null
    ? ['connect time unknown']
    : [`connect time p50 ${formatMs(connect.p50Ms)}, p95 ${formatMs(connect.p95Ms)}`];

type AgesProps = { readonly ages: readonly AgeCount[]; readonly count: number };

/** A bar for each age; those who do not see it hear a list. */
function Ages({ ages, count }: AgesProps): ReactNode {
  return (
    <ul className="ages" aria-label="Ages of open connections">
      {ages.map((age, index) => (
        <li key={age.upToMs}>
          <span>{ageWords(age, ages[index - 1])}</span>
          <span className="age-bar" aria-hidden="true">
            <span style={{ width: `${(age.count / count) * 100}%` }} />
          </span>
          <span className="age-count">{age.count}</span>
        </li>
      ))}
    </ul>
  );
}

function ageWords({ upToMs }: AgeCount, before: AgeCount | undefined): string {
  if (upToMs !== null) return `up to ${formatDuration(upToMs)}`;
  return `over ${formatDuration(before?.upToMs ?? 0)}`;
}
