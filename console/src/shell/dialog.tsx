import { useEffect, useRef, type ReactNode } from 'react';

type Props = {
  readonly label: string;
  readonly onClose: () => void;
  readonly children: ReactNode;
  readonly className?: string;
};

/** The browser's own modal dialog: it keeps the focus, Escape closes it, focus goes back. */
export function Dialog({ label, onClose, children, className }: Props): ReactNode {
  const element = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = element.current;
    if (dialog && !dialog.open) dialog.showModal();
    const byBackdrop = (event: MouseEvent): void => {
      if (event.target === dialog) dialog?.close();
    };
    dialog?.addEventListener('click', byBackdrop);
    return () => dialog?.removeEventListener('click', byBackdrop);
  }, []);
  return (
    <dialog ref={element} aria-label={label} className={className} onClose={onClose}>
      {children}
    </dialog>
  );
}
