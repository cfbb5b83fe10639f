// Edges, the worst encrypted first; the selected one with what it takes to check it oneself.
import { useMemo, type ReactNode } from 'react';
import type { MeshEdge, MeshNode } from '../../api/types.ts';
import { CommandBlock } from '../../components/command.tsx';
import { EncryptionBadge } from '../../components/encryption.tsx';
import { Empty } from '../../components/states.tsx';
import { Table, type Column } from '../../components/table.tsx';
import { IdentityText, TimeText } from '../../components/text.tsx';
import { TlsReasons } from '../../components/tls-reason.tsx';
import { Link } from '../../router/link.tsx';
import { store, useEdges } from '../../store/hooks.ts';
import { useParam } from '../../url/use-view.ts';
import { proofOf } from './proof.ts';
import { orderByEncryption } from './rows.ts';

export function EdgesByEncryption(): ReactNode {
  const edges = useEdges();
  const [selected, select] = useParam('edge');
  const ordered = useMemo(() => orderByEncryption(edges), [edges]);
  const edge = ordered.find(({ id }) => id === selected);
  return (
    <>
      <Table
        label="Edges by encryption"
        columns={COLUMNS}
        rows={ordered}
        rowKey={({ id }) => id}
        selectedKey={selected}
        onOpen={({ id }) => select(id === selected ? '' : id)}
        rowClass={({ encryption }) => (encryption.state === 'plaintext' ? 'row-plaintext' : '')}
        empty={
          <Empty title="No connections in the last 5 min">
            <p>Edges appear with the first connection.</p>
          </Empty>
        }
      />
      {edge ? (
        <ProofCard edge={edge} server={store.node(edge.to)} />
      ) : (
        ordered.length > 0 && <p className="quiet">Select an edge to verify it yourself.</p>
      )}
    </>
  );
}

const nameOf = (id: string): string => store.node(id)?.name ?? id.replace(/^\w+:/, '');

const COLUMNS: readonly Column<MeshEdge>[] = [
  {
    key: 'encryption',
    title: 'Encryption',
    render: ({ encryption }) => <EncryptionBadge encryption={encryption} />,
  },
  { key: 'from', title: 'From', render: ({ from }) => nameOf(from) },
  {
    key: 'to',
    title: 'To',
    render: ({ to, port, application }) => (
      <>
        {nameOf(to)}:{port} <span className="quiet">{application}</span>
      </>
    ),
  },
  {
    key: 'identities',
    title: 'Identities',
    render: ({ encryption }) => (
      <span className="both-identities">
        <span className="quiet">client</span> <IdentityText id={encryption.clientIdentity} />
        <span className="quiet">server</span> <IdentityText id={encryption.serverIdentity} />
      </span>
    ),
  },
  {
    key: 'seen',
    title: 'Session seen',
    render: ({ encryption }) => <TimeText atMs={encryption.seenAtMs} />,
  },
];

type ProofProps = { readonly edge: MeshEdge; readonly server: MeshNode | undefined };

function ProofCard({ edge, server }: ProofProps): ReactNode {
  const { command, facts } = proofOf(edge, server);
  const name = `${nameOf(edge.from)} to ${nameOf(edge.to)}, ${edge.port}`;
  return (
    <section className="proof card" aria-label={`Verify yourself: ${name}`}>
      <h2>Verify yourself</h2>
      <p>
        On a machine without a proxy of the mesh that reaches {nameOf(edge.to)}, this shows the
        certificate that its proxy presents. (A proxy beside the client would answer instead.){' '}
        {edge.encryption.state === 'plaintext'
          ? 'This edge is plaintext: a server that speaks no TLS presents none.'
          : 'The name in it must be the server identity below.'}
      </p>
      <CommandBlock text={command} label="Command to verify" />
      <h3>Last observed session</h3>
      <dl className="facts">
        {facts.map((fact) => (
          <div key={fact.name} className="fact">
            <dt>{fact.name}</dt>
            <dd className={fact.value === 'unknown' ? 'unknown' : undefined}>{fact.value}</dd>
          </div>
        ))}
        <div className="fact">
          <dt>Reported by</dt>
          <dd>{edge.reporters.length === 0 ? 'nobody yet' : edge.reporters.join(' and ')}</dd>
        </div>
      </dl>
      <TlsReasons key={edge.id} edge={edge.id} />
      <p>
        <Link to={reachPath(edge)}>Explain the path</Link>
      </p>
    </section>
  );
}

const reachPath = ({ from, to, port }: MeshEdge): string =>
  `/reach?${new URLSearchParams({ from, to, port: String(port) })}`;
