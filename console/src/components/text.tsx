// Small pieces of text that every page writes the same way.
import { Fragment, useCallback, useEffect, useRef, type ReactNode } from 'react';
import { store, useNowMs } from '../store/hooks.ts';
import { formatAgo, formatCountdown, formatRate, formatTime, UNKNOWN } from './format.ts';

/** A moment: absolute, and how long ago; null is not known. */
export function TimeText({ atMs }: { readonly atMs: number | null }): ReactNode {
  const nowMs = useNowMs();
  if (atMs === null || atMs <= 0) return <span className="unknown">unknown</span>;
  return (
    <time dateTime={new Date(atMs).toISOString()} title={new Date(atMs).toISOString()}>
      {formatTime(atMs, nowMs)} <span className="quiet">{formatAgo(atMs, nowMs)}</span>
    </time>
  );
}

/** What is left until then, counting down each second. */
export function Countdown({ untilMs }: { readonly untilMs: number | null }): ReactNode {
  const nowMs = useNowMs();
  if (untilMs === null) return <span className="unknown">unknown</span>;
  const left = untilMs - nowMs;
  return (
    <time
      className={left <= 0 ? 'countdown bad' : 'countdown'}
      dateTime={new Date(untilMs).toISOString()}
      title={`ends ${new Date(untilMs).toISOString()}`}
    >
      {formatCountdown(left)}
    </time>
  );
}

type Rates = {
  readonly toServer: number | null | undefined;
  readonly toClient: number | null | undefined;
};

/** Both directions; the words are for those who do not see or know the arrows. */
export function RateText({ toServer, toClient }: Rates): ReactNode {
  return (
    <span className="rates">
      <span className="to-server" title={exact(toServer, 'to server')}>
        <span aria-hidden="true">→ </span>
        {formatRate(toServer)}
        <span className="hidden"> to server</span>
      </span>{' '}
      <span className="to-client" title={exact(toClient, 'to client')}>
        <span aria-hidden="true">← </span>
        {formatRate(toClient)}
        <span className="hidden"> to client</span>
      </span>
    </span>
  );
}

const exact = (rate: number | null | undefined, way: string): string =>
  rate === null || rate === undefined
    ? `${way}: not reported`
    : `${rate.toFixed(1)} bytes per second ${way}`;

type LiveProps = {
  /** Read at every tick; cheap. */
  readonly text: () => string;
  readonly className?: string;
};

/** Text that follows the samples once a second, without rendering anything again. */
export function LiveText({ text, className }: LiveProps): ReactNode {
  const element = useRef<HTMLSpanElement>(null);
  useEffect(() => {
    const write = (): void => {
      if (document.hidden) return;
      const next = text();
      if (element.current && element.current.textContent !== next) {
        element.current.textContent = next;
      }
    };
    write();
    return store.subscribe('samples', write);
  }, [text]);
  return <span ref={element} className={className} />;
}

/** The rates of one edge, live: `→ 1.2 kB/s  ← 3.4 kB/s`. */
export function LiveRates({ index }: { readonly index: number }): ReactNode {
  const text = useCallback(() => ratesOf(index), [index]);
  return <LiveText className="rates" text={text} />;
}

export function ratesOf(index: number): string {
  const numbers = store.samples.of(index);
  return `→ ${formatRate(numbers?.toServerBytes)}  ← ${formatRate(numbers?.toClientBytes)}`;
}

/** A SPIFFE ID, whole, broken where its parts end; unknown is said. */
export function IdentityText({ id }: { readonly id: string }): ReactNode {
  if (id === '') return <span className="unknown">unknown</span>;
  const parts = [...id.matchAll(/.+?(?:[^/]\/(?=[^/])|$)/g)].map((match) => ({
    part: match[0],
    start: match.index,
  }));
  return (
    <code className="identity">
      {parts.map(({ part, start }) => (
        <Fragment key={start}>
          {start > 0 && <wbr />}
          {part}
        </Fragment>
      ))}
    </code>
  );
}

export const orUnknown = (text: string): string => (text === '' ? UNKNOWN : text);
