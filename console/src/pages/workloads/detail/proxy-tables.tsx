// Envoy's listeners, clusters with their endpoints, and routes.
import type { ReactNode } from 'react';
import type { ProxyCluster, ProxyListener, ProxyReport } from '../../../api/types.ts';
import { Table, type Column } from '../../../components/table.tsx';
import { useParam } from '../../../url/use-view.ts';
import { isInternal, type ProxyTables as Tables } from './proxy-view.ts';

export function ProxyTables({ tables }: { readonly tables: Tables }): ReactNode {
  const { listeners, routes } = tables;
  const [shown, setShown] = useParam('internal');
  const clusters = tables.clusters.filter((one) => shown === '1' || !isInternal(one));
  const hidden = tables.clusters.length - clusters.length;
  const endpoints = clusters.flatMap(({ name, endpoints: all }) =>
    all.map((endpoint) => ({ ...endpoint, cluster: name })),
  );
  return (
    <>
      <Part title="Listeners" count={listeners.length}>
        <Table
          label="Listeners"
          columns={LISTENERS}
          rows={listeners}
          rowKey={({ name, address }) => `${name} ${address}`}
          empty={<p className="quiet">None.</p>}
        />
      </Part>
      <Part title="Clusters" count={clusters.length}>
        <Table
          label="Clusters"
          columns={CLUSTERS}
          rows={clusters}
          rowKey={({ name }) => name}
          empty={<p className="quiet">None.</p>}
        />
        {hidden > 0 && (
          <p className="quiet">
            {hidden} internal hidden: they lead to its own agent.{' '}
            <button type="button" className="link" onClick={() => setShown('1')}>
              Show
            </button>
          </p>
        )}
      </Part>
      <Part title="Endpoints" count={endpoints.length}>
        <Table
          label="Endpoints"
          columns={ENDPOINTS}
          rows={endpoints}
          rowKey={({ cluster, address }) => `${cluster} ${address}`}
          empty={<p className="quiet">None.</p>}
        />
      </Part>
      <Part title="Routes" count={routes.length}>
        <Table
          label="Routes"
          columns={ROUTES}
          rows={routes}
          rowKey={({ name }) => name}
          empty={<p className="quiet">None: what this proxy serves is TCP.</p>}
        />
      </Part>
    </>
  );
}

type PartProps = { readonly title: string; readonly count: number; readonly children: ReactNode };

function Part({ title, count, children }: PartProps): ReactNode {
  return (
    <section className="panel" aria-label={title}>
      <h2>
        {title} <span className="quiet">{count}</span>
      </h2>
      {children}
    </section>
  );
}

const code = (text: string): ReactNode => <code>{text}</code>;
const list = (all: readonly (string | number)[]): ReactNode => (
  <span className="wrapping">{all.length === 0 ? '–' : all.join(', ')}</span>
);

const LISTENERS: readonly Column<ProxyListener>[] = [
  { key: 'name', title: 'Name', render: ({ name }) => code(name) },
  { key: 'address', title: 'Address', render: ({ address }) => code(address) },
  { key: 'ports', title: 'Ports', render: ({ ports }) => list(ports) },
  { key: 'chains', title: 'Filter chains', render: ({ chains }) => list(chains) },
];

const CLUSTERS: readonly Column<ProxyCluster>[] = [
  { key: 'name', title: 'Name', render: ({ name }) => code(name) },
  { key: 'service', title: 'Service', render: ({ service }) => service || '–' },
  {
    key: 'endpoints',
    title: 'Endpoints',
    isNumeric: true,
    render: ({ endpoints }) => endpoints.length,
  },
];

type Endpoint = ProxyCluster['endpoints'][number] & { readonly cluster: string };

const ENDPOINTS: readonly Column<Endpoint>[] = [
  { key: 'cluster', title: 'Cluster', render: ({ cluster }) => code(cluster) },
  {
    key: 'address',
    title: 'Address',
    render: ({ address }) => (address === ':' ? 'Unix socket' : code(address)),
  },
  {
    key: 'health',
    title: 'Health',
    render: ({ health }) => (
      <span className={/^healthy$/i.test(health) ? 'good' : 'warn'}>{health.toLowerCase()}</span>
    ),
  },
  { key: 'network', title: 'Network', render: ({ network }) => network || 'mesh' },
];

const ROUTES: readonly Column<ProxyReport['routes'][number]>[] = [
  { key: 'name', title: 'Name', render: ({ name }) => code(name) },
  { key: 'domains', title: 'Domains', render: ({ domains }) => list(domains) },
];
