// What a chart is compared with: nothing, another time, or another edge.
import type { ReactNode } from 'react';
import type { MeshEdge } from '../api/types.ts';
import { shownNowMs, useEdges } from '../store/hooks.ts';
import { changeView, useView } from '../url/use-view.ts';
import { COMPARED, type Compared } from '../url/view-state.ts';
import { formatTime } from './format.ts';
import { edgeLabel } from './use-compared.ts';

const MINUTE_MS = 60_000;
const EARLIER: readonly (readonly [words: string, ms: number])[] = [
  ['5 minutes earlier', 5 * MINUTE_MS],
  ['1 hour earlier', 60 * MINUTE_MS],
  ['12 hours earlier', 12 * 60 * MINUTE_MS],
];
/** More than that nobody reads in a list: there is the link. */
const EDGES_MAX = 200;

type Props = {
  /** The edge that the chart is of: it is not compared with itself. */
  readonly edge?: string;
};

export function ComparePicker({ edge }: Props): ReactNode {
  const { cmp } = useView();
  const edges = useEdges().filter(({ id }) => id !== edge);
  const choose = (value: string): void => {
    const earlier = EARLIER.find(([words]) => words === value);
    const next: Compared | null = earlier
      ? { kind: 'time', atMs: Math.floor((shownNowMs() - earlier[1]) / 1000) * 1000 }
      : (COMPARED.read(value) ?? null);
    changeView({ cmp: next }, 'replace');
  };
  const value = cmp === null ? '' : COMPARED.write(cmp);
  return (
    <label className="compare">
      <span>Compare with</span>
      <select value={value} onChange={({ target }) => choose(target.value)}>
        <option value="">nothing</option>
        {cmp?.kind === 'time' && (
          <option value={value}>{formatTime(cmp.atMs, shownNowMs())}</option>
        )}
        <optgroup label="another time">
          {EARLIER.map(([words]) => (
            <option key={words} value={words}>
              {words}
            </option>
          ))}
        </optgroup>
        <EdgeOptions edges={edges} cmp={cmp} />
      </select>
    </label>
  );
}

type EdgeOptionsProps = { readonly edges: readonly MeshEdge[]; readonly cmp: Compared | null };

function EdgeOptions({ edges, cmp }: EdgeOptionsProps): ReactNode {
  const ids = edges.slice(0, EDGES_MAX).map(({ id }) => id);
  if (cmp?.kind === 'edge' && !ids.includes(cmp.id)) ids.unshift(cmp.id);
  if (ids.length === 0) return null;
  return (
    <optgroup label="another edge">
      {ids.map((id) => (
        <option key={id} value={COMPARED.write({ kind: 'edge', id })}>
          {edgeLabel(id)}
        </option>
      ))}
    </optgroup>
  );
}
