// How a workload ends whose proxy ends with its agent, as in a Pod: in order. Clients are told to
// go elsewhere, readiness fails, and for a while everything is served as before, because those who
// send connections here learn of the end only bit by bit. Istio's terminationDrainDuration.
//
// Where that is 0, as on a VM, the agent ends at once, and Envoy and its sessions stay.
import type { AgentParts } from './build.ts';

export class Termination implements AsyncDisposable {
  readonly #parts: Pick<AgentParts, 'admin' | 'config' | 'dependencies' | 'envoy'>;
  readonly #asked: AbortSignal;
  readonly #ended = new AbortController();
  readonly #begin = (): void => void (this.#draining ??= this.#drain());
  #draining: Promise<void> | undefined;

  /** @param asked aborted when the agent is told to end */
  constructor(
    parts: Pick<AgentParts, 'admin' | 'config' | 'dependencies' | 'envoy'>,
    asked: AbortSignal,
  ) {
    this.#parts = parts;
    this.#asked = asked;
    asked.addEventListener('abort', this.#begin, { once: true });
    if (asked.aborted) this.#begin();
  }

  /** Aborted when the time has come for everything to end. */
  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  get isDraining(): boolean {
    return this.#draining !== undefined && !this.#ended.signal.aborted;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#asked.removeEventListener('abort', this.#begin);
    this.#ended.abort(this.#asked.reason);
    await this.#draining;
  }

  async #drain(): Promise<void> {
    const { admin, config, dependencies, envoy } = this.#parts;
    const { terminationDrainMs } = config.envoy;
    if (terminationDrainMs > 0) {
      const { clock, log } = dependencies;
      log.info('ending: what is open may go on for a while', { limitMs: terminationDrainMs });
      await admin.failHealthChecks();
      await clock.sleep(terminationDrainMs, this.ended).catch(() => undefined); // disposed of
      await envoy.dismiss();
    }
    this.#ended.abort(this.#asked.reason);
  }
}
