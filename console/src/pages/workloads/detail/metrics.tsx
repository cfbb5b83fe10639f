// Charts of one workload: what went through it, in both directions, and how it fared.
import { lazy, Suspense, useEffect, useMemo, useState, type ReactNode } from 'react';
import { get } from '../../../api/client.ts';
import type { MeshNode, Series } from '../../../api/types.ts';
import { browserClock } from '../../../base/clock.ts';
import { comparedCurves, type Window } from '../../../components/compare.ts';
import { ComparePicker } from '../../../components/compare-picker.tsx';
import { formatCount, formatMs, formatRate } from '../../../components/format.ts';
import { Empty, Loading, Problem } from '../../../components/states.tsx';
import { useCompared, type ComparedSeries } from '../../../components/use-compared.ts';
import { useLoaded, type Loaded } from '../../../components/use-loaded.ts';
import { shownNowMs, useEdges } from '../../../store/hooks.ts';
import { changeView, useParam, useView } from '../../../url/use-view.ts';
import { RANGES, type ViewState } from '../../../url/view-state.ts';
import { CHARTS, isSilent, WINDOWS, zoomed, type ChartWords, type Zoom } from './series.ts';

/** uPlot comes with the first chart. */
const Chart = lazy(() => import('../../../components/chart.tsx'));

export function MetricsTab({ node }: { readonly node: MeshNode }): ReactNode {
  const { range, cmp } = useView();
  const [edge] = useParam('edge');
  const { value, problem, reload } = useSeries(node, range);
  const { compared, problem: otherProblem } = useCompared(cmp, {
    of: edge === '' ? { node: node.id } : { edge },
    window: value && windowOf(value, WINDOWS[range].ms),
    stepSeconds: WINDOWS[range].stepSeconds,
  });
  const [zoom, setZoom] = useState<Zoom>(null);
  return (
    <div className="metrics">
      <div className="toolbar">
        <div role="group" aria-label="Range" className="buttons">
          {RANGES.map((each) => (
            <button
              type="button"
              key={each}
              aria-pressed={range === each}
              onClick={() => {
                setZoom(null);
                changeView({ range: each }, 'replace');
              }}
            >
              {WINDOWS[each].words}
            </button>
          ))}
        </div>
        {zoom ? (
          <button type="button" onClick={() => setZoom(null)}>
            Reset zoom
          </button>
        ) : (
          <span className="quiet">Drag over a chart to zoom in.</span>
        )}
        <EdgePicker node={node} />
        <ComparePicker edge={edge} />
        {otherProblem && <span className="quiet">Not compared: {otherProblem.message}</span>}
        {value && (
          <span className="quiet">
            one point each {value.stepSeconds === 1 ? 'second' : `${value.stepSeconds} s`}
          </span>
        )}
      </div>
      {problem && !value && problem.code === 'not-found' && (
        <Empty title="No traffic has been recorded of it">
          <p>Charts begin with its first connection.</p>
        </Empty>
      )}
      {problem && !value && problem.code !== 'not-found' && (
        <Problem problem={problem} onRetry={reload} />
      )}
      {!value && !problem && <Loading what="the history" rows={6} onRetry={reload} />}
      {value && <Charts series={value} compared={compared} zoom={zoom} onZoom={setZoom} />}
    </div>
  );
}

/** What the series is of: a live one moves on, but not for what it is compared with. */
function windowOf({ atMs, stepSeconds }: Series, spanMs: number): Window | undefined {
  const last = atMs.at(-1);
  if (last === undefined) return undefined;
  const toMs = last + stepSeconds * 1000;
  return { fromMs: toMs - spanMs, toMs };
}

type ChartsProps = {
  readonly series: Series;
  readonly compared: ComparedSeries | undefined;
  readonly zoom: Zoom;
  readonly onZoom: (zoom: Zoom) => void;
};

const isHttp = ({ title }: ChartWords): boolean => title.startsWith('HTTP');
const CHART_HEIGHT = 170;

/** HTTP charts of what speaks none are one line of words, and never flat lines. */
function Charts({ series, compared, zoom, onZoom }: ChartsProps): ReactNode {
  const isWithout = CHARTS.filter(isHttp).every((words) => isAllZero(series, words));
  const charts = isWithout ? CHARTS.filter((words) => !isHttp(words)) : CHARTS;
  const part = useMemo(() => zoomed(series, zoom), [series, zoom]);
  return (
    <Suspense fallback={<Loading what="the charts" rows={6} />}>
      <div className="charts">
        {charts.map((words) => (
          <section key={words.title} className="panel">
            <h2>{words.title}</h2>
            {isSilent(part, words) ? (
              <p className="quiet">Nothing has been reported in this time.</p>
            ) : (
              <Drawn words={words} series={part} compared={compared} onZoom={onZoom} />
            )}
          </section>
        ))}
      </div>
      {isWithout && <p className="quiet">No HTTP in this time: what went through it was TCP.</p>}
    </Suspense>
  );
}

type DrawnProps = Omit<ChartsProps, 'zoom'> & { readonly words: ChartWords };

function Drawn({ words, series, compared, onZoom }: DrawnProps): ReactNode {
  const { title, unit, lines } = words;
  const curves = useMemo(() => {
    const own = lines.map((line) => ({ ...line, values: series[line.quantity] }));
    return compared ? [...own, ...comparedCurves(own, compared, series.atMs)] : own;
  }, [lines, series, compared]);
  return (
    <Chart
      title={title}
      atMs={series.atMs}
      curves={curves}
      format={FORMATS[unit]}
      height={CHART_HEIGHT}
      sync="workload"
      onZoom={(fromMs, toMs) => onZoom({ fromMs, toMs })}
    />
  );
}

const tenths = (value: number | null): string =>
  formatCount(value === null ? null : Math.round(value * 10) / 10);

const FORMATS: Readonly<Record<ChartWords['unit'], (value: number | null) => string>> = {
  'B/s': formatRate,
  '/s': (value) => `${tenths(value)} /s`,
  ms: formatMs,
  '': tenths,
};

const isAllZero = (series: Series, { lines }: ChartWords): boolean =>
  lines.every(({ quantity }) => series[quantity].every((value) => !value));

function EdgePicker({ node }: { readonly node: MeshNode }): ReactNode {
  const edges = useEdges().filter(({ from, to }) => from === node.id || to === node.id);
  const [selected, select] = useParam('edge');
  const nameOf = (id: string): string => id.replace(/^\w+:(?:[^/]+\/)?/, '');
  if (edges.length < 2 && selected === '') return null;
  return (
    <label>
      <span>Of</span>
      <select value={selected} onChange={(event) => select(event.target.value)}>
        <option value="">all its edges</option>
        {edges.map(({ id, from, to, port }) => (
          <option key={id} value={id}>
            {nameOf(from)} → {nameOf(to)}:{port}
          </option>
        ))}
      </select>
    </label>
  );
}

/** How often a live chart is drawn anew, as a share of its window. */
const REFRESH_MS: Readonly<Record<ViewState['range'], number>> = {
  '5m': 2_000,
  '1h': 10_000,
  '24h': 60_000,
};

function useSeries(node: MeshNode, range: ViewState['range']): Loaded<Series> {
  const { at } = useView();
  const [edge] = useParam('edge');
  const { ms, stepSeconds } = WINDOWS[range];
  const key = `${node.id} ${edge} ${range} ${at ?? ''}`;
  const loaded = useLoaded(key, (signal) => {
    const toMs = at ?? Math.floor(shownNowMs() / 1000) * 1000;
    const query = new URLSearchParams(edge === '' ? { node: node.id } : { edge });
    query.set('from', String(toMs - ms));
    query.set('to', String(toMs));
    query.set('step', String(stepSeconds));
    return get<Series>(`/api/v1/series?${query}`, { signal });
  });
  const { isLoading, problem, reload } = loaded;
  useEffect(
    () =>
      isLoading || problem || at !== null
        ? undefined
        : browserClock.after(REFRESH_MS[range], reload),
    [isLoading, problem, at, range, reload],
  );
  return loaded;
}
