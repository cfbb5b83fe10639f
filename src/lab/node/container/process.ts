// A container's processes: started in the Pod's network and namespaces of its own, ended as one.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Clock } from '#base/clock.ts';
import type { Variables } from '../pod/expand.ts';
import { toolPath } from '../tools.ts';
import type { ContainerLog } from './log.ts';

const INIT = fileURLToPath(new URL('../programs/container.sh', import.meta.url));
/** From SIGKILL of the program to SIGKILL of its PID 1: only a bug would need it. */
const INSIST_AFTER_MS = 2_000;
/** A shell's number for an end by SIGKILL, which is what ends a container without asking it. */
const KILLED = 137;

export type ContainerCommand = {
  readonly argv: readonly string[];
  readonly env: Variables;
  readonly workingDir: string;
  readonly user: { readonly uid: number; readonly gid: number } | undefined;
  readonly hostname: string;
  /** Name of the Pod's network namespace. */
  readonly netns: string;
  /** Its root folder on the host, laid out, and the file that says what to mount. */
  readonly root: string;
  readonly fstab: string;
};

/** 128 and the signal's number where a signal ended it. */
export type ContainerEnd = { readonly exitCode: number };

export type Launch =
  | { readonly ok: true; readonly process: ContainerProcess }
  /** It never ran; why not, as runc words it. */
  | { readonly ok: false; readonly problem: string };

export class ContainerProcess {
  /** PID 1 of the container, as the node sees it. */
  readonly pid: number;
  /** What an exec in it gets as its environment. */
  readonly env: Variables;
  /** Never rejects; all output has been logged by then. */
  readonly exited: Promise<ContainerEnd>;

  private constructor(pid: number, env: Variables, exited: Promise<ContainerEnd>) {
    this.pid = pid;
    this.env = env;
    this.exited = exited;
  }

  static async launch(command: ContainerCommand, log: ContainerLog): Promise<Launch> {
    const env = { ...command.env };
    const stdio = ['ignore' as const, 'pipe' as const, 'pipe' as const, 'pipe' as const];
    const child = spawn(toolPath('nsenter'), entering(command), { env, stdio });
    const exited = endOf(child);
    const [, stdout, stderr, status] = child.stdio;
    if (stdout instanceof Readable) log.follow('stdout', stdout);
    if (stderr instanceof Readable) log.follow('stderr', stderr);
    const said = status instanceof Readable ? await untilVerdict(status) : '';
    const pid = Number(/^started (\d+)$/m.exec(said)?.[1]);
    if (pid > 0) return { ok: true, process: new ContainerProcess(pid, command.env, exited) };
    child.kill('SIGKILL');
    await exited;
    const refusal = /^refused (.*)$/m.exec(said)?.[1];
    const problem = refusal ?? `its root cannot be made: ${said.trim() || 'it said nothing'}`;
    return { ok: false, problem };
  }

  /** Asks the program to end, by SIGTERM. */
  terminate(): void {
    signal(this.pid, 'SIGTERM');
  }

  /** Ends everything in the container. @returns when it has ended */
  async kill(clock: Clock): Promise<ContainerEnd> {
    signal(this.pid, 'SIGUSR1'); // container.sh kills the program and passes its status on
    const patience = new AbortController();
    const insist = clock.sleep(INSIST_AFTER_MS, patience.signal).then(
      () => signal(this.pid, 'SIGKILL'),
      () => undefined,
    );
    const end = await this.exited;
    patience.abort();
    await insist;
    return end;
  }
}

/** The arguments of nsenter. */
function entering(command: ContainerCommand): string[] {
  const { argv, hostname, root, fstab, workingDir, user, netns } = command;
  const namespaces = ['--mount', '--uts', '--ipc', '--pid', '--fork', '--kill-child'];
  return [
    `--net=/run/netns/${netns}`,
    toolPath('unshare'),
    ...namespaces,
    '--propagation=private',
    toolPath('bash'),
    '-p', // takes nothing from the environment that would make it run anything else
    INIT,
    hostname,
    root,
    fstab,
    workingDir,
    user ? `${user.uid}:${user.gid}` : '-',
    ...argv,
  ];
}

const VERDICT = /^(started \d+|refused .*)\n/m;

/** What container.sh says: its verdict, or if it never comes to one, what went wrong. */
function untilVerdict(from: Readable): Promise<string> {
  return new Promise((resolve) => {
    let said = '';
    from.setEncoding('utf8');
    // It stays open as long as the container runs, and is to be read, if only to see its end.
    from.on('data', (text: string) => {
      if (!VERDICT.test(said)) said += text;
      if (VERDICT.test(said)) resolve(said);
    });
    from.on('error', () => undefined); // `close` follows
    from.on('close', () => resolve(said));
  });
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    const isGone = error instanceof Error && 'code' in error && error.code === 'ESRCH';
    if (!isGone) throw error;
  }
}

/** Never rejects. With PID 1 everything in the container ends, so its pipes close with it. */
async function endOf(child: ChildProcess): Promise<ContainerEnd> {
  try {
    const [status]: unknown[] = await once(child, 'close');
    return { exitCode: typeof status === 'number' ? status : KILLED };
  } catch {
    return { exitCode: KILLED }; // it could not be started at all
  }
}
