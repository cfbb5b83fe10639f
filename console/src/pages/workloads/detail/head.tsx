// Name and state of a workload, its numbers now, and what can be done with it.
import { useMemo, type ReactNode } from 'react';
import type { MeshNode } from '../../../api/types.ts';
import { CopyButton } from '../../../components/command.tsx';
import { Badge, type Tone } from '../../../components/badge.tsx';
import { formatCount, formatRate } from '../../../components/format.ts';
import { IdentityText, LiveText, TimeText } from '../../../components/text.tsx';
import { Link } from '../../../router/link.tsx';
import { useAllowed } from '../../../store/abilities.ts';
import { useEdges, useNews, useNowMs } from '../../../store/hooks.ts';
import { certificateState, countdownText, toneOf } from '../../identity/countdown.ts';
import { kindText, silenceOf } from '../list/rows.ts';
import { trafficNow } from '../list/use-rows.ts';
import { workloadApi } from './workload-api.ts';

type Props = { readonly node: MeshNode; readonly isGone: boolean };

const HEALTH_TONES: Readonly<Record<MeshNode['health'], Tone>> = {
  healthy: 'good',
  unhealthy: 'bad',
  unknown: 'unknown',
};

export function DetailHead({ node, isGone }: Props): ReactNode {
  const { name, health, state, kind } = node;
  return (
    <>
      <header className="page-head">
        <h1>{name}</h1>
        <span className={`kind ${kind}`}>{kindText(node)}</span>
        {state === 'joining' && <Badge tone="warn">joining</Badge>}
        {!isGone && state === 'member' && (
          <Badge tone={HEALTH_TONES[health]}>
            {health === 'unknown' ? 'health unknown' : health}
          </Badge>
        )}
        {isGone && <Gone node={node} />}
        <Actions node={node} />
      </header>
      <Numbers node={node} />
    </>
  );
}

function Gone({ node }: { readonly node: MeshNode }): ReactNode {
  const news = useNews();
  const left = news.find((one) => one.kind === 'gone' && one.node.id === node.id);
  return (
    <Badge tone="warn">
      left the mesh{' '}
      {left?.kind === 'gone' ? <TimeText atMs={left.atMs} /> : <TimeText atMs={node.changedAtMs} />}
    </Badge>
  );
}

function Actions({ node }: { readonly node: MeshNode }): ReactNode {
  const reason = useAllowed(node.namespace).reasonAgainst('proxy');
  return (
    <span className="page-actions">
      <Link to={`/?${new URLSearchParams({ sel: node.id })}`} view={{ sel: node.id }}>
        On the map
      </Link>
      <Link to={`/reach?${new URLSearchParams({ to: node.id })}`}>Explain path</Link>
      <CopyButton text={location.href} label="Copy link" />
      {reason === '' ? (
        <a className="button" href={workloadApi(node, 'bundle')} download>
          Bundle ⇩
        </a>
      ) : (
        <button type="button" disabled title={reason}>
          Bundle ⇩
        </button>
      )}
    </span>
  );
}

function Numbers({ node }: { readonly node: MeshNode }): ReactNode {
  const edges = useEdges();
  const own = useMemo(
    () => edges.filter(({ from, to }) => from === node.id || to === node.id),
    [edges, node.id],
  );
  const texts = useMemo(
    () => ({
      toServer: () => formatRate(trafficNow(own).toServer),
      toClient: () => formatRate(trafficNow(own).toClient),
      open: () => formatCount(trafficNow(own).open),
    }),
    [own],
  );
  return (
    <dl className="head-numbers">
      <div>
        <dt>→ to server</dt>
        <dd>
          <LiveText text={texts.toServer} />
        </dd>
      </div>
      <div>
        <dt>← to client</dt>
        <dd>
          <LiveText text={texts.toClient} />
        </dd>
      </div>
      <div>
        <dt>open connections</dt>
        <dd>
          <LiveText text={texts.open} />
        </dd>
      </div>
      <div>
        <dt>certificate</dt>
        <dd>
          <CertificateClock node={node} />
        </dd>
      </div>
      <div className="wide">
        <dt>identity</dt>
        <dd>
          {node.identity === '' ? (
            <span className="unknown">unknown ({silenceOf(node)})</span>
          ) : (
            <IdentityText id={node.identity} />
          )}
        </dd>
      </div>
    </dl>
  );
}

function CertificateClock({ node: { certificate } }: { readonly node: MeshNode }): ReactNode {
  const nowMs = useNowMs();
  const state = certificateState(certificate, nowMs);
  const tone = toneOf(state);
  return (
    <span className={tone === 'neutral' ? 'countdown' : `countdown ${tone}`}>
      {countdownText(state)}
    </span>
  );
}
