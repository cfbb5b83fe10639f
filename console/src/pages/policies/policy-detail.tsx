// One policy: the text as form or YAML on the left, what it would do on the right, and below the
// way from a preview to an apply that lasts.
import { useMemo, type ReactNode } from 'react';
import type { PolicyReference } from '../../api/types.ts';
import { Badge } from '../../components/badge.tsx';
import { CopyButton } from '../../components/command.tsx';
import { Empty, Loading, Problem } from '../../components/states.tsx';
import { TimeText } from '../../components/text.tsx';
import { Link } from '../../router/link.tsx';
import { useAllowed } from '../../store/abilities.ts';
import { useParam } from '../../url/use-view.ts';
import { ApplyBar } from './apply-bar.tsx';
import { ConflictDialog } from './conflict-dialog.tsx';
import { applyCommand, patchCommand, previewCommand } from './export.ts';
import { ladder, WINDOWS, type Window } from './impact.ts';
import { ImpactPane } from './impact-pane.tsx';
import { policyName } from './paths.ts';
import { PendingBanner } from './pending-banner.tsx';
import { PolicySheet } from './policy-sheet.tsx';
import { usePolicy, usePreview, type Editing } from './use-policy.ts';
import { readYaml } from './yaml-edit.ts';

type Props = { readonly of: PolicyReference };

export default function PolicyDetail({ of }: Props): ReactNode {
  const editing = usePolicy(of);
  const { document, text, isLoading, problem } = editing;
  const isNew = document === undefined || document.yaml === '';
  if (isLoading) return <Loading what={`${of.kind} ${policyName(of)}`} rows={12} />;
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
    <Empty title={`There is no ${of.kind} ${policyName(of)}.`}>
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
        <h1>{policyName(of)}</h1>
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
  const forbidden = useAllowed(of.namespace).reasonAgainst('policies');
  const [window, setWindow] = useWindow();
  const { document, text, isChanged, isTextChanged } = editing;
  const hasProblem = useMemo(() => readYaml(text).problems.length > 0, [text]);
  const version = document?.resourceVersion ?? '';
  const preview = usePreview(of, hasProblem || text === '' ? undefined : text, window, version);
  const { impact } = preview;
  const managedBy = document?.managedBy ?? '';
  const rung = ladder({ isChanged, isTextChanged, forbidden, managedBy, impact, hasProblem });
  const readOnlyReason = forbidden || (managedBy && `${managedBy} keeps this policy.`);
  return (
    <>
      <div className="bench">
        <PolicySheet of={of} editing={editing} impact={impact} readOnlyReason={readOnlyReason} />
        <ImpactPane
          kind={of.kind}
          preview={preview}
          window={window}
          onWindow={setWindow}
          hasProblem={hasProblem}
          command={previewCommand(text, window)}
        />
      </div>
      <div className="dock">
        <PendingBanner of={of} editing={editing} isMine={forbidden === ''} />
        <ApplyBar
          of={of}
          editing={editing}
          ladder={rung}
          impact={impact}
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
