// The last connections of an edge, and each as it opens, moves bytes and closes.
import { useEffect, useReducer, useRef, useSyncExternalStore, type ReactNode } from 'react';
import { get } from '../../api/client.ts';
import type { Connection, MeshEdge } from '../../api/types.ts';
import { formatBytes, formatDuration } from '../../components/format.ts';
import { Loading, Problem } from '../../components/states.tsx';
import { Table, type Column } from '../../components/table.tsx';
import { EMPTY_TAP, tapReducer } from '../../components/tap.ts';
import { TimeText } from '../../components/text.tsx';
import { useLoaded } from '../../components/use-loaded.ts';
import { useStream } from '../../components/use-stream.ts';
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

const SHOWN_MAX = 50;

type Props = { readonly edge: MeshEdge };

/** Another edge is another list. */
export const Connections = ({ edge }: Props): ReactNode => <List key={edge.id} edge={edge} />;

function List({ edge }: Props): ReactNode {
  const path = `/api/v1/edges/${encodeURIComponent(edge.id)}/connections`;
  const [tap, dispatch] = useReducer(tapReducer, EMPTY_TAP);
  const { value, problem, reload } = useLoaded(path, async (signal) =>
    get<readonly Connection[]>(path, { signal }),
  );
  useEffect(() => {
    if (value) dispatch({ type: 'before', connections: value });
  }, [value]);
  // a browser has six connections for all its tabs: one that nobody sees takes none
  const isSeen = useIsVisible() && store.pastMs === null;
  useStream<Connection>(isSeen ? `${path}?follow=1` : null, {
    type: 'connection',
    isEndless: true,
    onItems: (connections) => dispatch({ type: 'seen', connections }),
  });
  const wasSeen = useRef(isSeen);
  useEffect(() => {
    if (isSeen && !wasSeen.current) reload(); // what came while nobody looked
    wasSeen.current = isSeen;
  }, [isSeen, reload]);
  return (
    <section aria-label="Connections">
      <h3>Connections</h3>
      {problem && !value && <Problem problem={problem} onRetry={reload} />}
      {!value && !problem && <Loading what="connections" rows={3} onRetry={reload} />}
      {value && (
        <Table
          label="Connections"
          columns={COLUMNS}
          rows={tap.rows.slice(0, SHOWN_MAX)}
          rowKey={({ id }) => id}
          empty={<p className="quiet">None in the last hour.</p>}
        />
      )}
    </section>
  );
}

const onVisibility = (listener: () => void): (() => void) => {
  document.addEventListener('visibilitychange', listener);
  return () => document.removeEventListener('visibilitychange', listener);
};

const useIsVisible = (): boolean => useSyncExternalStore(onVisibility, () => !document.hidden);
