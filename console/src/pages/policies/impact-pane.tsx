// What the edit would do to the connections that were seen, kept up to date while one types.
import { useState, type ReactNode } from 'react';
import type { FlowImpact, PolicyImpact } from '../../api/types.ts';
import { CopyButton } from '../../components/command.tsx';
import { formatBytes } from '../../components/format.ts';
import { Problem } from '../../components/states.tsx';
import { IdentityText, TimeText } from '../../components/text.tsx';
import { Link } from '../../router/link.tsx';
import { useNodes } from '../../store/hooks.ts';
import { nodeName, questionPath } from '../reach/view.ts';
import { ImpactMap } from './impact-map.tsx';
import { flowKey } from './impact-scene.ts';
import {
  count,
  hasErrors,
  honestyLine,
  impactGroups,
  shortName,
  WINDOWS,
  type ImpactGroup,
  type Window,
} from './impact.ts';
import type { Preview } from './use-policy.ts';

type Props = {
  readonly kind: string;
  readonly preview: Preview;
  readonly window: Window;
  readonly onWindow: (window: Window) => void;
  /** The text is no YAML: what is shown is of an older one. */
  readonly hasProblem: boolean;
  /** The same for a shell. */
  readonly command: string;
};

export function ImpactPane(props: Props): ReactNode {
  const { kind, preview, window, onWindow, hasProblem, command } = props;
  const impact = preview.impact ?? preview.last;
  const isOld = preview.impact === undefined;
  const [hot, setHot] = useState('');
  return (
    <section className="impact" aria-labelledby="impact" aria-busy={isOld}>
      <header>
        <h2 id="impact">Impact on observed traffic</h2>
        <label>
          <span className="hidden">Flows of the last </span>
          <select value={window} onChange={(event) => onWindow(windowOf(event.target.value))}>
            {WINDOWS.map((one) => (
              <option key={one.window} value={one.window}>
                {one.title}
              </option>
            ))}
          </select>
        </label>
      </header>
      {preview.problem && <Problem problem={preview.problem} />}
      <p className="hidden" role="status">
        {impact && !isOld ? summaryOf(impact, kind) : ''}
      </p>
      {!isOld && impact && hasErrors(impact) && (
        <p className="notice warn">The text has errors: what it would do is not known.</p>
      )}
      {hasProblem && (
        <p className="notice warn">The text is not YAML now; this is of the text before.</p>
      )}
      {impact && !hasErrors(impact) ? (
        <div className={isOld ? 'groups old' : 'groups'}>
          {impact.note !== '' && <p className="notice">{impact.note}</p>}
          <ImpactMap impact={impact} hot={hot} onHot={setHot} />
          {impactGroups(impact, kind).map((group) => (
            <Group key={group.key} group={group} hot={hot} onHot={setHot} />
          ))}
          <p className="honesty">
            {honestyLine(impact, window)} <CopyButton label="Show as command" text={command} />
          </p>
        </div>
      ) : (
        !preview.problem && !impact && <p className="quiet">Asking what it would change …</p>
      )}
    </section>
  );
}

const windowOf = (value: string): Window =>
  WINDOWS.find(({ window }) => window === value)?.window ?? '24h';

const summaryOf = (impact: PolicyImpact, kind: string): string =>
  impactGroups(impact, kind)
    .map(({ title, flows }) => `${title}: ${flows.length}`)
    .join('. ');

/** More rows than this are for the CLI. */
const ROWS_MAX = 100;

type GroupProps = Pick<RowProps, 'hot' | 'onHot'> & { readonly group: ImpactGroup };

function Group({ group, hot, onHot }: GroupProps): ReactNode {
  const { key, sign, title, note, flows } = group;
  const isOpen = flows.length > 0 && key !== 'unchanged';
  return (
    <details className={`group ${key}`} key={`${key} ${String(isOpen)}`} open={isOpen}>
      <summary>
        <span aria-hidden="true" className="sign">
          {sign}
        </span>{' '}
        {title} <strong>{flows.length}</strong>
      </summary>
      {flows.length === 0 ? (
        <p className="quiet">None.</p>
      ) : (
        <>
          <p className="quiet">{note}</p>
          <ul aria-label={title}>
            {flows.slice(0, ROWS_MAX).map((flow) => (
              <Flow key={flowKey(flow)} flow={flow} hot={hot} onHot={onHot} />
            ))}
          </ul>
          {flows.length > ROWS_MAX && <p>and {flows.length - ROWS_MAX} more</p>}
        </>
      )}
    </details>
  );
}

type RowProps = {
  readonly flow: FlowImpact;
  /** Key of the row that is pointed at; empty: none is. */
  readonly hot: string;
  readonly onHot: (key: string) => void;
};

function Flow({ flow, hot, onHot }: RowProps): ReactNode {
  const nodes = useNodes();
  const name = (id: string): string => {
    const node = nodes.find((one) => one.id === id);
    return node ? nodeName(node) : shortName(id);
  };
  const { from, to, port, before, after } = flow;
  const key = flowKey(flow);
  return (
    <li
      className={key === hot ? 'hot' : ''}
      onPointerEnter={() => onHot(key)}
      onPointerLeave={() => onHot('')}
      onFocus={() => onHot(key)}
      onBlur={() => onHot('')}
    >
      <p>
        <strong>
          {name(from)} → {name(to)}:{port}
        </strong>{' '}
        <Link to={questionPath({ from: name(from), to: name(to), port })}>Explain</Link>
      </p>
      <p>
        <IdentityText id={flow.clientIdentity} />
      </p>
      <p className="quiet">
        {formatBytes(flow.bytes)} · last seen <TimeText atMs={flow.lastSeenMs} />
        {flow.openConnections > 0 && ` · ${count(flow.openConnections, 'open connection')}`}
      </p>
      {before === after ? (
        <p>{after}</p>
      ) : (
        <p>
          was {before} <span aria-hidden="true">→</span> <strong>now {after}</strong>
        </p>
      )}
    </li>
  );
}
