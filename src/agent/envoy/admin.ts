// Envoy's admin interface, on loopback: is it live, what is open, stop listening.
import { request } from 'node:http';
import { withDeadline, type Clock } from '#base/clock.ts';

export type AdminAnswer = {
  readonly status: number;
  readonly body: string;
  /** It was longer than the limit. */
  readonly isCut: boolean;
};

type AdminLimits = {
  readonly limitMs: number;
  readonly lengthMax: number;
  readonly parent?: AbortSignal;
};

/** Statistics that are asked for by name fit many times. */
const LIMITS: AdminLimits = { limitMs: 2_000, lengthMax: 1 << 20 };
/** The whole configuration of a proxy that knows thousands of destinations. */
const DUMP_LIMITS: AdminLimits = { limitMs: 20_000, lengthMax: 24 << 20 };

export class EnvoyAdmin {
  readonly #port: number;
  readonly #clock: Clock;

  constructor(options: { readonly port: number; readonly clock: Clock }) {
    this.#port = options.port;
    this.#clock = options.clock;
  }

  /** LIVE: initialised, so it has listeners and clusters from the control plane and its secrets. */
  async isLive(): Promise<boolean> {
    const answer = await this.#call('GET', '/ready');
    return answer?.status === 200;
  }

  /** Connections to the workload and from it that are open now; undefined when nobody answers. */
  async openConnections(): Promise<number | undefined> {
    const answer = await this.#call('GET', '/stats?filter=^listener.*downstream_cx_active$');
    if (answer?.status !== 200) return undefined;
    return sumOfConnections(answer.body);
  }

  /** Filter chains and listeners whose sessions end soon; undefined when nobody answers. */
  async draining(): Promise<number | undefined> {
    const filter = '^listener_manager.total_(filter_chains|listeners)_draining$';
    const answer = await this.#call('GET', `/stats?filter=${encodeURIComponent(filter)}`);
    return answer?.status === 200 ? sumOfDraining(answer.body) : undefined;
  }

  /**
   * Envoy's own statistics, those in use, in Prometheus' text format; undefined when nobody answers.
   * Beyond the limit whole lines are left out.
   */
  async metrics(): Promise<string | undefined> {
    const answer = await this.#call('GET', '/stats/prometheus?usedonly');
    if (answer?.status !== 200) return undefined;
    return answer.body.slice(0, answer.body.lastIndexOf('\n') + 1);
  }

  /** Envoy's version: `1.40.0`; undefined when nobody answers. */
  async version(): Promise<string | undefined> {
    const answer = await this.#call('GET', '/server_info');
    return /"version": ?"[^"/]*\/([^"/]+)\//.exec(answer?.body ?? '')?.[1];
  }

  /**
   * The configuration that is in force, as JSON; undefined when nobody answers.
   *
   * @param resource a part of it, such as `dynamic_listeners`; empty: all, with endpoints
   */
  async configDump(resource: string, signal: AbortSignal): Promise<AdminAnswer | undefined> {
    const query = resource === '' ? 'include_eds' : `resource=${encodeURIComponent(resource)}`;
    return await this.#call('GET', `/config_dump?${query}`, { ...DUMP_LIMITS, parent: signal });
  }

  /** `name: value` lines of the statistics in use whose names match. */
  async stats(filter: string): Promise<AdminAnswer | undefined> {
    return await this.#call('GET', `/stats?usedonly&filter=${encodeURIComponent(filter)}`);
  }

  /**
   * Answers as before, and tells whoever asks, and clients with their next answer (`connection:
   * close`, GOAWAY), to go elsewhere.
   */
  async failHealthChecks(): Promise<void> {
    await this.#call('POST', '/healthcheck/fail');
  }

  /** Closes the listening sockets at once; open connections live on. */
  async drainListeners(): Promise<void> {
    await this.#call('POST', '/drain_listeners');
  }

  /** @returns undefined when nothing answers within the limit */
  async #call(
    method: 'GET' | 'POST',
    path: string,
    { limitMs, lengthMax, parent } = LIMITS,
  ): Promise<AdminAnswer | undefined> {
    const limits = { what: `Envoy's admin interface`, limitMs, clock: this.#clock, parent };
    try {
      return await withDeadline(limits, (signal) =>
        this.#exchange({ method, path, lengthMax }, signal),
      );
    } catch {
      return undefined; // refused, reset or too late: to every caller the same
    }
  }

  #exchange(
    exchange: { readonly method: string; readonly path: string; readonly lengthMax: number },
    signal: AbortSignal,
  ): Promise<AdminAnswer> {
    const { method, path, lengthMax } = exchange;
    return new Promise((resolve, reject) => {
      const options = { host: '127.0.0.1', port: this.#port, method, path, signal, agent: false };
      const call = request(options, (response) => {
        const parts: string[] = [];
        let length = 0;
        let isCut = false;
        response.setEncoding('utf8');
        response.on('data', (text: string) => {
          if (length >= lengthMax) isCut = true;
          else parts.push(text);
          length += text.length;
        });
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, body: parts.join(''), isCut }),
        );
        response.on('error', reject);
      });
      call.on('error', reject);
      call.end();
    });
  }
}

/** Sums `listener.<address>.downstream_cx_active: n`; the admin listener itself does not count. */
export function sumOfConnections(stats: string): number {
  const pattern = /^listener\.(?!admin\.)\S+\.downstream_cx_active: (\d+)$/gm;
  return [...stats.matchAll(pattern)]
    .filter(([line]) => !/\.worker_\d+\./.test(line))
    .reduce((sum, [, count]) => sum + Number(count), 0);
}

/** Sums the gauges `listener_manager.total_{filter_chains,listeners}_draining`. */
export function sumOfDraining(stats: string): number {
  const pattern = /^listener_manager\.total_(?:filter_chains|listeners)_draining: (\d+)$/gm;
  return [...stats.matchAll(pattern)].reduce((sum, [, count]) => sum + Number(count), 0);
}
