// A real PostgreSQL on a machine, set up as Debian does: listening on 127.0.0.1:5432 and on the
// socket in /var/run/postgresql, with the application's own user and database.
import { existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { OperatorError } from '#base/operator-error.ts';
import type { DatabasePlace, Host } from './host.ts';
import type { LabProcess } from './process.ts';

const DEBIAN_BINARIES = '/usr/lib/postgresql';
const DATA_DIR = '/var/lib/postgresql/main';
const SOCKET_DIR = '/var/run/postgresql';
const START_LIMIT_MS = 15_000;
export { POSTGRES_PORT } from './machine-files.ts';

/** The library's account. Its password is no secret: the database is as private as the lab. */
export const LIBRARY = { user: 'library', password: 'library', database: 'library' } as const;

/** Debian's default pg_hba.conf, without replication. */
const accessRules = ({ localLogin }: DatabasePlace): string =>
  `local all all ${localLogin}\nhost all all 127.0.0.1/32 scram-sha-256\n`;

const settingsOf = (machine: Host): Readonly<Record<string, string>> => ({
  listen_addresses: '127.0.0.1',
  port: String(machine.database.port),
  unix_socket_directories: machine.own(SOCKET_DIR),
  max_connections: '200',
  shared_buffers: '32MB',
  dynamic_shared_memory_type: 'mmap', // /dev/shm is small or missing in containers
  log_connections: 'on',
  log_disconnections: 'on',
});

export class Postgres implements AsyncDisposable {
  readonly machine: Host;
  readonly #binaries: string;
  #server: LabProcess | undefined;

  private constructor(machine: Host, binaries: string) {
    this.machine = machine;
    this.#binaries = binaries;
  }

  /** @throws OperatorError POSTGRES_FAILED, TOOL_MISSING */
  static async install(machine: Host): Promise<Postgres> {
    const postgres = new Postgres(machine, findPostgres());
    // No --sync: the data directory is in memory and ends with the lab.
    const flags = ['--no-sync', '--no-locale', '-E', 'UTF8', '-U', 'postgres'];
    const login = ['-A', machine.database.localLogin];
    await postgres.#run(['initdb', '-D', machine.own(DATA_DIR), ...flags, ...login], 'initdb');
    machine.writeFile(`${DATA_DIR}/pg_hba.conf`, accessRules(machine.database));
    const settings = Object.entries(settingsOf(machine)).map(
      ([name, value]) => `${name} = '${value}'\n`,
    );
    machine.writeFile(`${DATA_DIR}/postgresql.auto.conf`, settings.join(''));
    await postgres.start();
    await postgres.query(
      `CREATE ROLE ${LIBRARY.user} LOGIN PASSWORD '${LIBRARY.password}'`,
      'postgres',
    );
    await postgres.query(`CREATE DATABASE ${LIBRARY.database} OWNER ${LIBRARY.user}`, 'postgres');
    return postgres;
  }

  /** Starts the server and waits until it takes connections. */
  async start(): Promise<void> {
    const server = this.machine.start(
      'postgres',
      this.#asPostgres(['postgres', '-D', this.#dataDir]),
    );
    this.#server = server;
    try {
      const ready = /ready to accept connections/;
      await server.waitForLine(ready, { what: 'start', limitMs: START_LIMIT_MS });
    } catch (cause) {
      throw failed('PostgreSQL does not start', server.tail, cause);
    }
  }

  /** A fast shutdown: open sessions are ended, nothing committed is lost. */
  async stop(): Promise<void> {
    this.#server?.signal('SIGINT');
    await this.#server?.exited;
  }

  /**
   * Runs SQL on the machine itself, as its administrator: what the far side really holds.
   *
   * @returns the rows, their columns separated by `|`
   */
  async query(sql: string, database: string = LIBRARY.database): Promise<string[]> {
    const flags = ['-XAtq', '-v', 'ON_ERROR_STOP=1', '-U', 'postgres'];
    const { machine } = this;
    const place = ['-h', machine.own(SOCKET_DIR), '-p', String(machine.database.port)];
    const stdout = await this.#run(['psql', ...flags, ...place, '-d', database], 'psql', sql);
    return stdout.split('\n').filter((line) => line !== '');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  get #dataDir(): string {
    return this.machine.own(DATA_DIR);
  }

  #asPostgres([program = '', ...args]: readonly string[]): string[] {
    return this.machine.database.asServer([join(this.#binaries, program), ...args]);
  }

  async #run(command: readonly string[], what: string, input?: string): Promise<string> {
    const options = input === undefined ? {} : { input };
    const { status, stdout, stderr } = await this.machine.run(this.#asPostgres(command), options);
    if (status !== 0) throw failed(`${what} failed on ${this.machine.name}`, stderr);
    return stdout;
  }
}

/** The newest version that Debian keeps off the PATH, else what the PATH has. */
function findPostgres(): string {
  const versions = existsSync(DEBIAN_BINARIES) ? readdirSync(DEBIAN_BINARIES) : [];
  const newestFirst = versions.toSorted((a, b) => Number(b) - Number(a));
  const folders = [
    ...newestFirst.map((version) => join(DEBIAN_BINARIES, version, 'bin')),
    ...(process.env['PATH'] ?? '').split(delimiter),
  ];
  const found = folders.find((folder) => existsSync(join(folder, 'initdb')));
  if (found) return found;
  throw new OperatorError('TOOL_MISSING', "PostgreSQL's server programs were not found", {
    remedy: 'install the package postgresql, or put initdb, postgres and psql on the PATH',
  });
}

function failed(what: string, output: string, cause?: unknown): OperatorError {
  const reason = reasonIn(output.trim().split('\n'));
  return new OperatorError('POSTGRES_FAILED', `${what}: ${reason || 'it said nothing'}`, {
    remedy: "read PostgreSQL's own log in the lab's logs; is its port 5432 taken on the machine?",
    cause,
  });
}

/** The first line that names the cause; PostgreSQL's last lines only tell that it gave up. */
function reasonIn(lines: readonly string[]): string {
  const cause = lines.find((line) => /could not bind|FATAL|ERROR|error:/.test(line));
  return (cause ?? lines.at(-1) ?? '').replace(/^.*?(?:LOG|WARNING|FATAL|ERROR|error): +/, '');
}
