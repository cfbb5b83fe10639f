// Real kubectl in the lab, with a configuration and a cache of the lab's own: the user's are never
// read and never written.
import { type CommandResult, runCommand } from '#base/command.ts';
import { OperatorError } from '#base/operator-error.ts';
import { LabProcess } from '../process.ts';

/** The story's longest is a `wait` for the first Pods on a busy machine. */
const COMMAND_LIMIT_MS = 90_000;

export class Kubectl {
  readonly #env: NodeJS.ProcessEnv;
  readonly #cacheDir: string;
  readonly #logsDir: string;

  constructor(options: {
    readonly kubeconfig: string;
    readonly cacheDir: string;
    readonly logsDir: string;
    readonly env: NodeJS.ProcessEnv;
  }) {
    const { kubeconfig, cacheDir, logsDir, env } = options;
    this.#env = {
      PATH: env['PATH'],
      HOME: cacheDir,
      LANG: 'C.UTF-8',
      KUBECONFIG: kubeconfig,
      ISTHMUS_LAB_ID: env['ISTHMUS_LAB_ID'], // `isthmus` sees by it that it is in the lab
    };
    this.#cacheDir = cacheDir;
    this.#logsDir = logsDir;
  }

  /** Variables of programs that are to meet the same API server. */
  get env(): NodeJS.ProcessEnv {
    return this.#env;
  }

  /** Runs to the end, whatever that is. */
  async run(args: readonly string[], input = ''): Promise<CommandResult> {
    const options = { env: this.#env, input, timeoutMs: COMMAND_LIMIT_MS };
    return await runCommand('kubectl', this.#words(args), options);
  }

  /** @returns what it printed @throws OperatorError LAB_FAILED with what it said instead */
  async ok(args: readonly string[], input = ''): Promise<string> {
    const { status, stdout, stderr } = await this.run(args, input);
    if (status === 0) return stdout;
    const said = stderr.trim() || stdout.trim() || `status ${status}`;
    throw new OperatorError('LAB_FAILED', `kubectl ${args.join(' ')}: ${said}`, {
      remedy: "read the API server's log: it is in the lab's logs",
    });
  }

  /** A command that goes on, such as `logs -f`. @param name of its log file */
  follow(name: string, args: readonly string[], onLine?: (line: string) => void): LabProcess {
    return new LabProcess({
      name: `kubectl.${name}`,
      command: ['kubectl', ...this.#words(args)],
      env: this.#env,
      logsDir: this.#logsDir,
      ...(onLine && { onLine }),
    });
  }

  #words(args: readonly string[]): string[] {
    return ['--cache-dir', this.#cacheDir, ...args]; // what follows `--` is another program's
  }
}
