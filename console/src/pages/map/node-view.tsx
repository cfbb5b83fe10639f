import { memo, type ReactNode } from 'react';
import { HEXAGON, PENTAGON, RADIUS } from './geometry.ts';
import type { Point } from './layout/layout.ts';
import type { SceneNode } from './scene.ts';
import { nodeLine, nodeName } from './words.ts';

type Props = {
  readonly node: SceneNode;
  readonly point: Point;
  readonly isSelected: boolean;
  /** Of a search: found, not found, or none is on. */
  readonly found: boolean | null;
  /** In whole minutes: the line under the name changes no oftener. */
  readonly minuteMs: number;
};

const NAME_MAX = 30;

const cut = (name: string): string =>
  name.length > NAME_MAX ? `${name.slice(0, NAME_MAX - 1)}…` : name;

export const NodeView = memo(function NodeView(props: Props): ReactNode {
  const { node, point, isSelected, found, minuteMs } = props;
  const [first] = node.members;
  if (!first) return null;
  const kind = node.isGroup ? 'group' : first.kind;
  const classes = ['node', kind, first.state, first.health];
  if (isSelected) classes.push('selected');
  if (found !== null) classes.push(found ? 'found' : 'dim');
  return (
    <g
      className={classes.join(' ')}
      transform={`translate(${point.x} ${point.y})`}
      role="button"
      tabIndex={-1}
      aria-label={nodeName(node)}
      aria-pressed={isSelected}
      data-id={node.id}
    >
      <circle r={RADIUS + 9} className="halo" />
      <Shape kind={kind} />
      <g aria-hidden="true">
        <Mark kind={kind} count={node.members.length} step={first.join?.step} />
      </g>
      <text y={RADIUS + 22} className="name" aria-hidden="true">
        {cut(node.name)}
        <title>{node.name}</title>
      </text>
      <text y={RADIUS + 38} className="line" aria-hidden="true">
        {node.isGroup ? 'choose it to open' : nodeLine(first, minuteMs)}
      </text>
    </g>
  );
});

function Shape({ kind }: { readonly kind: string }): ReactNode {
  if (kind === 'vm') return <polygon points={PENTAGON} className="shape" />;
  if (kind === 'gateway') return <polygon points={HEXAGON} className="shape" />;
  if (kind === 'external' || kind === 'group') {
    return (
      <rect
        x={-38}
        y={-26}
        width={76}
        height={52}
        rx={kind === 'group' ? 6 : 14}
        className="shape"
      />
    );
  }
  return <circle r={RADIUS} className="shape" />;
}

const MARKS: Readonly<Record<string, string>> = {
  vm: 'VM',
  gateway: 'GW',
  external: 'ext',
  unknown: '?',
};

type MarkProps = {
  readonly kind: string;
  readonly count: number;
  readonly step: number | undefined;
};

function Mark({ kind, count, step }: MarkProps): ReactNode {
  if (kind === 'group') return <text className="mark">×{count}</text>;
  if (kind === 'pod') {
    return (
      <path
        className="glyph"
        d="M0-11 9.5-5.5V5.5L0 11-9.5 5.5V-5.5ZM-9.5-5.5 0 0 9.5-5.5M0 0V11"
      />
    );
  }
  return (
    <text className="mark" y={step === undefined ? 1 : -3}>
      {MARKS[kind]}
      {step !== undefined && (
        <tspan className="step" x="0" dy="15">
          {step}/9
        </tspan>
      )}
    </text>
  );
}
