// The edge's last minutes, from the ring, and on from there with every tick.
import { useEffect, useMemo, useState, type ReactNode } from 'react';
import { get } from '../../api/client.ts';
import type { MeshEdge, Series } from '../../api/types.ts';
import Chart from '../../components/chart.tsx';
import { comparedCurves, type Window } from '../../components/compare.ts';
import type { Curve } from '../../components/curve.ts';
import { ComparePicker } from '../../components/compare-picker.tsx';
import { formatRate } from '../../components/format.ts';
import { Loading, Problem } from '../../components/states.tsx';
import { useCompared, type ComparedSeries } from '../../components/use-compared.ts';
import { useLoaded } from '../../components/use-loaded.ts';
import { shownNowMs, store } from '../../store/hooks.ts';
import { changeView, useView } from '../../url/use-view.ts';
import { RANGES, type ViewState } from '../../url/view-state.ts';

const SPAN_MS = { '5m': 5 * 60_000, '1h': 3_600_000, '24h': 86_400_000 } as const;
const STEP_S = { '5m': 1, '1h': 10, '24h': 60 } as const;

type Range = ViewState['range'];
type Live = Pick<Series, 'atMs' | 'toServerBytes' | 'toClientBytes'>;

type Props = { readonly edge: MeshEdge; readonly range: Range };

export default function EdgeChart({ edge, range }: Props): ReactNode {
  const { value, problem, isLoading, reload } = useLoaded(
    `${edge.id} ${range} ${store.pastMs ?? ''}`,
    async (signal) => {
      const toMs = Math.round(shownNowMs());
      const query = new URLSearchParams({
        edge: edge.id,
        from: String(toMs - SPAN_MS[range]),
        to: String(toMs),
        step: String(STEP_S[range]),
      });
      return get<Series>(`/api/v1/series?${query}`, { signal });
    },
  );
  const live = useGrowing(value, edge.index, range);
  const { cmp } = useView();
  const { compared, problem: otherProblem } = useCompared(cmp, {
    of: { edge: edge.id },
    window: value && windowOf(value, range),
    stepSeconds: STEP_S[range],
  });
  const curves = useMemo(() => live && curvesOf(live, compared), [live, compared]);
  return (
    <section aria-label="Throughput">
      <div className="section-head">
        <h3>Throughput</h3>
        <div className="switch" role="group" aria-label="Range">
          {RANGES.map((one) => (
            <button
              type="button"
              key={one}
              aria-pressed={one === range}
              onClick={() => changeView({ range: one }, 'replace')}
            >
              {one}
            </button>
          ))}
        </div>
      </div>
      {problem && <Problem problem={problem} onRetry={reload} />}
      {isLoading && !live && <Loading what="the chart" rows={3} onRetry={reload} />}
      {live && curves && (
        <Chart
          title="Throughput: to server upwards, to client downwards"
          atMs={live.atMs}
          curves={curves}
          format={formatRate}
        />
      )}
      <ComparePicker edge={edge.id} />
      {otherProblem && <p className="quiet">Not compared: {otherProblem.message}</p>}
    </section>
  );
}

/** When the series was asked for: the end of what it shows. */
function windowOf({ atMs, stepSeconds }: Series, range: Range): Window | undefined {
  const last = atMs.at(-1);
  if (last === undefined) return undefined;
  const toMs = last + stepSeconds * 1000;
  return { fromMs: toMs - SPAN_MS[range], toMs };
}

function curvesOf(live: Live, compared: ComparedSeries | undefined): readonly Curve[] {
  const curves = [
    { name: 'to server', quantity: 'toServerBytes', colour: '--to-server' },
    { name: 'to client', quantity: 'toClientBytes', colour: '--to-client', isMirrored: true },
  ] as const;
  const own = curves.map(({ quantity, ...curve }) => ({ ...curve, values: live[quantity] }));
  if (!compared) return own;
  const drawn = curves.map((curve) => ({ ...curve, values: live[curve.quantity] }));
  return [...own, ...comparedCurves(drawn, compared, live.atMs)];
}

/** Each tick adds a point to the five minutes; the longer ranges move too slowly for that. */
function useGrowing(series: Series | undefined, index: number, range: Range): Live | undefined {
  const [grown, setGrown] = useState<{ readonly of: Series; readonly live: Live }>();
  useEffect(() => {
    if (!series || range !== '5m' || store.pastMs !== null) return undefined;
    return store.subscribe('samples', () => {
      const numbers = store.samples.of(index);
      if (!numbers || document.hidden) return;
      setGrown((old) => {
        const before: Live = old?.of === series ? old.live : series;
        return { of: series, live: withPoint(before, shownNowMs(), numbers) };
      });
    });
  }, [series, index, range]);
  return grown?.of === series ? grown?.live : series;
}

function withPoint(
  before: Live,
  nowMs: number,
  { toServerBytes, toClientBytes }: { toServerBytes: number; toClientBytes: number },
): Live {
  const first = before.atMs.findIndex((at) => at > nowMs - SPAN_MS['5m']);
  const from = Math.max(first, 0);
  return {
    atMs: [...before.atMs.slice(from), nowMs],
    toServerBytes: [...before.toServerBytes.slice(from), toServerBytes],
    toClientBytes: [...before.toClientBytes.slice(from), toClientBytes],
  };
}
