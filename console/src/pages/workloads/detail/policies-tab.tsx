// Which policies apply, port by port.
import type { ReactNode } from 'react';
import type { PolicyOnPort } from '../../../api/types.ts';
import { Empty, Loading, Problem } from '../../../components/states.tsx';
import { Table, type Column } from '../../../components/table.tsx';
import { Link } from '../../../router/link.tsx';
import type { LoadedOverview } from './page.tsx';

export function PoliciesTab({ overview }: { readonly overview: LoadedOverview }): ReactNode {
  const { value, problem, reload } = overview;
  if (!value) {
    return problem ? <Problem problem={problem} onRetry={reload} /> : <Loading what="policies" />;
  }
  const ordered = value.policies.toSorted(
    (a, b) => a.port - b.port || a.kind.localeCompare(b.kind) || a.name.localeCompare(b.name),
  );
  return (
    <Table
      label="Policies that apply"
      columns={COLUMNS}
      rows={ordered}
      rowKey={({ port, kind, namespace, name }) => `${port} ${kind} ${namespace}/${name}`}
      empty={
        <Empty title="No policy selects it">
          <p>Every workload of the mesh may call it, encrypted or not.</p>
          <Link to="/policies">All policies</Link>
        </Empty>
      }
    />
  );
}

const COLUMNS: readonly Column<PolicyOnPort>[] = [
  { key: 'port', title: 'Port', render: ({ port }) => (port === 0 ? 'every port' : `:${port}`) },
  { key: 'kind', title: 'Kind', render: ({ kind }) => kind },
  {
    key: 'origin',
    title: 'From',
    render: ({ kind, namespace, name }) =>
      name === '' ? (
        <span className="quiet">the mesh’s default</span>
      ) : (
        <Link to={`/policies/${[kind, namespace, name].map(encodeURIComponent).join('/')}`}>
          {namespace}/{name}
        </Link>
      ),
  },
  { key: 'effect', title: 'Effect', render: ({ effect }) => effect },
];
