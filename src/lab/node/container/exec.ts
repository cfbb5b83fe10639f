// Runs a program in a container that runs already: its namespaces, its environment, as its user.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { toolPath } from '../tools.ts';
import type { ContainerProcess } from './process.ts';

export type ExecTarget = {
  readonly process: ContainerProcess;
  readonly workingDir: string;
  readonly user: { readonly uid: number; readonly gid: number } | undefined;
};

/** What a program may print before the rest is dropped, where it is collected. */
const OUTPUT_LENGTH_MAX = 10_000;

/**
 * The program with pipes for its three streams; it ends with the container at the latest.
 *
 * @param options.hasSideChannel a further pipe, descriptor 3, for it to write to
 */
export function startExec(
  target: ExecTarget,
  command: readonly string[],
  { hasSideChannel = false } = {},
): ChildProcess {
  const { process: container, workingDir, user } = target;
  const enter = ['--mount', '--uts', '--ipc', '--net', '--pid'];
  const asUser = user
    ? [toolPath('unshare'), '--user', `--map-user=${user.uid}`, `--map-group=${user.gid}`, '--']
    : [];
  const args = [
    '--target',
    String(container.pid),
    ...enter,
    '--',
    toolPath('bash'),
    '-pc',
    RUN,
    'exec',
    workingDir,
    ...asUser,
    ...command,
  ];
  const env = { ...container.env };
  // A process group of its own, because nsenter does not take along the program that it starts.
  const stdio = Array.from({ length: hasSideChannel ? 4 : 3 }, () => 'pipe' as const);
  return spawn(toolPath('nsenter'), args, { env, stdio, detached: true });
}

/** SIGKILL for what `startExec` has started. */
export function killExec(child: ChildProcess): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  process.kill(-child.pid, 'SIGKILL');
}

/** 126 and 127 as shells have it: cannot be run, is not there. */
const RUN = 'cd -- "$1" && shift && unset SHLVL OLDPWD && exec -- "$@"';

/** Runs a program to its end; ended itself when the signal is aborted, which rejects. */
export async function runExec(
  target: ExecTarget,
  command: readonly string[],
  signal: AbortSignal,
): Promise<{ readonly exitCode: number; readonly output: string }> {
  signal.throwIfAborted();
  const child = startExec(target, command);
  const end = (): void => killExec(child);
  signal.addEventListener('abort', end, { once: true });
  let output = '';
  const take = (text: string): void => {
    if (output.length < OUTPUT_LENGTH_MAX) output += text;
  };
  child.stdout?.setEncoding('utf8').on('data', take);
  child.stderr?.setEncoding('utf8').on('data', take);
  child.stdin?.on('error', () => undefined); // it does not read; its status tells
  child.stdin?.end();
  try {
    const [status]: unknown[] = await once(child, 'close');
    signal.throwIfAborted();
    return { exitCode: typeof status === 'number' ? status : 137, output };
  } finally {
    signal.removeEventListener('abort', end);
  }
}
