// Running other programs without a shell, with a bound on time and output.
import { spawn } from 'node:child_process';
import { OperatorError } from './operator-error.ts';

export type CommandResult = {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
};

const OUTPUT_BYTES_MAX = 4 << 20;
const TIMEOUT_MS = 30_000;

/**
 * Runs a program to its end and returns what it printed, whatever its exit status.
 *
 * @throws OperatorError TOOL_MISSING when there is no such program
 */
export function runCommand(
  command: string,
  args: readonly string[],
  options: {
    readonly input?: string;
    readonly env?: NodeJS.ProcessEnv;
    readonly cwd?: string;
    readonly timeoutMs?: number;
    readonly signal?: AbortSignal;
  } = {},
): Promise<CommandResult> {
  const { input = '', env, cwd, timeoutMs = TIMEOUT_MS, signal } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(command, [...args], {
      stdio: ['pipe', 'pipe', 'pipe'],
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
      ...(env && { env }),
      ...(cwd && { cwd }),
      ...(signal && { signal }),
    });
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
      const reason = killedBy ? `\n${command} was ended by ${killedBy}` : '';
      resolve({ ...output, stderr: output.stderr + reason, status: status ?? 128 });
    });
    child.stdin.on('error', () => undefined); // EPIPE: the program did not read; its status tells
    child.stdin.end(input);
  });
}
