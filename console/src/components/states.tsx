// What stands where content will be: nothing yet, nothing at all, or a failure that says what to
// do.
import { useEffect, useState, type ReactNode } from 'react';
import type { ApiProblem } from '../api/types.ts';
import { browserClock } from '../base/clock.ts';

/** Shorter waits show nothing: a flash is worse than a wait. */
const SKELETON_AFTER_MS = 150;
const SAY_AFTER_MS = 3_000;
/** Whoever has waited for so long is not to wait for ever. */
const LATE_AFTER_MS = 15_000;

type LoadingProps = {
  readonly what: string;
  readonly rows?: number;
  /** Where rows are not what will stand there. */
  readonly className?: string;
  /** Asks again; absent: the page is loaded anew. */
  readonly onRetry?: () => void;
};

export function Loading({ what, rows = 5, className = '', onRetry }: LoadingProps): ReactNode {
  const [stage, setStage] = useState<'quiet' | 'skeleton' | 'said' | 'late'>('quiet');
  const [attempt, setAttempt] = useState(0);
  useEffect(() => {
    setStage('quiet');
    const stops = [
      browserClock.after(SKELETON_AFTER_MS, () => setStage('skeleton')),
      browserClock.after(SAY_AFTER_MS, () => setStage('said')),
      browserClock.after(LATE_AFTER_MS, () => setStage('late')),
    ];
    return () => stops.forEach((stop) => stop());
  }, [attempt]);
  if (stage === 'late') {
    const retry = (): void => {
      setAttempt(attempt + 1);
      if (onRetry) onRetry();
      else location.reload();
    };
    return <Problem problem={lateProblem(what)} onRetry={retry} />;
  }
  return (
    <div className={`loading ${className}`} role="status" aria-label={`Loading ${what}`}>
      {stage !== 'quiet' &&
        Array.from({ length: rows }, (_, row) => <div className="skeleton" key={row} />)}
      {stage === 'said' && <p className="quiet">Waiting for {what} …</p>}
    </div>
  );
}

const lateProblem = (what: string): ApiProblem => ({
  code: 'late',
  message: `No answer for ${LATE_AFTER_MS / 1000} s: ${what}`,
  remedy: 'The control plane is busy or cannot be reached. An answer that still comes is shown.',
});

type ProblemProps = { readonly problem: ApiProblem; readonly onRetry?: () => void };

export function Problem({ problem, onRetry }: ProblemProps): ReactNode {
  return (
    <div className="problem" role="alert">
      <p>
        <strong>{problem.message}</strong>
      </p>
      {problem.remedy !== '' && <p>{problem.remedy}</p>}
      {onRetry && (
        <button type="button" onClick={onRetry}>
          Retry
        </button>
      )}
    </div>
  );
}

type EmptyProps = { readonly title: string; readonly children?: ReactNode };

export function Empty({ title, children }: EmptyProps): ReactNode {
  return (
    <div className="empty">
      <p className="empty-title">{title}</p>
      {children}
    </div>
  );
}
