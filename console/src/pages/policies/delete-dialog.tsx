// Deleting is an edit like any other: previewed against what was seen, and undone unless kept.
import { useState, type FormEvent, type ReactNode } from 'react';
import type { PolicyReference } from '../../api/types.ts';
import { CopyButton } from '../../components/command.tsx';
import { Dialog } from '../../components/dialog.tsx';
import { Problem } from '../../components/states.tsx';
import { Refused } from './confirm-dialog.tsx';
import { deleteCommand } from './export.ts';
import { count, honestyLine, isNumberTyped, openNote, refusedClients } from './impact.ts';
import { usePreview } from './use-policy.ts';

type Props = {
  readonly of: PolicyReference;
  readonly version: string;
  readonly onConfirm: () => void;
  readonly onClose: () => void;
};

export function DeleteDialog({ of, version, onConfirm, onClose }: Props): ReactNode {
  const { impact, problem } = usePreview(of, '', '24h', version);
  const [typed, setTyped] = useState('');
  const refuses = impact ? refusedClients(impact) : 0;
  const isReady = impact !== undefined && (refuses === 0 || isNumberTyped(typed, refuses));
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (isReady) onConfirm();
  };
  return (
    <Dialog
      title={`Delete ${of.namespace}/${of.name}?`}
      onClose={onClose}
      actions={
        <>
          <CopyButton text={deleteCommand(of)} label="Copy as kubectl" />
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" form="deleting" className="danger" disabled={!isReady}>
            Delete with auto-undo
          </button>
        </>
      }
    >
      <form id="deleting" onSubmit={submit} className="confirm">
        {problem && <Problem problem={problem} />}
        {!impact && !problem && <p className="quiet">Asking what it would change …</p>}
        {impact && (
          <p>
            {count(impact.allowed.length, 'flow')} newly allowed, {impact.refused.length} refused,{' '}
            {impact.unchanged.length} unchanged, {impact.untold.length} that it cannot tell.{' '}
            {honestyLine(impact, '24h')}
          </p>
        )}
        {impact && refuses > 0 && (
          <>
            <Refused impact={impact} />
            <p>{openNote(impact, of.kind)}</p>
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
