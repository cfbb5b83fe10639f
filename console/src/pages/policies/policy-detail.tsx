// One policy: the text as form or YAML on the left, what it would do on the right, and below the way
// from a preview to an apply that lasts.
import { useMemo, type ReactNode } from 'react';
import type { PolicyReference } from '../../api/types.ts';
import { Badge } from '../../components/badge.tsx';
import { CopyButton } from '../../components/command.tsx';
import { Empty, Loading, Problem } from '../../components/states.tsx';
import { TimeText } from '../../components/text.tsx';
import { Link } from '../../router/link.tsx';
import { useNodes, useSession } from '../../store/hooks.ts';
import { changeView, useParam, useView } from '../../url/use-view.ts';
import { ApplyBar } from './apply-bar.tsx';
import { ConflictDialog } from './conflict-dialog.tsx';
import { applyCommand, patchCommand } from './export.ts';
import { FormPane } from './form-pane.tsx';
import { formOf } from './forms.ts';
import { ladder, WINDOWS, type Window } from './impact.ts';
import { ImpactPane } from './impact-pane.tsx';
import { marksFor } from './marks.ts';
import { liveNames } from './names.ts';
import { PendingBanner } from './pending-banner.tsx';
import { usePolicy, usePreview, type Editing } from './use-policy.ts';
import { readYaml } from './yaml-edit.ts';
import { Marks, YamlPane } from './yaml-pane.tsx';

type Props = { readonly of: PolicyReference };

export default function PolicyDetail({ of }: Props): ReactNode {
  const editing = usePolicy(of);
  const { document, text, isLoading, problem } = editing;
  const isNew = document === undefined || document.yaml === '';
  if (isLoading) return <Loading what={`${of.kind} ${of.namespace}/${of.name}`} rows={12} />;
  if (!document && text === '') {
    return (
      <div className="page policies">
        <h1>{of.name}</h1>
        {problem ? (
          <Problem problem={problem} onRetry={editing.reload} />
        ) : (
          <NoSuchPolicy of={of} />
        )}
      </div>
    );
  }
  return (
    <div className="page policies detail">
      <nav aria-label="Place">
        <Link to="/policies">Policies</Link> › {of.kind}
      </nav>
      <Head of={of} editing={editing} isNew={isNew} />
      {editing.theirs && !editing.isComparing && (
        <p className="notice warn" role="alert">
          {editing.theirs.changedBy || 'Somebody'} changed this policy while you edit it.{' '}
          <button type="button" onClick={() => editing.compare(true)}>
            Show the differences
          </button>
        </p>
      )}
      {problem && <Problem problem={problem} />}
      <Workbench of={of} editing={editing} />
    </div>
  );
}

function NoSuchPolicy({ of }: Props): ReactNode {
  return (
    <Empty title={`There is no ${of.kind} ${of.namespace}/${of.name}.`}>
      <p>It may have been deleted, or the link is mistyped.</p>
      <Link to="/policies">See all policies</Link>
    </Empty>
  );
}

type HeadProps = Props & { readonly editing: Editing; readonly isNew: boolean };

function Head({ of, editing, isNew }: HeadProps): ReactNode {
  const { document, text } = editing;
  return (
    <header className="page-head">
      <div>
        <h1>
          {of.namespace}/{of.name}
        </h1>
        <p className="quiet">
          {of.kind} · {isNew ? 'not in the cluster' : document?.effect}
          {document && document.changedAtMs > 0 && (
            <>
              {' '}
              · changed <TimeText atMs={document.changedAtMs} />
              {document.changedBy !== '' && ` by ${document.changedBy}`}
            </>
          )}{' '}
          {document && document.managedBy !== '' && (
            <Badge tone="warn">managed by {document.managedBy}, read-only</Badge>
          )}
        </p>
      </div>
      <div className="actions">
        <CopyButton text={applyCommand(text)} label="Copy as kubectl" />
        {document && document.yaml !== '' && (
          <CopyButton
            text={patchCommand(of, readYaml(document.yaml).value, readYaml(text).value)}
            label="Copy as patch"
          />
        )}
      </div>
    </header>
  );
}

type BenchProps = Props & { readonly editing: Editing };

function Workbench({ of, editing }: BenchProps): ReactNode {
  const { can, role } = useSession();
  const { tab } = useView();
  const [window, setWindow] = useWindow();
  const names = liveNames(useNodes());
  const { document, text } = editing;
  const read = useMemo(() => readYaml(text), [text]);
  const hasProblem = read.problems.length > 0;
  const version = document?.resourceVersion ?? '';
  const preview = usePreview(of, hasProblem || text === '' ? undefined : text, window, version);
  const marks = useMemo(() => marksFor(text, preview.impact), [text, preview.impact]);
  const forbidden = can.policies
    ? ''
    : `You are a ${role}; writing policies needs the right to it.`;
  const managedBy = document?.managedBy ?? '';
  const isShadow = document?.pending?.mode === 'shadow';
  const rung = ladder({
    isChanged: editing.isChanged || isShadow,
    forbidden,
    managedBy,
    isTextChanged: editing.isTextChanged,
    impact: preview.impact,
    hasProblem,
  });
  const readOnlyReason = forbidden || (managedBy && `${managedBy} keeps this policy.`);
  const fields = formOf(of.kind);
  const isForm = tab === 'form' && fields !== undefined;
  return (
    <>
      <div className="bench">
        <section className="sheet" aria-label="Policy">
          <Switch isForm={isForm} hasForm={fields !== undefined} editing={editing} />
          {isForm ? (
            <>
              <FormPane
                fields={fields}
                text={text}
                onChange={editing.setText}
                names={names}
                readOnlyReason={readOnlyReason}
              />
              {!hasProblem && <Marks marks={marks} />}
            </>
          ) : (
            <YamlPane
              label={`${of.kind} ${of.namespace}/${of.name} as YAML`}
              text={text}
              onChange={editing.setText}
              marks={marks}
              names={names}
              readOnlyReason={readOnlyReason}
            />
          )}
        </section>
        <ImpactPane
          kind={of.kind}
          preview={preview}
          window={window}
          onWindow={setWindow}
          hasProblem={hasProblem}
        />
      </div>
      <div className="dock">
        <PendingBanner editing={editing} />
        <ApplyBar
          of={of}
          editing={editing}
          ladder={rung}
          impact={preview.impact}
          forbidden={readOnlyReason}
        />
      </div>
      {editing.isComparing && editing.theirs && document && (
        <ConflictDialog
          base={document.yaml}
          theirs={editing.theirs}
          mine={text}
          onResolve={editing.resolve}
          onClose={() => editing.compare(false)}
        />
      )}
    </>
  );
}

function useWindow(): readonly [Window, (window: Window) => void] {
  const [value, set] = useParam('window');
  const window = WINDOWS.find((one) => one.window === value)?.window ?? '24h';
  return [window, (next) => set(next === '24h' ? '' : next)];
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
