// What the demo looks like in a terminal: chapters, what is typed and what that prints, remarks,
// and what was seen. Pure.
import { assertNever } from '#base/assert-never.ts';
import type { Check } from '#lab/story/checks.ts';
import type { StoryEvent } from '#lab/story/narrator.ts';

type Style = 'bold' | 'dim' | 'green' | 'red' | 'yellow' | 'cyan';

/** ECMA-48 §8.3.117 (SGR). */
const SGR: Readonly<Record<Style, number>> = {
  bold: 1,
  dim: 2,
  red: 31,
  green: 32,
  yellow: 33,
  cyan: 36,
};

export type Paint = (style: Style, text: string) => string;

/** How it is drawn. */
export type Look = {
  readonly paint: Paint;
  /** Columns to wrap at; undefined: lines stay whole, for files and for other programs. */
  readonly columns: number | undefined;
};

/** Colours for a terminal; none where the output goes elsewhere or NO_COLOR asks for none. */
export function createPaint(isTerminal: boolean, env: NodeJS.ProcessEnv): Paint {
  const isPlain = !isTerminal || Boolean(env['NO_COLOR']) || env['TERM'] === 'dumb';
  return (style, text) => (isPlain ? text : `\u001B[${SGR[style]}m${text}\u001B[0m`);
}

/** A wider heading only looks lost. */
const HEADING_COLUMNS_MAX = 96;
const COLUMNS_MIN = 40;

export function renderTitle({ paint }: Look): string {
  const says =
    'A library in a Kubernetes cluster writes its books to a PostgreSQL that stays on a VM.';
  return `\n${paint('bold', 'Isthmus')}\n${says}\n`;
}

/** What is known of an event besides itself. */
export type Moment = {
  /** Since the beginning, without the time that the audience took. */
  readonly elapsedMs: number;
  /** What was shown before it. */
  readonly after?: StoryEvent['kind'] | undefined;
};

export function renderEvent(event: StoryEvent, moment: Moment, look: Look): string {
  const { paint } = look;
  const { elapsedMs, after } = moment;
  switch (event.kind) {
    case 'chapter':
      return renderHeading(event.title, `${(elapsedMs / 1000).toFixed(1)} s`, look);
    case 'step': {
      const gap = after === 'step' ? '' : '\n';
      return `${gap}${hanging(`  ${paint('cyan', '›')} `, 4, event.text, look)}\n`;
    }
    case 'command':
      return `\n  ${paint('cyan', '$')} ${paint('bold', event.text)}\n`;
    case 'line': {
      const gap = after === 'chapter' ? '\n' : '';
      return `${gap}${event.text === '' ? '' : renderLine(event.text, look)}\n`;
    }
    default:
      return assertNever(event);
  }
}

/** Prose is wrapped; a table's row would no longer be one, and is cut. */
function renderLine(text: string, look: Look): string {
  const isRow = / {3}/.test(text.trimStart());
  const room = (look.columns ?? Number.POSITIVE_INFINITY) - 4;
  if (isRow && text.length > room) return `    ${text.slice(0, Math.max(1, room - 1))}…`;
  return hanging('    ', 6, text, look, styleOf(text));
}

const styleOf = (line: string): Style | undefined => {
  if (line.startsWith('✅')) return 'green';
  return line.startsWith('❌') ? 'red' : undefined;
};

function renderHeading(title: string, aside: string, { paint, columns }: Look): string {
  const width = Math.max(
    COLUMNS_MIN,
    Math.min(columns ?? HEADING_COLUMNS_MAX, HEADING_COLUMNS_MAX),
  );
  const rule = '─'.repeat(Math.max(3, width - title.length - aside.length - 5));
  return `\n${paint('dim', '──')} ${paint('bold', title)} ${paint('dim', `${rule} ${aside}`)}\n`;
}

/** Text behind a lead, its further lines below it. Longer words are left to the terminal. */
function hanging(
  lead: string,
  indent: number,
  text: string,
  { paint, columns }: Look,
  style?: Style,
): string {
  const painted = (line: string): string => (style ? paint(style, line) : line);
  const width = columns === undefined ? Number.POSITIVE_INFINITY : Math.max(COLUMNS_MIN, columns);
  if (indent + text.length <= width) return `${lead}${painted(text)}`;
  const lines: string[] = [];
  let rest = text;
  while (indent + rest.length > width) {
    const at = rest.lastIndexOf(' ', width - indent);
    if (at <= 0) break;
    lines.push(rest.slice(0, at));
    rest = rest.slice(at + 1);
  }
  const all = [...lines, rest].map(painted);
  return `${lead}${all.join(`\n${' '.repeat(indent)}`)}`;
}

/** The claims and whether they hold, in the order in which the story makes them. */
export function renderChecks(checks: readonly Check[], look: Look): string {
  const { paint } = look;
  const width = Math.max(0, ...checks.map(({ name }) => name.length));
  const lines = checks.flatMap((check) => {
    const mark = check.ok ? paint('green', '✓') : paint('red', '✗');
    const indent = width + 6;
    const lead = `  ${mark} ${check.name.padEnd(width)}  `;
    return [
      hanging(lead, indent, check.says, look),
      ...logLines(check).map((line) => hanging(' '.repeat(indent), indent, line, look, 'dim')),
    ];
  });
  return `\n${paint('bold', 'Seen from the far side')}\n\n${lines.join('\n')}\n`;
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
  { paint }: Look,
): string {
  const failed = run.checks.filter(({ ok }) => !ok).length;
  const seconds = `${(run.durationMs / 1000).toFixed(1)} s`;
  if (failed === 0) return `\n${paint('green', 'All of it was seen')}, in ${seconds}.\n`;
  const count = failed === 1 ? 'One claim was' : `${failed} claims were`;
  return `\n${paint('red', `${count} not seen`)}, in ${seconds}.\n`;
}

/** Where visitors come in, and what they may type. */
export type Invitation = {
  readonly url: string;
  /** The console's link, which works once. */
  readonly console: string;
  /** Said of a door that is not where it is looked for first. */
  readonly remarks: readonly string[];
  /** For another terminal: settings first, then commands. */
  readonly settings: readonly string[];
  readonly commands: readonly string[];
};

export function renderInvitation(invitation: Invitation, look: Look): string {
  const { url, console, remarks, settings, commands } = invitation;
  const { paint } = look;
  return [
    renderHeading('It goes on until you press Ctrl-C', '', look).trimEnd(),
    '',
    `  The library   ${paint('bold', url)}`,
    ...remarks.map((remark) => `                ${paint('dim', `(${remark})`)}`),
    `  The mesh      ${paint('bold', console)}`,
    `                ${paint('dim', '(this link signs in once; another: isthmus dashboard)')}`,
    '',
    '  In another terminal:',
    '',
    ...settings.map((line) => `    ${line}`),
    '',
    ...commands.map((line) => `    ${paint('bold', line)}`),
    '',
  ].join('\n');
}

export const renderPrompt = ({ paint }: Look): string => `\n  ${paint('dim', '⏎ Enter')} `;

/** The line of the prompt and the empty one above it, once Enter has moved on below them. */
export const ERASE_PROMPT = '\u001B[2A\u001B[0J';

/** One line that is drawn over itself with each book. */
export function renderBook(title: string, count: number, { paint, columns }: Look): string {
  const text = `✅ ${title}`;
  const says = `  ${count} books in PostgreSQL, the last one `;
  const room = (columns ?? HEADING_COLUMNS_MAX) - says.length - 1;
  const shown = text.length > room ? `${text.slice(0, Math.max(0, room - 1))}…` : text;
  return `\r\u001B[2K${says}${paint('green', shown)}`;
}
