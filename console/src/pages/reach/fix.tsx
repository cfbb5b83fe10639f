// The smallest change that would mend a step: to copy, or to apply with a look at what else it
// does.
import { useState, type ReactNode } from 'react';
import { problemFrom } from '../../api/client.ts';
import type { ApiProblem, PolicyDocument, ReachFix } from '../../api/types.ts';
import { CommandBlock, CopyButton } from '../../components/command.tsx';
import { Problem } from '../../components/states.tsx';
import { Link } from '../../router/link.tsx';
import { useAllowed } from '../../store/abilities.ts';
import type { FixPlan } from '../policies/apply-fix.ts';
import { policyPath } from '../policies/paths.ts';

type Props = {
  readonly fix: ReachFix;
  readonly isProbing: boolean;
  /** Asks the question again. */
  readonly onAgain: () => void;
  readonly onProbe: () => void;
  readonly onApplied: (document: PolicyDocument) => void;
};

export function Fix({ fix, isProbing, onAgain, onProbe, onApplied }: Props): ReactNode {
  const mayProbe = useAllowed('').can.probe;
  const [, namespace = ''] = /^ {2}namespace: (\S+)$/m.exec(fix.yaml) ?? [];
  const reason = useAllowed(namespace).reasonAgainst('policies');
  return (
    <section className="fix" aria-label="Smallest fix">
      <h3>Smallest fix</h3>
      <p>{fix.text}</p>
      {fix.commands?.map(({ label, command }) => (
        <Worded key={label} label={label} command={command} />
      ))}
      {!fix.commands && fix.command !== '' && (
        <CommandBlock label="Command of the fix" text={fix.command} />
      )}
      {fix.yaml !== '' && (
        <>
          <pre className="fix-yaml">{fix.yaml}</pre>
          <ApplyFix yaml={fix.yaml} reason={reason} onApplied={onApplied} />
        </>
      )}
      <div className="actions">
        <button type="button" onClick={onAgain}>
          Check again
        </button>
        {mayProbe && (
          <button type="button" onClick={onProbe} disabled={isProbing}>
            Probe again
          </button>
        )}
      </div>
    </section>
  );
}

type WordedProps = { readonly label: string; readonly command: string };

/** The fix in one tool's words, of several. */
const Worded = ({ label, command }: WordedProps): ReactNode => (
  <div className="worded">
    <CommandBlock label={`Fix by ${label}`} copyLabel={`Copy ${label}`} text={command} />
  </div>
);

type ApplyProps = {
  readonly yaml: string;
  /** Why it may not be applied; empty: it may. */
  readonly reason: string;
  readonly onApplied: (document: PolicyDocument) => void;
};

type Stage =
  | { readonly at: 'idle' | 'looking' | 'applying' }
  | { readonly at: 'planned'; readonly plan: FixPlan }
  | { readonly at: 'failed'; readonly problem: ApiProblem };

function ApplyFix({ yaml, reason, onApplied }: ApplyProps): ReactNode {
  const [stage, setStage] = useState<Stage>({ at: 'idle' });
  const run = async (step: () => Promise<Stage>, meanwhile: 'looking' | 'applying') => {
    setStage({ at: meanwhile });
    setStage(await step().catch((error: unknown) => failed(error)));
  };
  // Loaded when it is wanted: reading YAML costs more than the rest of the page.
  const look = (): void =>
    void run(async () => {
      const { planFix } = await import('../policies/apply-fix.ts');
      return { at: 'planned', plan: await planFix(yaml) };
    }, 'looking');
  const apply = (plan: FixPlan): void =>
    void run(async () => {
      const { applyFix } = await import('../policies/apply-fix.ts');
      const document = await applyFix(plan);
      onApplied(document);
      return { at: 'idle' };
    }, 'applying');
  return (
    <div className="apply-fix">
      <div className="actions">
        <CopyButton text={yaml} label="Copy YAML" />
        <button type="button" onClick={look} disabled={reason !== '' || stage.at !== 'idle'}>
          {stage.at === 'looking' ? 'Looking what it changes …' : 'Apply…'}
        </button>
        {reason !== '' && <span className="quiet">{reason}</span>}
      </div>
      {stage.at === 'planned' && <Planned plan={stage.plan} onApply={() => apply(stage.plan)} />}
      {stage.at === 'failed' && (
        <Problem problem={stage.problem} onRetry={() => setStage({ at: 'idle' })} />
      )}
    </div>
  );
}

const failed = (error: unknown): Stage => ({ at: 'failed', problem: problemFrom(error) });

type PlannedProps = { readonly plan: FixPlan; readonly onApply: () => void };

function Planned({ plan, onApply }: PlannedProps): ReactNode {
  const { impact, of, isNew } = plan;
  const refused = impact.refused.length;
  const editor = (
    <Link to={policyPath(of)}>{isNew ? 'Open it in the editor' : 'Compare in the editor'}</Link>
  );
  return (
    <div role="status">
      <p>
        {isNew ? 'Makes' : 'Changes'} {of.kind} {of.namespace}/{of.name}. On the flows of 24 h:{' '}
        {impact.allowed.length} newly allowed, {refused} refused, {impact.unchanged.length}{' '}
        unchanged, {impact.untold.length} that it cannot tell.
      </p>
      {refused > 0 ? (
        <p className="bad">It would refuse others: look at it first. {editor}</p>
      ) : (
        <div className="actions">
          <button type="button" className="primary" onClick={onApply}>
            Apply with auto-undo
          </button>
          {editor}
        </div>
      )}
    </div>
  );
}
