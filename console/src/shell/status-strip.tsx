// The line at the bottom: is the feed live, is the mesh in order. Each item opens the drawer.
import type { ReactNode } from 'react';
import { formatAgo, formatCountdown } from '../components/format.ts';
import { store, useFeed, useNowMs, useStatus } from '../store/hooks.ts';
import { browserClock } from '../base/clock.ts';
import { changeView } from '../url/use-view.ts';

const open = (): void => changeView({ panel: 'mesh', sel: '' });

export function StatusStrip(): ReactNode {
  const status = useStatus();
  if (!status) return <footer className="strip">Waiting for the mesh …</footer>;
  const { proxies, proxiesInSync, plaintextEdges, nextExpiryMs, silent } = status;
  return (
    <footer className="strip" aria-label="State of the mesh">
      <FeedItem />
      <Item isBad={proxiesInSync < proxies}>
        configuration in force on {proxiesInSync}/{proxies} proxies
      </Item>
      {silent.length > 0 && (
        <Item isBad>
          {silent.length} prox{silent.length === 1 ? 'y does' : 'ies do'} not report
        </Item>
      )}
      <Item isBad={plaintextEdges > 0}>
        {plaintextEdges} plaintext edge{plaintextEdges === 1 ? '' : 's'}
      </Item>
      <Item>
        <NextExpiry atMs={nextExpiryMs} />
      </Item>
      <span className="space" />
      <span className="quiet revision">
        {status.version && `version ${status.version} · `}rev {store.revision}
      </span>
    </footer>
  );
}

type ItemProps = { readonly isBad?: boolean; readonly children: ReactNode };

function Item({ isBad = false, children }: ItemProps): ReactNode {
  return (
    <button type="button" className={isBad ? 'strip-item attention' : 'strip-item'} onClick={open}>
      {isBad && <span aria-hidden="true">⚠ </span>}
      {children}
    </button>
  );
}

function NextExpiry({ atMs }: { readonly atMs: number | null }): ReactNode {
  const nowMs = useNowMs();
  if (atMs === null) return 'no certificate known';
  return `next expiry ${formatCountdown(atMs - nowMs)}`;
}

function FeedItem(): ReactNode {
  const { connection, heardMs, mode } = useFeed();
  useNowMs();
  if (mode.kind === 'past') return <span>the past</span>;
  if (mode.kind === 'paused') return <span>paused</span>;
  const age = formatAgo(heardMs, browserClock.nowMs());
  return (
    <span className={connection === 'live' ? 'live-word' : 'warn'}>
      <span aria-hidden="true">● </span>
      {connection === 'live'
        ? 'live'
        : connection === 'lost'
          ? `no news since ${age}`
          : 'connecting'}
    </span>
  );
}
