// The demo's own arguments.
import { readFlags } from '#base/flags.ts';

export const DEMO_USAGE = `isthmus demo [--once | --step] [--mode MODE] [--report FILE]
             [--keep-logs DIR]

  --once            see it all from the far side and end; without it, the story goes on
                    until it is interrupted, and can be visited
  --step            wait for Enter before each chapter
  --mode MODE       namespaces, or explicit-ports where these are not to be had; default as
                    ISTHMUS_LAB_MODE says, else as the machine allows
  --report FILE     what was seen, with its figures, as JSON
  --keep-logs DIR   where the programs' logs go (default: kept only when something fails)`;

export type DemoOptions = {
  readonly isOnce: boolean;
  readonly isStepwise: boolean;
  /** As it was asked for; undefined: as the machine allows. */
  readonly mode: string | undefined;
  readonly reportPath: string | undefined;
  readonly logsPath: string | undefined;
};

/** @throws OperatorError USAGE */
export function parseDemoOptions(argv: readonly string[]): DemoOptions {
  const { values } = readFlags(argv, {
    usage: DEMO_USAGE,
    options: {
      once: { type: 'boolean', default: false },
      step: { type: 'boolean', default: false },
      mode: { type: 'string' },
      report: { type: 'string' },
      'keep-logs': { type: 'string' },
    },
  });
  return {
    isOnce: values.once,
    isStepwise: values.step,
    mode: values.mode,
    reportPath: values.report,
    logsPath: values['keep-logs'],
  };
}
