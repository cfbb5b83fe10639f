// A machine where there are no namespaces: a folder and a loopback address of its own. Its programs
// share the computer with everybody else's, so nothing can be captured and nothing is walled off.
import {
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { get } from 'node:http';
import { dirname } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { type CommandResult, runCommand } from '#base/command.ts';
import { OperatorError } from '#base/operator-error.ts';
import type { DatabasePlace, Host, RunOptions, StartOptions } from '../host.ts';
import { FOLDERS, OWN_FOLDERS } from '../machine-files.ts';
import { LabProcess } from '../process.ts';

const TETHER = fileURLToPath(new URL('../programs/tether.sh', import.meta.url));
/** Debian's and most others' `nobody`: root's PostgreSQL runs as that. */
const NOBODY = 65_534;
const HTTP_LIMIT_MS = 5_000;
/** Folders in which the database's own user writes. */
const DATABASE_FOLDERS = ['/var/lib/postgresql', '/run/postgresql'] as const;

/** Istio's numbers of what an agent and its Envoy listen on, whichever machine they are on. */
const ADMIN_PORT = 15_000;
const STATUS_PORT = 15_020;
const READY_PORT = 15_021;
export type AgentPorts = {
  readonly admin: number;
  readonly status: number;
  readonly ready: number;
};

export type LoopbackOptions = {
  readonly name: string;
  readonly address: string;
  /** Its folder, which is there already and goes with whoever made it. */
  readonly root: string;
  readonly logsDir: string;
  /** What the agent listens on, free on the whole computer. */
  readonly ports: AgentPorts;
  /** PostgreSQL's, on 127.0.0.1. */
  readonly databasePort: number;
  /** Every process in it gets these. */
  readonly env: NodeJS.ProcessEnv;
  readonly isRoot: boolean;
};

export class LoopbackMachine implements Host, AsyncDisposable {
  readonly name: string;
  readonly address: string;
  readonly anyAddress: string;
  readonly hasOwnNames = false;
  readonly database: DatabasePlace;
  readonly #options: LoopbackOptions;
  readonly #processes: LabProcess[] = [];

  constructor(options: LoopbackOptions) {
    const { name, address, root, databasePort, isRoot } = options;
    this.name = name;
    this.address = address;
    this.anyAddress = address; // other labs are on other loopback addresses
    this.#options = options;
    const identity = [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'];
    this.database = {
      port: databasePort,
      localLogin: 'trust', // its socket is in a folder of the lab's own
      asServer: (command) => (isRoot ? ['setpriv', ...identity, ...command] : [...command]),
    };
    for (const folder of FOLDERS) mkdirSync(`${root}/${folder}`, { recursive: true });
    symlinkSync('../run', `${root}/var/run`);
    for (const folder of DATABASE_FOLDERS) {
      mkdirSync(`${root}${folder}`, { recursive: true, mode: 0o700 });
      if (isRoot) chownSync(`${root}${folder}`, NOBODY, NOBODY);
    }
  }

  path(inside: string): string {
    if (!OWN_FOLDERS.some((own) => inside.startsWith(`${own}/`))) {
      throw new Error(`${inside} is not its own`);
    }
    return `${this.#options.root}${inside}`;
  }

  own(inside: string): string {
    return this.path(inside);
  }

  writeFile(inside: string, content: string, mode = 0o644): void {
    mkdirSync(dirname(this.path(inside)), { recursive: true });
    writeFileSync(this.path(inside), content, { mode });
  }

  readFile(inside: string): string {
    const path = this.path(inside);
    return existsSync(path) ? readFileSync(path, 'utf8') : '';
  }

  start(name: string, command: readonly string[], options: StartOptions = {}): LabProcess {
    const process = new LabProcess({
      name: `${this.name}.${name}`,
      command: ['/bin/sh', TETHER, ...command],
      env: this.#env(options.env),
      logsDir: this.#options.logsDir,
      ...(options.onLine && { onLine: options.onLine }),
    });
    this.#processes.push(process);
    return process;
  }

  async run(command: readonly string[], options: RunOptions = {}): Promise<CommandResult> {
    const [program = '', ...args] = command;
    const env = this.#env(options.env);
    const cwd = this.#options.root; // nobody may be kept out of where we stand
    return await runCommand(program, args, {
      ...(options.input && { input: options.input }),
      env,
      cwd,
    });
  }

  async httpGet(port: number, path: string): Promise<string> {
    const actual = this.#portOf(port);
    const what = `http://127.0.0.1:${actual}${path} of ${this.name}`;
    const { status, body } = await getText(actual, path).catch((cause: unknown) => ({
      status: 0,
      body: cause instanceof Error ? cause.message : String(cause),
    }));
    if (status === 200) return body;
    throw new OperatorError('LAB_FAILED', `${what}: ${status || body}`, {
      remedy: `look into the logs of ${this.name} for what listens on port ${actual}`,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#processes.map((process) => process[Symbol.asyncDispose]()));
  }

  #portOf(port: number): number {
    const { admin, status, ready } = this.#options.ports;
    if (port === ADMIN_PORT) return admin;
    if (port === STATUS_PORT) return status;
    return port === READY_PORT ? ready : port;
  }

  #env(own: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
    const { env, root, ports } = this.#options;
    return {
      ...env,
      HOME: root,
      LANG: 'C.UTF-8',
      ISTHMUS_ROOT: root,
      ISTIO_INBOUND_INTERCEPTION_MODE: 'NONE',
      ISTHMUS_PROXY_ADMIN_PORT: String(ports.admin),
      ISTHMUS_STATUS_PORT: String(ports.status),
      ENVOY_STATUS_PORT: String(ports.ready),
      // no namespace ends an Envoy that outlives its agent
      ISTHMUS_TERMINATION_DRAIN_DURATION: '1s',
      ...own,
    };
  }
}

async function getText(
  port: number,
  path: string,
): Promise<{ readonly status: number; readonly body: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; body: string }>();
  const options = { host: '127.0.0.1', port, path, timeout: HTTP_LIMIT_MS, agent: false };
  const request = get(options, (response) => {
    text(response).then((body) => resolve({ status: response.statusCode ?? 0, body }), reject);
  });
  request.once('timeout', () => request.destroy(new Error('no answer')));
  request.once('error', reject);
  return await promise;
}
