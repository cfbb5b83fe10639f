// A value from the API for as long as a component needs it.
import { useCallback, useEffect, useState } from 'react';
import { problemFrom } from '../api/client.ts';
import type { ApiProblem } from '../api/types.ts';

export type Loaded<T> = {
  /** The last that came, kept while another loads and when that fails. */
  readonly value: T | undefined;
  readonly problem: ApiProblem | undefined;
  readonly isLoading: boolean;
  readonly reload: () => void;
};

type State<T> = Omit<Loaded<T>, 'reload'> & { readonly key: string };

/**
 * Loads whenever `key` changes; `load` gets a signal that ends with the component or the key. A
 * value of another key is never shown.
 */
export function useLoaded<T>(key: string, load: (signal: AbortSignal) => Promise<T>): Loaded<T> {
  const empty: State<T> = { key, value: undefined, problem: undefined, isLoading: true };
  const [state, setState] = useState<State<T>>(empty);
  const [attempt, setAttempt] = useState(0);
  useEffect(() => {
    const control = new AbortController();
    setState((old) => ({ ...(old.key === key ? old : empty), isLoading: true }));
    load(control.signal).then(
      (value) => setState({ key, value, problem: undefined, isLoading: false }),
      (error: unknown) => {
        if (control.signal.aborted) return;
        const problem = problemFrom(error);
        setState((old) => ({ ...old, key, problem, isLoading: false }));
      },
    );
    return () => control.abort();
    // `load` is what `key` says: a new function for the same key loads nothing new.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [key, attempt]);
  const reload = useCallback(() => setAttempt((count) => count + 1), []);
  const { value, problem, isLoading } = state.key === key ? state : empty;
  return { value, problem, isLoading, reload };
}
