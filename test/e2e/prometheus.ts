// Prometheus itself, for tests: whether it can read what we write, and what it makes of it.
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCommand } from '#base/command.ts';
import { REPOSITORY } from '#lab/cloud.ts';
import { eventually } from '#lab/eventually.ts';
import type { Host } from '#lab/host.ts';

const PROGRAMS = `${REPOSITORY}/.isthmus/bin`;
const CONFIG = '/etc/prometheus/prometheus.json';
const STORAGE = '/var/lib/prometheus';
const PORT = 9090;
/** promtool's exit status when it could read everything, and has advice about names. */
const HAS_ADVICE = 3;

/** @returns promtool's advice, a line each; fails when there is a line that it cannot read */
export async function checkMetrics(text: string): Promise<readonly string[]> {
  const options = { input: text };
  const { status, stderr } = await runCommand(
    `${PROGRAMS}/promtool`,
    ['check', 'metrics'],
    options,
  );
  assert(status === 0 || status === HAS_ADVICE, stderr);
  return stderr.split('\n').filter(Boolean);
}

/** Fails with what promtool has against a configuration. */
export async function checkConfig(config: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'isthmus-prometheus-'));
  try {
    const path = join(folder, 'prometheus.yaml');
    await writeFile(path, config);
    const { status, stdout, stderr } = await runCommand(`${PROGRAMS}/promtool`, [
      'check',
      'config',
      path,
    ]);
    assert.equal(status, 0, `${stdout}${stderr}`);
  } finally {
    await rm(folder, { recursive: true });
  }
}

export type Target = { readonly job: string; readonly address: string; readonly path: string };
export type QueriedSeries = {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [time: number, value: string];
};

type ActiveTarget = { readonly health: string; readonly lastError: string };

export class Prometheus {
  readonly #machine: Host;

  private constructor(machine: Host) {
    this.#machine = machine;
  }

  /** Returns when it has scraped every target. It ends with the machine. */
  static async start(
    machine: Host,
    targets: readonly Target[],
    interval = '1s',
  ): Promise<Prometheus> {
    const config = {
      global: { scrape_interval: interval, scrape_timeout: interval },
      scrape_configs: targets.map(({ job, address, path }) => ({
        job_name: job,
        metrics_path: path,
        static_configs: [{ targets: [address] }],
      })),
    };
    // JSON is YAML
    return await Prometheus.configured(machine, {
      config: JSON.stringify(config),
      targets: targets.length,
    });
  }

  /** The same by a configuration as users write it, which has so many targets. */
  static async configured(
    machine: Host,
    options: { readonly config: string; readonly targets: number },
  ): Promise<Prometheus> {
    machine.writeFile(CONFIG, options.config);
    machine.start('prometheus', [
      `${PROGRAMS}/prometheus`,
      `--config.file=${machine.own(CONFIG)}`,
      `--storage.tsdb.path=${machine.own(STORAGE)}`,
      `--web.listen-address=127.0.0.1:${PORT}`,
      '--log.level=warn',
    ]);
    const prometheus = new Prometheus(machine);
    await eventually('a scrape of every target', async () => {
      const states = await prometheus.#targets().catch(() => []);
      assert(!states.some(({ health }) => health === 'down'), JSON.stringify(states));
      const areUp = states.every(({ health }) => health === 'up');
      return (states.length === options.targets && areUp) || undefined;
    });
    return prometheus;
  }

  async query(expression: string): Promise<readonly QueriedSeries[]> {
    const path = `/api/v1/query?query=${encodeURIComponent(expression)}`;
    const answer: { data: { result: QueriedSeries[] } } = JSON.parse(await this.#get(path));
    return answer.data.result;
  }

  async #targets(): Promise<readonly ActiveTarget[]> {
    const answer: { data: { activeTargets: ActiveTarget[] } } = JSON.parse(
      await this.#get('/api/v1/targets'),
    );
    return answer.data.activeTargets;
  }

  #get(path: string): Promise<string> {
    return this.#machine.httpGet(PORT, path);
  }
}
