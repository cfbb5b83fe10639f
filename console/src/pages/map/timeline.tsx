// The last hour (or five minutes, or day) as a line to move along: what happened is marked on it.
import { useEffect, useRef, type CSSProperties, type ReactNode } from 'react';
import { get } from '../../api/client.ts';
import type { HistoryMark } from '../../api/types.ts';
import { formatDuration, formatTime } from '../../components/format.ts';
import { useLoaded } from '../../components/use-loaded.ts';
import { serverNowMs, useNews, useNowMs } from '../../store/hooks.ts';
import { changeView } from '../../url/use-view.ts';
import type { ViewState } from '../../url/view-state.ts';

/** The narrowest range that the time line has: five minutes are gone before one has looked. */
const SPAN_MS = { '5m': 3_600_000, '1h': 3_600_000, '24h': 86_400_000 } as const;
const SIGNS: Readonly<Record<HistoryMark['kind'], string>> = {
  join: '●',
  policy: '◆',
  rotation: '▲',
  denial: '✕',
  left: '○',
};
const MARKS_MAX = 60;
/** Marks are asked for again when something happened, and each minute. */
const REFRESH_MS = 60_000;
/** The server's time may be that much further on. */
const SETTLED_MS = 15_000;

export function Timeline({ view }: { readonly view: ViewState }): ReactNode {
  const span = SPAN_MS[view.range];
  const nowMs = useServerMinute();
  const fromMs = nowMs - span;
  const news = useNews();
  const { value: marks, reload } = useLoaded(`${span}`, async (signal) =>
    get<readonly HistoryMark[]>(`/api/v1/history/marks?from=${fromMs}&to=${nowMs + SETTLED_MS}`, {
      signal,
    }),
  );
  const minute = Math.floor(nowMs / REFRESH_MS);
  const isFirst = useRef(true);
  useEffect(() => {
    if (!isFirst.current) reload();
    isFirst.current = false;
  }, [news, reload, minute]);
  const at = view.at ?? nowMs;
  const shown = (marks ?? [])
    .filter(({ atMs }) => atMs >= fromMs && atMs <= nowMs)
    .slice(-MARKS_MAX);
  return (
    <div className="timeline" role="group" aria-label="Time line">
      <span className="quiet">−{formatDuration(span)}</span>
      <div className="track">
        <input
          type="range"
          aria-label="Moment shown"
          aria-valuetext={view.at === null ? 'live' : formatTime(view.at, nowMs)}
          min={fromMs}
          max={nowMs}
          step={1000}
          value={Math.max(at, fromMs)}
          onChange={({ target }) => {
            const chosen = Number(target.value);
            changeView({ at: chosen >= nowMs - 1000 ? null : chosen }, 'replace');
          }}
        />
        {shown.map((mark) => (
          <Mark
            key={`${mark.atMs} ${mark.text}`}
            mark={mark}
            share={(mark.atMs - fromMs) / span}
            nowMs={nowMs}
          />
        ))}
      </div>
      <span className="quiet">{view.at === null ? 'now' : formatTime(view.at, nowMs)}</span>
    </div>
  );
}

/** Moves each ten seconds: a scale that moves each second cannot be pointed at. */
function useServerMinute(): number {
  useNowMs();
  return Math.floor(serverNowMs() / 10_000) * 10_000;
}

type MarkProps = { readonly mark: HistoryMark; readonly share: number; readonly nowMs: number };

function Mark({ mark, share, nowMs }: MarkProps): ReactNode {
  const style: CSSProperties = { left: `${(share * 100).toFixed(2)}%` };
  const words = `${formatTime(mark.atMs, nowMs)} ${mark.text}`;
  return (
    <button
      type="button"
      className={`mark-${mark.kind}`}
      style={style}
      title={words}
      aria-label={words}
      onClick={() => changeView({ at: mark.atMs })}
    >
      {SIGNS[mark.kind]}
    </button>
  );
}
