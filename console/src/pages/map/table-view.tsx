// The map as two tables: the same workloads, the same edges, in an order that does not move.
import type { ReactNode } from 'react';
import { EncryptionBadge } from '../../components/encryption.tsx';
import { formatMs, formatPercent, formatRate, UNKNOWN } from '../../components/format.ts';
import { Table, type Column } from '../../components/table.tsx';
import { Countdown, LiveText } from '../../components/text.tsx';
import type { MeshEdge, MeshNode } from '../../api/types.ts';
import { store, useSilences } from '../../store/hooks.ts';
import { isUnheard } from '../../store/silence.ts';
import type { EdgeNumbers } from '../../store/samples.ts';
import { useParam } from '../../url/use-view.ts';
import { KIND_WORDS } from './geometry.ts';
import type { Scene } from './scene.ts';
import type { Found } from './use-found.ts';

type Props = {
  readonly scene: Scene;
  readonly found: Found;
  readonly sel: string;
  readonly onSelect: (id: string) => void;
};

const nameOf = (id: string): string => store.node(id)?.name ?? id;

/** Of edges that nobody reports any more. */
function oldClass(edge: MeshEdge): string {
  return isUnheard(edge, store.silences()) ? 'hatched' : '';
}

const EDGE_COLUMNS: readonly Column<MeshEdge>[] = [
  { key: 'from', title: 'From', render: ({ from }) => nameOf(from), sortBy: (e) => nameOf(e.from) },
  { key: 'to', title: 'To', render: ({ to }) => nameOf(to), sortBy: (e) => nameOf(e.to) },
  { key: 'port', title: 'Port', render: portText, sortBy: (e) => e.port },
  {
    key: 'encryption',
    title: 'Encrypted',
    render: ({ encryption }) => <EncryptionBadge encryption={encryption} />,
    sortBy: ({ encryption }) => encryption.state,
    cellClass: oldClass,
  },
  {
    key: 'server',
    title: '→ to server',
    render: (e) => rate(e, 'toServerBytes'),
    isNumeric: true,
    cellClass: oldClass,
  },
  {
    key: 'client',
    title: '← to client',
    render: (e) => rate(e, 'toClientBytes'),
    isNumeric: true,
    cellClass: oldClass,
  },
  {
    key: 'open',
    title: 'Open',
    render: ({ index }) => (
      <LiveText text={() => String(store.samples.of(index)?.open ?? UNKNOWN)} />
    ),
    isNumeric: true,
  },
  { key: 'p95', title: 'p95', render: (e) => live(e, (n) => formatMs(n.p95Ms)), isNumeric: true },
  {
    key: 'errors',
    title: 'Errors',
    render: (e) => live(e, (n) => formatPercent(n.errorShare)),
    isNumeric: true,
  },
  {
    key: 'failure',
    title: 'Failing',
    render: ({ failure }) => (failure ? <span className="bad">{failure.text}</span> : ''),
    sortBy: ({ failure }) => failure?.text ?? '',
  },
];

function healthText({ id, health, join }: MeshNode): string {
  if (join) return `joining, step ${join.step}/${join.steps}`;
  return store.silences().byNode.has(id) ? `no report; was ${health}` : health;
}

function portText({ port, application, protocol }: MeshEdge): string {
  return `${port} ${application || protocol}`;
}

const rate = ({ index }: MeshEdge, of: 'toServerBytes' | 'toClientBytes'): ReactNode => (
  <LiveText text={() => formatRate(store.samples.of(index)?.[of])} />
);

const live = ({ index }: MeshEdge, text: (numbers: EdgeNumbers) => string): ReactNode => (
  <LiveText
    text={() => {
      const numbers = store.samples.of(index);
      return numbers ? text(numbers) : UNKNOWN;
    }}
  />
);

const NODE_COLUMNS: readonly Column<MeshNode>[] = [
  { key: 'name', title: 'Workload', render: ({ name }) => name, sortBy: ({ name }) => name },
  { key: 'kind', title: 'Kind', render: ({ kind }) => KIND_WORDS[kind], sortBy: (n) => n.kind },
  {
    key: 'namespace',
    title: 'Namespace',
    render: ({ namespace }) => namespace || UNKNOWN,
    sortBy: ({ namespace }) => namespace,
  },
  {
    key: 'health',
    title: 'Health',
    render: healthText,
    sortBy: ({ health }) => health,
    cellClass: ({ id }) => (store.silences().byNode.has(id) ? 'hatched' : ''),
  },
  {
    key: 'cert',
    title: 'Certificate',
    render: ({ certificate }) => <Countdown untilMs={certificate?.notAfterMs ?? null} />,
    sortBy: ({ certificate }) => certificate?.notAfterMs ?? 0,
  },
];

const rowClass = (found: Found, id: string): string => {
  const answer = found.of(id);
  return answer === null ? '' : answer ? 'found' : 'dim';
};

export function TableView({ scene, found, sel, onSelect }: Props): ReactNode {
  const [edgeSort, setEdgeSort] = useParam('edges');
  const [nodeSort, setNodeSort] = useParam('workloads');
  useSilences(); // its cells ask for them
  return (
    <div className="tables">
      <h2>Edges</h2>
      <Table
        label="Edges"
        columns={EDGE_COLUMNS}
        rows={scene.meshEdges}
        rowKey={({ id }) => `edge:${id}`}
        sort={edgeSort || 'from'}
        onSort={setEdgeSort}
        onOpen={({ id }) => onSelect(`edge:${id}`)}
        selectedKey={sel}
        rowClass={({ id }) => rowClass(found, `edge:${id}`)}
        empty={<p className="quiet">No edges: nobody has talked to anybody yet.</p>}
      />
      <h2>Workloads</h2>
      <Table
        label="Workloads"
        columns={NODE_COLUMNS}
        rows={scene.meshNodes}
        rowKey={({ id }) => id}
        sort={nodeSort || 'name'}
        onSort={setNodeSort}
        onOpen={({ id }) => onSelect(id)}
        selectedKey={sel}
        rowClass={({ id }) => rowClass(found, id)}
      />
    </div>
  );
}
