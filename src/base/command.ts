// Running other programs without a shell, with a bound on time and output.
import { spawn } from 'node:child_process';
import { withDeadline } from './clock.ts';
import { OperatorError } from './operator-error.ts';

export type CommandResult = {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
};

const OUTPUT_BYTES_MAX = 4 << 20;
const TIMEOUT_MS = 30_000;

export type CommandOptions = {
  readonly input?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
};

/**
 * Runs a program to its end and returns what it printed, whatever its exit status. One that takes
 * longer than `timeoutMs` (default 30 s) is killed, and the result says so.
 *
 * @throws OperatorError TOOL_MISSING when there is no such program
 */
export function runCommand(
  command: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const { timeoutMs: limitMs = TIMEOUT_MS, signal: parent } = options;
  return withDeadline({ what: command, limitMs, parent }, (signal) =>
    execute(command, args, { ...options, signal }),
  );
}

function execute(
  command: string,
  args: readonly string[],
  { input = '', env, cwd, signal }: CommandOptions & { readonly signal: AbortSignal },
): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, [...args], {
      stdio: ['pipe', 'pipe', 'pipe'],
      ...(env && { env }),
      ...(cwd && { cwd }),
    });
    const kill = (): void => void child.kill('SIGKILL');
    signal.addEventListener('abort', kill, { once: true });
    const output = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (text: string) => {
        if (output[name].length < OUTPUT_BYTES_MAX) output[name] += text;
      });
    }
    child.on('error', (cause: NodeJS.ErrnoException) => {
      if (cause.code !== 'ENOENT') return reject(cause);
      const remedy = `install ${command}, or put it on the PATH`;
      return reject(
        new OperatorError('TOOL_MISSING', `${command} was not found`, { remedy, cause }),
      );
    });
    child.on('close', (status, killedBy) => {
      signal.removeEventListener('abort', kill);
      const reason = killedBy ? `\n${command} was ended by ${killedBy}` : '';
      resolve({ ...output, stderr: output.stderr + reason, status: status ?? 128 });
    });
    child.stdin.on('error', () => undefined); // EPIPE: the program did not read; its status tells
    child.stdin.end(input);
  });
}
