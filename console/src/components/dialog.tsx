// A question in the browser's own modal dialog, with a title and buttons at its foot.
import { useEffect, useRef, type ReactNode } from 'react';
import { Dialog as Frame } from '../shell/dialog.tsx';
import './dialog.css';

type Props = {
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ReactNode;
  /** Buttons at its foot; a way to close is there anyway. */
  readonly actions: ReactNode;
  readonly isWide?: boolean;
};

export function Dialog({ title, onClose, children, actions, isWide }: Props): ReactNode {
  const head = useRef<HTMLElement>(null);
  useEffect(() => {
    const dialog = head.current?.closest('dialog');
    // The frame has opened it; what is to be typed or decided comes before its close button.
    dialog?.querySelector<HTMLElement>('[data-first]')?.focus();
    // Taken away while open it would leave the focus nowhere.
    return () => dialog?.close();
  }, []);
  return (
    <Frame label={title} onClose={onClose} className={isWide ? 'dialog wide' : 'dialog'}>
      <header ref={head} className="dialog-head">
        <h2>{title}</h2>
        <button type="button" className="icon" aria-label="Close" onClick={onClose}>
          ✕
        </button>
      </header>
      <div className="dialog-body">{children}</div>
      <footer className="dialog-actions">{actions}</footer>
    </Frame>
  );
}
