// One edge: what flows now, how it was the last minutes, who is encrypted as whom, which policy
// decided, and its connections one by one.
import { lazy, Suspense, useMemo, type ReactNode } from 'react';
import { Badge } from '../../components/badge.tsx';
import { CommandBlock, CopyButton } from '../../components/command.tsx';
import { Drawer } from '../../components/drawer.tsx';
import { EncryptionBadge } from '../../components/encryption.tsx';
import { formatCount, formatRate, UNKNOWN } from '../../components/format.ts';
import { Loading } from '../../components/states.tsx';
import { Countdown, IdentityText, LiveText, TimeText } from '../../components/text.tsx';
import type { MeshEdge, MeshNode } from '../../api/types.ts';
import { TlsReasons } from '../../components/tls-reason.tsx';
import { Link } from '../../router/link.tsx';
import { store, useSilences } from '../../store/hooks.ts';
import { isUnheard } from '../../store/silence.ts';
import type { EdgeNumbers } from '../../store/samples.ts';
import { useParam } from '../../url/use-view.ts';
import type { ViewState } from '../../url/view-state.ts';
import { Connections } from './connections.tsx';
import { EdgeClosely } from './edge-closely.tsx';
import { Policies } from './policies.tsx';
import { commandName } from './words.ts';

const EdgeChart = lazy(() => import('./edge-chart.tsx'));

type Props = {
  readonly edge: MeshEdge;
  readonly from: MeshNode | undefined;
  readonly to: MeshNode | undefined;
  readonly view: ViewState;
  readonly onClose: () => void;
};

export function EdgePanel({ edge, from, to, view, onClose }: Props): ReactNode {
  const isLive = view.at === null;
  const [fromName, toName] = [from?.name ?? edge.from, to?.name ?? edge.to];
  const title = (
    <>
      {fromName} → {toName} <span className="quiet">:{edge.port}</span>
    </>
  );
  return (
    <Drawer
      label={`Edge ${fromName} to ${toName}, port ${edge.port}`}
      title={title}
      onClose={onClose}
      actions={<Actions edge={edge} from={from} to={to} />}
    >
      <NotReported edge={edge} />
      <Now edge={edge} />
      {isLive && <EdgeClosely edge={edge} />}
      <Suspense fallback={<Loading what="the chart" rows={3} />}>
        <EdgeChart edge={edge} range={view.range} />
      </Suspense>
      <Encrypted edge={edge} from={from} to={to} />
      {isLive && <TlsReasons edge={edge.id} />}
      {isLive && <Policies node={to} port={edge.port} />}
      {isLive && <Connections edge={edge} />}
      {!isLive && <p className="quiet">Policies and single connections of then are not kept.</p>}
    </Drawer>
  );
}

/** Its numbers are then `–`; what else is said of it is of then. */
function NotReported({ edge }: { readonly edge: MeshEdge }): ReactNode {
  const silences = useSilences();
  if (!isUnheard(edge, silences)) return null;
  const ends = [edge.from, edge.to].flatMap((id) => silences.byNode.get(id)?.sinceMs ?? []);
  return (
    <p className="notice warn">
      <span aria-hidden="true" className="hatch-sign" /> No end reports it since{' '}
      <TimeText atMs={Math.max(...ends)} />: what is below was known then.
    </p>
  );
}

function liveTexts(index: number) {
  const of = (pick: (numbers: EdgeNumbers) => string) => (): string => {
    const numbers = store.samples.of(index);
    return numbers ? pick(numbers) : UNKNOWN;
  };
  return {
    server: of((n) => formatRate(n.toServerBytes)),
    client: of((n) => formatRate(n.toClientBytes)),
    open: of((n) => formatCount(n.open)),
    opened: of((n) => formatCount(n.opened)),
    failed: of((n) => formatCount(n.failed)),
    requests: of((n) => `${formatCount(n.requests)}/s`),
  };
}

function Now({ edge }: { readonly edge: MeshEdge }): ReactNode {
  const { index, protocol, application, failure, disagreement } = edge;
  // One function each for as long as the edge is: a new one would subscribe anew at each render.
  const texts = useMemo(() => liveTexts(index), [index]);
  return (
    <section aria-label="Now">
      <div className="big-rates">
        <p>
          <LiveText className="big to-server" text={texts.server} /> <span>→ to server</span>
        </p>
        <p>
          <LiveText className="big to-client" text={texts.client} /> <span>← to client</span>
        </p>
      </div>
      <p>
        <LiveText text={texts.open} /> open · <LiveText text={texts.opened} /> opened/s ·{' '}
        <LiveText text={texts.failed} /> failed/s
        {protocol !== 'tcp' && (
          <>
            {' '}
            · requests <LiveText text={texts.requests} />
          </>
        )}
      </p>
      <p className="quiet">
        {protocol.toUpperCase()} {application} · last traffic <TimeText atMs={edge.lastSeenMs} />
      </p>
      {failure && (
        <p>
          <Badge tone="bad">failing</Badge> {failure.text}{' '}
          <span className="quiet">
            ({failure.flags}, <TimeText atMs={failure.atMs} />)
          </span>
        </p>
      )}
      {disagreement && (
        <p>
          <Badge tone="warn">reporters disagree</Badge> on {disagreement.about}: source says{' '}
          {disagreement.source}, destination says {disagreement.destination}
        </p>
      )}
    </section>
  );
}

type EndsProps = Pick<Props, 'edge' | 'from' | 'to'>;

function Encrypted({ edge, from, to }: EndsProps): ReactNode {
  const { encryption, reporters } = edge;
  const by = reporters.length === 2 ? 'both ends' : (reporters[0] ?? 'nobody');
  return (
    <section aria-label="Encryption">
      <h3>Encryption</h3>
      <p>
        <EncryptionBadge encryption={encryption} />{' '}
        {encryption.version && (
          <span>
            {encryption.version.replace('TLSv', 'TLS ')}{' '}
            <span className="quiet">{encryption.cipher}</span>
          </span>
        )}
      </p>
      {encryption.state !== 'plaintext' && (
        <dl className="facts">
          <dt>client</dt>
          <dd>
            <IdentityText id={encryption.clientIdentity} />
            <CertificateLine node={from} />
          </dd>
          <dt>server</dt>
          <dd>
            <IdentityText id={encryption.serverIdentity} />
            <CertificateLine node={to} />
          </dd>
        </dl>
      )}
      <p className="quiet">
        observed by {by} · <TimeText atMs={encryption.seenAtMs} />
      </p>
    </section>
  );
}

function CertificateLine({ node }: { readonly node: MeshNode | undefined }): ReactNode {
  if (!node?.certificate) return <p className="quiet">certificate unknown</p>;
  return (
    <p className="quiet">
      certificate ends in <Countdown untilMs={node.certificate.notAfterMs} /> (
      {node.certificate.source})
    </p>
  );
}

function Actions({ edge, from, to }: EndsProps): ReactNode {
  const [source, target] = [commandName(from, edge.from), commandName(to, edge.to)];
  const [command, setCommand] = useParam('command');
  const query = new URLSearchParams({ from: source, to: target, port: String(edge.port) });
  return (
    <>
      <Link to={`/reach?${query}`} className="button">
        Explain path
      </Link>
      <button
        type="button"
        aria-expanded={command !== ''}
        onClick={() => setCommand(command === '' ? 'shown' : '')}
      >
        Show as command
      </button>
      <CopyButton label="Copy link" text={location.href} />
      {command !== '' && (
        <CommandBlock
          label="The same in a terminal"
          text={`isthmus tap ${source} ${target}\nisthmus why ${source} ${target}:${edge.port}`}
        />
      )}
    </>
  );
}
