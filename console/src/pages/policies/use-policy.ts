// One policy as its page uses it: loaded, kept up to date, previewed, and written.
import { useCallback, useEffect, useMemo, useState } from 'react';
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
import * as editing from './editing.ts';
import type { EditingState } from './editing.ts';
import { endedText } from './end-sessions.tsx';
import type { Window } from './impact.ts';

/** After the last key. */
const DEBOUNCE_MS = 300;
/** How often a pending apply is looked at: its counter moves, and it may undo itself. */
const PENDING_MS = 2_000;

export type Preview = {
  /** Of exactly the present text; undefined: on its way, or it failed. */
  readonly impact: PolicyImpact | undefined;
  /** The one before, to stay in sight until the new one is here. */
  readonly last: PolicyImpact | undefined;
  readonly problem: ApiProblem | undefined;
};

type PreviewState = { readonly key: string } & Omit<Preview, 'last'>;

/** @param yaml empty: what its deletion would do; undefined: nothing is asked */
export function usePreview(
  { kind, namespace, name }: PolicyReference,
  yaml: string | undefined,
  window: Window,
  version: string,
): Preview {
  const key = JSON.stringify([kind, namespace, name, window, version, yaml]);
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
  const isCurrent = state.key === key && yaml !== undefined;
  return {
    impact: isCurrent && !state.problem ? state.impact : undefined,
    last: state.impact,
    problem: isCurrent ? state.problem : undefined,
  };
}

export type Editing = EditingState & {
  /** What became of the sessions that the last write was to end; empty: none was. */
  readonly ended: string;
  /** It says something else than the cluster has. */
  readonly isChanged: boolean;
  /** It is written otherwise, be it only in comments. */
  readonly isTextChanged: boolean;
  readonly setText: (text: string) => void;
  readonly revert: () => void;
  readonly compare: (isComparing: boolean) => void;
  readonly resolve: (text: string) => void;
  /** `endsSessions`: of those who are refused, their open ones, too. */
  readonly apply: (mode: PolicyMode, endsSessions?: boolean) => void;
  readonly remove: (endsSessions?: boolean) => void;
  readonly keep: () => void;
  readonly undo: () => void;
  readonly reload: () => void;
};

const SAID: Readonly<Record<PolicyMode, string>> = {
  shadow: 'In shadow: it is evaluated and counted, and refuses nobody.',
  confirm: 'Applied. It undoes itself unless you keep it.',
  keep: 'Applied and kept.',
};

type Change = (change: (old: EditingState) => EditingState) => void;

/** @param of the same object while it is the same policy */
export function usePolicy(of: PolicyReference): Editing {
  const [state, change] = useState<EditingState>(() => editing.opened(draftOf(of)));
  const [ended, setEnded] = useState('');
  const reload = useLoading(of, state, change);
  useKeptDraft(of, state);
  const run = (
    action: () => Promise<PolicyDocument | undefined>,
    said: string,
    keepsText = false,
  ): void => {
    change((old) => ({ ...old, isBusy: true, problem: undefined, said: '' }));
    action().then(
      (document) => {
        const became = endedText(document);
        setEnded(became);
        change((old) => editing.written(old, document, `${said} ${became}`.trim(), keepsText));
      },
      (error: unknown) => void refused(of, error, change),
    );
  };
  const version = state.document?.resourceVersion ?? '';
  const { text } = state;
  const isShadow = state.document?.pending?.mode === 'shadow';
  return {
    ...state,
    ended,
    isChanged: useMemo(() => editing.isChanged(state), [state]),
    isTextChanged: text !== (state.document?.yaml ?? ''),
    setText: (next) => change((old) => editing.typed(old, next)),
    revert: () => change((old) => editing.typed(old, old.document?.yaml ?? old.text)),
    compare: (isComparing) => change((old) => ({ ...old, isComparing })),
    resolve: (next) => change((old) => editing.resolved(old, next)),
    apply: (mode, endsOpenConnections = false) => {
      const wanted = { yaml: text, endsOpenConnections };
      run(async () => api.writePolicy(of, version, mode, wanted), SAID[mode], mode === 'shadow');
    },
    remove: (endsSessions = false) =>
      run(
        async () => api.deletePolicy(of, version, 'confirm', endsSessions),
        'Deleted. It comes back unless you keep that.',
      ),
    keep: () => run(async () => api.keepPolicy(of), 'Kept.'),
    undo: () =>
      run(
        async () => api.undoPolicy(of),
        isShadow ? 'The shadow has ended.' : 'Undone: what was before is back.',
        isShadow,
      ),
    reload,
  };
}

async function refused(of: PolicyReference, error: unknown, change: Change): Promise<void> {
  const theirs = api.isConflict(error)
    ? await api.findPolicy(of).catch(() => undefined)
    : undefined;
  if (theirs) change((old) => editing.conflicting(old, theirs));
  else change((old) => ({ ...old, isBusy: false, problem: problemFrom(error) }));
}

/** Loads it now, when the feed says that it changed, and often while an apply is pending. */
function useLoading(of: PolicyReference, state: EditingState, change: Change): () => void {
  const news = useNews().find(
    (one) =>
      one.kind === 'policy' &&
      one.policy.kind === of.kind &&
      one.policy.namespace === of.namespace &&
      one.policy.name === of.name,
  );
  const load = useCallback(
    async (signal?: AbortSignal): Promise<void> => {
      const hasDraft = draftOf(of) !== undefined;
      try {
        const document = await api.findPolicy(of, signal);
        if (!signal?.aborted) change((old) => editing.loaded(old, document, hasDraft));
      } catch (error) {
        if (signal?.aborted) return;
        change((old) => ({ ...old, isLoading: false, problem: problemFrom(error) }));
      }
    },
    [of, change],
  );
  const { isBusy } = state;
  const isPending = state.document?.pending !== null && state.document !== undefined;
  useEffect(() => {
    if (isBusy) return undefined;
    const control = new AbortController();
    let cancel = (): void => undefined;
    const look = (): void => {
      void load(control.signal).then(() => {
        if (isPending && !control.signal.aborted) cancel = browserClock.after(PENDING_MS, look);
      });
    };
    look();
    return () => {
      control.abort();
      cancel();
    };
  }, [news, isBusy, isPending, load]);
  return useCallback(() => void load(), [load]);
}

/** What is typed waits for its author, who may have gone to look at another page. */
function useKeptDraft(of: PolicyReference, { document, text, isLoading }: EditingState): void {
  useEffect(() => {
    if (isLoading) return;
    if (text === (document?.yaml ?? '')) dropDraft(of);
    else leaveDraft(of, text);
  }, [of, document, text, isLoading]);
}
