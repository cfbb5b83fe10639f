// The calls that an edit is about, as the map would draw them: what is pointed at in the list shows
// here, and the other way round.
import { useMemo, type ReactNode } from 'react';
import type { PolicyImpact } from '../../api/types.ts';
import { useNodes } from '../../store/hooks.ts';
import { RADIUS } from '../map/geometry.ts';
import { Mark, Shape } from '../map/node-shape.tsx';
import { impactScene, type SceneLine, type SceneSide } from './impact-scene.ts';
import { count } from './impact.ts';

type Props = {
  readonly impact: PolicyImpact;
  /** Key of the row that is pointed at; empty: none is. */
  readonly hot: string;
  readonly onHot: (key: string) => void;
};

export function ImpactMap({ impact, hot, onHot }: Props): ReactNode {
  const nodes = useNodes();
  const scene = useMemo(() => impactScene(impact, nodes), [impact, nodes]);
  const { width, height, clients, servers, lines, left } = scene;
  if (lines.length === 0) return null;
  const pointed = lines.find(({ key }) => key === hot);
  const isHot = ({ id }: SceneSide): boolean => id === pointed?.from || id === pointed?.to;
  return (
    <figure className={pointed ? 'impact-map pointed' : 'impact-map'}>
      <svg
        viewBox={`0 0 ${width} ${height}`}
        role="img"
        aria-label={`Map of ${count(lines.length, 'call')}; each is in the list below`}
        onPointerLeave={() => onHot('')}
      >
        {lines.map((line) => (
          <Line key={line.key} line={line} isHot={line.key === hot} onHot={onHot} />
        ))}
        {[...clients, ...servers].map((side, index) => (
          <Side key={`${side.id} ${index < clients.length}`} side={side} isHot={isHot(side)} />
        ))}
      </svg>
      {left > 0 && <figcaption className="quiet">and {left} more, only in the list</figcaption>}
    </figure>
  );
}

const SIGNS: Readonly<Record<SceneLine['effect'], string>> = {
  refused: '✗',
  allowed: '+',
  moved: '↪',
  untold: '?',
  unchanged: '✓',
};

type LineProps = {
  readonly line: SceneLine;
  readonly isHot: boolean;
  readonly onHot: (key: string) => void;
};

function Line({ line, isHot, onHot }: LineProps): ReactNode {
  const { key, effect, path, middle, port } = line;
  return (
    <g
      className={`line ${effect}${isHot ? ' hot' : ''}`}
      data-flow={key}
      onPointerEnter={() => onHot(key)}
    >
      <path d={path} className="hit" />
      <path d={path} className="stroke" />
      <text x={middle.x} y={middle.y - 8}>
        {SIGNS[effect]} {port}
      </text>
    </g>
  );
}

const NAME_MAX = 24;

type SideProps = { readonly side: SceneSide; readonly isHot: boolean };

function Side({ side, isHot }: SideProps): ReactNode {
  const { name, kind, point } = side;
  return (
    <g
      className={`side ${kind}${isHot ? ' hot' : ''}`}
      transform={`translate(${point.x} ${point.y})`}
    >
      <circle r={RADIUS + 9} className="halo" />
      <Shape kind={kind} className="shape" />
      <Mark kind={kind} count={1} step={undefined} />
      <text y={RADIUS + 22} className="name">
        {name.length > NAME_MAX ? `${name.slice(0, NAME_MAX - 1)}…` : name}
        <title>{name}</title>
      </text>
    </g>
  );
}
