// What a link leads to that is not on the map: an edge or a workload that has left, as it was last.
import type { ReactNode } from 'react';
import type { LastKnown, MeshEdge, MeshNode } from '../../api/types.ts';
import { Drawer } from '../../components/drawer.tsx';
import { EncryptionBadge } from '../../components/encryption.tsx';
import { formatTime, UNKNOWN } from '../../components/format.ts';
import { Empty, Loading, Problem } from '../../components/states.tsx';
import { IdentityText, TimeText } from '../../components/text.tsx';
import { useLastKnown } from '../../components/use-last-known.ts';
import { Link } from '../../router/link.tsx';
import { serverNowMs } from '../../store/hooks.ts';
import { changeView } from '../../url/use-view.ts';
import type { ViewState } from '../../url/view-state.ts';
import { KIND_WORDS } from './geometry.ts';

type Props = {
  /** Of a node, or `edge:<id>`. */
  readonly id: string;
  readonly view: ViewState;
  readonly onClose: () => void;
};

/** At the moment itself it has gone. */
const BEFORE_MS = 1_000;

export function GonePanel({ id, view, onClose }: Props): ReactNode {
  const { value, problem, isLoading, reload } = useLastKnown(id);
  const name = nameOf(id, value);
  return (
    <Drawer label={`Not here: ${name}`} title={name} onClose={onClose}>
      {isLoading && !value && <Loading what="what is remembered of it" rows={4} onRetry={reload} />}
      {problem && problem.code !== 'not-found' && <Problem problem={problem} onRetry={reload} />}
      {problem?.code === 'not-found' && (
        <Empty title={`${name} is not in the mesh.`}>
          <p>It has never been here, or has left more than a week ago.</p>
        </Empty>
      )}
      {value && <Remembered name={name} known={value} at={view.at} />}
    </Drawer>
  );
}

function nameOf(id: string, known: LastKnown | undefined): string {
  if (known?.edge) {
    const { from, to, port } = known.edge;
    const end = (of: string): string => known.ends.find((node) => node.id === of)?.name ?? of;
    return `${end(from)} → ${end(to)} :${port}`;
  }
  if (known?.node) return known.node.name;
  return id.startsWith('edge:') ? 'This edge' : id.replace(/^\w+:/, '');
}

type RememberedProps = {
  readonly name: string;
  readonly known: LastKnown;
  readonly at: number | null;
};

function Remembered({ name, known, at }: RememberedProps): ReactNode {
  const { leftAtMs, node, edge } = known;
  return (
    <>
      <p className="notice" role="status">
        {sentence(name, known, at)}
      </p>
      {leftAtMs !== null && (at === null || at >= leftAtMs) && (
        <p>
          <button type="button" onClick={() => changeView({ at: leftAtMs - BEFORE_MS })}>
            See the map before it left
          </button>
        </p>
      )}
      {node && <LastNode node={node} />}
      {edge && <LastEdge edge={edge} />}
    </>
  );
}

function sentence(name: string, { leftAtMs, edge }: LastKnown, at: number | null): string {
  const nowMs = serverNowMs();
  if (leftAtMs === null || (at !== null && at < leftAtMs)) {
    return `${name} was not on the map at ${formatTime(at ?? nowMs, nowMs)}.`;
  }
  const when = formatTime(leftAtMs, nowMs);
  return edge
    ? `${name} left the map at ${when}: nobody used it any more.`
    : `${name} left the mesh at ${when}.`;
}

function LastNode({ node }: { readonly node: MeshNode }): ReactNode {
  const { name, namespace, kind, identity, addresses, version, network } = node;
  const path = `/workloads/${encodeURIComponent(namespace)}/${encodeURIComponent(name)}`;
  return (
    <section aria-label="Last known state">
      <h3>Last known state</h3>
      <dl className="facts">
        <dt>Kind</dt>
        <dd>{KIND_WORDS[kind]}</dd>
        <dt>Namespace</dt>
        <dd>{namespace || UNKNOWN}</dd>
        <dt>Network</dt>
        <dd>{network || 'of the cluster'}</dd>
        <dt>Addresses</dt>
        <dd>{addresses.join(', ') || UNKNOWN}</dd>
        <dt>Version</dt>
        <dd>{version || UNKNOWN}</dd>
        <dt>Identity</dt>
        <dd>
          <IdentityText id={identity} />
        </dd>
      </dl>
      {namespace !== '' && <Link to={path}>All that is remembered of it</Link>}
    </section>
  );
}

function LastEdge({ edge }: { readonly edge: MeshEdge }): ReactNode {
  const { encryption, application, protocol, service, failure } = edge;
  return (
    <section aria-label="Last known state">
      <h3>Last known state</h3>
      <dl className="facts">
        <dt>Protocol</dt>
        <dd>
          {protocol.toUpperCase()} {application}
        </dd>
        <dt>Service</dt>
        <dd>{service || UNKNOWN}</dd>
        <dt>Encryption</dt>
        <dd>
          <EncryptionBadge encryption={encryption} />
        </dd>
        <dt>Client</dt>
        <dd>
          <IdentityText id={encryption.clientIdentity} />
        </dd>
        <dt>Server</dt>
        <dd>
          <IdentityText id={encryption.serverIdentity} />
        </dd>
        <dt>Last traffic</dt>
        <dd>
          <TimeText atMs={edge.lastSeenMs} />
        </dd>
        {failure && (
          <>
            <dt>Failure</dt>
            <dd className="bad">{failure.text}</dd>
          </>
        )}
      </dl>
    </section>
  );
}
