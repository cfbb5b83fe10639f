// A workload's shape: by its kind, so that colour is not the only sign.
import type { ReactNode } from 'react';
import { HEXAGON, PENTAGON, RADIUS } from './geometry.ts';

type ShapeProps = { readonly kind: string; readonly className: string };

export function Shape({ kind, className }: ShapeProps): ReactNode {
  if (kind === 'vm') return <polygon points={PENTAGON} className={className} />;
  if (kind === 'gateway') return <polygon points={HEXAGON} className={className} />;
  if (kind === 'external' || kind === 'group') {
    return (
      <rect
        x={-38}
        y={-26}
        width={76}
        height={52}
        rx={kind === 'group' ? 6 : 14}
        className={className}
      />
    );
  }
  return <circle r={RADIUS} className={className} />;
}

const MARKS: Readonly<Record<string, string>> = {
  vm: 'VM',
  gateway: 'GW',
  external: 'ext',
  unknown: '?',
};

type MarkProps = {
  readonly kind: string;
  /** Of a group. */
  readonly count: number;
  /** Of a join. */
  readonly step: number | undefined;
};

export function Mark({ kind, count, step }: MarkProps): ReactNode {
  if (kind === 'group') return <text className="mark">×{count}</text>;
  if (kind === 'pod') {
    return (
      <path
        className="glyph"
        d="M0-11 9.5-5.5V5.5L0 11-9.5 5.5V-5.5ZM-9.5-5.5 0 0 9.5-5.5M0 0V11"
      />
    );
  }
  return (
    <text className="mark" y={step === undefined ? 1 : -3}>
      {MARKS[kind]}
      {step !== undefined && (
        <tspan className="step" x="0" dy="15">
          {step}/9
        </tspan>
      )}
    </text>
  );
}
