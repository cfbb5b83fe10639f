// Questions that ask themselves: connections that policy has just refused.
import type { ReactNode } from 'react';
import { TimeText } from '../../components/text.tsx';
import { useNews, useNodes } from '../../store/hooks.ts';
import { denialQuestion, type Question } from './view.ts';

const SHOWN_MAX = 5;

export function LastDenials({ onAsk }: { readonly onAsk: (asked: Question) => void }): ReactNode {
  const nodes = useNodes();
  const denials = useNews()
    .filter((news) => news.kind === 'denial')
    .map(({ denial }) => ({ denial, asked: denialQuestion(denial, nodes) }));
  const byQuestion = new Map(
    denials.toReversed().map((entry) => [JSON.stringify(entry.asked), entry]),
  );
  const shown = [...byQuestion.values()].toReversed().slice(0, SHOWN_MAX);
  if (shown.length === 0) return null;
  return (
    <section className="last-denials" aria-labelledby="last-denials">
      <h2 id="last-denials">Refused lately</h2>
      <ul>
        {shown.map(({ denial, asked }) => (
          <li key={JSON.stringify(asked)}>
            <span>
              {asked.from} → {asked.to}:{asked.port}{' '}
              <span className="quiet">
                {denial.policy === '' ? 'no rule allowed it' : `refused by ${denial.policy}`}
              </span>
            </span>
            <TimeText atMs={denial.atMs} />
            <button type="button" onClick={() => onAsk(asked)}>
              Explain
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
