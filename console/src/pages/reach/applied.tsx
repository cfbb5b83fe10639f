// A fix that was applied from here, while it may still undo itself.
import { useState, type ReactNode } from 'react';
import { problemFrom } from '../../api/client.ts';
import type { ApiProblem, PolicyDocument } from '../../api/types.ts';
import { Problem } from '../../components/states.tsx';
import { Link } from '../../router/link.tsx';
import { serverNowMs, useNowMs, useSession } from '../../store/hooks.ts';
import { keepPolicy } from '../policies/api.ts';
import { countdown } from '../policies/impact.ts';
import { policyPath } from '../policies/paths.ts';

export function Applied({ applied }: { readonly applied: PolicyDocument }): ReactNode {
  const [document, setDocument] = useState(applied);
  const [problem, setProblem] = useState<ApiProblem>();
  useNowMs();
  const { undoSeconds } = useSession();
  const { pending } = document;
  const left = countdown(pending?.revertsAtMs ?? 0, serverNowMs(), undoSeconds * 1000);
  const keep = (): void => {
    keepPolicy(document).then(setDocument, (error: unknown) => setProblem(problemFrom(error)));
  };
  const page = (
    <Link to={policyPath(document)}>
      {document.kind} {document.namespace}/{document.name}
    </Link>
  );
  return (
    <section className="applied" aria-label="Applied fix">
      {pending === null && <p role="status">{page} is applied and kept.</p>}
      {pending !== null && left.isOver && (
        <p role="status">{page} was not kept and undid itself.</p>
      )}
      {pending !== null && !left.isOver && (
        <>
          <p>
            {page} is applied. It undoes itself in {left.text}.
          </p>
          <button type="button" className="primary" onClick={keep}>
            Keep
          </button>
        </>
      )}
      {problem && <Problem problem={problem} />}
    </section>
  );
}
