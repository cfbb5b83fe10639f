// The frame of every page, and what belongs to all of them: keys, search, the moment that is shown.
import { Suspense, useEffect, useMemo, useState, type ReactNode } from 'react';
import { drawerHost } from '../components/drawer.tsx';
import { Empty, Loading } from '../components/states.tsx';
import { Link } from '../router/link.tsx';
import { currentPlace, navigate, usePlace } from '../router/location.ts';
import { pageOf, PAGES } from '../router/routes.ts';
import { feed, serverNowMs, useFeed } from '../store/hooks.ts';
import { changeView, linkTo, useView } from '../url/use-view.ts';
import { parseView } from '../url/view-state.ts';
import { Announcer } from './announcer.tsx';
import { Banners } from './banners.tsx';
import { Fallible } from './fallible.tsx';
import { Help } from './help.tsx';
import { useKeys } from './keys.ts';
import { MeshDrawer } from './mesh-drawer.tsx';
import { Search } from './search.tsx';
import { StatusStrip } from './status-strip.tsx';
import { TopBar } from './top-bar.tsx';

/** The feed follows the address: a link with a moment shows that moment. */
function useMoment(): void {
  const { at } = useView();
  useEffect(() => {
    if (at !== null) feed.goTo(at);
    else if (feed.state.get().mode.kind === 'past') feed.resume();
  }, [at]);
}

const STEP_MS = 10_000;

/** One step in time; a step beyond now is live again. */
function step(byMs: number): void {
  const { at } = parseView(currentPlace().search).state;
  const next = (at ?? Math.floor(serverNowMs() / 1000) * 1000) + byMs;
  changeView({ at: next >= serverNowMs() ? null : next }, 'replace');
}

type Overlay = 'none' | 'search' | 'help';

function useShellKeys(show: (overlay: Overlay) => void): void {
  const keys = useMemo(
    () => ({
      '?': () => show('help'),
      '/': () => show('search'),
      'Ctrl+k': () => show('search'),
      '.': () => (feed.state.get().mode.kind === 'live' ? feed.pause() : changeNow()),
      '[': () => step(-STEP_MS),
      ']': () => step(STEP_MS),
      c: () => void navigator.clipboard.writeText(location.href).catch(() => undefined),
      Escape: () => changeView({ sel: '', panel: '' }),
      ...Object.fromEntries(
        PAGES.map(({ key, segment }) => [`g ${key}`, () => navigate(linkTo(`/${segment}`))]),
      ),
    }),
    [show],
  );
  useKeys(keys);
}

/** Live again, from a pause or from the past. */
function changeNow(): void {
  if (feed.state.get().mode.kind === 'past') changeView({ at: null });
  else feed.resume();
}

export function Shell(): ReactNode {
  const { path } = usePlace();
  const { wall } = useView();
  const { connection, mode } = useFeed();
  const [overlay, setOverlay] = useState<Overlay>('none');
  useEffect(() => feed.start(), []);
  useMoment();
  useShellKeys(setOverlay);
  const page = pageOf(path);
  useEffect(() => {
    document.title = page ? `${page.title} · Isthmus` : 'Isthmus';
  }, [page]);
  const isStale = connection === 'lost' && mode.kind !== 'past';
  const close = (): void => setOverlay('none');
  return (
    <div className={`shell${wall ? ' wall' : ''}${isStale ? ' stale' : ''}`}>
      <a className="skip" href="#main">
        Skip to content
      </a>
      <TopBar current={page} onSearch={() => setOverlay('search')} />
      <Banners />
      <div className="stage">
        <main id="main" tabIndex={-1}>
          <Fallible key={page?.segment}>
            <Suspense fallback={<Loading what="the page" />}>
              {page ? <page.component /> : <NoSuchPage path={path} />}
            </Suspense>
          </Fallible>
        </main>
        <div ref={drawerHost.set} className="drawer-host" />
      </div>
      <StatusStrip />
      <MeshDrawer />
      <Announcer />
      {overlay === 'help' && <Help onClose={close} />}
      {overlay === 'search' && <Search onClose={close} />}
    </div>
  );
}

function NoSuchPage({ path }: { readonly path: string }): ReactNode {
  return (
    <>
      <h1>No such page</h1>
      <Empty title={`There is no page at ${path}.`}>
        <Link to="/">Go to the map</Link>
      </Empty>
    </>
  );
}
