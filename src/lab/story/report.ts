// The report of a run, for machines: every claim with its figures. Pure.
import type { Check } from './checks.ts';

export type Report = {
  readonly ok: boolean;
  /** RFC 3339. */
  readonly startedAt: string;
  /** From the first namespace to the last check, without the time that the audience took. */
  readonly durationMs: number;
  /** From the first namespace to the first `✅`. */
  readonly firstRowMs: number;
  readonly checks: readonly (Check & { readonly act: string })[];
  /** Why the story could not be told to its end; absent when it was. */
  readonly failure?: string;
};

export const renderReport = (report: Report): string => `${JSON.stringify(report, undefined, 2)}\n`;
