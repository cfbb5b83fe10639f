// The drawing: boxes, edges, workloads. Each is a button of its own for keyboard and screen reader;
// the whole is one stop of the Tab key.
import { useCallback, useEffect, useRef, type ReactNode } from 'react';
import { drawerHost } from '../../components/drawer.tsx';
import { useCell, useSilences } from '../../store/hooks.ts';
import { isUnheard, type Silences } from '../../store/silence.ts';
import type { ViewState } from '../../url/view-state.ts';
import { changeView } from '../../url/use-view.ts';
import { EdgeView } from './edge-view.tsx';
import type { Placed } from './use-layout.ts';
import { NodeView } from './node-view.tsx';
import type { Scene } from './scene.ts';
import type { Found } from './use-found.ts';
import { useGraphKeys } from './graph-keys.ts';
import { useGraphPointer } from './graph-pointer.ts';
import { useViewport, type Viewport } from './viewport.ts';
import { silenceLine } from './words.ts';

/** More labels than this cover one another: then only what is selected or wrong has one. */
const LABELS_MAX = 60;
/** More moving lines than this cost more than they say. */
const MOTION_MAX = 40;

type Props = {
  readonly scene: Scene;
  readonly placed: Placed;
  readonly found: Found;
  readonly view: ViewState;
  readonly minuteMs: number;
  readonly onSelect: (id: string) => void;
};

export function Graph(props: Props): ReactNode {
  const { scene, placed, view, minuteMs, onSelect } = props;
  const silences = useSilences();
  const onMoved = useCallback(() => changeView({ fit: 'manual' }, 'replace'), []);
  const viewport = useViewport(onMoved);
  useFitting(viewport, placed, view);
  useReveal(viewport, placed, view.sel);
  useOneStop(viewport, view.sel, scene);
  const onKeyDown = useGraphKeys({ scene, placed, viewport, onSelect });
  const pointer = useGraphPointer({ viewport, placed, onMoved, onSelect });
  const isMany = scene.edges.length > MOTION_MAX;
  return (
    <div className="graph-frame">
      <svg
        ref={viewport.svg}
        className={isMany ? 'graph many' : 'graph'}
        // Not a stop of the Tab key: without this Chromium makes it one, because it may scroll.
        tabIndex={-1}
        role="group"
        aria-label="Map: arrow keys move between workloads, n goes through the edges of one"
        onKeyDown={onKeyDown}
        {...pointer}
      >
        <Markers />
        <g ref={viewport.layer}>
          <Boxes scene={scene} placed={placed} />
          <Edges {...props} silences={silences} />
          {scene.nodes.map((node) => {
            const point = placed.pointOf(node.id);
            return (
              point && (
                <NodeView
                  key={node.id}
                  node={node}
                  point={point}
                  isSelected={view.sel === node.id}
                  found={props.found.of(node.id)}
                  minuteMs={minuteMs}
                  silence={silenceLine(node, silences, minuteMs)}
                />
              )
            );
          })}
        </g>
      </svg>
      <ZoomButtons viewport={viewport} placed={placed} onMoved={onMoved} />
    </div>
  );
}

type EdgesProps = Props & { readonly silences: Silences };

function Edges({ scene, placed, found, view, silences }: EdgesProps): ReactNode {
  const names = new Map(scene.nodes.map(({ id, name }) => [id, name]));
  const isMany = scene.edges.length > LABELS_MAX;
  return scene.edges.map((edge) => {
    const [from, to] = [placed.pointOf(edge.from), placed.pointOf(edge.to)];
    if (!from || !to) return null;
    const isSelected = view.sel === `edge:${edge.id}`;
    const isLoud = edge.members.some(
      ({ encryption, failure }) => failure !== null || encryption.state === 'plaintext',
    );
    const isNear = view.sel === edge.from || view.sel === edge.to;
    return (
      <EdgeView
        key={edge.id}
        edge={edge}
        from={from}
        to={to}
        fromName={names.get(edge.from) ?? edge.from}
        toName={names.get(edge.to) ?? edge.to}
        label={view.label}
        hasLabel={view.label !== 'none' && (!isMany || isSelected || isLoud || isNear)}
        isSelected={isSelected}
        isUnheard={edge.members.every((member) => isUnheard(member, silences))}
        found={found.of(`edge:${edge.id}`)}
      />
    );
  });
}

function Boxes({ scene, placed }: Pick<Props, 'scene' | 'placed'>): ReactNode {
  return placed.boxes.map(({ group, x, y, width, height }) => {
    const titled = scene.groups.get(group);
    if (!titled) return null;
    return (
      <g
        key={`${group} ${x}`}
        className={`box ${group.startsWith('net:') && group !== 'net:' ? 'vms' : ''}`}
      >
        <rect x={x} y={y} width={width} height={height} rx="14" />
        <text x={x + 16} y={y + 14}>
          {titled.title}
        </text>
        <text x={x + 16} y={y + 32} className="detail">
          {titled.detail}
        </text>
      </g>
    );
  });
}

const TONES = ['plain', 'warn', 'bad'] as const;

function Markers(): ReactNode {
  return (
    <defs>
      <pattern
        id="hatch"
        width="7"
        height="7"
        patternUnits="userSpaceOnUse"
        patternTransform="rotate(45)"
      >
        <path d="M0 0V7" className="hatch-line" />
      </pattern>
      {TONES.map((tone) => (
        <marker
          key={tone}
          id={`arrow-${tone}`}
          className={`arrow ${tone}`}
          viewBox="0 0 10 10"
          refX="8"
          refY="5"
          markerWidth="9"
          markerHeight="9"
          markerUnits="userSpaceOnUse"
          orient="auto"
        >
          <path d="M0 0.8 9.4 5 0 9.2 2 5Z" />
        </marker>
      ))}
    </defs>
  );
}

type ZoomProps = {
  readonly viewport: Viewport;
  readonly placed: Placed;
  readonly onMoved: () => void;
};

function ZoomButtons({ viewport, placed, onMoved }: ZoomProps): ReactNode {
  const zoom = (factor: number): void => {
    viewport.zoom(factor);
    onMoved();
  };
  return (
    <div className="zoom" role="group" aria-label="Zoom">
      <button type="button" aria-label="Zoom in" onClick={() => zoom(1.25)}>
        +
      </button>
      <button type="button" aria-label="Zoom out" onClick={() => zoom(0.8)}>
        −
      </button>
      <button
        type="button"
        title="Fit the whole map (f)"
        onClick={() => {
          viewport.fit(placed.bounds);
          changeView({ fit: 'auto' }, 'replace');
        }}
      >
        Fit
      </button>
    </div>
  );
}

/** Fits when the map first appears, when it is asked for, and on walls whenever it grows. */
function useFitting(viewport: Viewport, placed: Placed, view: ViewState): void {
  const { fit, svg } = viewport;
  const latest = useRef(placed.bounds);
  latest.current = placed.bounds;
  const isWanted = view.fit === 'auto';
  const scaleMax = view.wall ? 2.5 : undefined;
  const isReady = placed.boxes.length > 0;
  useEffect(() => {
    if (!isReady || !svg.current) return undefined;
    fit(latest.current, scaleMax);
    if (!isWanted) return undefined;
    // Of the window, not of the map: a drawer that opens takes room, but moves nothing.
    const refit = (): void => fit(latest.current, scaleMax);
    addEventListener('resize', refit);
    return () => removeEventListener('resize', refit);
  }, [fit, svg, isWanted, isReady, scaleMax, placed.generation]);
  const { x, y, width, height } = placed.bounds;
  useEffect(() => {
    if (view.wall && isWanted) fit(latest.current, scaleMax);
  }, [fit, view.wall, isWanted, scaleMax, x, y, width, height]);
}

/** What was chosen is seen whole beside the drawer that it opens. */
function useReveal({ reveal }: Viewport, placed: Placed, sel: string): void {
  const latest = useRef(placed);
  latest.current = placed;
  const host = useCell(drawerHost);
  useEffect(() => {
    if (sel !== '') reveal(latest.current.extentOf(sel));
  }, [reveal, sel, host]);
}

/** Exactly one thing of the map is in the order of the Tab key. */
function useOneStop({ svg }: Viewport, sel: string, scene: Scene): void {
  useEffect(() => {
    const root = svg.current;
    if (!root) return undefined;
    const all = (): NodeListOf<Element> => root.querySelectorAll('[data-id]');
    const stop = (element: Element): void => {
      root.querySelector('[tabindex="0"]')?.setAttribute('tabindex', '-1');
      element.setAttribute('tabindex', '0');
    };
    const current = root.querySelector('[tabindex="0"]');
    if (!current) {
      const items = [...all()];
      const first =
        items.find((item) => item.getAttribute('data-id') === sel) ??
        items.find((item) => item.classList.contains('node'));
      if (first) stop(first);
    }
    const onFocus = (event: FocusEvent): void => {
      const item = event.target instanceof Element && event.target.closest('[data-id]');
      if (item) stop(item);
    };
    root.addEventListener('focusin', onFocus);
    return () => root.removeEventListener('focusin', onFocus);
  }, [svg, sel, scene]);
}
