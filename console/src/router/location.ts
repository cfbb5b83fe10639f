// Where the console is: path and query of the address bar, as a value that components follow.
import { useSyncExternalStore } from 'react';

export type Place = { readonly path: string; readonly search: string };

const placeNow = (): Place => ({ path: location.pathname, search: location.search });

let place = placeNow();
const listeners = new Set<() => void>();

function arrive(): void {
  place = placeNow();
  for (const listener of listeners) listener();
}

window.addEventListener('popstate', arrive);

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

const read = (): Place => place;

export const usePlace = (): Place => useSyncExternalStore(subscribe, read);
export const currentPlace = read;

/** `replace` for what changes all the time (typing, scrubbing): Back then skips it. */
export function navigate(to: string, how: 'push' | 'replace' = 'push'): void {
  const target = new URL(to, location.href);
  const url = target.pathname + target.search;
  if (url === place.path + place.search) return;
  if (how === 'push') history.pushState(null, '', url);
  else history.replaceState(history.state, '', url);
  arrive();
}
