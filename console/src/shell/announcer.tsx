// Says aloud, to screen readers, what changes by itself: at most one sentence in two seconds, and
// only of joins, encryption and denials.
import { useEffect, useState, type ReactNode } from 'react';
import { browserClock } from '../base/clock.ts';
import type { News } from '../store/mesh-store.ts';
import { store } from '../store/hooks.ts';

const PAUSE_MS = 2_000;
/** Older ones are not worth hearing any more. */
const WAITING_MAX = 5;

const nameOf = (id: string): string => store.node(id)?.name ?? id;

function sentenceOf(news: News): string {
  switch (news.kind) {
    case 'join': {
      const done = news.join.steps.filter(({ state }) => state === 'done').length;
      return `${news.join.name} joins: ${done} of ${news.join.steps.length} steps done`;
    }
    case 'encryption': {
      const { from, to, encryption } = news.edge;
      return `${nameOf(from)} to ${nameOf(to)} is now ${encryption.state}`;
    }
    case 'denial':
      return `${nameOf(news.denial.from)} was denied at ${nameOf(news.denial.to)}`;
    case 'gone':
      return `${news.node.name} left the mesh`;
    case 'policy':
      return '';
    default:
      return '';
  }
}

export function Announcer(): ReactNode {
  const [sentence, setSentence] = useState('');
  useEffect(() => {
    let heard = store.news()[0];
    let waiting: string[] = [];
    let stop: (() => void) | undefined;
    const say = (): void => {
      const [next, ...rest] = waiting;
      waiting = rest;
      if (next !== undefined) setSentence(next);
      stop = next === undefined ? undefined : browserClock.after(PAUSE_MS, say);
    };
    const unsubscribe = store.subscribe('news', () => {
      const all = store.news();
      const known = heard ? all.indexOf(heard) : all.length;
      heard = all[0];
      const fresh = all
        .slice(0, known < 0 ? 1 : known)
        .map(sentenceOf)
        .filter(Boolean);
      waiting = [...new Set([...waiting, ...fresh.toReversed()])].slice(-WAITING_MAX);
      if (!stop) say();
    });
    return () => {
      unsubscribe();
      stop?.();
    };
  }, []);
  return (
    <div className="hidden" aria-live="polite">
      {sentence}
    </div>
  );
}
