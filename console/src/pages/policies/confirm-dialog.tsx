// Asked before anybody is refused: the number of clients has to be typed, so that it was read.
import { useState, type FormEvent, type ReactNode } from 'react';
import type { PolicyImpact } from '../../api/types.ts';
import { Dialog } from '../../components/dialog.tsx';
import { count, isNumberTyped, openNote, refusedClients, shortName } from './impact.ts';

type Props = {
  readonly kind: string;
  readonly impact: PolicyImpact;
  readonly onConfirm: () => void;
  readonly onClose: () => void;
};

export function ConfirmDialog({ kind, impact, onConfirm, onClose }: Props): ReactNode {
  const [typed, setTyped] = useState('');
  const refuses = refusedClients(impact);
  const isTyped = isNumberTyped(typed, refuses);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (isTyped) onConfirm();
  };
  return (
    <Dialog
      title={`Refuse ${count(refuses, 'client')}?`}
      onClose={onClose}
      actions={
        <>
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" form="refusing" className="danger" disabled={!isTyped}>
            Apply with auto-undo
          </button>
        </>
      }
    >
      <form id="refusing" onSubmit={submit} className="confirm">
        <p>These were let in and will be refused from their next connection on:</p>
        <Refused impact={impact} />
        <p>{openNote(impact, kind)}</p>
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
      </form>
    </Dialog>
  );
}

export function Refused({ impact }: { readonly impact: PolicyImpact }): ReactNode {
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
