import { useState, type ReactNode } from 'react';
import { Link } from '../router/link.tsx';
import { PAGES, type Page } from '../router/routes.ts';
import type { FeedMode } from '../store/feed-state.ts';
import { feed, store, useAlerts, useFeed, useNodes, useSession } from '../store/hooks.ts';
import { changeView, useView } from '../url/use-view.ts';
import { signOut } from './session.ts';
import { useTheme } from './theme.ts';

type Props = { readonly current: Page | undefined; readonly onSearch: () => void };

export function TopBar({ current, onSearch }: Props): ReactNode {
  return (
    <header className="top-bar">
      <span className="product">
        <img src="/icon.svg" alt="" width="20" height="20" />
        Isthmus
      </span>
      <nav aria-label="Pages">
        {PAGES.map((page) => (
          <Link key={page.segment} to={`/${page.segment}`} isCurrent={page === current}>
            {page.title}
          </Link>
        ))}
      </nav>
      <span className="space" />
      <Scope />
      <TimeButtons />
      <button type="button" className="search-button" onClick={onSearch}>
        Search <kbd>/</kbd>
      </button>
      <AlertsButton />
      <ThemeButton />
      <User />
    </header>
  );
}

/** Which namespaces are shown. One at a time here; links may name several. */
function Scope(): ReactNode {
  const { ns } = useView();
  const names = new Set(useNodes().map(({ namespace }) => namespace));
  const all = [...names.union(new Set(ns))].filter(Boolean).toSorted();
  const several = ns.join(',');
  return (
    <label className="choice">
      <span>ns</span>
      <select
        aria-label="Namespaces"
        value={several}
        onChange={({ target }) => changeView({ ns: target.value ? target.value.split(',') : [] })}
      >
        <option value="">all</option>
        {ns.length > 1 && <option value={several}>{several}</option>}
        {all.map((name) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}

function TimeButtons(): ReactNode {
  const { mode, connection } = useFeed();
  if (mode.kind === 'past') {
    return (
      <button type="button" onClick={() => changeView({ at: null })}>
        Back to live
      </button>
    );
  }
  const isPaused = mode.kind === 'paused';
  return (
    <button
      type="button"
      className={`live is-${isPaused ? 'paused' : connection}`}
      aria-pressed={isPaused}
      title={isPaused ? goOnTitle(mode) : 'Pause (.)'}
      onClick={() => (isPaused ? feed.resume() : feed.pause())}
    >
      <span className="dot" aria-hidden="true" />
      {isPaused
        ? pausedText(mode)
        : connection === 'live'
          ? 'Live'
          : connection === 'lost'
            ? 'Feed lost'
            : 'Connecting'}
    </button>
  );
}

const goOnTitle = ({ isTooLong }: { readonly isTooLong: boolean }): string =>
  isTooLong ? 'Go on (.): what was missed is loaded, not played' : 'Go on (.)';

/** `paused · 132 changes`; of too long a pause `paused · 132 changes, loads anew`. */
function pausedText(mode: Extract<FeedMode, { kind: 'paused' }>): string {
  const { changes, isTooLong } = mode;
  const text = `paused · ${changes} change${changes === 1 ? '' : 's'}`;
  return isTooLong ? `${text}, loads anew` : text;
}

function AlertsButton(): ReactNode {
  const { length } = useAlerts();
  const { panel } = useView();
  return (
    <button
      type="button"
      className={length > 0 ? 'alerts some' : 'alerts'}
      aria-expanded={panel === 'alerts'}
      onClick={() => changeView({ panel: panel === 'alerts' ? '' : 'alerts', sel: '' })}
    >
      {alertsText(length)}
    </button>
  );
}

/** Before the mesh is known nobody can say that nothing is wrong. */
function alertsText(count: number): string {
  if (!store.isLoaded) return 'Alerts: –';
  return count === 0 ? 'No alerts' : `${count} alert${count === 1 ? '' : 's'}`;
}

const THEME_SIGNS = { system: '◐', light: '☀', dark: '☾' } as const;

function ThemeButton(): ReactNode {
  const { theme, next } = useTheme();
  return (
    <button
      type="button"
      className="icon"
      aria-label={`Theme: ${theme}`}
      title={`Theme: ${theme}`}
      onClick={next}
    >
      {THEME_SIGNS[theme]}
    </button>
  );
}

function User(): ReactNode {
  const { user, role } = useSession();
  const [isOpen, setIsOpen] = useState(false);
  return (
    <span className="user">
      <button
        type="button"
        className="icon"
        aria-expanded={isOpen}
        onClick={() => setIsOpen(!isOpen)}
      >
        {role}
      </button>
      {isOpen && (
        <span className="menu">
          <span>
            Signed in as <strong>{user}</strong>
          </span>
          <button type="button" onClick={() => void signOut()}>
            Sign out
          </button>
        </span>
      )}
    </span>
  );
}
