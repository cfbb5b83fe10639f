// A real PostgreSQL for tests: fresh data, a loopback port of its own, gone afterwards. PostgreSQL
// refuses to run as root; then it runs in a user namespace under another uid.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import type { Database } from './insert.ts';

const USER = 'inventory';
const PASSWORD = 'books-of-a-test';
const START_ATTEMPTS = 5;

const asOrdinaryUser = (command: string, args: readonly string[]): [string, string[]] =>
  process.getuid?.() === 0
    ? ['unshare', ['--user', '--map-user=1000', '--map-group=1000', command, ...args]]
    : [command, [...args]];

export class PostgresFixture implements AsyncDisposable {
  readonly #folder = mkdtempSync(join(tmpdir(), 'library-postgres-'));
  #process: ChildProcess | undefined;
  #port = 0;

  static async start(): Promise<PostgresFixture> {
    const fixture = new PostgresFixture();
    fixture.#initialize();
    await fixture.start();
    const client = await fixture.#connect('postgres');
    await client.query('CREATE DATABASE library');
    await client.end();
    return fixture;
  }

  get database(): Database {
    const where = { host: '127.0.0.1', port: this.#port };
    return { ...where, user: USER, password: PASSWORD, name: 'library' };
  }

  #initialize(): void {
    const secret = join(this.#folder, 'password');
    writeFileSync(secret, PASSWORD, { mode: 0o600 });
    const options = [
      '--username',
      USER,
      '--pwfile',
      secret,
      '--auth',
      'scram-sha-256',
      '--no-sync',
    ];
    const [command, args] = asOrdinaryUser('initdb', ['-D', this.#data, ...options]);
    const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' });
    if (status !== 0) throw new Error(`initdb failed: ${stderr}`);
  }

  get #data(): string {
    return join(this.#folder, 'data');
  }

  /** Starts the server, on the same port as before if it ran before. */
  async start(): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      if (this.#port === 0) this.#port = await freePort();
      const options = ['-h', '127.0.0.1', '-p', String(this.#port), '-k', this.#folder, '-F'];
      const [command, args] = asOrdinaryUser('postgres', ['-D', this.#data, ...options]);
      const server = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'] });
      let said = '';
      const isReady = await new Promise<boolean>((resolve) => {
        server.once('exit', () => resolve(false));
        server.stderr.setEncoding('utf8').on('data', (text: string) => {
          said += text;
          if (said.includes('ready to accept connections')) resolve(true);
        });
      });
      if (isReady) {
        this.#process = server;
        return;
      }
      if (attempt === START_ATTEMPTS) throw new Error(`postgres does not start: ${said}`);
      this.#port = 0; // somebody else took it in between
    }
  }

  /** Stops at once, as a machine does that fails: clients lose their connections. */
  async stop(): Promise<void> {
    const server = this.#process;
    this.#process = undefined;
    if (!server || server.exitCode !== null) return;
    const ended = once(server, 'exit');
    server.kill('SIGQUIT');
    await ended;
  }

  /** The answer to one query, a column of the first of which is `value`. */
  async values(query: string): Promise<unknown[]> {
    const client = await this.#connect('library');
    try {
      const { rows } = await client.query<{ value: unknown }>(query);
      return rows.map(({ value }) => value);
    } finally {
      await client.end();
    }
  }

  async #connect(database: string): Promise<Client> {
    const { host, port, user, password } = this.database;
    const client = new Client({ host, port, user, password, database, ssl: false });
    await client.connect();
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  return typeof address === 'object' && address ? address.port : 0;
}
