// Reach as text: a line for each step, under the one that decided its evidence and its fix. Pure.
import type { ReachBack, ReachFix, ReachResult, ReachStep } from '#api/reach.ts';

const TITLES: Readonly<Record<ReachStep['name'], string>> = {
  name: 'Name',
  capture: 'Capture',
  listener: 'Listener',
  route: 'Route',
  endpoints: 'Endpoints',
  network: 'Network',
  tls: 'TLS',
  identity: 'Identity',
  authorization: 'Authorization',
  port: 'Port',
  application: 'Application',
};

const MARKS: Readonly<Record<ReachStep['verdict'], string>> = {
  passed: '✓',
  failed: '✗',
  unknown: '?',
  'not-reached': '·',
};

const WORDS: Readonly<Record<ReachStep['verdict'], string>> = {
  passed: '',
  failed: '',
  unknown: 'not known: ',
  'not-reached': 'not reached; foretold: ',
};

const INDENT = '      ';

export function renderReach(result: ReachResult): string {
  const { from, to, port, summary, steps } = result;
  const width = Math.max(...Object.values(TITLES).map(({ length }) => length));
  const lines = steps.flatMap((step, index) => {
    const number = String(index + 1).padStart(2);
    const title = TITLES[step.name].padEnd(width);
    const text = `${WORDS[step.verdict]}${step.summary}`;
    return [
      `${MARKS[step.verdict]} ${number} ${title}  ${text}  [${step.source}]`,
      ...(step.verdict === 'failed' || step.verdict === 'unknown' ? detailsOf(step) : []),
    ];
  });
  const unknown = result.verdict === 'unknown' && !result.command.endsWith(' --probe');
  const hint = unknown ? [`to find out: ${result.command} --probe`] : [];
  const other = result.back ? ['', ...backLines(result.back)] : [];
  const why = result.because ? [`because: ${result.because}`] : [];
  return [`${from} → ${to}:${port}  ${summary}`, ...why, '', ...lines, ...hint, ...other].join(
    '\n',
  );
}

const backLines = ({ from, to, port, summary, command }: ReachBack): readonly string[] => [
  `the other way is different: ${from} → ${to}:${port}  ${summary}`,
  `${INDENT}$ ${command}`,
];

function detailsOf({ evidence, fix }: ReachStep): readonly string[] {
  return [
    ...evidence.map((line) => `${INDENT}${line}`),
    ...(fix ? [`${INDENT}smallest fix: ${fix.text}`] : []),
    ...(fix ? commandLines(fix) : []),
    ...(fix?.yaml ?? '')
      .trimEnd()
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => `${INDENT}  ${line}`),
  ];
}

/** Of one that several tools have words for, each under its name. */
function commandLines({ command, commands = [] }: ReachFix): readonly string[] {
  const indented = (text: string): readonly string[] =>
    text.split('\n').map((line) => `${INDENT}${line.startsWith('#') ? '' : '  '}${line}`);
  if (commands.length > 0) {
    return commands.flatMap((one) => [`${INDENT}${one.label}:`, ...indented(one.command)]);
  }
  return command === '' ? [] : [`${INDENT}$ ${command}`];
}
