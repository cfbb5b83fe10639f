// The last connections of an edge, asked for again every two seconds while they are looked at.
import { useEffect, type ReactNode } from 'react';
import { get } from '../../api/client.ts';
import type { Connection, MeshEdge } from '../../api/types.ts';
import { onSecond } from '../../base/clock.ts';
import { formatBytes, formatDuration } from '../../components/format.ts';
import { Loading, Problem } from '../../components/states.tsx';
import { Table, type Column } from '../../components/table.tsx';
import { TimeText } from '../../components/text.tsx';
import { useLoaded } from '../../components/use-loaded.ts';
import { store } from '../../store/hooks.ts';

const COLUMNS: readonly Column<Connection>[] = [
  { key: 'opened', title: 'Opened', render: ({ openedAtMs }) => <TimeText atMs={openedAtMs} /> },
  { key: 'client', title: 'Client', render: ({ clientAddress }) => clientAddress },
  {
    key: 'server',
    title: '→ to server',
    render: ({ toServerBytes }) => formatBytes(toServerBytes),
    isNumeric: true,
  },
  {
    key: 'back',
    title: '← to client',
    render: ({ toClientBytes }) => formatBytes(toClientBytes),
    isNumeric: true,
  },
  { key: 'state', title: 'State', render: stateText },
];

function stateText({ closedAtMs, openedAtMs, flags }: Connection): string {
  if (closedAtMs === null) return 'open';
  const lasted = `lasted ${formatDuration(closedAtMs - openedAtMs)}`;
  return flags === '' ? lasted : `${lasted}, ${flags}`;
}

const REFRESH_SECONDS = 2;

export function Connections({ edge }: { readonly edge: MeshEdge }): ReactNode {
  const path = `/api/v1/edges/${encodeURIComponent(edge.id)}/connections`;
  const { value, problem, reload } = useLoaded(path, async (signal) =>
    get<readonly Connection[]>(path, { signal }),
  );
  useEffect(() => {
    let second = 0;
    return onSecond(() => {
      second += 1;
      if (second % REFRESH_SECONDS === 0 && !document.hidden && store.pastMs === null) reload();
    });
  }, [reload]);
  return (
    <section aria-label="Connections">
      <h3>Connections</h3>
      {problem && !value && <Problem problem={problem} onRetry={reload} />}
      {!value && !problem && <Loading what="connections" rows={3} />}
      {value && (
        <Table
          label="Connections"
          columns={COLUMNS}
          rows={value}
          rowKey={({ id }) => id}
          empty={<p className="quiet">None in the last hour.</p>}
        />
      )}
    </section>
  );
}
