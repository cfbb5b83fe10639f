// The series that `?cmp=` lays over another.
import { useRef } from 'react';
import { get } from '../api/client.ts';
import type { ApiProblem, Series } from '../api/types.ts';
import { store } from '../store/hooks.ts';
import type { Compared } from '../url/view-state.ts';
import { comparedWindow, timeLabel, type Window } from './compare.ts';
import { useLoaded } from './use-loaded.ts';

export type ComparedSeries = {
  readonly series: Series;
  readonly label: string;
  /** How much later the first is. */
  readonly shiftMs: number;
};

type Of = {
  /** What the first is of, as the API takes it: `edge=…` or `node=…`. */
  readonly of: Readonly<Record<string, string>>;
  /** Of the first; undefined: it is not here yet. */
  readonly window: Window | undefined;
  readonly stepSeconds: number;
};

/** @returns `compared`: undefined until it is here, or where nothing is compared */
export function useCompared(
  cmp: Compared | null,
  { of, window, stepSeconds }: Of,
): { readonly compared: ComparedSeries | undefined; readonly problem: ApiProblem | undefined } {
  const part = cmp && window && comparedWindow(cmp, window);
  const query = part && {
    ...(cmp.kind === 'edge' ? { edge: cmp.id } : of),
    from: String(Math.max(0, part.fromMs)),
    to: String(part.toMs),
    step: String(stepSeconds),
  };
  const search = query ? new URLSearchParams(query).toString() : '';
  const { value, problem } = useLoaded(search, async (signal) =>
    search === '' ? null : get<Series>(`/api/v1/series?${search}`, { signal }),
  );
  // While the next stretch loads the last one stays: the newest moments are a gap for so long.
  const kept = useRef<{ readonly what: string; readonly series: Series }>(undefined);
  const what = JSON.stringify([cmp, of, stepSeconds, part && part.toMs - part.fromMs]);
  if (value) kept.current = { what, series: value };
  const series = value ?? (kept.current?.what === what ? kept.current.series : undefined);
  if (!cmp || !window || !part || !series) return { compared: undefined, problem };
  const label = cmp.kind === 'edge' ? edgeLabel(cmp.id) : timeLabel(cmp.atMs, window.toMs);
  const shiftMs = window.toMs - part.toMs;
  return { compared: { series, label, shiftMs }, problem: undefined };
}

/** `frontend → postgres-library:8080`; of one that is not on the map its id. */
export function edgeLabel(id: string): string {
  const edge = store.edge(id);
  if (!edge) return `edge ${id.slice(0, 40)}`;
  const nameOf = (node: string): string => store.node(node)?.name ?? node.replace(/^\w+:/, '');
  return `${nameOf(edge.from)} → ${nameOf(edge.to)}:${edge.port}`;
}
