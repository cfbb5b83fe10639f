// One workload: what it is, who it is until when, and whom it talks to.
import type { ReactNode } from 'react';
import { Badge } from '../../components/badge.tsx';
import { CopyButton } from '../../components/command.tsx';
import { Drawer } from '../../components/drawer.tsx';
import { UNKNOWN } from '../../components/format.ts';
import { LockIcon } from '../../components/lock.tsx';
import { Countdown, IdentityText, LiveRates, TimeText } from '../../components/text.tsx';
import type { Instance, MeshEdge, MeshNode } from '../../api/types.ts';
import { Link } from '../../router/link.tsx';
import { store, useEdges, useSilence } from '../../store/hooks.ts';
import { changeView } from '../../url/use-view.ts';
import { KIND_WORDS } from './geometry.ts';
import type { Placed } from './use-layout.ts';

type Props = {
  readonly node: MeshNode;
  readonly placed: Placed;
  readonly onClose: () => void;
};

const TONES = { healthy: 'good', unhealthy: 'bad', unknown: 'unknown' } as const;

export function NodePanel({ node, placed, onClose }: Props): ReactNode {
  const isMember = node.namespace !== '';
  return (
    <Drawer
      label={`Workload ${node.name}`}
      title={
        <>
          {node.name} <span className="quiet">{KIND_WORDS[node.kind]}</span>
        </>
      }
      onClose={onClose}
      actions={
        <>
          {isMember && (
            <Link
              to={`/workloads/${node.namespace}/${encodeURIComponent(node.name)}`}
              className="button"
            >
              All about it
            </Link>
          )}
          {node.join && (
            <Link to={`/join/${encodeURIComponent(node.join.id)}`} className="button">
              See it join
            </Link>
          )}
          <CopyButton label="Show as command" text={commandOf(node)} title={commandOf(node)} />
          <CopyButton label="Copy link" text={location.href} />
          {placed.isPinned(node.id) && (
            <button type="button" onClick={() => placed.unpin(node.id)}>
              Unpin
            </button>
          )}
        </>
      }
    >
      {node.state === 'gone' && (
        <p className="notice warn">
          {node.name} left the mesh at <TimeText atMs={node.changedAtMs} />: this is how it was last
          known. Edges of the last day still lead to it.
        </p>
      )}
      <p>
        {node.state !== 'gone' && (
          <Badge tone={TONES[node.health]}>
            {node.health === 'unknown' ? 'health unknown' : node.health}
          </Badge>
        )}{' '}
        <NoReport node={node.id} />{' '}
        {node.join && (
          <Badge tone="warn">
            joining, step {node.join.step} of {node.join.steps}
          </Badge>
        )}
      </p>
      <Facts node={node} />
      {node.state !== 'gone' && <Instances instances={node.instances} />}
      <Neighbours id={node.id} />
    </Drawer>
  );
}

function NoReport({ node }: { readonly node: string }): ReactNode {
  const silence = useSilence(node);
  if (!silence) return null;
  return (
    <Badge tone="warn">
      <span aria-hidden="true" className="hatch-sign" /> no report since{' '}
      <TimeText atMs={silence.sinceMs} />: {silence.names.join(', ')}
    </Badge>
  );
}

const commandOf = ({ kind, namespace, name }: MeshNode): string =>
  kind === 'vm'
    ? `kubectl get workloadentry ${name} --namespace ${namespace} -o yaml`
    : namespace === ''
      ? 'isthmus top'
      : `isthmus tap ${name}.${namespace}`;

function Facts({ node }: { readonly node: MeshNode }): ReactNode {
  const { certificate } = node;
  const ports = node.ports.map(({ port, name }) => `${port} ${name}`).join(', ');
  return (
    <dl className="facts">
      <dt>Namespace</dt>
      <dd>{node.namespace || UNKNOWN}</dd>
      <dt>Network</dt>
      <dd>{node.network || 'of the cluster'}</dd>
      <dt>Addresses</dt>
      <dd>{node.addresses.join(', ') || UNKNOWN}</dd>
      <dt>Ports</dt>
      <dd>{ports || UNKNOWN}</dd>
      <dt>Version</dt>
      <dd>{node.version || UNKNOWN}</dd>
      <dt>Identity</dt>
      <dd>
        <IdentityText id={node.identity} />
      </dd>
      <dt>Certificate</dt>
      <dd>
        <Countdown untilMs={certificate?.notAfterMs ?? null} />{' '}
        {certificate && (
          <span className="quiet">
            left, rotated {certificate.rotations} times ({certificate.source})
          </span>
        )}
      </dd>
      <dt>Changed</dt>
      <dd>
        <TimeText atMs={node.changedAtMs} />
      </dd>
    </dl>
  );
}

function Instances({ instances }: { readonly instances: readonly Instance[] }): ReactNode {
  if (instances.length === 0) return null;
  return (
    <section aria-label="Agents">
      <h3>Agents</h3>
      {instances.map(({ key, agent }) => (
        <p key={key}>
          {key.split('/').at(-1)}{' '}
          {agent ? (
            <>
              <span className={agent.isConnected ? 'good' : 'bad'}>
                {agent.isConnected ? 'connected' : 'not connected'}
              </span>{' '}
              <span className="quiet">
                version {agent.version || UNKNOWN} · configuration {agent.acknowledged}/
                {agent.subscribed} in force
              </span>
              {agent.rejection !== '' && <span className="bad"> rejected: {agent.rejection}</span>}
            </>
          ) : (
            <span className="unknown">has never called</span>
          )}
        </p>
      ))}
    </section>
  );
}

function Neighbours({ id }: { readonly id: string }): ReactNode {
  const own = useEdges().filter(({ from, to }) => from === id || to === id);
  const line = (edge: MeshEdge): ReactNode => {
    const other = edge.from === id ? edge.to : edge.from;
    return (
      <li key={edge.id}>
        <LockIcon state={edge.encryption.state} />{' '}
        <button
          type="button"
          className="link"
          onClick={() => changeView({ sel: `edge:${edge.id}`, panel: '' })}
        >
          {edge.from === id ? 'calls ' : 'called by '}
          {store.node(other)?.name ?? other} :{edge.port}
        </button>{' '}
        <span className="quiet">
          <LiveRates index={edge.index} />
        </span>
      </li>
    );
  };
  return (
    <section aria-label="Talks to">
      <h3>Talks to</h3>
      {own.length === 0 ? (
        <p className="quiet">Nobody yet.</p>
      ) : (
        <ul className="plain">{own.map(line)}</ul>
      )}
    </section>
  );
}
