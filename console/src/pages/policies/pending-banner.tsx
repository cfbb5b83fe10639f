// What is applied but not for good yet: it counts down, and says how to keep it or take it back.
import { useEffect, useRef, type ReactNode } from 'react';
import type { PolicyReference } from '../../api/types.ts';
import { useSession, serverNowMs, useNowMs } from '../../store/hooks.ts';
import { countdown } from './impact.ts';
import { ShadowBanner } from './shadow-banner.tsx';
import type { Editing } from './use-policy.ts';

type Props = {
  readonly of: PolicyReference;
  readonly editing: Editing;
  /** May the user write this policy? */
  readonly isMine: boolean;
};

export function PendingBanner({ of, editing, isMine }: Props): ReactNode {
  const { document, said, isBusy } = editing;
  const pending = document?.pending ?? null;
  const canUndo = pending === null && document !== undefined && document.previousYaml !== '';
  const isDeleted = document?.yaml === '';
  return (
    <>
      <p className="hidden" role="status">
        {said}
      </p>
      <ShadowBanner of={of} editing={editing} isMine={isMine} />
      {pending !== null && pending.mode !== 'shadow' && (
        <div className="pending confirm">
          <p>
            <strong>{isDeleted ? 'Deleted' : 'Applied'}, not kept yet.</strong>{' '}
            <UndoesItself revertsAtMs={pending.revertsAtMs} /> That needs no browser: it is done by
            the control plane.
          </p>
          <Bar revertsAtMs={pending.revertsAtMs} />
          {editing.ended !== '' && <p>{editing.ended} An undo brings none of it back.</p>}
          <Buttons>
            <button
              type="button"
              className="primary"
              onClick={editing.keep}
              disabled={isBusy || !isMine}
            >
              Keep
            </button>
            <button type="button" onClick={editing.undo} disabled={isBusy || !isMine}>
              Undo now
            </button>
          </Buttons>
        </div>
      )}
      {canUndo && (
        <div className="pending">
          <p>{said || 'The last change can be taken back for 24 hours.'}</p>
          <Buttons>
            <button type="button" onClick={editing.undo} disabled={isBusy || !isMine}>
              Undo the last change
            </button>
          </Buttons>
        </div>
      )}
      {!canUndo && pending === null && said !== '' && <p className="pending">{said}</p>}
    </>
  );
}

const Buttons = ({ children }: { readonly children: ReactNode }): ReactNode => (
  <div className="actions">{children}</div>
);

type Moment = { readonly revertsAtMs: number };

function UndoesItself({ revertsAtMs }: Moment): ReactNode {
  useNowMs();
  const { undoSeconds } = useSession();
  if (revertsAtMs <= 0) return null;
  const { text, isOver } = countdown(revertsAtMs, serverNowMs(), undoSeconds * 1000);
  return (
    <>
      {isOver ? (
        <>It is {text}.</>
      ) : (
        <>
          It undoes itself in <time className="countdown">{text}</time>.
        </>
      )}
    </>
  );
}

/** Its length is set by the DOM's own property: the content security policy knows no style text. */
function Bar({ revertsAtMs }: Moment): ReactNode {
  const nowMs = useNowMs();
  const { undoSeconds } = useSession();
  const bar = useRef<HTMLProgressElement>(null);
  const { share } = countdown(revertsAtMs, serverNowMs(), undoSeconds * 1000);
  useEffect(() => {
    if (bar.current) bar.current.value = share;
  }, [share, nowMs]);
  return <progress ref={bar} max={1} aria-label="Time until it undoes itself" />;
}
