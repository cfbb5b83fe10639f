// What is only tried: its counter, its text, and how to change or end it.
import type { ReactNode } from 'react';
import type { PolicyReference } from '../../api/types.ts';
import { Link } from '../../router/link.tsx';
import { serverNowMs } from '../../store/hooks.ts';
import { spanText } from './impact.ts';
import { policyPath } from './paths.ts';
import type { Editing } from './use-policy.ts';

type Props = {
  readonly of: PolicyReference;
  readonly editing: Editing;
  /** May the user write this policy? */
  readonly isMine: boolean;
};

export function ShadowBanner({ of, editing, isMine }: Props): ReactNode {
  const { document, text, isBusy } = editing;
  const shadowYaml = document?.shadowYaml ?? '';
  const pending = document?.pending?.mode === 'shadow' ? document.pending : null;
  if (shadowYaml === '' && !pending) return null;
  const copy = { ...of, name: `${of.name}-shadow` };
  return (
    <div className="pending shadow">
      <div>
        <p>
          <strong>In shadow:</strong> every proxy evaluates it and refuses nobody.{' '}
          {pending ? (
            <>
              It would have denied <strong>{pending.wouldDeny ?? 'an unknown number'}</strong> since
              then. It ends by itself in {spanText(pending.revertsAtMs - serverNowMs())}.
            </>
          ) : (
            <>
              It was begun elsewhere and stays until somebody deletes{' '}
              <Link to={policyPath(copy)}>{copy.name}</Link>.
            </>
          )}
        </p>
        {shadowYaml !== '' && (
          <details className="tried">
            <summary>What is tried</summary>
            <pre>{shadowYaml}</pre>
          </details>
        )}
      </div>
      <div className="actions">
        {shadowYaml !== '' && text !== shadowYaml && (
          <button
            type="button"
            onClick={() => editing.setText(shadowYaml)}
            disabled={isBusy || !isMine}
          >
            Edit what is tried
          </button>
        )}
        {pending && (
          <button type="button" onClick={editing.undo} disabled={isBusy || !isMine}>
            End the shadow
          </button>
        )}
      </div>
    </div>
  );
}
