// What Envoy is configured with, relayed by its agent, and what it was to be configured with.
import type { ReactNode } from 'react';
import { get } from '../../../api/client.ts';
import type { MeshNode, ProxyReport } from '../../../api/types.ts';
import { Empty, Loading, Problem } from '../../../components/states.tsx';
import { TimeText } from '../../../components/text.tsx';
import { useLoaded } from '../../../components/use-loaded.ts';
import { useAllowed } from '../../../store/abilities.ts';
import { useParam } from '../../../url/use-view.ts';
import { silenceOf } from '../list/rows.ts';
import { ConfigDump } from './config-dump.tsx';
import { useInstance } from './instance-picker.tsx';
import { SyncTable } from './proxy-sync.tsx';
import { ProxyTables } from './proxy-tables.tsx';
import { portsOf, tablesOf } from './proxy-view.ts';
import { acknowledgementOf } from './acknowledgement.ts';
import { workloadApi } from './workload-api.ts';

export function ProxyTab({ node }: { readonly node: MeshNode }): ReactNode {
  const reason = useAllowed(node.namespace).reasonAgainst('proxy');
  const instance = useInstance(node);
  if (reason !== '') {
    return (
      <Empty title="Not yours to see">
        <p>{reason}</p>
      </Empty>
    );
  }
  if (instance.key === '') return <Empty title={`No proxy: ${silenceOf(node)}`} />;
  return <Report key={instance.key} node={node} instance={instance} />;
}

type ReportProps = { readonly node: MeshNode; readonly instance: ReturnType<typeof useInstance> };

function Report({ node, instance }: ReportProps): ReactNode {
  const path = workloadApi(node, 'proxy', { instance: instance.key });
  // What the agent says of its acknowledgements is in the feed: a change of it is a reason to look.
  const { key, rejection } = acknowledgementOf(node, instance.key);
  const { value, problem, isLoading, reload } = useLoaded(`${path} ${key}`, (signal) =>
    get<ProxyReport>(path, { signal }),
  );
  return (
    <div className="proxy">
      <div className="toolbar">
        {instance.picker}
        {value && <PortPicker report={value} />}
        <button type="button" onClick={reload} disabled={isLoading}>
          Look again
        </button>
        {value && (
          <span className="quiet">
            as of <TimeText atMs={value.atMs} />
          </span>
        )}
      </div>
      {rejection !== '' && (
        <div className="problem" role="alert">
          <strong>Configuration rejected by Envoy</strong>
          <pre>{rejection}</pre>
        </div>
      )}
      {problem && <Problem problem={problem} onRetry={reload} />}
      {!value && !problem && <Loading what="its proxy" rows={8} onRetry={reload} />}
      {value && <Shown report={value} />}
      <ConfigDump node={node} instance={instance.key} />
    </div>
  );
}

function PortPicker({ report }: { readonly report: ProxyReport }): ReactNode {
  const [port, setPort] = useParam('port');
  return (
    <label>
      <span>Show only what serves</span>
      <select value={port} onChange={(event) => setPort(event.target.value)}>
        <option value="">every port</option>
        {portsOf(report).map((each) => (
          <option key={each} value={each}>
            port {each}
          </option>
        ))}
      </select>
    </label>
  );
}

function Shown({ report }: { readonly report: ProxyReport }): ReactNode {
  const [port] = useParam('port');
  const tables = tablesOf(report, /^\d+$/.test(port) ? Number(port) : null);
  const { shown, of } = tables.left;
  return (
    <>
      <SyncTable sync={report.sync} />
      {shown < of && (
        <p className="note">
          This is a part: {shown} of {of} listeners, clusters and routes, those for port {port}.
        </p>
      )}
      <ProxyTables tables={tables} />
      <Statistics stats={report.stats} />
    </>
  );
}

function Statistics({ stats }: Pick<ProxyReport, 'stats'>): ReactNode {
  const entries = Object.entries(stats).toSorted(([a], [b]) => a.localeCompare(b));
  if (entries.length === 0) return null;
  return (
    <details className="panel">
      <summary>Statistics ({entries.length})</summary>
      <dl className="facts">
        {entries.map(([name, value]) => (
          <div key={name} className="fact">
            <dt>
              <code>{name}</code>
            </dt>
            <dd className="number">{value}</dd>
          </div>
        ))}
      </dl>
    </details>
  );
}
