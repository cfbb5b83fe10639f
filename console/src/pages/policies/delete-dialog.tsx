// Deleting is an edit like any other: previewed against what was seen, and undone unless kept.
import type { ReactNode } from 'react';
import type { PolicyReference } from '../../api/types.ts';
import { CopyButton } from '../../components/command.tsx';
import { Problem } from '../../components/states.tsx';
import { ConfirmDialog } from './confirm-dialog.tsx';
import { deleteCommand } from './export.ts';
import { count, honestyLine } from './impact.ts';
import { policyName } from './paths.ts';
import { usePreview } from './use-policy.ts';

type Props = {
  readonly of: PolicyReference;
  readonly version: string;
  readonly onConfirm: (endsSessions: boolean) => void;
  readonly onClose: () => void;
};

export function DeleteDialog({ of, version, onConfirm, onClose }: Props): ReactNode {
  const { impact, problem } = usePreview(of, '', '24h', version);
  return (
    <ConfirmDialog
      kind={of.kind}
      title={`Delete ${policyName(of)}?`}
      action="Delete with auto-undo"
      impact={impact}
      aside={<CopyButton text={deleteCommand(of)} label="Copy as kubectl" />}
      onConfirm={onConfirm}
      onClose={onClose}
    >
      {problem && <Problem problem={problem} />}
      {!impact && !problem && <p className="quiet">Asking what it would change …</p>}
      {impact && (
        <p>
          {count(impact.allowed.length, 'flow')} newly allowed, {impact.refused.length} refused,{' '}
          {impact.moved.length} led elsewhere, {impact.unchanged.length} unchanged,{' '}
          {impact.untold.length} that it cannot tell. {honestyLine(impact, '24h')}
        </p>
      )}
    </ConfirmDialog>
  );
}
