// Who is connected to it, and what it is connected to; below, each connection as it happens.
import { useCallback, useMemo, type ReactNode } from 'react';
import type { MeshEdge, MeshNode } from '../../../api/types.ts';
import { EncryptionBadge } from '../../../components/encryption.tsx';
import { formatCount, formatMs, formatPercent } from '../../../components/format.ts';
import { LiveText, ratesOf } from '../../../components/text.tsx';
import { Link } from '../../../router/link.tsx';
import { store, useEdges } from '../../../store/hooks.ts';
import { useParam } from '../../../url/use-view.ts';
import { flagsText } from '../response-flags.ts';
import { LiveTap } from './live-tap.tsx';
import { Neighbour } from './neighbours.tsx';

export function ConnectionsTab({ node }: { readonly node: MeshNode }): ReactNode {
  const edges = useEdges();
  const [selected, select] = useParam('edge');
  const { inbound, outbound } = useMemo(() => {
    const ordered = edges.toSorted((a, b) => a.port - b.port || a.id.localeCompare(b.id));
    return {
      inbound: ordered.filter(({ to }) => to === node.id),
      outbound: ordered.filter(({ from }) => from === node.id),
    };
  }, [edges, node.id]);
  const cards = { selected, onSelect: (id: string) => select(id === selected ? '' : id) };
  return (
    <div className="connections">
      <div className="card-columns">
        <CardList title="Inbound" edges={inbound} peerOf={({ from }) => from} {...cards} />
        <CardList title="Outbound" edges={outbound} peerOf={({ to }) => to} {...cards} />
      </div>
      <LiveTap node={node} edge={selected} />
    </div>
  );
}

type CardListProps = {
  readonly title: 'Inbound' | 'Outbound';
  readonly edges: readonly MeshEdge[];
  readonly peerOf: (edge: MeshEdge) => string;
  readonly selected: string;
  readonly onSelect: (id: string) => void;
};

function CardList({ title, edges, peerOf, selected, onSelect }: CardListProps): ReactNode {
  return (
    <section aria-label={title} className="card-list">
      <h2>
        {title} <span className="quiet">{edges.length}</span>
      </h2>
      {edges.length === 0 && (
        <p className="quiet">
          {title === 'Inbound' ? 'Nobody has connected to it' : 'It has connected to nobody'} in the
          last 5 min.
        </p>
      )}
      {edges.map((edge) => (
        <EdgeCard
          key={edge.id}
          edge={edge}
          peer={peerOf(edge)}
          isSelected={edge.id === selected}
          onSelect={() => onSelect(edge.id)}
        />
      ))}
    </section>
  );
}

type EdgeCardProps = {
  readonly edge: MeshEdge;
  readonly peer: string;
  readonly isSelected: boolean;
  readonly onSelect: () => void;
};

function EdgeCard({ edge, peer, isSelected, onSelect }: EdgeCardProps): ReactNode {
  const { index, port, protocol, application, encryption, failure, disagreement } = edge;
  const rates = useCallback(() => ratesOf(index), [index]);
  const counts = useCallback(() => countsOf(index), [index]);
  return (
    <article className={isSelected ? 'edge-card selected' : 'edge-card'}>
      <p className="edge-card-head">
        <Neighbour id={peer} />
        <span className="quiet">
          {' '}
          :{port} {application || protocol}
        </span>
        <button type="button" className="link" aria-pressed={isSelected} onClick={onSelect}>
          {isSelected ? 'Show all' : 'Tap only this'}
        </button>
      </p>
      <p>
        <LiveText className="rates" text={rates} /> <LiveText className="quiet" text={counts} />
      </p>
      <p>
        <EncryptionBadge encryption={encryption} />
      </p>
      {failure && (
        <p className="bad" title={flagsText(failure.flags)}>
          {failure.text} <span className="quiet">{failure.flags}</span>{' '}
          <Link to={reachPath(edge)}>Why?</Link>
        </p>
      )}
      {disagreement && (
        <p className="warn">
          Reporters disagree on {disagreement.about}: the source says {disagreement.source}, the
          destination {disagreement.destination}.
        </p>
      )}
    </article>
  );
}

function countsOf(index: number): string {
  const numbers = store.samples.of(index);
  if (!numbers) return 'no numbers yet';
  const { open, opened, failed, requests, p95Ms, errorShare } = numbers;
  const parts = [`${formatCount(open)} open`, `${formatCount(opened)}/s opened`];
  if (failed > 0) parts.push(`${formatCount(failed)}/s failed`);
  if (requests > 0) parts.push(`${formatCount(requests)} req/s`);
  if (p95Ms !== null) parts.push(`p95 ${formatMs(p95Ms)}`);
  if (errorShare) parts.push(`${formatPercent(errorShare)} of requests failed`);
  return parts.join(' · ');
}

const reachPath = ({ from, to, port }: MeshEdge): string =>
  `/reach?${new URLSearchParams({ from, to, port: String(port) })}`;
