// From looking to lasting, one rung after the other: preview, shadow, apply with auto-undo.
import { useId, useState, type ReactNode } from 'react';
import type { PolicyImpact, PolicyReference } from '../../api/types.ts';
import { useSession } from '../../store/hooks.ts';
import { ConfirmDialog } from './confirm-dialog.tsx';
import { DeleteDialog } from './delete-dialog.tsx';
import { count, delayText, hasErrors, refusedClients, type Ladder } from './impact.ts';
import type { Editing } from './use-policy.ts';

type Props = {
  readonly of: PolicyReference;
  readonly editing: Editing;
  readonly ladder: Ladder;
  readonly impact: PolicyImpact | undefined;
  /** Why nothing may be written; empty: it may. */
  readonly forbidden: string;
};

export function ApplyBar(props: Props): ReactNode {
  const { of, editing, ladder, impact, forbidden } = props;
  const [asks, setAsks] = useState<'refusing' | 'deleting'>();
  const { isBusy, document } = editing;
  const close = (): void => setAsks(undefined);
  const confirmed = (act: (endsSessions: boolean) => void) => (endsSessions: boolean) => {
    close();
    act(endsSessions);
  };
  const apply = (endsSessions: boolean): void => editing.apply('confirm', endsSessions);
  return (
    <section className="ladder" aria-label="Apply">
      <Rungs
        {...props}
        onApply={ladder.refuses > 0 ? () => setAsks('refusing') : () => apply(false)}
      />
      {document && document.yaml !== '' && (
        <button
          type="button"
          disabled={forbidden !== '' || isBusy}
          title={forbidden}
          onClick={() => setAsks('deleting')}
        >
          Delete…
        </button>
      )}
      {asks === 'refusing' && impact && (
        <ConfirmDialog
          kind={of.kind}
          title={`Refuse ${count(ladder.refuses, 'client')}?`}
          action="Apply with auto-undo"
          impact={impact}
          onClose={close}
          onConfirm={confirmed(apply)}
        />
      )}
      {asks === 'deleting' && (
        <DeleteDialog
          of={of}
          version={document?.resourceVersion ?? ''}
          onClose={close}
          onConfirm={confirmed(editing.remove)}
        />
      )}
    </section>
  );
}

type RungsProps = Props & { readonly onApply: () => void };

function Rungs({ of, editing, ladder, impact, onApply }: RungsProps): ReactNode {
  const id = useId();
  const { isBusy, document } = editing;
  const { undoSeconds } = useSession();
  const isBlocked = ladder.reason !== '' || isBusy;
  const tried = document?.shadowYaml ?? '';
  const shadowReason = shadowProblem(of.kind, tried !== '' && tried === editing.text);
  return (
    <ol>
      <li className={impact ? 'done' : ''}>
        <span className="rung">1 Preview</span>
        <span className="quiet">{previewText(impact)}</span>
      </li>
      <li>
        <button
          type="button"
          disabled={isBlocked || shadowReason !== ''}
          aria-describedby={`${id}-${ladder.reason === '' ? 'shadow' : 'reason'}`}
          onClick={() => editing.apply('shadow')}
        >
          2 {tried === '' ? 'Shadow' : 'Change the shadow'}
        </button>
        {ladder.reason === '' && (
          <span className="quiet" id={`${id}-shadow`}>
            {shadowReason || 'evaluate and count, refuse nobody'}
          </span>
        )}
      </li>
      <li>
        <button
          type="button"
          className={ladder.refuses > 0 ? 'danger' : 'primary'}
          disabled={isBlocked}
          aria-describedby={`${id}-reason`}
          onClick={onApply}
        >
          3 {isBusy ? 'Applying …' : ladder.label}
        </button>
        <span className="quiet" id={`${id}-reason`}>
          {ladder.reason || `undoes itself after ${delayText(undoSeconds)} unless you keep it`}
        </span>
      </li>
    </ol>
  );
}

/** Envoy evaluates without enforcing for authorization only. */
function shadowProblem(kind: string, isShadow: boolean): string {
  if (isShadow) return 'It is in shadow.';
  return kind === 'AuthorizationPolicy'
    ? ''
    : 'Only an AuthorizationPolicy can be evaluated without being enforced.';
}

function previewText(impact: PolicyImpact | undefined): string {
  if (!impact) return 'on its way';
  if (hasErrors(impact)) return 'not known: the text has errors';
  const refused = refusedClients(impact);
  return refused === 0 ? 'refuses nobody who was seen' : `refuses ${count(refused, 'client')}`;
}
