// The view's state as components read and change it; the address bar is where it is kept.
import { useMemo } from 'react';
import { currentPlace, navigate, usePlace } from '../router/location.ts';
import { DEFAULTS, formatView, parseView, type ParsedView, type ViewState } from './view-state.ts';

export function useParsedView(): ParsedView {
  const { search } = usePlace();
  return useMemo(() => parseView(search), [search]);
}

export const useView = (): ViewState => useParsedView().state;

/** `replace` for what changes all the time: typing, scrubbing. */
export function changeView(change: Partial<ViewState>, how: 'push' | 'replace' = 'push'): void {
  const { path, search } = currentPlace();
  const { state, others } = parseView(search);
  navigate(path + formatView({ ...state, ...change }, others), how);
}

/** A link to another page: it keeps the scope, the moment and the look, and nothing else. */
export function linkTo(path: string, change: Partial<ViewState> = {}): string {
  const { state } = parseView(currentPlace().search);
  const { ns, at, theme, wall } = state;
  const [target = '', query = ''] = path.split('?');
  const others = [...new URLSearchParams(query)];
  return target + formatView({ ...DEFAULTS, ns, at, theme, wall, ...change }, others);
}

/** A parameter of the page's own; empty: absent. */
export function useParam(name: string): readonly [string, (value: string) => void] {
  const { others } = useParsedView();
  const value = others.find(([other]) => other === name)?.[1] ?? '';
  const set = (next: string): void => {
    const { path, search } = currentPlace();
    const parsed = parseView(search);
    const rest = parsed.others.filter(([other]) => other !== name);
    if (next !== '') rest.push([name, next]);
    navigate(path + formatView(parsed.state, rest), 'replace');
  };
  return [value, set];
}
