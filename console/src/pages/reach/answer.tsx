// The answer: the verdict in one line, then every step.
import { useEffect, useRef, useState, type ReactNode } from 'react';
import type { PolicyDocument, ReachBack, ReachResult } from '../../api/types.ts';
import { CommandBlock, CopyButton } from '../../components/command.tsx';
import { TimeText } from '../../components/text.tsx';
import { Link } from '../../router/link.tsx';
import { useAllowed } from '../../store/abilities.ts';
import { useNodes } from '../../store/hooks.ts';
import { Step } from './step.tsx';
import {
  announcement,
  decisive,
  namespaceOf,
  questionPath,
  stepViews,
  verdictTone,
  whyCommand,
  type Question,
} from './view.ts';

type Props = {
  readonly asked: Question;
  readonly result: ReachResult;
  /** A newer answer is on its way. */
  readonly isOld: boolean;
  readonly isProbing: boolean;
  readonly onAgain: () => void;
  readonly onProbe: () => void;
  readonly onApplied: (document: PolicyDocument) => void;
};

export function Answer(props: Props): ReactNode {
  const { asked, result, isOld, isProbing, onAgain, onProbe, onApplied } = props;
  const { can } = useAllowed(namespaceOf(useNodes(), asked.from));
  const { back } = result;
  const steps = stepViews(result);
  const first = decisive(steps);
  const [isCommandShown, setCommandShown] = useState(false);
  return (
    <div className={isOld ? 'answer old' : 'answer'} aria-busy={isOld}>
      <Spoken text={announcement(result)} />
      <section className={`verdict ${verdictTone(result.verdict)}`} aria-label="Verdict">
        <p className="verdict-line">{result.summary}</p>
        {first && first.summary !== '' && <p>{first.summary}</p>}
        {result.because && <p>Because: {result.because}</p>}
        <p className="quiet">
          {result.from} → {result.host || result.to}
          {result.port > 0 && `:${result.port}`} · <TimeText atMs={result.atMs} />
        </p>
        <div className="actions">
          {result.verdict === 'unknown' && can.probe && (
            <button type="button" className="primary" onClick={onProbe} disabled={isProbing}>
              {isProbing ? 'Probing …' : 'Find out by a probe'}
            </button>
          )}
          <button
            type="button"
            aria-expanded={isCommandShown}
            onClick={() => setCommandShown(!isCommandShown)}
          >
            Show as command
          </button>
          <CopyButton text={location.href} label="Copy link" />
        </div>
      </section>
      {isCommandShown && (
        <CommandBlock label="Command" text={result.command || whyCommand(asked)} />
      )}
      <ol className="steps" aria-label="Steps">
        {steps.map((step) => (
          <Step
            key={`${step.name} ${result.atMs}`}
            step={step}
            isFirstOpen={step.name === first?.name}
            isProbing={isProbing}
            onAgain={onAgain}
            onProbe={onProbe}
            onApplied={onApplied}
          />
        ))}
      </ol>
      {back && <WayBack back={back} />}
    </div>
  );
}

/** For screen readers, once for each answer. */
function Spoken({ text }: { readonly text: string }): ReactNode {
  const [said, setSaid] = useState('');
  const last = useRef('');
  useEffect(() => {
    // An empty region that fills is read out; one that comes filled is not, everywhere.
    if (last.current !== text) setSaid(text);
    last.current = text;
  }, [text]);
  return (
    <p className="hidden" role="status">
      {said}
    </p>
  );
}

/** The other direction, where it ends otherwise. */
function WayBack({ back }: { readonly back: ReachBack }): ReactNode {
  const { from, to, port, verdict, summary } = back;
  return (
    <section className={`way-back ${verdictTone(verdict)}`} aria-label="The way back">
      <p>
        <strong>The other way is different.</strong> {from} → {to}:{port}: {summary}
      </p>
      <Link to={questionPath(back)}>Explain the way back</Link>
    </section>
  );
}
