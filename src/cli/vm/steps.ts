// The nine steps of a join as lines, as they happen. Pure, but for what has been printed before.
import { JOIN_STEPS, type Join, type JoinStep, type JoinStepName } from '#api/joins.ts';
import { isRecord } from '#kube/objects.ts';
import { printable } from '#base/printable.ts';

export const STEP_TITLES: Readonly<Record<JoinStepName, string>> = {
  'token-issued': 'Token issued',
  'agent-called-in': 'Agent called in',
  'machine-proven': 'Machine proven',
  'certificate-issued': 'Certificate issued',
  'configuration-accepted': 'Configuration accepted',
  'traffic-captured': 'Traffic captured',
  registered: 'Registered, name resolves',
  healthy: 'Healthy',
  'first-encrypted-bytes': 'First encrypted bytes',
};

const MARKS: Readonly<Record<JoinStep['state'], string>> = {
  done: '✓',
  skipped: '–',
  failed: '✗',
  running: '⟳',
  waiting: '○',
};

const TITLE_WIDTH = Math.max(...Object.values(STEP_TITLES).map(({ length }) => length));
const TEXT_LENGTH_MAX = 400;

/** One step: its mark, number, name, how long it took, what was seen; then what may be wrong. */
export function renderStep(step: JoinStep, index: number): string {
  const { name, state, startedAtMs, endedAtMs, evidence, problem, causes } = step;
  const took = startedAtMs === null || endedAtMs === null ? '' : duration(endedAtMs - startedAtMs);
  const said = printable(problem === '' ? evidence : problem, TEXT_LENGTH_MAX);
  const head = `${MARKS[state]} ${index + 1} ${STEP_TITLES[name].padEnd(TITLE_WIDTH)}`;
  const line = ` ${head}  ${took.padStart(7)}  ${said}`.trimEnd();
  return [line, ...causes.map(({ text, command }) => `      ${text}\n        ${command}`)].join(
    '\n',
  );
}

const duration = (ms: number): string =>
  ms < 1_000 ? `+${(ms / 1_000).toFixed(1)} s` : `+${Math.round(ms / 1_000)} s`;

/** The whole of a join, as `isthmus join-status` prints it. */
export function renderJoin(join: Join): string {
  const { name, namespace, state, by, id } = join;
  return [
    `${namespace}/${name}: ${state}, invited by ${printable(by, TEXT_LENGTH_MAX)} (join ${id})`,
    ...join.steps.map(renderStep),
  ].join('\n');
}

/** Prints each step once as it ends, and again when it has failed, or is late, in another way. */
export class StepPrinter {
  readonly #print: (line: string) => void;
  readonly #printed = new Map<JoinStepName, string>();

  constructor(print: (line: string) => void) {
    this.#print = print;
  }

  show(join: Join): void {
    for (const [index, step] of join.steps.entries()) {
      const isNews =
        step.state === 'done' ||
        step.state === 'skipped' ||
        step.state === 'failed' ||
        step.causes.length > 0;
      const gist = `${step.state} ${step.problem} ${step.causes.length}`;
      if (!isNews || this.#printed.get(step.name) === gist) continue;
      this.#printed.set(step.name, gist);
      this.#print(renderStep(step, index));
    }
  }
}

/** @returns undefined when that is no join: the other side is another program, or an older one */
export function parseJoin(value: unknown): Join | undefined {
  return isJoin(value) ? value : undefined;
}

function isJoin(value: unknown): value is Join {
  if (!isRecord(value)) return false;
  const { steps } = value;
  const texts = ['id', 'name', 'namespace', 'by', 'state'];
  return (
    texts.every((field) => typeof value[field] === 'string') &&
    Array.isArray(steps) &&
    steps.length === JOIN_STEPS.length &&
    steps.every(
      (step, index) =>
        isRecord(step) && step['name'] === JOIN_STEPS[index] && Array.isArray(step['causes']),
    )
  );
}
