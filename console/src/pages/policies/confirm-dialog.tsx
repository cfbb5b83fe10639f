// Asked before anybody is refused, and before anything is deleted: the number of clients who will
// be refused has to be typed, so that it was read.
import { useId, useState, type FormEvent, type ReactNode } from 'react';
import type { PolicyImpact } from '../../api/types.ts';
import { Dialog } from '../../components/dialog.tsx';
import { EndSessions } from './end-sessions.tsx';
import { isNumberTyped, openNote, refusedClients, shortName } from './impact.ts';

type Props = {
  readonly kind: string;
  readonly title: string;
  /** On the button that does it. */
  readonly action: string;
  /** undefined: not known yet, and nothing can be confirmed before. */
  readonly impact: PolicyImpact | undefined;
  /** What else there is to say of it. */
  readonly children?: ReactNode;
  /** Buttons beside. */
  readonly aside?: ReactNode;
  readonly onConfirm: (endsSessions: boolean) => void;
  readonly onClose: () => void;
};

export function ConfirmDialog(props: Props): ReactNode {
  const { kind, title, action, impact, children, aside, onConfirm, onClose } = props;
  const id = useId();
  const [typed, setTyped] = useState('');
  const [ends, setEnds] = useState(false);
  const refuses = impact ? refusedClients(impact) : 0;
  const isReady = impact !== undefined && (refuses === 0 || isNumberTyped(typed, refuses));
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (isReady) onConfirm(ends);
  };
  return (
    <Dialog
      title={title}
      onClose={onClose}
      actions={
        <>
          {aside}
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" form={id} className="danger" disabled={!isReady}>
            {action}
          </button>
        </>
      }
    >
      <form id={id} onSubmit={submit} className="confirm">
        {children}
        {impact && refuses > 0 && (
          <>
            <p>These were let in and will be refused from their next connection on:</p>
            <Refused impact={impact} />
            {!ends && <p>{openNote(impact, kind)}</p>}
            <EndSessions impact={impact} isTicked={ends} onTick={setEnds} />
            <label className="field">
              Type {refuses} to go on
              <input
                inputMode="numeric"
                data-first
                autoComplete="off"
                value={typed}
                onChange={(event) => setTyped(event.target.value)}
              />
            </label>
          </>
        )}
      </form>
    </Dialog>
  );
}

function Refused({ impact }: { readonly impact: PolicyImpact }): ReactNode {
  return (
    <ul className="refused">
      {impact.refused.map(({ from, to, port, clientIdentity }) => (
        <li key={`${from} ${to} ${port} ${clientIdentity}`}>
          {shortName(from)} → {shortName(to)}:{port}
        </li>
      ))}
    </ul>
  );
}
