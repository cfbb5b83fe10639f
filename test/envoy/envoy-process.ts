// A real Envoy for a test: started on free loopback ports with a bootstrap of the test's own,
// waited for, and gone with its scope (`await using envoy = await startEnvoy(…)`).
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock } from '#base/clock.ts';

const ENVOY =
  process.env['ISTHMUS_ENVOY'] ??
  fileURLToPath(new URL('../../.isthmus/bin/envoy', import.meta.url));

const START_MS_MAX = 20_000;
const STOP_MS_MAX = 5000;
const POLL_MS = 20;
const OUTPUT_LENGTH_MAX = 100_000;

export type EnvoyOptions = {
  /** `admin` and, if absent, `node` are added; listeners may have port 0 (`listenerPort`). */
  readonly bootstrap: Readonly<Record<string, unknown>>;
  /** Seconds that connections of a changed or removed filter chain live on. */
  readonly drainSeconds?: number;
};

export interface EnvoyProcess extends AsyncDisposable {
  /** GET (or POST) of an admin path, as text. */
  admin(path: string, method?: 'GET' | 'POST'): Promise<string>;
  /** A counter or gauge by its full name; 0 while Envoy does not have it. */
  stat(name: string): Promise<number>;
  /** The port that a listener was bound to. */
  listenerPort(name: string): Promise<number>;
  /** What Envoy has printed, access logs on stdout included; the last 100,000 characters. */
  output(): string;
}

/** @throws when Envoy ends or does not become ready; the message has what it printed */
export async function startEnvoy(options: EnvoyOptions): Promise<EnvoyProcess> {
  const folder = await mkdtemp(join(tmpdir(), 'isthmus-envoy-'));
  const configPath = join(folder, 'bootstrap.json');
  const adminPath = join(folder, 'admin');
  const admin = { address: { socket_address: { address: '127.0.0.1', port_value: 0 } } };
  const node = { id: 'envoy', cluster: 'test' };
  await writeFile(configPath, JSON.stringify({ node, admin, ...options.bootstrap }));
  const child = spawn(ENVOY, argumentsOf({ configPath, adminPath, ...options }), {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const envoy = new SpawnedEnvoy(child, { folder, adminPath });
  try {
    await envoy.waitUntilReady();
    return envoy;
  } catch (error) {
    await envoy[Symbol.asyncDispose]();
    throw error;
  }
}

/**
 * Asks again until the answer is neither undefined nor false: for what no event tells of.
 *
 * @throws after `limitMs`, naming `what` was waited for
 */
export async function eventually<T>(
  what: string,
  ask: () => T | undefined | false | Promise<T | undefined | false>,
  limitMs = 15_000,
): Promise<T> {
  const deadlineMs = systemClock.nowMs() + limitMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (systemClock.nowMs() > deadlineMs) throw new Error(`not within ${limitMs} ms: ${what}`);
    await systemClock.sleep(POLL_MS);
  }
}

function argumentsOf(options: {
  readonly configPath: string;
  readonly adminPath: string;
  readonly drainSeconds?: number;
}): string[] {
  const { configPath, adminPath, drainSeconds = 600 } = options;
  const values = {
    'config-path': configPath,
    'admin-address-path': adminPath,
    concurrency: '1',
    'drain-time-s': String(drainSeconds),
    'drain-strategy': 'immediate',
    'file-flush-interval-msec': '50',
    'log-level': 'warning',
  };
  const named = Object.entries(values).flatMap(([name, value]) => [`--${name}`, value]);
  return ['--disable-hot-restart', ...named];
}

class SpawnedEnvoy implements EnvoyProcess {
  readonly #child: ChildProcess;
  readonly #files: { readonly folder: string; readonly adminPath: string };
  readonly #ended: Promise<unknown>;
  readonly #killWithUs = (): void => void this.#child.kill('SIGKILL');
  #adminAddress = '';
  #output = '';

  constructor(child: ChildProcess, files: { readonly folder: string; readonly adminPath: string }) {
    this.#child = child;
    this.#files = files;
    this.#ended = once(child, 'exit');
    process.once('exit', this.#killWithUs); // also when the test fails in some other way
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output = (this.#output + text).slice(-OUTPUT_LENGTH_MAX);
      });
    }
  }

  async waitUntilReady(): Promise<void> {
    await eventually(
      'Envoy is ready',
      async () => {
        if (this.#child.exitCode !== null) throw new Error(`Envoy ended:\n${this.#output}`);
        const text = await readFile(this.#files.adminPath, 'utf8').catch(() => '');
        this.#adminAddress = text.trim();
        return text !== '' && (await this.admin('/ready')).startsWith('LIVE');
      },
      START_MS_MAX,
    ).catch((error: unknown) => {
      throw new Error(`Envoy did not start:\n${this.#output}`, { cause: error });
    });
  }

  async admin(path: string, method: 'GET' | 'POST' = 'GET'): Promise<string> {
    const response = await fetch(`http://${this.#adminAddress}${path}`, { method });
    return response.text();
  }

  async stat(name: string): Promise<number> {
    const pattern = `^${name.replaceAll(/[^\w]/g, String.raw`\$&`)}$`;
    const text = await this.admin(`/stats?filter=${encodeURIComponent(pattern)}`);
    const line = text.split('\n').find((line) => line.startsWith(`${name}: `));
    return Number(line?.slice(name.length + 2) ?? 0);
  }

  async listenerPort(name: string): Promise<number> {
    const lines = (await this.admin('/listeners')).split('\n');
    const address = lines.find((line) => line.startsWith(`${name}::`))?.slice(name.length + 2);
    if (address === undefined) throw new Error(`Envoy has no listener ${name}`);
    return Number(address.slice(address.lastIndexOf(':') + 1));
  }

  output(): string {
    return this.#output;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    process.off('exit', this.#killWithUs);
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      this.#child.kill('SIGTERM');
      const patience = new AbortController();
      const force = systemClock.sleep(STOP_MS_MAX, patience.signal).then(
        () => this.#child.kill('SIGKILL'),
        () => undefined, // it ended in time
      );
      await this.#ended;
      patience.abort();
      await force;
    }
    await rm(this.#files.folder, { recursive: true, force: true });
  }
}
