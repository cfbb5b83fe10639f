// The choice to end open sessions with an apply, ticked by whoever wants it: a policy decides about
// new connections.
import type { ReactNode } from 'react';
import type { EndedSessions, PolicyDocument, PolicyImpact } from '../../api/types.ts';
import { count } from './impact.ts';

type Props = {
  readonly impact: PolicyImpact;
  readonly isTicked: boolean;
  readonly onTick: (isTicked: boolean) => void;
};

export function EndSessions({ impact, isTicked, onTick }: Props): ReactNode {
  const open = impact.refused.reduce((sum, { openConnections }) => sum + openConnections, 0);
  if (open === 0) return null;
  return (
    <label className="check">
      <input
        type="checkbox"
        checked={isTicked}
        onChange={(event) => onTick(event.target.checked)}
      />
      <span>
        End {open === 1 ? 'the open connection' : `the ${open} open connections`} too
        <span className="quiet"> – TCP only, within seconds; an undo brings nothing back</span>
      </span>
    </label>
  );
}

/** What became of them; empty: none was to end. */
export function endedText(document: PolicyDocument | undefined): string {
  const told = document?.endedSessions;
  if (!told) return '';
  const { ended, resetting, left } = told;
  const cut = resetting === 0 ? '' : `, ${resetting} more at their next packet`;
  return `${count(ended, 'session')} ended${cut}.${left.map(leftText).join('')}`;
}

type Left = EndedSessions['left'][number];

const leftText = ({ server, sessions, problem, remedy }: Left): string =>
  ` ${count(sessions, 'session')} left at ${server}: ${problem} – ${remedy}.`;
