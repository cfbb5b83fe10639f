// One of the eleven steps: what it asks, what was found, on what that rests, and what would mend
// it.
import { useId, useState, type ReactNode } from 'react';
import type { PolicyDocument } from '../../api/types.ts';
import { Badge, type Tone } from '../../components/badge.tsx';
import { Link } from '../../router/link.tsx';
import { policyPath } from '../policies/paths.ts';
import { Fix } from './fix.tsx';
import type { StepView } from './view.ts';

type Props = {
  readonly step: StepView;
  readonly isFirstOpen: boolean;
  readonly isProbing: boolean;
  readonly onAgain: () => void;
  readonly onProbe: () => void;
  readonly onApplied: (document: PolicyDocument) => void;
};

const TONES: Readonly<Record<StepView['verdict'], Tone>> = {
  passed: 'good',
  failed: 'bad',
  unknown: 'unknown',
  'not-reached': 'neutral',
};

const SOURCES: Readonly<Record<StepView['source'], string>> = {
  observed: 'seen in real traffic',
  probed: 'found out by a test just now',
  configured: 'follows from the resources; nothing was opened',
};

export function Step(props: Props): ReactNode {
  const { step, isFirstOpen } = props;
  const id = useId();
  const [isOpen, setOpen] = useState(isFirstOpen);
  return (
    <li className={`step ${step.verdict}`}>
      <button
        type="button"
        className="step-head"
        aria-expanded={isOpen}
        aria-controls={id}
        onClick={() => setOpen(!isOpen)}
      >
        <span className="step-sign" aria-hidden="true">
          {step.sign}
        </span>
        <span className="step-number">{step.number}</span>
        <span className="step-title">{step.title}</span>
        <span className="hidden">, {step.words}. </span>
        <span className="step-summary">{step.summary || step.words}</span>
        {step.verdict !== 'not-reached' && (
          <span title={SOURCES[step.source]}>
            <Badge tone={step.verdict === 'failed' ? 'bad' : 'neutral'}>{step.source}</Badge>
          </span>
        )}
      </button>
      <div id={id} className="step-body" hidden={!isOpen}>
        {isOpen && <Body {...props} />}
      </div>
    </li>
  );
}

function Body({ step, isProbing, onAgain, onProbe, onApplied }: Props): ReactNode {
  return (
    <>
      <p className="quiet">
        {step.asks} <Badge tone={TONES[step.verdict]}>{step.words}</Badge>
      </p>
      {step.evidence.length > 0 && (
        <ul className="evidence" aria-label="Evidence">
          {[...new Set(step.evidence)].map((line) => (
            <li key={line}>{line}</li>
          ))}
        </ul>
      )}
      {step.object && <ObjectLink object={step.object} />}
      {step.fix && (
        <Fix
          fix={step.fix}
          onAgain={onAgain}
          onProbe={onProbe}
          onApplied={onApplied}
          isProbing={isProbing}
        />
      )}
      {!step.fix && step.evidence.length === 0 && !step.object && (
        <p className="quiet">There is no more to say of it.</p>
      )}
    </>
  );
}

type ObjectProps = { readonly object: NonNullable<StepView['object']> };

/** Kinds with a page of their own. */
const POLICIES = new Set([
  'AuthorizationPolicy',
  'DestinationRule',
  'PeerAuthentication',
  'RequestAuthentication',
]);

function ObjectLink({ object }: ObjectProps): ReactNode {
  const { kind, namespace, name } = object;
  const text = `${kind} ${namespace === '' ? name : `${namespace}/${name}`}`;
  return (
    <p>
      Decided by{' '}
      {POLICIES.has(kind) ? <Link to={policyPath(object)}>{text}</Link> : <code>{text}</code>}
    </p>
  );
}
