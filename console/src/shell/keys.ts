// Keys of one letter, off while somebody types and for those who switched them off (WCAG 2.1.4).
import { useEffect } from 'react';
import { browserClock } from '../base/clock.ts';
import { Cell } from '../store/feed-state.ts';

export type KeyMap = Readonly<Record<string, () => void>>;

const KEPT = 'isthmus.keys';
/** After `g` the page's letter has to come within this. */
const SEQUENCE_MS = 1_500;

export const keysAreOn = new Cell(localStorage.getItem(KEPT) !== 'off');

export function switchKeys(isOn: boolean): void {
  localStorage.setItem(KEPT, isOn ? 'on' : 'off');
  keysAreOn.set(isOn);
}

/** Later maps win: a page's over the shell's. */
const maps: KeyMap[] = [];
let prefix = '';

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  );
}

function onKeyDown(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.altKey || event.metaKey) return;
  // what is asked before all else has its own keys: Escape closes it, by the browser
  if (document.querySelector('dialog:modal')) return;
  const name = event.ctrlKey ? `Ctrl+${event.key.toLowerCase()}` : event.key;
  const isSingle = !event.ctrlKey && event.key.length === 1;
  if (isSingle && (isTyping(event.target) || !keysAreOn.get())) return;
  if (isTyping(event.target) && !event.ctrlKey) return;
  const pressed = prefix + name;
  prefix = '';
  const action = maps.findLast((map) => Object.hasOwn(map, pressed))?.[pressed];
  if (action) {
    event.preventDefault();
    action();
  } else if (pressed === 'g') {
    prefix = 'g ';
    browserClock.after(SEQUENCE_MS, () => (prefix = ''));
  }
}

document.addEventListener('keydown', onKeyDown);

/** Keys that work while the component is there. */
export function useKeys(map: KeyMap): void {
  useEffect(() => {
    maps.push(map);
    return () => {
      maps.splice(maps.indexOf(map), 1);
    };
  }, [map]);
}

/** What the help page lists. */
export const KEY_HELP: readonly (readonly [string, string])[] = [
  ['?', 'this list'],
  ['/ or Ctrl+K', 'search'],
  ['g m, g w, g j, g i, g r, g p', 'Map, Workloads, Join, Identity, Reach, Policies'],
  ['Tab', 'into the map: it is one stop'],
  ['arrows', 'to the nearest workload in that direction'],
  ['n, N', 'next, previous edge of a workload'],
  ['Enter', 'open what has the focus'],
  ['Esc', 'close, and back to where you were'],
  ['Alt+arrows', 'move a workload'],
  ['t', 'graph or table'],
  ['f', 'fit the whole map'],
  ['Shift+L', 'lay the map out anew'],
  ['.', 'pause, go on'],
  ['[ and ]', 'a step back, forward in time'],
  ['c', 'copy the link to this view'],
  ['e', 'explain the selected edge, or the way to the workload'],
];
