// What the whole page has to say before anything else: it is old, it is the past, it is outdated.
import type { ReactNode } from 'react';
import { browserClock } from '../base/clock.ts';
import { formatDuration, formatTime } from '../components/format.ts';
import { feed, serverNowMs, store, useFeed, useNowMs, useStatus } from '../store/hooks.ts';
import { changeView, useParsedView } from '../url/use-view.ts';

export function Banners(): ReactNode {
  const { connection, mode, isNewVersion, problem } = useFeed();
  const { problems } = useParsedView();
  return (
    <div className="banners">
      {connection === 'lost' && mode.kind !== 'past' && <FeedLost />}
      {mode.kind === 'past' && <Past atMs={mode.atMs} />}
      {problem && store.isLoaded && (
        <p className="banner warn" role="alert">
          {problem.message}
        </p>
      )}
      {isNewVersion && (
        <p className="banner" role="status">
          The control plane has another version now.
          <button type="button" onClick={() => location.reload()}>
            New version: reload
          </button>
        </p>
      )}
      {problems.length > 0 && (
        <p className="banner" role="status">
          Ignored in the address: {problems.join('; ')}
        </p>
      )}
      <Silent />
    </div>
  );
}

function FeedLost(): ReactNode {
  return (
    <div className="banner warn">
      <p role="alert">Live feed lost, retrying</p>
      <LostSince />
      <button type="button" onClick={() => feed.retry()}>
        Retry now
      </button>
    </div>
  );
}

/** Outside of the alert: a number that is read aloud each second drives people away. */
function LostSince(): ReactNode {
  const { heardMs } = useFeed();
  useNowMs();
  return (
    <span>{formatDuration(browserClock.nowMs() - heardMs)} ago: all numbers here are that old</span>
  );
}

function Past({ atMs }: { readonly atMs: number }): ReactNode {
  const isKnown = store.pastMs !== null;
  return (
    <p className="banner past" role="status">
      {isKnown
        ? `You see the mesh as it was at ${formatTime(atMs, serverNowMs())}.`
        : 'This control plane remembers no moment before now; what you see is of now.'}
      <button type="button" onClick={() => changeView({ at: null })}>
        Back to live
      </button>
    </p>
  );
}

function Silent(): ReactNode {
  const status = useStatus();
  if (!status || status.silent.length === 0) return null;
  const { silent, proxies } = status;
  const names = silent.slice(0, 3).join(', ') + (silent.length > 3 ? ' …' : '');
  return (
    <p className="banner" role="status">
      {silent.length} of {proxies} proxies {silent.length === 1 ? 'has' : 'have'} not reported for a
      while: {names}
    </p>
  );
}
