// The lock that says how encrypted an edge is, drawn rather than typed: fonts without emoji have
// none. Its shape differs for each state, not only its colour.
import type { ReactNode } from 'react';
import type { Encryption } from '../api/types.ts';

type State = Encryption['state'];

const BODY = 'M2 6h8v6.5H2z';
const CLOSED = 'M3.5 6V4a2.5 2.5 0 0 1 5 0v2';
const OPEN = 'M3.5 6V3.2a2.4 2.4 0 0 1 4.6-1';

/** In a box of 12 by 13, for inside another SVG. */
export function LockShape({ state }: { readonly state: State }): ReactNode {
  return (
    <g className={`lock lock-${state}`} aria-hidden="true">
      {state === 'unknown' ? (
        <text x="6" y="11" textAnchor="middle" className="lock-question">
          ?
        </text>
      ) : (
        <>
          <path d={state === 'plaintext' ? OPEN : CLOSED} className="lock-bow" />
          <path d={BODY} className="lock-body" />
          {state === 'mixed' && <path d="M6 6h4v6.5H6z" className="lock-half" />}
        </>
      )}
    </g>
  );
}

export function LockIcon({ state }: { readonly state: State }): ReactNode {
  return (
    <svg className="lock-icon" viewBox="0 0 12 13" width="12" height="13" aria-hidden="true">
      <LockShape state={state} />
    </svg>
  );
}
