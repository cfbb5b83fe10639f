// The panel on the right that every page opens its details in. What is behind stays usable.
import { useEffect, useRef, useState, type KeyboardEvent, type ReactNode } from 'react';
import { createPortal } from 'react-dom';
import { browserClock } from '../base/clock.ts';
import { Cell } from '../store/feed-state.ts';
import { useCell } from '../store/hooks.ts';

type Props = {
  /** Names the region for those who do not see it: `Edge: postgres-library to …`. */
  readonly label: string;
  readonly title: ReactNode;
  readonly onClose: () => void;
  readonly children: ReactNode;
  /** Buttons at its foot. */
  readonly actions?: ReactNode;
};

/** Where drawers stand: beside the page, whatever component opens them. Set by the shell. */
export const drawerHost = new Cell<HTMLElement | null>(null);

const WIDTH_KEY = 'isthmus.drawer';
const WIDTH_FIRST = 420;
const WIDTH_MIN = 300;
const WIDTH_MAX = 900;
const WIDTH_STEP = 40;

const bounded = (width: number): number =>
  Math.min(Math.max(width, WIDTH_MIN), WIDTH_MAX, Math.max(window.innerWidth - 240, WIDTH_MIN));

function keptWidth(): number {
  const kept = Number(localStorage.getItem(WIDTH_KEY));
  return kept > 0 ? bounded(kept) : WIDTH_FIRST;
}

/** What the drawer of an address is about: of a map exactly that is in the order of the Tab key. */
const STOP_OF_MAP = '[data-id][tabindex="0"]';

/** Focus goes back to where it came from: what opened the drawer, if that is still there. */
function useFocusReturn(label: string): React.RefObject<HTMLElement | null> {
  const panel = useRef<HTMLElement>(null);
  const origin = useRef<Element | null>(null);
  useEffect(() => {
    origin.current = document.activeElement;
    return () => {
      const opener = origin.current;
      browserClock.after(0, () => {
        const isFree = document.activeElement === document.body || !document.activeElement;
        const isThere = opener?.isConnected && opener !== document.body;
        const back = isThere ? opener : document.querySelector(STOP_OF_MAP);
        if (isFree && (back instanceof HTMLElement || back instanceof SVGElement)) back.focus();
      });
    };
  }, []);
  useEffect(() => panel.current?.focus({ preventScroll: true }), [label]);
  return panel;
}

export function Drawer(props: Props): ReactNode {
  const host = useCell(drawerHost);
  return host && createPortal(<Panel {...props} />, host);
}

function Panel({ label, title, onClose, children, actions }: Props): ReactNode {
  const panel = useFocusReturn(label);
  const [width, setWidth] = useState(keptWidth);
  const resize = (next: number): void => {
    setWidth(bounded(next));
    localStorage.setItem(WIDTH_KEY, String(bounded(next)));
  };
  const close = (event: KeyboardEvent): void => {
    if (event.key !== 'Escape') return;
    event.stopPropagation();
    onClose();
  };
  return (
    <aside
      ref={panel}
      className="drawer"
      aria-label={label}
      tabIndex={-1}
      style={{ width }}
      onKeyDown={close}
    >
      <Handle width={width} onResize={resize} />
      <header className="drawer-head">
        <h2>{title}</h2>
        <button type="button" className="icon" aria-label="Close" onClick={onClose}>
          ✕
        </button>
      </header>
      <div className="drawer-body">{children}</div>
      {actions && <footer className="drawer-actions">{actions}</footer>}
    </aside>
  );
}

type HandleProps = { readonly width: number; readonly onResize: (width: number) => void };

function Handle({ width, onResize }: HandleProps): ReactNode {
  const byKey = (event: KeyboardEvent): void => {
    const step = { ArrowLeft: WIDTH_STEP, ArrowRight: -WIDTH_STEP }[event.key];
    if (!step) return;
    event.preventDefault();
    onResize(width + step);
  };
  return (
    <div
      className="drawer-handle"
      role="separator"
      aria-orientation="vertical"
      aria-label="Width of the panel"
      aria-valuenow={width}
      aria-valuemin={WIDTH_MIN}
      aria-valuemax={WIDTH_MAX}
      tabIndex={0}
      onKeyDown={byKey}
      onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
      onPointerMove={(event) => {
        if (event.buttons === 1) onResize(window.innerWidth - event.clientX);
      }}
    />
  );
}
