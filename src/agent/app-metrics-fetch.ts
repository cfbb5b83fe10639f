// Asks the application for its own metrics, on loopback, whenever the agent is scraped.
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { withDeadline, type Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { checkedExposition, type AppMetricsTarget } from './app-metrics.ts';

const BYTES_MAX = 8 << 20;

export class AppMetrics {
  readonly #target: AppMetricsTarget;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #bytesMax: number;
  #told = '';
  #asking: Promise<string | undefined> | undefined;

  constructor(options: {
    readonly target: AppMetricsTarget;
    readonly clock: Clock;
    readonly log: Logger;
    readonly bytesMax?: number;
  }) {
    this.#target = options.target;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#bytesMax = options.bytesMax ?? BYTES_MAX;
  }

  /**
   * The application's part, or undefined when it has none that can be passed on; why is logged, once
   * until it changes. Whoever asks while an answer is under way gets that one.
   */
  scrape(limitMs: number): Promise<string | undefined> {
    this.#asking ??= this.#scrape(limitMs).finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  async #scrape(limitMs: number): Promise<string | undefined> {
    const limits = { what: 'its answer', limitMs, clock: this.#clock };
    try {
      const text = await withDeadline(limits, (signal) => this.#ask(signal));
      const checked = checkedExposition(text);
      if (checked.ok) return this.#tell('', checked.text);
      return this.#tell(checked.problem);
    } catch (error) {
      return this.#tell(error instanceof Error ? error.message : String(error));
    }
  }

  #tell(problem: string, text?: string): string | undefined {
    if (problem !== this.#told) {
      const { port, path } = this.#target;
      const fields = { port, path };
      if (problem === '') this.#log.info("the application's metrics are there again", fields);
      else this.#log.warn("the application's metrics are left out", { ...fields, problem });
    }
    this.#told = problem;
    return text;
  }

  /** @throws Error whatever keeps the answer from being read; AbortError when it is too late */
  #ask(signal: AbortSignal): Promise<string> {
    const { port, path } = this.#target;
    // Exemplars and the like of other formats could not stand beside the rest.
    const headers = { accept: 'text/plain;version=0.0.4', 'user-agent': 'isthmus-agent' };
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const options = { host: 'localhost', port, path, headers, agent: false, signal } as const;
    const call = httpRequest(options, (response) => {
      readText(response, this.#bytesMax)
        .then(resolve, (error: unknown) => reject(signal.aborted ? signal.reason : error))
        .finally(() => call.destroy());
    });
    call.on('error', (error) => reject(signal.aborted ? signal.reason : error));
    call.end();
    return promise;
  }
}

async function readText(response: IncomingMessage, bytesMax: number): Promise<string> {
  const { statusCode, headers } = response;
  const type = headers['content-type'] ?? 'text/plain';
  if (statusCode !== 200) throw new Error(`it answered with status ${statusCode}`);
  if (!type.startsWith('text/plain')) throw new Error(`it answered with ${type.slice(0, 100)}`);
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of response) {
    const bytes = Buffer.from(part);
    size += bytes.length;
    if (size > bytesMax) throw new Error(`it answered with more than ${bytesMax} bytes`);
    parts.push(bytes);
  }
  return Buffer.concat(parts).toString();
}
