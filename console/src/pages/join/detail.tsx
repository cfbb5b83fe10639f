// One machine on its way in: the command to run on it, then what has happened.
import type { ReactNode } from 'react';
import type { Join, JoinInvitation } from '../../api/types.ts';
import { CopyButton } from '../../components/command.tsx';
import { TimeText } from '../../components/text.tsx';
import { formatCountdown } from '../../components/format.ts';
import { Link } from '../../router/link.tsx';
import { useNowMs } from '../../store/hooks.ts';
import { useView } from '../../url/use-view.ts';
import { Progress } from './list.tsx';
import { CancelJoin } from './cancel.tsx';
import { JoinSteps } from './steps.tsx';

type Props = { readonly join: Join; readonly invitation: JoinInvitation | undefined };

export function JoinDetail({ join, invitation }: Props): ReactNode {
  const { at } = useView();
  return (
    <div className="page join-page">
      <nav aria-label="Breadcrumb" className="crumbs">
        <Link to="/join">Join</Link> <span aria-hidden="true">›</span>
      </nav>
      <header className="page-head">
        <h1>{join.name}</h1>
        <Progress join={join} />
        <span className="quiet">
          in {join.namespace}, started by {join.by} <TimeText atMs={join.startedAtMs} />
        </span>
        <span className="page-actions">
          <CopyButton text={location.href} label="Copy link" />
          {join.endedAtMs === null && at === null && <CancelJoin join={join} />}
          {join.node !== '' && <Link to={workloadPath(join)}>Workload</Link>}
        </span>
      </header>
      {invitation ? <Invitation invitation={invitation} /> : <TokenGone join={join} />}
      <JoinSteps join={join} />
      <p className="quiet">
        In a shell: <code>isthmus join-status {join.name}</code>
      </p>
    </div>
  );
}

const workloadPath = ({ node, namespace, name }: Join): string => {
  const [, ns = namespace, workload = name] = /^wl:([^/]+)\/(.+)$/.exec(node) ?? [];
  return `/workloads/${encodeURIComponent(ns)}/${encodeURIComponent(workload)}`;
};

function Invitation({ invitation }: { readonly invitation: JoinInvitation }): ReactNode {
  const { command, expiresAtMs, join } = invitation;
  const nowMs = useNowMs();
  const isOver = expiresAtMs <= nowMs;
  return (
    <section className="card invitation" aria-labelledby="run-this">
      <h2 id="run-this">Type this on {join.name}</h2>
      <div role="region" aria-label="Install command" className="install">
        <pre>{command}</pre>
      </div>
      <div className="install-foot">
        <CopyButton text={command} label="Copy command" className="primary" />
        <span className={isOver ? 'bad' : undefined}>
          {isOver ? (
            'The token has expired: add the VM again for a new one.'
          ) : (
            <>
              Token good once, for{' '}
              <span className="countdown">{formatCountdown(expiresAtMs - nowMs)}</span>
            </>
          )}
        </span>
        <span className="quiet">Copy it now: it is shown here only, and only until you leave.</span>
      </div>
    </section>
  );
}

function TokenGone({ join }: { readonly join: Join }): ReactNode {
  const isWaiting = join.endedAtMs === null && join.steps[1]?.state === 'waiting';
  return (
    <p className="token-gone">
      The token is no longer shown: nobody keeps it.{' '}
      {isWaiting && (
        <>
          If the command was not run, <Link to="/join?add=1">add the VM again</Link> for a new one.
        </>
      )}
    </p>
  );
}
