// The text of a policy as form or as YAML, and what is wrong with it.
import { useMemo, type ReactNode } from 'react';
import type { PolicyImpact, PolicyReference } from '../../api/types.ts';
import { Badge } from '../../components/badge.tsx';
import { useNodes } from '../../store/hooks.ts';
import { changeView, useView } from '../../url/use-view.ts';
import { FormPane } from './form-pane.tsx';
import { formOf } from './forms.ts';
import { marksFor } from './marks.ts';
import { liveNames } from './names.ts';
import { policyName } from './paths.ts';
import type { Editing } from './use-policy.ts';
import { Marks, YamlPane } from './yaml-pane.tsx';

type Props = {
  readonly of: PolicyReference;
  readonly editing: Editing;
  readonly impact: PolicyImpact | undefined;
  /** Empty: it can be edited. */
  readonly readOnlyReason: string;
};

export function PolicySheet({ of, editing, impact, readOnlyReason }: Props): ReactNode {
  const { tab } = useView();
  const { text, setText } = editing;
  const names = liveNames(useNodes());
  const marks = useMemo(() => marksFor(text, impact), [text, impact]);
  const fields = formOf(of.kind);
  const isForm = tab === 'form' && fields !== undefined;
  return (
    <section className="sheet" aria-label="Policy">
      <Switch isForm={isForm} hasForm={fields !== undefined} editing={editing} />
      {isForm ? (
        <>
          <FormPane
            fields={fields}
            text={text}
            onChange={setText}
            names={names}
            readOnlyReason={readOnlyReason}
          />
          {impact && <Marks marks={marks} />}
        </>
      ) : (
        <YamlPane
          label={`${of.kind} ${policyName(of)} as YAML`}
          text={text}
          onChange={setText}
          marks={marks}
          names={names}
          readOnlyReason={readOnlyReason}
        />
      )}
    </section>
  );
}

type SwitchProps = {
  readonly isForm: boolean;
  readonly hasForm: boolean;
  readonly editing: Editing;
};

function Switch({ isForm, hasForm, editing }: SwitchProps): ReactNode {
  return (
    <div className="sheet-head">
      <div className="segments" role="group" aria-label="Edit as">
        <button
          type="button"
          aria-pressed={isForm}
          disabled={!hasForm}
          onClick={() => changeView({ tab: 'form' }, 'replace')}
        >
          Form
        </button>
        <button
          type="button"
          aria-pressed={!isForm}
          onClick={() => changeView({ tab: '' }, 'replace')}
        >
          YAML
        </button>
      </div>
      {!hasForm && <span className="quiet">This kind has no form.</span>}
      {editing.isChanged && editing.document && editing.document.yaml !== '' && (
        <span className="actions">
          <Badge tone="warn">edited</Badge>
          <button type="button" className="link" onClick={editing.revert}>
            Discard the edit
          </button>
        </span>
      )}
    </div>
  );
}
