// The nine steps of a join, with what was seen at each and what to do where one does not go on.
import type { ReactNode } from 'react';
import type { Join, JoinCause } from '../../api/types.ts';
import { CopyButton } from '../../components/command.tsx';
import { formatTime } from '../../components/format.ts';
import { useNowMs } from '../../store/hooks.ts';
import './steps.css';
import { stepViews, type StepLook, type StepView } from './view.ts';

/** The list of steps counts nine: what is inside of one is no list. */
export function JoinSteps({ join }: { readonly join: Join }): ReactNode {
  const nowMs = useNowMs();
  return (
    <ol className="steps" aria-label="Join steps">
      {stepViews(join, nowMs).map((view) => (
        <Step key={view.step.name} view={view} nowMs={nowMs} />
      ))}
    </ol>
  );
}

const GLYPHS: Readonly<Record<StepLook, string>> = {
  waiting: '○',
  running: '⟳',
  done: '✓',
  failed: '✗',
  skipped: '–',
  stuck: '!',
};

type StepProps = { readonly view: StepView; readonly nowMs: number };

function Step({ view, nowMs }: StepProps): ReactNode {
  const { number, step, words, look, took } = view;
  const isShown = look === 'failed' || look === 'stuck';
  return (
    <li className={`step ${look}`} aria-current={view.isCurrent ? 'step' : undefined}>
      <span className="step-glyph" aria-hidden="true">
        {GLYPHS[look]}
      </span>
      <span className="step-title" title={words.meaning}>
        {number} {words.title}
        <span className={look === 'done' ? 'hidden' : 'step-state'}> {look}</span>
      </span>
      <span className="step-time">
        {step.endedAtMs !== null && (
          <time dateTime={new Date(step.endedAtMs).toISOString()}>
            {formatTime(step.endedAtMs, nowMs)}
          </time>
        )}
      </span>
      <span className="step-took">{took}</span>
      <span className="step-evidence">
        {step.evidence}
        {view.isCurrent && <Waiting view={view} />}
      </span>
      {step.problem !== '' && <blockquote className="step-problem">{step.problem}</blockquote>}
      {isShown && <Causes causes={step.causes} meaning={words.meaning} />}
    </li>
  );
}

function Waiting({
  view: { step, words, waited, usual, look },
}: {
  readonly view: StepView;
}): ReactNode {
  if (look === 'failed') return null;
  const parts = [
    `waits for ${words.waitsFor}`,
    waited,
    usual,
    look === 'stuck' ? 'longer than it should take' : '',
  ];
  return (
    <span className="step-waiting">
      {step.evidence === '' ? '' : ' · '}
      {parts.filter((part) => part !== '').join(' · ')}
    </span>
  );
}

type CausesProps = { readonly causes: readonly JoinCause[]; readonly meaning: string };

function Causes({ causes, meaning }: CausesProps): ReactNode {
  return (
    <div className="step-causes">
      {causes.map(({ text, command }, index) => (
        <div key={text} className="cause">
          <p>
            <span className="cause-rank">{index === 0 ? 'Likely' : 'Or'}:</span> {text}
          </p>
          {command !== '' && (
            <div className="cause-command">
              <code>{command}</code>
              <CopyButton text={command} />
            </div>
          )}
        </div>
      ))}
      {causes.length === 0 && <p>Its agent’s log says more: see Logs of the workload.</p>}
      <details className="quiet">
        <summary>What is this step?</summary>
        {meaning}
      </details>
    </div>
  );
}
