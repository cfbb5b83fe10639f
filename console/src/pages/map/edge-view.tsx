import { memo, useEffect, useRef, type ReactNode } from 'react';
import { LockShape } from '../../components/lock.tsx';
import { store } from '../../store/hooks.ts';
import type { ViewState } from '../../url/view-state.ts';
import { curveOf, widthStep } from './geometry.ts';
import type { Point } from './layout/layout.ts';
import type { SceneEdge } from './scene.ts';
import { edgeLine, edgeName, edgeTitle, encryptionState, numbersOf } from './words.ts';

type Props = {
  readonly edge: SceneEdge;
  readonly from: Point;
  readonly to: Point;
  readonly fromName: string;
  readonly toName: string;
  readonly label: ViewState['label'];
  readonly hasLabel: boolean;
  readonly isSelected: boolean;
  /** Nobody reports it any more. */
  readonly isUnheard: boolean;
  readonly found: boolean | null;
};

const isSame = (before: Props, after: Props): boolean =>
  (Object.keys(after) as (keyof Props)[]).every((name) => {
    if (name !== 'edge') return before[name] === after[name];
    const [a, b] = [before.edge, after.edge];
    return (
      a.id === b.id &&
      a.lane === b.lane &&
      a.members.length === b.members.length &&
      a.members.every((member, index) => member === b.members[index])
    );
  });

/** What changes each second is written by hand: hundreds of edges, no rendering. */
function useTicks(props: Props): React.RefObject<SVGGElement | null> {
  const element = useRef<SVGGElement>(null);
  const { edge, fromName, toName, label, isUnheard } = props;
  useEffect(() => {
    const group = element.current;
    if (!group) return undefined;
    const line = group.querySelector('.rates-line');
    const write = (): void => {
      if (document.hidden) return;
      const numbers = numbersOf(edge, store.samples);
      const total = numbers && numbers.toServerBytes + numbers.toClientBytes;
      const width = String(widthStep(total));
      if (group.dataset['width'] !== width) group.dataset['width'] = width;
      const names = { from: fromName, to: toName };
      const name = edgeName(edge, names, store.samples, isUnheard);
      if (group.getAttribute('aria-label') !== name) group.setAttribute('aria-label', name);
      const text = line && edgeLine(edge, store.samples, label);
      if (line && line.textContent !== text) line.textContent = text;
    };
    write();
    return store.subscribe('samples', write);
  }, [edge, fromName, toName, label, isUnheard, props.hasLabel]);
  return element;
}

export const EdgeView = memo(function EdgeView(props: Props): ReactNode {
  const { edge, from, to, isSelected, isUnheard, found, hasLabel } = props;
  const element = useTicks(props);
  const { path, middle } = curveOf(from, to, edge.lane);
  // Encrypted is what was seen to be: of what nobody sees now it is not known.
  const state = isUnheard ? 'unknown' : encryptionState(edge.members);
  const isFailing = edge.members.some(({ failure }) => failure !== null);
  const classes = ['edge', state];
  if (isFailing) classes.push('failing');
  if (isUnheard) classes.push('unheard');
  if (isSelected) classes.push('selected');
  if (found !== null) classes.push(found ? 'found' : 'dim');
  return (
    <g
      ref={element}
      className={classes.join(' ')}
      role="button"
      tabIndex={-1}
      aria-pressed={isSelected}
      data-id={`edge:${edge.id}`}
    >
      <path d={path} className="hit" />
      <path d={path} className="stroke" markerEnd={`url(#arrow-${tone(state, isFailing)})`} />
      <path d={path} className="motion" />
      {hasLabel && <Label edge={edge} middle={middle} state={state} isUnheard={isUnheard} />}
    </g>
  );
}, isSame);

const tone = (state: string, isFailing: boolean): string =>
  isFailing || state === 'plaintext' ? 'bad' : state === 'mixed' ? 'warn' : 'plain';

type LabelProps = {
  readonly edge: SceneEdge;
  readonly middle: Point;
  readonly state: ReturnType<typeof encryptionState>;
  readonly isUnheard: boolean;
};

/** Of the label's font, on average. */
const LETTER = 7.7;

function Label({ edge, middle, state, isUnheard }: LabelProps): ReactNode {
  const [first] = edge.members;
  const loud = isUnheard
    ? 'not reported now'
    : first?.failure
      ? first.failure.text
      : state === 'plaintext'
        ? 'plaintext'
        : first?.disagreement
          ? 'reporters disagree'
          : '';
  const title = edgeTitle(edge);
  const half = (title.length * LETTER) / 2;
  return (
    <g className="label" aria-hidden="true" transform={`translate(${middle.x} ${middle.y})`}>
      <text y={-10} x={-9} className="title">
        {title}
      </text>
      <g transform={`translate(${half - 2} -21)`}>
        <LockShape state={state} />
      </g>
      <text y={19} className="rates-line" />
      {loud !== '' && (
        <text y={34} className="loud">
          {loud.length > 44 ? `${loud.slice(0, 43)}…` : loud}
        </text>
      )}
    </g>
  );
}
