// What happened to certificates, the newest first.
import type { ReactNode } from 'react';
import type { IdentityEvent } from '../../api/types.ts';
import { Badge, type Tone } from '../../components/badge.tsx';
import { Empty } from '../../components/states.tsx';
import { TimeText } from '../../components/text.tsx';

const TONES: Readonly<Record<IdentityEvent['kind'], Tone>> = {
  issued: 'neutral',
  rotated: 'neutral',
  refused: 'bad',
  expired: 'bad',
};

/** A busy mesh has thousands a day; who needs those asks `isthmus identity`. */
const EVENTS_MAX = 200;

export function Timeline({ events }: { readonly events: readonly IdentityEvent[] }): ReactNode {
  if (events.length === 0) return <Empty title="Nothing has been issued yet" />;
  const newest = events.toSorted((a, b) => b.atMs - a.atMs).slice(0, EVENTS_MAX);
  return (
    <ol className="timeline" aria-label="Timeline">
      {newest.map(({ atMs, kind, workload, text }) => (
        <li key={`${atMs} ${kind} ${workload} ${text}`}>
          <TimeText atMs={atMs} />
          <Badge tone={TONES[kind] ?? 'neutral'}>{kind}</Badge>
          <span>
            <strong title={workload}>{workload.split('/').at(-1)}</strong> {text}
          </span>
        </li>
      ))}
    </ol>
  );
}
