// A pod or a VM of the lab: its own network, host name, /etc, /run and /var, and ways to run things
// in it and to look at it from outside.
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type CommandResult, runCommand } from '#base/command.ts';
import { OperatorError } from '#base/operator-error.ts';
import type { DatabasePlace, Host, RunOptions, StartOptions } from './host.ts';
import {
  COPIED_FROM_ETC,
  FOLDERS,
  type NameEntry,
  OWN_FOLDERS,
  planMachineFiles,
  POSTGRES_GID,
  POSTGRES_PORT,
  POSTGRES_UID,
} from './machine-files.ts';
import { parseHttpAnswer } from './http-answer.ts';
import { LabProcess } from './process.ts';
import { LAB_ROOT } from './sandbox.ts';

const HOLDER = fileURLToPath(new URL('programs/machine.sh', import.meta.url));
const BOOT_LIMIT_MS = 20_000;
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
/**
 * As inside a shell: a bash whose input is a socket, as ours is, else takes itself for a remote
 * login's and runs whatever stands in the user's own ~/.bashrc.
 */
const SHELL_LEVEL = '1';

export type MachineOptions = {
  /** Also its network namespace, which is there already. */
  readonly name: string;
  readonly address: string;
  /** For /etc/hosts. */
  readonly knows?: readonly NameEntry[];
  /** Folders that its programs need and that may be below /etc, /run or /var. */
  readonly keeps: readonly string[];
  readonly logsDir: string;
  /** Every process in it gets these. */
  readonly env: NodeJS.ProcessEnv;
};

export class Machine implements Host, AsyncDisposable {
  readonly anyAddress = '0.0.0.0';
  readonly hasOwnNames = true;
  readonly database: DatabasePlace = {
    port: POSTGRES_PORT,
    localLogin: 'peer',
    // a nested user namespace shows it the same user under Debian's number for `postgres`
    asServer: (command) => [
      'unshare',
      '--user',
      `--map-user=${POSTGRES_UID}`,
      `--map-group=${POSTGRES_GID}`,
      ...command,
    ],
  };
  readonly name: string;
  readonly address: string;
  readonly #options: MachineOptions;
  readonly #holder: LabProcess;
  readonly #processes: LabProcess[] = [];

  private constructor(options: MachineOptions, holder: LabProcess) {
    this.name = options.name;
    this.address = options.address;
    this.#options = options;
    this.#holder = holder;
  }

  /** @throws OperatorError LAB_FAILED when its namespaces or mounts cannot be made */
  static async boot(options: MachineOptions): Promise<Machine> {
    const root = rootOf(options.name);
    layOutFiles(root, options);
    const kept = options.keeps.filter((path) => OWN_FOLDERS.some((own) => isBelow(path, own)));
    const unshare = ['unshare', '--mount', '--uts', '--propagation', 'private'];
    const enter = ['nsenter', `--net=/run/netns/${options.name}`];
    const holder = await LabProcess.launch(
      {
        name: `${options.name}.machine`,
        command: [...enter, ...unshare, 'bash', HOLDER, options.name, root, ...kept],
        env: { ...options.env, PATH },
        logsDir: options.logsDir,
      },
      { line: /^ready$/, limitMs: BOOT_LIMIT_MS },
    );
    return new Machine(options, holder);
  }

  /** Where a file below the machine's /etc, /run or /var is seen from outside. */
  path(inside: string): string {
    if (!OWN_FOLDERS.some((own) => isBelow(inside, own)))
      throw new Error(`${inside} is not its own`);
    return `${rootOf(this.name)}${inside}`;
  }

  own(inside: string): string {
    return inside;
  }

  writeFile(inside: string, content: string, mode = 0o644): void {
    mkdirSync(dirname(this.path(inside)), { recursive: true });
    writeFileSync(this.path(inside), content, { mode });
  }

  /** The file's text; empty when there is no such file (yet). */
  readFile(inside: string): string {
    const path = this.path(inside);
    return existsSync(path) ? readFileSync(path, 'utf8') : '';
  }

  /** Starts a program in it, which ends with the machine at the latest. */
  start(name: string, command: readonly string[], options: StartOptions = {}): LabProcess {
    const process = new LabProcess({
      name: `${this.name}.${name}`,
      command: this.#enter(command),
      env: this.#env(options.env),
      logsDir: this.#options.logsDir,
      ...(options.onLine && { onLine: options.onLine }),
    });
    this.#processes.push(process);
    return process;
  }

  /** Runs a program in it to its end. */
  async run(command: readonly string[], options: RunOptions = {}): Promise<CommandResult> {
    const [program = '', ...args] = this.#enter(command);
    const env = this.#env(options.env);
    return await runCommand(program, args, { ...(options.input && { input: options.input }), env });
  }

  /**
   * The body of an HTTP answer from one of its loopback ports (Envoy's admin listens there only).
   *
   * @throws OperatorError LAB_FAILED when nothing answers with status 200
   */
  async httpGet(port: number, path: string): Promise<string> {
    // bash's own /dev/tcp, because a machine need not have an HTTP client.
    const script = `exec 3<>/dev/tcp/127.0.0.1/${port} && printf '%s' "$1" >&3 && cat <&3`;
    const request = `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`;
    const { status, stdout, stderr } = await this.run(['bash', '-c', script, 'get', request]);
    const answer = parseHttpAnswer(stdout);
    if (status === 0 && answer.status === 200) return answer.body;
    const reason = stderr.trim().split('\n')[0] || answer.statusLine || 'no answer';
    const what = `http://127.0.0.1:${port}${path} on ${this.name}`;
    throw new OperatorError('LAB_FAILED', `${what}: ${reason}`, {
      remedy: `look into the logs of ${this.name} for what listens on port ${port}`,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#processes.map((process) => process[Symbol.asyncDispose]()));
    await this.#holder.kill();
  }

  #enter(command: readonly string[]): string[] {
    return [
      'nsenter',
      '--target',
      String(this.#holder.pid),
      '--net',
      '--mount',
      '--uts',
      ...command,
    ];
  }

  #env(own: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
    return {
      PATH,
      HOME: '/root',
      LANG: 'C.UTF-8',
      SHLVL: SHELL_LEVEL,
      ...this.#options.env,
      ...own,
    };
  }
}

const rootOf = (name: string): string => `${LAB_ROOT}/hosts/${name}`;

const isBelow = (path: string, folder: string): boolean => path.startsWith(`${folder}/`);

function layOutFiles(root: string, options: MachineOptions): void {
  for (const folder of FOLDERS) mkdirSync(`${root}/${folder}`, { recursive: true });
  // Relative, so that it leads to the machine's own /run from inside and from outside.
  symlinkSync('../run', `${root}/var/run`);
  for (const name of COPIED_FROM_ETC) {
    if (!existsSync(`/etc/${name}`)) continue;
    cpSync(`/etc/${name}`, `${root}/etc/${name}`, { recursive: true, verbatimSymlinks: true });
  }
  const files = planMachineFiles({ ...options, knows: options.knows ?? [] });
  for (const [path, content] of Object.entries(files)) writeFileSync(`${root}${path}`, content);
}
