// How components read the store. Each hook renders its component again only when what it reads has
// changed; what changes each second (samples) is written straight into the page by <LiveText>.
import { useCallback, useSyncExternalStore } from 'react';
import type {
  Alert,
  Join,
  MeshEdge,
  MeshNode,
  MeshStatus,
  Network,
  Session,
} from '../api/types.ts';
import { browserClock, onSecond } from '../base/clock.ts';
import { Cell, type FeedState } from './feed-state.ts';
import { Feed } from './feed.ts';
import { MeshStore, type News, type Topic } from './mesh-store.ts';
import type { Silence, Silences } from './silence.ts';

export const store = new MeshStore();
export const feed = new Feed(store);
/** Null: nobody is signed in; undefined: that is not known yet. */
export const session = new Cell<Session | null | undefined>(undefined);

// Pages are loaded when they are opened: one that is not there any more is of an older build.
addEventListener('vite:preloadError', () => feed.isOutdated());

// A hidden page takes everything in and paints nothing; when it is seen again, once.
document.addEventListener('visibilitychange', () => {
  if (!document.hidden) store.repaint();
});

function useTopic<T>(topic: Topic, read: () => T): T {
  const subscribe = useCallback(
    (listener: () => void) => store.subscribe(topic, listener),
    [topic],
  );
  return useSyncExternalStore(subscribe, read);
}

export const useNodes = (): readonly MeshNode[] => useTopic('nodes', store.nodes);
export const useEdges = (): readonly MeshEdge[] => useTopic('edges', store.edges);
export const useAlerts = (): readonly Alert[] => useTopic('alerts', store.alerts);
export const useJoins = (): readonly Join[] => useTopic('joins', store.joins);
export const useNews = (): readonly News[] => useTopic('news', store.news);
export const useSilences = (): Silences => useTopic('silences', store.silences);
export const useSilence = (node: string): Silence | undefined => useSilences().byNode.get(node);
export const useNetworks = (): readonly Network[] => useTopic('networks', () => store.networks);
export const useStatus = (): MeshStatus | undefined => useTopic('status', () => store.status);
export const useNode = (id: string): MeshNode | undefined =>
  useTopic(`node:${id}`, () => store.node(id));
export const useEdge = (id: string): MeshEdge | undefined =>
  useTopic(`edge:${id}`, () => store.edge(id));

export const useCell = <T>(cell: Cell<T>): T => useSyncExternalStore(cell.subscribe, cell.get);
export const useFeed = (): FeedState => useCell(feed.state);
/** Who is signed in; only to be used where somebody is. */
export function useSession(): Session {
  const current = useCell(session);
  if (!current) throw new Error('used where nobody is signed in');
  return current;
}

/** Now, by the control plane's clock. */
export const serverNowMs = (): number => browserClock.nowMs() + store.skewMs;

/** The moment that the page shows: now, or the past that was asked for. */
export const shownNowMs = (): number => store.pastMs ?? serverNowMs();

const secondsNow = (): number => Math.floor(shownNowMs() / 1000);

/** The moment shown, in whole seconds; renders again each second. For few components at a time. */
export const useNowMs = (): number => useSyncExternalStore(onSecond, secondsNow) * 1000;
