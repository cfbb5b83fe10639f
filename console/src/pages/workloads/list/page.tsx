// The list of workloads: VMs, pods and gateways in the same columns.
import type { ReactNode } from 'react';
import { Empty, Loading, Problem } from '../../../components/states.tsx';
import { Link } from '../../../router/link.tsx';
import { feed, store, useCell } from '../../../store/hooks.ts';
import { Toolbar } from './toolbar.tsx';
import { useListQuery } from './use-query.ts';
import { useSelectedRows } from './use-rows.ts';
import { WorkloadTable } from './workload-table.tsx';

export function WorkloadList(): ReactNode {
  const [query, setQuery] = useListQuery();
  const { rows, all } = useSelectedRows(query);
  const { problem } = useCell(feed.state);
  return (
    <div className={`page workloads-page ${query.isDense ? 'dense' : 'comfortable'}`}>
      <h1>Workloads</h1>
      <Toolbar query={query} onChange={setQuery} all={all} shown={rows.length} />
      {!store.isLoaded && problem && <Problem problem={problem} onRetry={() => feed.retry()} />}
      {!store.isLoaded && !problem && (
        <Loading what="workloads" rows={8} onRetry={() => feed.retry()} />
      )}
      {store.isLoaded && (
        <WorkloadTable
          rows={rows}
          query={query}
          onQuery={setQuery}
          empty={all.length === 0 ? <NoWorkloads /> : <NoMatch onClear={() => setQuery(null)} />}
        />
      )}
    </div>
  );
}

function NoWorkloads(): ReactNode {
  return (
    <Empty title="Nothing has joined this mesh yet">
      <p>Pods come in by a label on their namespace, machines by one command:</p>
      <code>kubectl label namespace default istio-injection=enabled</code>
      <Link to="/join?add=1">Add a VM</Link>
    </Empty>
  );
}

function NoMatch({ onClear }: { readonly onClear: () => void }): ReactNode {
  return (
    <Empty title="No workload matches">
      <button type="button" onClick={onClear}>
        Show all
      </button>
    </Empty>
  );
}
