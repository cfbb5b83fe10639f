// The live tap: connections as they open, move bytes and close.
import { useEffect, useMemo, useReducer, useState, type ReactNode } from 'react';
import { get } from '../../../api/client.ts';
import type { Connection, MeshNode } from '../../../api/types.ts';
import { CopyButton } from '../../../components/command.tsx';
import { formatBytes, formatDuration, formatTime } from '../../../components/format.ts';
import { Problem } from '../../../components/states.tsx';
import { Table, type Column } from '../../../components/table.tsx';
import { useLoaded } from '../../../components/use-loaded.ts';
import { store, useNowMs } from '../../../store/hooks.ts';
import { flagsText } from '../response-flags.ts';
import { useStream, type StreamState } from '../../../components/use-stream.ts';
import { EMPTY_TAP, filterTap, tapJson, tapReducer, type Tap } from '../../../components/tap.ts';
import { workloadApi } from './workload-api.ts';

/** What was before the tap was opened. */
const FIRST_ROWS = '50';

/** @param edge of which alone connections are shown; empty: of all */
type Props = { readonly node: MeshNode; readonly edge: string };

export function LiveTap({ node, edge }: Props): ReactNode {
  const [tap, dispatch] = useReducer(tapReducer, EMPTY_TAP);
  const [find, setFind] = useState('');
  const firstPath = workloadApi(node, 'connections', { limit: FIRST_ROWS });
  const first = useLoaded(firstPath, (signal) => get<readonly Connection[]>(firstPath, { signal }));
  useEffect(() => {
    if (first.value) dispatch({ type: 'before', connections: first.value });
  }, [first.value]);
  const state = useStream<Connection>(workloadApi(node, 'connections', { follow: '1' }), {
    type: 'connection',
    isEndless: true,
    onItems: (connections) => dispatch({ type: 'seen', connections }),
  });
  const shown = useMemo(() => {
    const rows = filterTap(tap.rows, find);
    return edge === '' ? rows : rows.filter((row) => row.edge === edge);
  }, [tap.rows, find, edge]);
  return (
    <section className="live-tap" aria-label="Live tap">
      <header className="toolbar">
        <h2>Live tap</h2>
        <TapState state={state} tap={tap} />
        <button
          type="button"
          aria-pressed={tap.isPaused}
          onClick={() => dispatch({ type: tap.isPaused ? 'resume' : 'pause' })}
        >
          {tap.isPaused ? 'Resume' : 'Pause'}
        </button>
        <label>
          <span>Filter</span>
          <input
            type="search"
            value={find}
            placeholder="address, flag, open, plaintext"
            onChange={(event) => setFind(event.target.value)}
          />
        </label>
        <CopyButton text={tapJson(shown)} label="Copy as JSON" />
        <button type="button" onClick={() => dispatch({ type: 'clear' })}>
          Clear
        </button>
        <span className="quiet">
          In a shell: <code>isthmus tap {node.name}</code>
        </span>
      </header>
      {first.problem && <Problem problem={first.problem} onRetry={first.reload} />}
      {state.kind === 'lost' && state.problem.code !== first.problem?.code && (
        <Problem problem={state.problem} />
      )}
      <Table
        label="Connections"
        columns={COLUMNS}
        rows={shown}
        rowKey={({ id }) => id}
        rowClass={({ closedAtMs, flags }) =>
          flags !== '' ? 'tap-failed' : closedAtMs === null ? '' : 'tap-closed'
        }
        empty={
          <p className="quiet tap-empty">
            {tap.rows.length > 0 ? 'No connection matches.' : 'Waiting for the next connection …'}
          </p>
        }
      />
    </section>
  );
}

function TapState({ state, tap }: { readonly state: StreamState; readonly tap: Tap }): ReactNode {
  const dropped = tap.dropped > 0 ? `, ${tap.dropped} dropped` : '';
  const text = tap.isPaused
    ? `paused · ${tap.buffered.size} buffered${dropped}`
    : { connecting: 'connecting …', open: '● live', ended: 'ended', lost: 'lost, retrying' }[
        state.kind
      ];
  return (
    <span role="status" aria-label="Tap" className={state.kind === 'lost' ? 'warn' : 'quiet'}>
      {text}
    </span>
  );
}

const nameOf = (id: string): string => store.node(id)?.name ?? id.replace(/^\w+:/, '');

function Way({ row }: { readonly row: Connection }): ReactNode {
  const edge = store.edge(row.edge);
  if (!edge) return <span className="unknown">unknown</span>;
  return `${nameOf(edge.from)} → ${nameOf(edge.to)}:${edge.port}`;
}

function Lasted({ row: { openedAtMs, closedAtMs } }: { readonly row: Connection }): ReactNode {
  const nowMs = useNowMs();
  if (closedAtMs !== null) return `closed after ${formatDuration(closedAtMs - openedAtMs)}`;
  return `open for ${formatDuration(Math.max(0, nowMs - openedAtMs))}`;
}

function Opened({ atMs }: { readonly atMs: number }): ReactNode {
  const nowMs = useNowMs();
  return <time dateTime={new Date(atMs).toISOString()}>{formatTime(atMs, nowMs)}</time>;
}

const COLUMNS: readonly Column<Connection>[] = [
  { key: 'opened', title: 'Opened', render: ({ openedAtMs }) => <Opened atMs={openedAtMs} /> },
  { key: 'way', title: 'Who', render: (row) => <Way row={row} /> },
  { key: 'client', title: 'Client', render: ({ clientAddress }) => <code>{clientAddress}</code> },
  { key: 'server', title: 'Server', render: ({ serverAddress }) => <code>{serverAddress}</code> },
  {
    key: 'toServer',
    title: '→ to server',
    isNumeric: true,
    render: ({ toServerBytes }) => (
      <span title={`${toServerBytes} bytes`}>{formatBytes(toServerBytes)}</span>
    ),
  },
  {
    key: 'toClient',
    title: '← to client',
    isNumeric: true,
    render: ({ toClientBytes }) => (
      <span title={`${toClientBytes} bytes`}>{formatBytes(toClientBytes)}</span>
    ),
  },
  {
    key: 'encryption',
    title: 'Encryption',
    render: ({ encryption }) => (
      <span
        className={encryption === 'plaintext' ? 'bad' : encryption === 'unknown' ? 'unknown' : ''}
      >
        {encryption === 'tls' ? 'TLS' : encryption}
      </span>
    ),
  },
  { key: 'state', title: 'State', render: (row) => <Lasted row={row} /> },
  {
    key: 'flags',
    title: 'Outcome',
    render: ({ flags }) => <span className="bad">{flagsText(flags)}</span>,
  },
  { key: 'seen', title: 'Seen by', render: ({ seenBy }) => seenBy.join(' and ') },
];
