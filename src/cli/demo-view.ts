// What the demo looks like in a terminal: chapters, what happens with its time, and what was seen.
import { assertNever } from '#base/assert-never.ts';
import type { Check } from '#lab/story/checks.ts';
import type { StoryEvent } from '#lab/story/narrator.ts';

type Style = 'bold' | 'dim' | 'green' | 'red' | 'yellow';

/** ECMA-48 §8.3.117 (SGR). */
const SGR: Readonly<Record<Style, number>> = { bold: 1, dim: 2, green: 32, red: 31, yellow: 33 };

export type Paint = (style: Style, text: string) => string;

/** Colours for a terminal; none where the output goes elsewhere or NO_COLOR asks for none. */
export function createPaint(isTerminal: boolean, env: NodeJS.ProcessEnv): Paint {
  const isPlain = !isTerminal || Boolean(env['NO_COLOR']) || env['TERM'] === 'dumb';
  return (style, text) => (isPlain ? text : `\u001B[${SGR[style]}m${text}\u001B[0m`);
}

const TIME_WIDTH = 7;

export const renderTitle = (paint: Paint): string =>
  `\n${paint('bold', 'Isthmus: a PostgreSQL on a VM joins the mesh')}\n\n`;

/** One event, with the time since the beginning where that says something. */
export function renderEvent(event: StoryEvent, elapsedMs: number, paint: Paint): string {
  const time = paint('dim', `${(elapsedMs / 1000).toFixed(1)} s`.padStart(TIME_WIDTH));
  switch (event.kind) {
    case 'chapter':
      return `\n${paint('bold', event.title)}\n`;
    case 'step':
      return `${time}  ${event.text}\n`;
    case 'command':
      return `${time}  ${paint('bold', `$ ${event.text}`)}\n`;
    case 'line':
      return `${' '.repeat(TIME_WIDTH)}  ${event.text}\n`;
    default:
      return assertNever(event);
  }
}

/** The claims and whether they hold, in the order in which the story makes them. */
export function renderChecks(checks: readonly Check[], paint: Paint): string {
  const width = Math.max(...checks.map(({ name }) => name.length));
  const mark = (ok: boolean): string => (ok ? paint('green', '✓') : paint('red', '✗'));
  const lines = checks.flatMap((check) => [
    `  ${mark(check.ok)} ${check.name.padEnd(width)}  ${check.says}`,
    ...logLines(check).map((line) => paint('dim', `    ${' '.repeat(width)}  ${line}`)),
  ]);
  return `\n${paint('bold', 'Seen from the far side')}\n${lines.join('\n')}\n`;
}

/** The two access-log lines are shown as they are: they are what an operator will look at. */
function logLines({ figures }: Check): string[] {
  const { vmLine, clientLine } = figures;
  return [
    ...(typeof vmLine === 'string' ? [`VM      ${vmLine}`] : []),
    ...(typeof clientLine === 'string' ? [`client  ${clientLine}`] : []),
  ];
}

export function renderVerdict(
  run: { readonly checks: readonly Check[]; readonly durationMs: number },
  paint: Paint,
): string {
  const failed = run.checks.filter(({ ok }) => !ok).length;
  const seconds = `${(run.durationMs / 1000).toFixed(1)} s`;
  if (failed === 0) return `\n${paint('green', 'All of it was seen')}, in ${seconds}.\n`;
  const count = failed === 1 ? 'One claim was' : `${failed} claims were`;
  return `\n${paint('red', `${count} not seen`)}, in ${seconds}.\n`;
}
