import { memo, type ReactNode } from 'react';
import { RADIUS } from './geometry.ts';
import type { Point } from './layout/layout.ts';
import { Mark, Shape } from './node-shape.tsx';
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
  /** `no report since 16:03:20`; empty: its proxies report. */
  readonly silence: string;
};

const NAME_MAX = 30;

const cut = (name: string): string =>
  name.length > NAME_MAX ? `${name.slice(0, NAME_MAX - 1)}…` : name;

export const NodeView = memo(function NodeView(props: Props): ReactNode {
  const { node, point, isSelected, found, minuteMs, silence } = props;
  const [first] = node.members;
  if (!first) return null;
  const kind = node.isGroup ? 'group' : first.kind;
  const classes = ['node', kind, first.state, first.health];
  if (silence !== '') classes.push('silent');
  if (isSelected) classes.push('selected');
  if (found !== null) classes.push(found ? 'found' : 'dim');
  return (
    <g
      className={classes.join(' ')}
      transform={`translate(${point.x} ${point.y})`}
      role="button"
      tabIndex={-1}
      aria-label={nodeName(node, silence)}
      aria-pressed={isSelected}
      data-id={node.id}
    >
      <circle r={RADIUS + 9} className="halo" />
      <Shape kind={kind} className="shape" />
      {silence !== '' && <Shape kind={kind} className="hatch" />}
      <g aria-hidden="true">
        <Mark kind={kind} count={node.members.length} step={first.join?.step} />
      </g>
      <text y={RADIUS + 22} className="name" aria-hidden="true">
        {cut(node.name)}
        <title>{node.name}</title>
      </text>
      <text y={RADIUS + 38} className="line" aria-hidden="true">
        {silence || (node.isGroup ? 'choose it to open' : nodeLine(first, minuteMs))}
      </text>
    </g>
  );
});
