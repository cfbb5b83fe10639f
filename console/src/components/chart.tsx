// A time chart: what goes to the server up, what comes back down, one line of time. Loaded when the
// first chart is shown. For those who do not see it: a sentence, and the numbers as a table.
import { useEffect, useRef, type ReactNode } from 'react';
import UPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import type { Curve } from './curve.ts';
import { formatTime, UNKNOWN } from './format.ts';

const DASH = [6, 4];

export type ChartProps = {
  readonly title: string;
  readonly atMs: readonly number[];
  readonly curves: readonly Curve[];
  readonly format: (value: number | null) => string;
  readonly height?: number;
  /** Charts of one name share their cursor. */
  readonly sync?: string;
  readonly onZoom?: (fromMs: number, toMs: number) => void;
};

const css = (name: string): string =>
  getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** A colour as canvas understands it: custom properties with light-dark() have to be resolved. */
function colourOf(name: string, probe: HTMLElement): string {
  probe.style.color = `var(${name})`;
  return getComputedStyle(probe).color;
}

const surfaceOf = (colour: string): string => `color-mix(in srgb, ${colour} 16%, transparent)`;

function dataOf({ atMs, curves }: ChartProps): UPlot.AlignedData {
  const columns = curves.map(({ values, isMirrored }) =>
    values.map((value) => (value === null ? null : isMirrored ? -value : value)),
  );
  return [atMs.map((at) => at / 1000), ...columns];
}

function optionsOf(props: ChartProps, frame: HTMLElement): UPlot.Options {
  const { curves, format, height = 140, sync, onZoom } = props;
  const colour = (name: string) => (): string => colourOf(name, frame);
  const axis = { stroke: colour('--quiet'), font: `11px ${css('--font')}` };
  const grid = { stroke: colour('--line'), width: 1 };
  return {
    width: frame.clientWidth || 360,
    height,
    legend: { show: false },
    cursor: { y: false, drag: { x: true, y: false }, ...(sync ? { sync: { key: sync } } : {}) },
    axes: [
      {
        ...axis,
        grid: { show: false },
        ticks: { ...grid, size: 4 },
        size: 26,
        space: 74,
        values: (_, splits) => splits.map((at) => formatTime(at * 1000, at * 1000)),
      },
      {
        ...axis,
        grid,
        ticks: { show: false },
        size: 64,
        space: 24,
        values: (_, splits) => splits.map((value) => format(Math.abs(value))),
      },
    ],
    scales: { x: { time: true } },
    series: [
      {},
      ...curves.map(({ name, colour: property, isDashed = false }) => ({
        label: name,
        stroke: colour(property),
        width: 1.5,
        ...(isDashed ? { dash: DASH } : { fill: () => surfaceOf(colourOf(property, frame)) }),
        points: {
          show: false,
          size: 4,
          filter: (plot: UPlot, at: number) => aloneIn(plot.data[at] ?? []),
        },
      })),
    ],
    hooks: onZoom
      ? {
          setSelect: [
            (plot) => {
              const { left, width } = plot.select;
              const at = (x: number): number => plot.posToVal(x, 'x') * 1000;
              if (width > 4) onZoom(at(left), at(left + width));
            },
          ],
        }
      : {},
  };
}

/** Values between two that are not known are no part of any line: they are dots. */
function aloneIn(values: ArrayLike<number | null | undefined>): number[] | null {
  const isKnown = (at: number): boolean => (values[at] ?? null) !== null;
  const alone: number[] = [];
  for (let at = 0; at < values.length; at++) {
    if (isKnown(at) && !isKnown(at - 1) && !isKnown(at + 1)) alone.push(at);
  }
  return alone.length > 0 ? alone : null;
}

export default function Chart(props: ChartProps): ReactNode {
  const { title, atMs, curves, format } = props;
  const frame = useRef<HTMLDivElement>(null);
  const plot = useRef<UPlot>(undefined);
  const latest = useRef(props);
  latest.current = props;
  const shape = curves.map(({ name, colour }) => `${name} ${colour}`).join();
  useEffect(() => {
    const element = frame.current;
    if (!element) return undefined;
    const made = new UPlot(optionsOf(latest.current, element), dataOf(latest.current), element);
    plot.current = made;
    const watch = new ResizeObserver(() => {
      if (element.clientWidth > 0 && element.clientWidth !== made.width) {
        made.setSize({ width: element.clientWidth, height: made.height });
      }
    });
    watch.observe(element);
    return () => {
      watch.disconnect();
      made.destroy();
    };
  }, [shape]);
  useEffect(() => plot.current?.setData(dataOf(latest.current)), [atMs, curves]);
  return (
    <figure className="chart" aria-label={title}>
      <div ref={frame} className="chart-frame" aria-hidden="true" />
      <figcaption>
        {curves.map((curve) => (
          <Summary key={curve.name} curve={curve} atMs={atMs} format={format} />
        ))}
      </figcaption>
      <HiddenTable {...props} />
    </figure>
  );
}

type SummaryProps = Pick<ChartProps, 'atMs' | 'format'> & { readonly curve: Curve };

/** `to server 1.2 kB/s, max 4.0 kB/s at 16:03:10` */
function Summary({ curve, atMs, format }: SummaryProps): ReactNode {
  const { name, values, colour, isDashed = false, shiftMs = 0 } = curve;
  let most = -1;
  values.forEach((value, index) => {
    if (value !== null && (most < 0 || value > (values[most] ?? 0))) most = index;
  });
  const last = values.findLast((value) => value !== null) ?? null;
  const at = atMs[most];
  return (
    <span className="legend">
      <span
        className={isDashed ? 'swatch dashed' : 'swatch'}
        style={isDashed ? { color: `var(${colour})` } : { background: `var(${colour})` }}
        aria-hidden="true"
      />
      {name} {format(last)}
      {at !== undefined && (
        <span className="quiet">
          , max {format(values[most] ?? null)} at {formatTime(at - shiftMs, atMs.at(-1) ?? at)}
        </span>
      )}
    </span>
  );
}

/** A table of thousands of rows helps nobody. */
const ROWS_MAX = 60;

function HiddenTable({ title, atMs, curves, format }: ChartProps): ReactNode {
  const first = Math.max(0, atMs.length - ROWS_MAX);
  return (
    <table className="hidden">
      <caption>{title}: the latest values</caption>
      <thead>
        <tr>
          <th scope="col">Time</th>
          {curves.map(({ name }) => (
            <th scope="col" key={name}>
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {atMs.slice(first).map((at, row) => (
          <tr key={at}>
            <td>{formatTime(at, at)}</td>
            {curves.map(({ name, values }) => (
              <td key={name} data-value={values[first + row] ?? ''}>
                {values[first + row] === null ? UNKNOWN : format(values[first + row] ?? null)}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
