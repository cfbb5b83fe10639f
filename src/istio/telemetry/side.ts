// Which side of a call a workload is on when it logs or traces.

export type LogSide = 'client' | 'server';

const SIDES = {
  CLIENT: ['client'],
  SERVER: ['server'],
  CLIENT_AND_SERVER: ['client', 'server'],
} as const;

/** Telemetry's `match.mode`; both where it is not said. */
export const sidesOf = (mode: keyof typeof SIDES = 'CLIENT_AND_SERVER'): readonly LogSide[] =>
  SIDES[mode];
