// One policy that is being edited: what the cluster has, what the text is, how they stay apart.
// Pure. The text never changes but by its author, by an apply that was answered, or while it is the
// cluster's own.
import type { ApiProblem, PolicyDocument } from '../../api/types.ts';
import { isSame } from './json.ts';
import { readYaml } from './yaml-edit.ts';

export type EditingState = {
  /** What the edit began with; undefined: not loaded, or there is none in the cluster. */
  readonly document: PolicyDocument | undefined;
  readonly text: string;
  /** What somebody else made of it meanwhile; undefined: nobody did. */
  readonly theirs: PolicyDocument | undefined;
  /** Shows both, to decide. */
  readonly isComparing: boolean;
  readonly isLoading: boolean;
  /** An answer is awaited to what was pressed. */
  readonly isBusy: boolean;
  /** What the last action did, to be said aloud. */
  readonly said: string;
  readonly problem: ApiProblem | undefined;
};

export const opened = (draft: string | undefined): EditingState => ({
  document: undefined,
  text: draft ?? '',
  theirs: undefined,
  isComparing: false,
  isLoading: true,
  isBusy: false,
  said: '',
  problem: undefined,
});

const yamlOf = (state: EditingState): string => state.document?.yaml ?? '';

/** Comments and layout are the author's own: the cluster keeps neither. */
export const isChanged = (state: EditingState): boolean => !saysSame(state.text, yamlOf(state));

function saysSame(a: string, b: string): boolean {
  if (a === b) return true;
  const [left, right] = [readYaml(a), readYaml(b)];
  const isRead = left.problems.length + right.problems.length === 0;
  return isRead && isSame(left.value, right.value);
}

/** @param hasDraft a text was handed over, or left unfinished, before the policy was loaded */
export function loaded(
  state: EditingState,
  document: PolicyDocument | undefined,
  hasDraft: boolean,
): EditingState {
  const next = { ...state, isLoading: false, problem: undefined };
  if (!document) return { ...next, theirs: undefined };
  const isFirst = state.isLoading;
  const isMine = isFirst ? hasDraft : isChanged(state);
  const isNews = document.resourceVersion !== state.document?.resourceVersion;
  // The version that an edit began with stays its base: a merge needs it.
  if (isMine && isNews && !isFirst && state.document) return { ...next, theirs: document };
  const text = isMine || saysSame(state.text, document.yaml) ? state.text : document.yaml;
  return { ...next, document, text, theirs: undefined, said: undone(state, document) };
}

function undone(state: EditingState, document: PolicyDocument): string {
  const wasPending = state.document?.pending;
  if (!wasPending || document.pending || state.isBusy) return state.said;
  return document.yaml === state.document?.yaml
    ? state.said
    : 'It undid itself: what was before is back.';
}

export const typed = (state: EditingState, text: string): EditingState => ({
  ...state,
  text,
  said: '',
});

/**
 * A write was answered. A text that says what the cluster has now stays as it is typed, with its
 * comments.
 *
 * @param keepsText of a shadow: what is in force has not become what is typed
 */
export function written(
  state: EditingState,
  document: PolicyDocument | undefined,
  said: string,
  keepsText = false,
): EditingState {
  const yaml = document?.yaml ?? state.text;
  return {
    ...state,
    document,
    text: keepsText || saysSame(state.text, yaml) ? state.text : yaml,
    theirs: undefined,
    isBusy: false,
    isComparing: false,
    problem: undefined,
    said,
  };
}

/** A write was refused because it had changed meanwhile; nothing was overwritten. */
export const conflicting = (state: EditingState, theirs: PolicyDocument): EditingState => ({
  ...state,
  theirs,
  isBusy: false,
  isComparing: true,
});

/** Takes the decided text on top of what they made; nothing is written yet. */
export const resolved = (state: EditingState, text: string): EditingState => ({
  ...state,
  document: state.theirs ?? state.document,
  text,
  theirs: undefined,
  isComparing: false,
  said: 'Put together. Look at the preview, then apply.',
});
