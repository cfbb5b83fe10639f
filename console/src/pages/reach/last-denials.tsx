// Questions that ask themselves: connections that policy has refused, of the last day and just now.
import { useMemo, type ReactNode } from 'react';
import { get } from '../../api/client.ts';
import type { Denial } from '../../api/types.ts';
import { TimeText } from '../../components/text.tsx';
import { useLoaded } from '../../components/use-loaded.ts';
import { useNews, useNodes } from '../../store/hooks.ts';
import { denialQuestions, type DeniedQuestion, type Question } from './view.ts';

const SHOWN_MAX = 5;
const PATH = '/api/v1/denials?limit=100';

/** Newest first, each question once. */
export function useDenials(): readonly DeniedQuestion[] {
  const nodes = useNodes();
  const news = useNews();
  const { value: before } = useLoaded(PATH, (signal) => get<readonly Denial[]>(PATH, { signal }));
  return useMemo(() => {
    const fresh = news.flatMap((each) => (each.kind === 'denial' ? [each.denial] : []));
    return denialQuestions([...fresh, ...(before ?? [])], nodes);
  }, [news, nodes, before]);
}

type Props = {
  readonly denials: readonly DeniedQuestion[];
  readonly onAsk: (asked: Question) => void;
};

export function LastDenials({ denials, onAsk }: Props): ReactNode {
  if (denials.length === 0) return null;
  return (
    <section className="last-denials" aria-labelledby="last-denials">
      <h2 id="last-denials">Refused lately</h2>
      <ul>
        {denials.slice(0, SHOWN_MAX).map(({ denial, asked }) => (
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
