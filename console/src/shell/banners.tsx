// What the whole page has to say before anything else: it is old, it is the past, it is outdated.
import type { ReactNode } from 'react';
import { browserClock } from '../base/clock.ts';
import { formatDuration, formatTime } from '../components/format.ts';
import type { FeedMode } from '../store/feed-state.ts';
import { feed, serverNowMs, store, useFeed, useNowMs, useSilences } from '../store/hooks.ts';
import { usePlace } from '../router/location.ts';
import { pageOf } from '../router/routes.ts';
import { changeView, useParsedView } from '../url/use-view.ts';

export function Banners(): ReactNode {
  const { connection, mode, isNewVersion, problem } = useFeed();
  const { problems } = useParsedView();
  return (
    <div className="banners">
      {connection === 'lost' && mode.kind !== 'past' && <FeedLost />}
      {mode.kind === 'past' && <Past mode={mode} />}
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

type PastMode = Extract<FeedMode, { kind: 'past' }>;

/** Between two changes nothing is different: so much off it is still the same moment. */
const SAME_MS = 1_000;

/** What is shown is said, also where it is not quite what was asked for. */
function pastText({ atMs, shownMs }: PastMode): string {
  const nowMs = serverNowMs();
  const asked = formatTime(atMs, nowMs);
  if (shownMs === undefined) return `The mesh as it was at ${asked} is being loaded.`;
  if (shownMs === null) {
    return 'This control plane remembers no moment before now; what you see is of now.';
  }
  const shown = formatTime(shownMs, nowMs);
  if (shownMs > atMs + SAME_MS) {
    return `The past begins at ${shown}: that is what you see, and not ${asked}.`;
  }
  if (shownMs < atMs - SAME_MS) {
    return `Nothing is known of ${asked}, because nobody took notes: you see the last before it, ${shown}.`;
  }
  return `You see the mesh as it was at ${asked}.`;
}

/** Rules and probes are of now, whatever moment the others show. */
const PAGES_OF_NOW: ReadonlySet<string> = new Set(['reach', 'policies']);

function Past({ mode }: { readonly mode: PastMode }): ReactNode {
  const { path } = usePlace();
  const page = pageOf(path);
  const isOfNow = page !== undefined && PAGES_OF_NOW.has(page.segment);
  return (
    <p className="banner past" role="status">
      {isOfNow
        ? `${page.title} has no past: it shows now. The other pages show ${formatTime(mode.atMs, serverNowMs())}.`
        : pastText(mode)}
      <button type="button" onClick={() => changeView({ at: null })}>
        Back to live
      </button>
    </p>
  );
}

const NAMES_MAX = 3;

/** `1 of 3 proxies has not reported for 40 s: mysql-2-vm` */
function Silent(): ReactNode {
  const { byNode, proxies } = useSilences();
  const nowMs = useNowMs();
  if (byNode.size === 0) return null;
  const silences = [...byNode.values()];
  const names = silences.flatMap((silence) => silence.names);
  const shown = names.slice(0, NAMES_MAX).join(', ') + (names.length > NAMES_MAX ? ' …' : '');
  const who = `${names.length} of ${proxies} proxies ${names.length === 1 ? 'has' : 'have'}`;
  const sinceMs = Math.min(...silences.map((silence) => silence.sinceMs));
  const age = sinceMs > 0 ? formatDuration(Math.max(0, nowMs - sinceMs)) : 'a while';
  return (
    <div className="banner warn">
      <p>
        <span aria-hidden="true" className="hatch-sign" /> {who} not reported for {age}: {shown}
      </p>
      {/* Read aloud once, and not each second. */}
      <span className="hidden" role="status">
        {who} not reported for a while: {shown}
      </span>
      <button type="button" onClick={() => changeView({ panel: 'alerts', sel: '' })}>
        Show
      </button>
    </div>
  );
}
