// Log lines of a machine as they are written: its agent, its proxy, its accesses, its program.
import { useEffect, useLayoutEffect, useReducer, useRef, useState, type ReactNode } from 'react';
import type { LogLine, LogSource, MeshNode } from '../../../api/types.ts';
import { CopyButton } from '../../../components/command.tsx';
import { formatTime } from '../../../components/format.ts';
import { Empty, Problem } from '../../../components/states.tsx';
import { useAllowed } from '../../../store/abilities.ts';
import { shownNowMs } from '../../../store/hooks.ts';
import { useParam } from '../../../url/use-view.ts';
import { silenceOf } from '../list/rows.ts';
import { useStream, type StreamState } from '../../../components/use-stream.ts';
import { KEYBOARD_STOP } from '../keyboard-stop.ts';
import { useInstance, type ChosenInstance } from './instance-picker.tsx';
import { appendLines, EMPTY_LOG, parseLogFilter, type NumberedLine } from './log-view.ts';
import { workloadApi } from './workload-api.ts';

type Sources = readonly (readonly [source: LogSource, title: string])[];

const SOURCES: Sources = [
  ['access', 'access log'],
  ['proxy', 'proxy (Envoy)'],
  ['agent', 'agent'],
  ['app', 'application'],
];

/** Before following begins. */
const LINES_BEFORE = '200';

export function LogsTab({ node }: { readonly node: MeshNode }): ReactNode {
  const reason = useAllowed(node.namespace).reasonAgainst('logs');
  const instance = useInstance(node);
  const [text] = useParam('source');
  if (reason !== '') {
    return (
      <Empty title="Not yours to see">
        <p>{reason}</p>
      </Empty>
    );
  }
  if (instance.key === '') return <Empty title={`No logs: ${silenceOf(node)}`} />;
  const sources = sourcesOf(node, instance.key);
  const source = sources.find(([one]) => one === text)?.[0] ?? 'access';
  const key = `${instance.key} ${source}`;
  // A new source or instance is a new log: nothing of the old one stays.
  return <Log key={key} node={node} instance={instance} source={source} sources={sources} />;
}

/** The application's own only where its machine's owner lets it be read. */
function sourcesOf({ instances }: MeshNode, key: string): Sources {
  const hasAppLog = instances.find((one) => one.key === key)?.agent?.hasAppLog === true;
  return SOURCES.filter(([source]) => source !== 'app' || hasAppLog);
}

type LogProps = {
  readonly node: MeshNode;
  readonly instance: ChosenInstance;
  readonly source: LogSource;
  readonly sources: Sources;
};

function Log({ node, instance, source, sources }: LogProps): ReactNode {
  const [isFollowing, setFollowing] = useState(true);
  const [pattern, setPattern] = useParam('regex');
  const [log, append] = useReducer(appendLines, EMPTY_LOG);
  const query = { source, instance: instance.key, lines: LINES_BEFORE };
  const path = workloadApi(node, 'logs', { ...query, follow: '1' });
  const state = useStream<LogLine>(isFollowing ? path : null, {
    type: 'line',
    isEndless: false,
    onItems: append,
  });
  const filter = parseLogFilter(pattern);
  const lines = filter.ok ? log.lines.filter(({ text }) => filter.matches(text)) : log.lines;
  return (
    <div className="logs">
      <div className="toolbar">
        <SourcePicker source={source} sources={sources} />
        {instance.picker}
        <label>
          <span>Filter</span>
          <input
            type="search"
            value={pattern}
            placeholder="regular expression"
            aria-invalid={!filter.ok || undefined}
            onChange={(event) => setPattern(event.target.value)}
          />
        </label>
        <button type="button" aria-pressed={isFollowing} onClick={() => setFollowing(!isFollowing)}>
          {isFollowing ? 'Following' : 'Follow'}
        </button>
        <span role="status" aria-label="Log" className="quiet">
          {lines.length === log.lines.length
            ? `${lines.length} lines`
            : `${lines.length} of ${log.lines.length} lines`}
          {log.dropped > 0 && `, ${log.dropped} older ones dropped`}
          {isFollowing ? stateText(state) : ' · stopped'}
        </span>
        <CopyButton text={lines.map(({ text }) => text).join('\n')} />
        <code className="quiet">
          isthmus logs {node.name} --source {source} -f
        </code>
      </div>
      {!filter.ok && <p className="bad">Not a regular expression: {filter.problem}</p>}
      {state.kind === 'lost' && <Problem problem={state.problem} />}
      <Lines lines={lines} isFollowing={isFollowing} />
    </div>
  );
}

const stateText = (state: StreamState): string =>
  ({ connecting: ' · connecting …', open: ' · ● live', ended: ' · ended', lost: ' · lost' })[
    state.kind
  ];

type PickerProps = Pick<LogProps, 'source' | 'sources'>;

function SourcePicker({ source, sources }: PickerProps): ReactNode {
  const [, setSource] = useParam('source');
  return (
    <label>
      <span>Source</span>
      <select value={source} onChange={(event) => setSource(event.target.value)}>
        {sources.map(([each, title]) => (
          <option key={each} value={each}>
            {title}
          </option>
        ))}
      </select>
    </label>
  );
}

type LinesProps = { readonly lines: readonly NumberedLine[]; readonly isFollowing: boolean };

/** Stays at the newest line for as long as it is looked at; whoever scrolls up is left in peace. */
function Lines({ lines, isFollowing }: LinesProps): ReactNode {
  const frame = useRef<HTMLDivElement>(null);
  const isAtEnd = useRef(true);
  useEffect(() => {
    const element = frame.current;
    if (!element) return undefined;
    const look = (): void => {
      const { scrollTop, clientHeight, scrollHeight } = element;
      isAtEnd.current = scrollHeight - scrollTop - clientHeight < END_PIXELS;
    };
    element.addEventListener('scroll', look, { passive: true });
    return () => element.removeEventListener('scroll', look);
  }, []);
  useLayoutEffect(() => {
    const element = frame.current;
    if (element && isAtEnd.current) element.scrollTop = element.scrollHeight;
  }, [lines]);
  const nowMs = shownNowMs();
  return (
    <div
      ref={frame}
      className="log-lines"
      role="log"
      aria-label="Log lines"
      {...KEYBOARD_STOP}
      aria-live="off"
    >
      {lines.length === 0 && (
        <p className="quiet">{isFollowing ? 'Waiting for lines …' : 'No lines.'}</p>
      )}
      {lines.map(({ number, atMs, text }) => (
        <div key={number} className="log-line">
          <span className="log-time">{atMs === null ? '' : formatTime(atMs, nowMs)}</span>
          <span className="log-text">{text}</span>
        </div>
      ))}
    </div>
  );
}

const END_PIXELS = 24;
