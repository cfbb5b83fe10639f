// What is played, by what the machine allows.
import { chooseLabMode, MODE_VARIABLE } from '#lab/mode.ts';
import type { Act, SandboxAct } from './acts.ts';
import { assertKubectl } from './kubectl-version.ts';
import type { DemoOptions } from './options.ts';
import { type ActParts, type Failure, playAct } from './play.ts';
import { playHere } from './play-here.ts';

export type Item = {
  readonly act: Act;
  /** Said before it. */
  readonly title?: string;
  readonly play: (parts: ActParts) => Promise<Failure | undefined>;
};

export type Programme = {
  /** Said before all. */
  readonly preface: readonly string[];
  readonly items: readonly Item[];
};

const SECOND_ACT = 'Once more and closer: one session lives through every change';

/** @throws OperatorError USAGE, TOOL_MISSING */
export async function chooseProgramme(
  { isOnce, isStepwise, mode }: Pick<DemoOptions, 'isOnce' | 'isStepwise' | 'mode'>,
  env: NodeJS.ProcessEnv,
): Promise<Programme> {
  const lab = await chooseLabMode(mode ?? (env[MODE_VARIABLE] || undefined), { env });
  if (lab.kind === 'explicit-ports') {
    const said = `no network namespaces here (${lab.reason}): explicit ports, nothing is captured`;
    const shorter = 'the shorter story, which waits for nobody and then ends';
    const items = [{ act: 'explicit-ports', play: playHere }] as const;
    return { preface: isOnce && !isStepwise ? [said] : [said, shorter], items };
  }
  await assertKubectl(env);
  const inSandbox = (act: SandboxAct): Item => ({ act, play: (parts) => playAct(act, parts) });
  const items = isOnce
    ? [inSandbox('library-once'), { ...inSandbox('mesh'), title: SECOND_ACT }]
    : [inSandbox('library')];
  return { preface: [], items };
}
