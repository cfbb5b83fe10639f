// Starting, recognising and ending one Envoy process. It is detached: it outlives the agent that
// has started it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, open, readFile, stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { delimiter, dirname } from 'node:path';
import type { Clock } from '#base/clock.ts';
import { OperatorError } from '#base/operator-error.ts';
import type { AgentConfig } from '../config.ts';
import { reasonOf } from '../files.ts';
import { parseStartTicks, type EnvoyRecord } from './record.ts';

export type RunningEnvoy = {
  readonly pid: number;
  readonly startTicks: string;
  /** Aborted when a process that this agent has started ends; never for an adopted one. */
  readonly exited: AbortSignal;
  /** Its exit status then, if no signal has ended it. */
  readonly exitStatus: () => number | undefined;
};

export type LaunchOptions = {
  readonly binary: string;
  readonly args: readonly string[];
  /** Standard output is appended here, standard error there. */
  readonly accessLog: string;
  readonly errorLog: string;
};

const LOG_MODE = 0o640;
/** How long Envoy may take to end by itself before it is killed. */
const TERMINATION_MS = 5_000;
const POLL_MS = 50;

export function envoyArguments(config: AgentConfig['envoy'], bootstrapPath: string): string[] {
  return [
    '--config-path',
    bootstrapPath,
    // how long sessions live whose filter chain is changed or removed, to the second and at once:
    // Envoy's default spreads their ends over 600 s
    '--drain-time-s',
    String(Math.ceil(config.drainMs / 1_000)),
    '--drain-strategy',
    'immediate',
    // the default of 10 s makes the access log look dead
    '--file-flush-interval-msec',
    '1000',
    // its shared memory would tie Envoys of several workloads on one machine together
    '--disable-hot-restart',
    '--concurrency',
    String(config.concurrency),
    '--log-level',
    config.logLevel,
  ];
}

/**
 * Starts Envoy with standard output appended to istio.log, which is where its access log goes
 * (/dev/stdout), and its own log to istio.err.log.
 *
 * @throws OperatorError TOOL_MISSING, ENVOY_FAILED, STORE_FAILED
 */
export async function startEnvoy(options: LaunchOptions): Promise<RunningEnvoy> {
  const { binary, args } = options;
  const stdout = await openLog(options.accessLog);
  const stderr = await openLog(options.errorLog);
  try {
    const child = spawn(binary, [...args], {
      detached: true,
      stdio: ['ignore', stdout.fd, stderr.fd],
      cwd: '/',
      env: {},
    });
    const exited = new AbortController();
    child.once('exit', () => exited.abort());
    await Promise.race([
      once(child, 'spawn'),
      once(child, 'error').then(([error]) => Promise.reject(error)),
    ]);
    child.unref();
    const { pid = 0 } = child;
    const startTicks = await startTicksOf(pid);
    const exitStatus = (): number | undefined => child.exitCode ?? undefined;
    return { pid, startTicks: startTicks ?? '', exited: exited.signal, exitStatus };
  } catch (cause) {
    throw new OperatorError('ENVOY_FAILED', `cannot start ${binary}: ${reasonOf(cause)}`, {
      remedy: 'name a working Envoy binary by ISTHMUS_ENVOY',
      cause,
    });
  } finally {
    await stdout.close();
    await stderr.close();
  }
}

async function openLog(path: string) {
  try {
    await mkdir(dirname(path), { recursive: true });
    return await open(path, 'a', LOG_MODE);
  } catch (cause) {
    throw new OperatorError('STORE_FAILED', `cannot write ${path}: ${reasonOf(cause)}`, {
      remedy: 'let the agent write there, or name another directory by ISTIO_LOG_DIR',
      cause,
    });
  }
}

/** When the process was started; undefined when there is none, or it has ended. */
export async function startTicksOf(pid: number): Promise<string | undefined> {
  if (process.platform !== 'linux') return hasProcess(pid) ? UNKNOWN : undefined;
  try {
    return parseStartTicks(await readFile(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return undefined; // ENOENT or ESRCH: no such process
  }
}

/** Where there is no /proc: a number that another process has got meanwhile is taken for ours. */
const UNKNOWN = 'unknown';

function hasProcess(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** Differs after each boot of the machine, where that is told. */
export async function readBootId(): Promise<string> {
  if (process.platform !== 'linux') return UNKNOWN;
  return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
}

export async function isRunning(
  process: Pick<EnvoyRecord, 'pid' | 'startTicks'>,
): Promise<boolean> {
  return (await startTicksOf(process.pid)) === process.startTicks;
}

/**
 * Ends the process and returns when it has ended. A process that is not ours any more is left
 * alone.
 */
export async function endEnvoy(
  process: Pick<EnvoyRecord, 'pid' | 'startTicks'>,
  clock: Clock,
): Promise<void> {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    if (!(await isRunning(process))) return;
    sendSignal(process.pid, signal);
    const untilMs = clock.nowMs() + TERMINATION_MS;
    while (clock.nowMs() < untilMs && (await isRunning(process))) await clock.sleep(POLL_MS);
  }
}

function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    const hasEnded = error instanceof Error && 'code' in error && error.code === 'ESRCH';
    if (!hasEnded) throw error;
  }
}

/**
 * The one that set-up has installed beside this program: the generated types are of that binary.
 */
const INSTALLED = fileURLToPath(new URL('../../../.isthmus/bin/envoy', import.meta.url));

/**
 * @returns the binary's path and a text that changes when the binary does
 * @throws OperatorError TOOL_MISSING
 */
export async function findEnvoy(
  named: string | undefined,
  path: string,
): Promise<{ readonly binary: string; readonly stamp: string }> {
  const onPath = path
    .split(delimiter)
    .filter(Boolean)
    .map((dir) => `${dir}/envoy`);
  for (const binary of named === undefined ? [INSTALLED, ...onPath] : [named]) {
    const file = await stat(binary).catch(() => undefined);
    if (file?.isFile()) return { binary, stamp: `${file.size} ${file.mtimeMs}` };
  }
  const what =
    named === undefined ? 'there is no envoy' : `ISTHMUS_ENVOY names ${named}, which is no file`;
  throw new OperatorError('TOOL_MISSING', what, {
    remedy: 'run `npm run setup`, put envoy 1.40 on the PATH, or name one by ISTHMUS_ENVOY',
  });
}
