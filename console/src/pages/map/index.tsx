// The map: what talks to what, how much, is it safe, what just changed.
import { useMemo, useSyncExternalStore, type ReactNode } from 'react';
import { parseFind } from '../../find/parse.ts';
import { Loading, Problem } from '../../components/states.tsx';
import {
  feed,
  shownNowMs,
  store,
  useEdges,
  useFeed,
  useNetworks,
  useNodes,
  useSilences,
} from '../../store/hooks.ts';
import { onSecond } from '../../base/clock.ts';
import { changeView, useView } from '../../url/use-view.ts';
import type { ViewState } from '../../url/view-state.ts';
import { Graph } from './graph.tsx';
import { MapDrawer } from './map-drawer.tsx';
import { sceneOf, type Scene } from './scene.ts';
import { Notes } from './notes.tsx';
import { TableView } from './table-view.tsx';
import { Timeline } from './timeline.tsx';
import { Toolbar } from './toolbar.tsx';
import { useFound } from './use-found.ts';
import { useLayout } from './use-layout.ts';
import { useMapKeys } from './map-keys.ts';
import './map.css';

const NARROW = matchMedia('(max-width: 640px)');

function useIsNarrow(): boolean {
  return useSyncExternalStore(
    (listener) => {
      NARROW.addEventListener('change', listener);
      return () => NARROW.removeEventListener('change', listener);
    },
    () => NARROW.matches,
  );
}

/** In whole minutes. */
const useMinuteMs = (): number =>
  useSyncExternalStore(onSecond, () => Math.floor(shownNowMs() / 60_000)) * 60_000;

export default function MapPage(): ReactNode {
  useNodes(); // renders when the first snapshot is there
  const { problem } = useFeed();
  return (
    <div className="map-page">
      <h1 className="hidden">Map</h1>
      {store.isLoaded ? (
        <Loaded />
      ) : problem ? (
        <Problem problem={problem} onRetry={() => feed.retry()} />
      ) : (
        // A bar, the drawing, and the time line.
        <Loading what="the mesh" rows={3} className="map-loading" onRetry={() => feed.retry()} />
      )}
    </div>
  );
}

function useScene(view: ViewState): Scene {
  const nodes = useNodes();
  const edges = useEdges();
  const networks = useNetworks();
  const silences = useSilences();
  const { ns, group, hide } = view;
  const scope = ns.join(',');
  const thisMinuteMs = useMinuteMs();
  // Without something to hide the time changes nothing.
  const nowMs = hide === '' ? 0 : thisMinuteMs;
  return useMemo(() => {
    const hidden = parseFind(hide);
    return sceneOf({
      nodes,
      edges,
      networks,
      view: { ns: scope === '' ? [] : scope.split(','), group },
      hide: hidden.isValid ? hidden.expression : null,
      samples: store.samples,
      isSilent: (node) => silences.byNode.has(node),
      nowMs,
    });
  }, [nodes, edges, networks, scope, group, hide, silences, nowMs]);
}

function Loaded(): ReactNode {
  const view = useView();
  const isNarrow = useIsNarrow();
  const scene = useScene(view);
  const placed = useLayout(scene, view);
  const expression = useMemo(() => {
    const parsed = parseFind(view.q);
    return parsed.isValid ? parsed.expression : null;
  }, [view.q]);
  const found = useFound(scene, expression);
  const minuteMs = useMinuteMs();
  const isTable = view.view === 'table' || isNarrow;
  useMapKeys(placed);
  const select = (id: string): void => {
    if (!id.startsWith('group:')) return changeView({ sel: id, panel: '', tab: '' });
    const namespace = id.slice(id.indexOf('/') + 1);
    return changeView({ ns: namespace === '' ? [] : [namespace], sel: '' });
  };
  return (
    <>
      <Toolbar view={view} found={found} hasFind={expression !== null} isNarrow={isNarrow} />
      {isTable && <Notes scene={scene} />}
      <div className="map-body">
        {!isTable && <Notes scene={scene} />}
        {isTable ? (
          <TableView scene={scene} found={found} sel={view.sel} onSelect={select} />
        ) : (
          scene.nodes.length > 0 && (
            <Graph
              scene={scene}
              placed={placed}
              found={found}
              view={view}
              minuteMs={minuteMs}
              onSelect={select}
            />
          )
        )}
      </div>
      {!view.wall && <Timeline view={view} />}
      <MapDrawer view={view} placed={placed} />
    </>
  );
}
