// The lab's outer wall: one `unshare` of user, mount, network, PID, IPC and host-name namespaces.
// The same for root and for an ordinary user: inside, the caller is root over its own network and
// mounts only. Nothing in it can outlive whoever made it (see programs/init.sh).
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { runCommand } from '#base/command.ts';
import { systemClock } from '#base/clock.ts';
import { OperatorError } from '#base/operator-error.ts';
import { Line } from './line.ts';
import { exitOf } from './process.ts';

/** Everything of the lab's is in here: a tmpfs that only the inside sees and that goes with it. */
export const LAB_ROOT = '/run/isthmus-lab';

/** A shell's status for SIGKILL, which is how a sandbox ends when it does not end by itself. */
export const ENDED_FROM_OUTSIDE = 137;
const ID_VARIABLE = 'ISTHMUS_LAB_ID';
const INIT = fileURLToPath(new URL('programs/init.sh', import.meta.url));
/** User, network, mounts, host name, IPC (PostgreSQL's shared memory) and PIDs. */
export const UNSHARE = ['-Urnmui', '-pf', '--mount-proc', '--kill-child'];
/** Where Debian keeps ip and nft, off an ordinary user's PATH. */
export const SYSTEM_FOLDERS = '/usr/local/sbin:/usr/sbin:/sbin';
/** How soon the death of the process that started us is noticed. */
const PARENT_CHECK_MS = 500;

/**
 * Is this process inside a lab? Answered by a file that only the inside has, because what runs
 * inside changes network and mounts without asking, and must never do so outside.
 */
export function isInsideSandbox(env: NodeJS.ProcessEnv): boolean {
  const id = env[ID_VARIABLE];
  const file = `${LAB_ROOT}/id`;
  return id !== undefined && existsSync(file) && readFileSync(file, 'utf8') === id;
}

export type SandboxOptions = {
  readonly env: NodeJS.ProcessEnv;
  /** When aborted, everything inside ends at once. */
  readonly signal: AbortSignal;
  /** A conversation with the inside, which ends with the line at the latest: see line.ts. */
  readonly converse?: (line: Line) => Promise<void>;
  /** Name of this lab in every inside process's environment; default a random one. */
  readonly id?: string;
};

/**
 * Runs a command inside a new sandbox, with this process's standard output and error.
 *
 * @returns the command's exit status; 137 when the sandbox was ended from outside
 * @throws OperatorError LAB_FAILED where the kernel refuses the namespaces
 */
export async function runInSandbox(
  command: readonly string[],
  options: SandboxOptions,
): Promise<number> {
  const { env, signal, converse, id = randomUUID() } = options;
  await assertSandboxPossible();
  const child = spawn('unshare', [...UNSHARE, 'bash', INIT, id, ...command], {
    stdio: ['pipe', 'inherit', 'inherit', ...(converse ? ['ipc' as const] : [])],
    env: { ...env, PATH: `${env['PATH'] ?? ''}:${SYSTEM_FOLDERS}`, [ID_VARIABLE]: id },
    detached: true, // Ctrl-C is for this process; what it means for the inside is decided here
  });
  const ended = exitOf(child);
  const conversation = converse?.(Line.to(child));
  const end = (): void => void child.stdin?.destroy(); // init ends on end-of-file
  signal.addEventListener('abort', end, { once: true });
  if (signal.aborted) end();
  const watch = new AbortController();
  const watching = endWithParent(child, watch.signal);
  try {
    const [{ status }] = await Promise.all([ended, conversation]);
    return status ?? ENDED_FROM_OUTSIDE;
  } finally {
    end(); // also when it is the conversation that failed
    signal.removeEventListener('abort', end);
    watch.abort();
    await watching;
  }
}

/**
 * Ends the sandbox when the process that started *us* dies without telling: a launcher killed with
 * SIGKILL closes none of our descriptors, only our parent's number changes.
 */
async function endWithParent(child: ChildProcess, signal: AbortSignal): Promise<void> {
  const parent = process.ppid;
  while (!signal.aborted && process.ppid === parent) {
    await systemClock.sleep(PARENT_CHECK_MS, signal).catch(() => undefined);
  }
  if (!signal.aborted) child.stdin?.destroy();
}

/** Asks the kernel once, so that a refusal is one sentence and not the failure of some program. */
async function assertSandboxPossible(): Promise<void> {
  const { status, stderr } = await runCommand('unshare', [...UNSHARE, 'true']);
  if (status === 0) return;
  const reason = stderr.trim().split('\n')[0] ?? `status ${status}`;
  throw new OperatorError('LAB_FAILED', `the kernel refuses the lab's namespaces: ${reason}`, {
    remedy:
      'allow user namespaces (sysctl user.max_user_namespaces, and on Ubuntu ' +
      'kernel.apparmor_restrict_unprivileged_userns=0), or run as root outside a container',
  });
}
