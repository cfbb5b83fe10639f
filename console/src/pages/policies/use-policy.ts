// The state of one policy that is being edited: what the cluster has, what the text is, and what
// came of writing it. The text never changes but by its author, and by an apply that was answered.
import { useCallback, useEffect, useState } from 'react';
import { problemFrom } from '../../api/client.ts';
import type {
  ApiProblem,
  PolicyDocument,
  PolicyImpact,
  PolicyMode,
  PolicyReference,
} from '../../api/types.ts';
import { browserClock } from '../../base/clock.ts';
import { useNews } from '../../store/hooks.ts';
import * as api from './api.ts';
import { draftOf, dropDraft, leaveDraft } from './drafts.ts';
import type { Window } from './impact.ts';
import { readYaml } from './yaml-edit.ts';

/** After the last key. */
const DEBOUNCE_MS = 300;

export type Preview = {
  /** Of exactly the present text; undefined: on its way, or the text is no YAML. */
  readonly impact: PolicyImpact | undefined;
  /** The one before, to stay in sight until the new one is here. */
  readonly last: PolicyImpact | undefined;
  readonly problem: ApiProblem | undefined;
};

type PreviewState = {
  readonly key: string;
  readonly impact: PolicyImpact | undefined;
  readonly problem: ApiProblem | undefined;
};

/** @param yaml empty: what its deletion would do; undefined: nothing is asked */
export function usePreview(of: PolicyReference, yaml: string | undefined, window: Window): Preview {
  const { kind, namespace, name } = of;
  const key = yaml === undefined ? '' : JSON.stringify([kind, namespace, name, window, yaml]);
  const [state, setState] = useState<PreviewState>({
    key: '',
    impact: undefined,
    problem: undefined,
  });
  useEffect(() => {
    if (yaml === undefined) return undefined;
    const control = new AbortController();
    const ask = (): void => {
      api.previewPolicy({ kind, namespace, name, yaml, window }, control.signal).then(
        (impact) => setState({ key, impact, problem: undefined }),
        (error: unknown) => {
          if (control.signal.aborted) return;
          setState((old) => ({ key, impact: old.impact, problem: problemFrom(error) }));
        },
      );
    };
    const cancel = browserClock.after(DEBOUNCE_MS, ask);
    return () => {
      cancel();
      control.abort();
    };
  }, [key, kind, namespace, name, yaml, window]);
  const isCurrent = state.key === key && key !== '';
  return {
    impact: isCurrent && !state.problem ? state.impact : undefined,
    last: state.impact,
    problem: isCurrent ? state.problem : undefined,
  };
}

export type Conflict = {
  readonly base: string;
  readonly theirs: PolicyDocument;
};

export type Editing = {
  /** Undefined: it is loading, or there is none (a new one). */
  readonly document: PolicyDocument | undefined;
  readonly text: string;
  readonly setText: (text: string) => void;
  readonly isChanged: boolean;
  readonly hasProblem: boolean;
  readonly problem: ApiProblem | undefined;
  readonly isBusy: boolean;
  /** What the last action did, to be said aloud. */
  readonly said: string;
  /** Set after a refused write: both changed it. */
  readonly conflict: Conflict | undefined;
  /** Takes the decided text; the next apply goes on top of theirs. */
  readonly resolve: (text: string) => void;
  readonly dismiss: () => void;
  /** Somebody else changed it while it is being edited here. */
  readonly isOutdated: boolean;
  readonly compare: () => void;
  readonly apply: (mode: PolicyMode, endsOpenConnections: boolean) => void;
  readonly remove: (endsOpenConnections: boolean) => void;
  readonly keep: () => void;
  readonly undo: () => void;
  readonly reload: () => void;
};

type Base = {
  readonly document: PolicyDocument | undefined;
  readonly text: string;
  readonly problem: ApiProblem | undefined;
  readonly isBusy: boolean;
  readonly said: string;
  readonly conflict: Conflict | undefined;
};

const SAID: Readonly<Record<PolicyMode, string>> = {
  shadow: 'In shadow: it is evaluated and counted, nothing is refused by it.',
  confirm: 'Applied. It undoes itself unless you keep it.',
  keep: 'Applied and kept.',
};

/** @param fresh of a new policy, that is not in the cluster yet */
export function usePolicy(of: PolicyReference, fresh: string | undefined): Editing {
  const [base, setBase] = useState<Base>(() => ({
    document: undefined,
    text: draftOf(of) ?? fresh ?? '',
    problem: undefined,
    isBusy: fresh === undefined,
    said: '',
    conflict: undefined,
  }));
  const patch = useCallback(
    (change: Partial<Base>) => setBase((old) => ({ ...old, ...change })),
    [],
  );
  const baseYaml = base.document?.yaml ?? '';
  const isChanged = base.text !== baseYaml;
  const load = useLoading(of, fresh === undefined, patch);
  useKeptDraft(of, base.document, base.text);
  const run = (action: () => Promise<PolicyDocument | undefined>, said: string): void => {
    patch({ isBusy: true, problem: undefined, said: '' });
    action().then(
      (document) => {
        dropDraft(of);
        patch({ document, text: document?.yaml ?? base.text, isBusy: false, said });
      },
      (error: unknown) => void refused(error),
    );
  };
  const refused = async (error: unknown): Promise<void> => {
    const theirs = api.isConflict(error)
      ? await api.findPolicy(of).catch(() => undefined)
      : undefined;
    if (theirs) patch({ isBusy: false, conflict: { base: baseYaml, theirs } });
    else patch({ isBusy: false, problem: problemFrom(error) });
  };
  const version = base.document?.resourceVersion ?? '';
  const newest = useNewestVersion(of);
  const isOutdated = isChanged && version !== '' && newest !== undefined && newest !== version;
  return {
    ...base,
    setText: (text) => patch({ text, said: '' }),
    isChanged,
    hasProblem: readYaml(base.text).problems.length > 0,
    isOutdated,
    resolve: (text) => patch({ document: base.conflict?.theirs, text, conflict: undefined }),
    dismiss: () => patch({ conflict: undefined }),
    compare: () => void refusedAsOutdated(of, baseYaml, patch),
    apply: (mode, endsOpenConnections) =>
      run(
        () => api.writePolicy(of, version, mode, { yaml: base.text, endsOpenConnections }),
        SAID[mode],
      ),
    remove: (ends) =>
      run(
        () => api.deletePolicy(of, version, 'confirm', ends),
        'Deleted. It comes back unless you keep that.',
      ),
    keep: () => run(() => api.keepPolicy(of), 'Kept.'),
    undo: () => run(() => api.undoPolicy(of), 'Undone: what was before is back.'),
    reload: load,
  };
}

type Patch = (change: Partial<Base>) => void;

async function refusedAsOutdated(of: PolicyReference, base: string, patch: Patch): Promise<void> {
  const theirs = await api.findPolicy(of).catch(() => undefined);
  if (theirs) patch({ conflict: { base, theirs } });
}

/** Loads it now, when asked, and when the feed says that it changed while nothing is typed. */
function useLoading(of: PolicyReference, exists: boolean, patch: Patch): () => void {
  const { kind, namespace, name } = of;
  const load = useCallback(
    (signal?: AbortSignal): void => {
      api.readPolicy({ kind, namespace, name }, signal).then(
        (document) => {
          const text = draftOf({ kind, namespace, name }) ?? document.yaml;
          patch({ document, text, isBusy: false, problem: undefined });
        },
        (error: unknown) => {
          if (!signal?.aborted) patch({ isBusy: false, problem: problemFrom(error) });
        },
      );
    },
    [kind, namespace, name, patch],
  );
  const newest = useNewestVersion(of);
  useEffect(() => {
    // What is being typed stays: that somebody else changed it is said instead.
    if (!exists || (newest !== undefined && draftOf({ kind, namespace, name }) !== undefined)) {
      return undefined;
    }
    const control = new AbortController();
    load(control.signal);
    return () => control.abort();
  }, [exists, newest, load, kind, namespace, name]);
  return useCallback(() => load(), [load]);
}

const isOf = (a: PolicyReference, b: PolicyReference): boolean =>
  a.kind === b.kind && a.namespace === b.namespace && a.name === b.name;

/** As the feed told it; undefined: it has told nothing. */
function useNewestVersion(of: PolicyReference): string | undefined {
  const found = useNews().find((news) => news.kind === 'policy' && isOf(news.policy, of));
  return found?.kind === 'policy' ? found.policy.resourceVersion : undefined;
}

/** What is typed waits for its author, who may have gone to look at another page. */
function useKeptDraft(
  of: PolicyReference,
  document: PolicyDocument | undefined,
  text: string,
): void {
  const { kind, namespace, name } = of;
  useEffect(() => {
    if (document === undefined) return;
    if (text === document.yaml) dropDraft({ kind, namespace, name });
    else leaveDraft({ kind, namespace, name }, text);
  }, [kind, namespace, name, document, text]);
}
