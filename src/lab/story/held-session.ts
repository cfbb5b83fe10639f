// A session with PostgreSQL that a Pod of the library holds open, from before the policies to after
// them: what becomes of it is seen at the far side, where its backend is or is no more.
import { systemClock } from '#base/clock.ts';
import type { LabProcess } from '../process.ts';
import type { Kubectl } from './kubectl.ts';
import type { LibraryWorld } from './library-world.ts';

/** Settings and password are in the container's environment, as the inventory has them. */
const PSQL = ['exec', '-i', '-n', 'library', 'deploy/inventory', '--', 'psql', '-XAtq'];
export const HELD_SESSION_COMMAND = `kubectl ${PSQL.join(' ')}`;
const OPEN_LIMIT_MS = 15_000;
const POLL_MS = 100;

export class HeldSession implements AsyncDisposable {
  /** PostgreSQL's process for this session. */
  readonly backend: number;
  readonly #world: LibraryWorld;
  readonly #client: LabProcess;

  private constructor(world: LibraryWorld, client: LabProcess, backend: number) {
    this.#world = world;
    this.#client = client;
    this.backend = backend;
  }

  /** Opens it, in a transaction. @throws OperatorError LAB_FAILED */
  static async open(world: LibraryWorld): Promise<HeldSession> {
    const client = openClient(world.kubectl);
    client.writeLine('BEGIN;');
    client.writeLine('SELECT pg_backend_pid();');
    const limits = { what: 'open a session', limitMs: OPEN_LIMIT_MS };
    const backend = Number(await client.waitForLine(/^\d+$/, limits));
    return new HeldSession(world, client, backend);
  }

  /** Does PostgreSQL still have it? */
  async isOpen(): Promise<boolean> {
    const sql = `SELECT 1 FROM pg_stat_activity WHERE pid = ${this.backend}`;
    return (await this.#world.postgres.query(sql)).length > 0;
  }

  /** How long after a moment it ended; undefined: not within the limit. */
  async endedAfterMs(sinceMs: number, limitMs: number): Promise<number | undefined> {
    while (await this.isOpen()) {
      if (systemClock.nowMs() - sinceMs > limitMs) return undefined;
      await systemClock.sleep(POLL_MS);
    }
    return systemClock.nowMs() - sinceMs;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.kill();
  }
}

const openClient = (kubectl: Kubectl): LabProcess => kubectl.follow('held-session', PSQL);
