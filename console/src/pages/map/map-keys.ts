// The map's own keys, announced to the help page by shell/keys.ts.
import { useKeys } from '../../shell/keys.ts';
import { currentPlace, navigate } from '../../router/location.ts';
import { parseView } from '../../url/view-state.ts';
import { changeView, linkTo } from '../../url/use-view.ts';
import { store } from '../../store/hooks.ts';
import { commandName } from './words.ts';
import type { Placed } from './use-layout.ts';

export const viewNow = (): ReturnType<typeof parseView>['state'] =>
  parseView(currentPlace().search).state;

/** To Reach, about the edge that is selected, or the way to the workload that is. */
export function explainLink(sel: string): string | undefined {
  const edge = sel.startsWith('edge:') ? store.edge(sel.slice('edge:'.length)) : undefined;
  if (!edge) {
    const node = store.node(sel);
    return node && linkTo(`/reach?${new URLSearchParams({ to: commandName(node, sel) })}`);
  }
  const query = new URLSearchParams({
    from: commandName(store.node(edge.from), edge.from),
    to: commandName(store.node(edge.to), edge.to),
    port: String(edge.port),
  });
  return linkTo(`/reach?${query}`);
}

export function useMapKeys(placed: Placed): void {
  const { relayout } = placed;
  useKeys({
    t: () => changeView({ view: viewNow().view === 'table' ? 'graph' : 'table' }),
    // Fitting anew is a change from manual to auto; from auto to auto it is through manual.
    f: () => {
      changeView({ fit: 'manual' }, 'replace');
      changeView({ fit: 'auto' }, 'replace');
    },
    L: relayout,
    e: () => {
      const link = explainLink(viewNow().sel);
      if (link) navigate(link);
    },
  });
}
