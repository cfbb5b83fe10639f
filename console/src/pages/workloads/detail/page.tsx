// All about one workload, the same tabs for a VM as for a pod.
import { useEffect, type ReactNode } from 'react';
import { get } from '../../../api/client.ts';
import type { MeshNode, WorkloadOverview } from '../../../api/types.ts';
import { browserClock } from '../../../base/clock.ts';
import { formatTime } from '../../../components/format.ts';
import { NotKept } from '../../../components/not-kept.tsx';
import { Empty, Loading, Problem } from '../../../components/states.tsx';
import { Tabs } from '../../../components/tabs.tsx';
import { useLoaded } from '../../../components/use-loaded.ts';
import { Link } from '../../../router/link.tsx';
import { feed, serverNowMs, store, useCell, useNode } from '../../../store/hooks.ts';
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

/** At the moment itself it has gone. */
const BEFORE_MS = 1_000;
/** Checks and events of the overview are no part of the feed. */
const RELOAD_MS = 10_000;

type Props = { readonly namespace: string; readonly name: string };

export function WorkloadDetail({ namespace, name }: Props): ReactNode {
  const live = useNode(`wl:${namespace}/${name}`);
  const overview = useOverview(namespace, name);
  const { tab } = useView();
  useCell(feed.state); // whether the snapshot is here
  const { node, leftAtMs } = nodeShown(live, overview.value);
  const selected = tabOf(tab);
  if (!node) {
    return (
      <div className="page">
        <h1>{name}</h1>
        {overview.isLoading || (!store.isLoaded && !overview.problem) ? (
          <Loading what={name} rows={8} onRetry={overview.reload} />
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
      <DetailHead node={node} isGone={leftAtMs !== undefined} />
      {leftAtMs !== undefined && <Left name={name} atMs={leftAtMs} />}
      <Tabs
        label={name}
        tabs={TABS}
        selected={selected}
        onSelect={(id) => changeView({ tab: id === 'overview' ? '' : id })}
      >
        <Selected tab={selected} node={node} leftAtMs={leftAtMs} overview={overview} />
      </Tabs>
    </div>
  );
}

type Shown = { readonly node: MeshNode | undefined; readonly leftAtMs: number | undefined };

/** As it is, or as it was when it left: then none of its agents is connected. */
function nodeShown(live: MeshNode | undefined, value: WorkloadOverview | undefined): Shown {
  const node = live ?? value?.node;
  const isGone = node?.state === 'gone' || (live === undefined && store.isLoaded);
  if (!node || !isGone) return { node, leftAtMs: undefined };
  const news = store.news().find((one) => one.kind === 'gone' && one.node.id === node.id);
  const heardMs = news?.kind === 'gone' ? news.atMs : node.changedAtMs;
  const leftAtMs = value?.leftAtMs ?? (node.state === 'gone' ? node.changedAtMs : heardMs);
  const instances = node.instances.map(({ agent, ...one }) => ({
    ...one,
    agent: agent && { ...agent, isConnected: false },
  }));
  return { node: { ...node, instances, state: 'gone', changedAtMs: leftAtMs }, leftAtMs };
}

function Left({ name, atMs }: { readonly name: string; readonly atMs: number }): ReactNode {
  return (
    <p className="notice warn" role="status">
      {name} left the mesh at {formatTime(atMs, serverNowMs())}. What is below is its last known
      state.{' '}
      <button type="button" onClick={() => changeView({ at: atMs - BEFORE_MS, tab: '' })}>
        See it before it left
      </button>
    </p>
  );
}

export type LoadedOverview = ReturnType<typeof useOverview>;

function useOverview(namespace: string, name: string) {
  const { at } = useView();
  const path = workloadApi({ namespace, name }, 'overview', { at: at === null ? '' : `${at}` });
  const loaded = useLoaded(path, (signal) => get<WorkloadOverview>(path, { signal }));
  const { isLoading, problem, reload } = loaded;
  useEffect(
    () => (isLoading || problem || at !== null ? undefined : browserClock.after(RELOAD_MS, reload)),
    [isLoading, problem, at, reload],
  );
  return loaded;
}

type SelectedProps = {
  readonly tab: TabId;
  readonly node: MeshNode;
  readonly leftAtMs: number | undefined;
  readonly overview: LoadedOverview;
};

/** What only an agent can tell now, or the Kubernetes API: none of it has a past. */
const NOT_KEPT: Readonly<Partial<Record<TabId, string>>> = {
  connections: 'Single connections',
  proxy: 'Tables of its proxy',
  logs: 'Log lines',
  policies: 'Policies',
};

function Selected({ tab, node, leftAtMs, overview }: SelectedProps): ReactNode {
  const { at } = useView();
  const notKept = NOT_KEPT[tab];
  if (notKept !== undefined && at !== null) return <NotKept what={notKept} />;
  if (leftAtMs !== undefined && ['proxy', 'logs', 'policies'].includes(tab)) {
    return (
      <Empty title="It has left: no agent to ask, and no policy applies to it">
        <p>Its last connections, rates and its join are still known.</p>
      </Empty>
    );
  }
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
  const { at } = useView();
  if (problem && problem.code !== 'not-found') {
    return <Problem problem={problem} onRetry={reload} />;
  }
  return (
    <Empty title={at === null ? `${name} is not in the mesh` : `${name} was not in the mesh then`}>
      <p>It has never been here, or has left more than a week ago.</p>
      <Link to="/workloads">All workloads</Link>
    </Empty>
  );
}
