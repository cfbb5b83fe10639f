// All about one workload, the same tabs for a VM as for a pod.
import { useEffect, type ReactNode } from 'react';
import { get } from '../../../api/client.ts';
import type { MeshNode, WorkloadOverview } from '../../../api/types.ts';
import { browserClock } from '../../../base/clock.ts';
import { Empty, Loading, Problem } from '../../../components/states.tsx';
import { Tabs } from '../../../components/tabs.tsx';
import { useLoaded } from '../../../components/use-loaded.ts';
import { Link } from '../../../router/link.tsx';
import { feed, store, useCell, useNode } from '../../../store/hooks.ts';
import { changeView, useView } from '../../../url/use-view.ts';
import { ConnectionsTab } from './connections.tsx';
import './detail.css';
import { DetailHead } from './head.tsx';
import { JoinTab } from './join-tab.tsx';
import { LogsTab } from './logs.tsx';
import { MetricsTab } from './metrics.tsx';
import { OverviewTab } from './overview.tsx';
import { PoliciesTab } from './policies-tab.tsx';
import { ProxyTab } from './proxy.tsx';
import { workloadApi } from './workload-api.ts';

const TABS = [
  { id: 'overview', title: 'Overview' },
  { id: 'connections', title: 'Connections' },
  { id: 'metrics', title: 'Metrics' },
  { id: 'proxy', title: 'Proxy' },
  { id: 'logs', title: 'Logs' },
  { id: 'join', title: 'Join' },
  { id: 'policies', title: 'Policies' },
] as const;

type TabId = (typeof TABS)[number]['id'];
const tabOf = (tab: string): TabId => TABS.find(({ id }) => id === tab)?.id ?? 'overview';

/** Checks and events of the overview are no part of the feed. */
const RELOAD_MS = 10_000;

type Props = { readonly namespace: string; readonly name: string };

export function WorkloadDetail({ namespace, name }: Props): ReactNode {
  const live = useNode(`wl:${namespace}/${name}`);
  const overview = useOverview(namespace, name);
  const { tab } = useView();
  useCell(feed.state); // whether the snapshot is here
  const node = live ?? overview.value?.node;
  const selected = tabOf(tab);
  if (!node) {
    return (
      <div className="page">
        <h1>{name}</h1>
        {overview.isLoading || (!store.isLoaded && !overview.problem) ? (
          <Loading what={name} rows={8} />
        ) : (
          <Missing name={name} overview={overview} />
        )}
      </div>
    );
  }
  return (
    <div className="page workload-page">
      <nav aria-label="Breadcrumb" className="crumbs">
        <Link to="/workloads">Workloads</Link> <span aria-hidden="true">›</span> {namespace}
      </nav>
      <DetailHead node={node} isGone={store.isLoaded && live === undefined} />
      <Tabs
        label={name}
        tabs={TABS}
        selected={selected}
        onSelect={(id) => changeView({ tab: id === 'overview' ? '' : id })}
      >
        <Selected tab={selected} node={node} overview={overview} />
      </Tabs>
    </div>
  );
}

export type LoadedOverview = ReturnType<typeof useOverview>;

function useOverview(namespace: string, name: string) {
  const path = workloadApi({ namespace, name }, 'overview');
  const loaded = useLoaded(path, (signal) => get<WorkloadOverview>(path, { signal }));
  const { isLoading, problem, reload } = loaded;
  useEffect(
    () => (isLoading || problem ? undefined : browserClock.after(RELOAD_MS, reload)),
    [isLoading, problem, reload],
  );
  return loaded;
}

type SelectedProps = {
  readonly tab: TabId;
  readonly node: MeshNode;
  readonly overview: LoadedOverview;
};

function Selected({ tab, node, overview }: SelectedProps): ReactNode {
  switch (tab) {
    case 'overview':
      return <OverviewTab node={node} overview={overview} />;
    case 'connections':
      return <ConnectionsTab node={node} />;
    case 'metrics':
      return <MetricsTab node={node} />;
    case 'proxy':
      return <ProxyTab node={node} />;
    case 'logs':
      return <LogsTab node={node} />;
    case 'join':
      return <JoinTab node={node} overview={overview} />;
    case 'policies':
      return <PoliciesTab overview={overview} />;
  }
}

type MissingProps = { readonly name: string; readonly overview: LoadedOverview };

function Missing({ name, overview: { problem, reload } }: MissingProps): ReactNode {
  if (problem && problem.code !== 'not-found') {
    return <Problem problem={problem} onRetry={reload} />;
  }
  return (
    <Empty title={`${name} is not in the mesh`}>
      <p>It has left, or has never been here.</p>
      <Link to="/workloads">All workloads</Link>
    </Empty>
  );
}
