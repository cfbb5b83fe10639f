// Keeps the key sets that RequestAuthentications name by URI: fetched by the control plane, as
// Istio's does, because proxies may reach nobody outside. A set that cannot be had leaves the
// issuer's tokens refused; one that was had once stays until a newer one comes.
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { runTasks } from '#base/tasks.ts';
import { WorkQueue } from '#base/work-queue.ts';
import type { Mesh } from '#model/mesh.ts';
import { fetchJwks, type Fetch } from './jwks-fetch.ts';

/** Istio's PILOT_JWT_PUB_KEY_REFRESH_INTERVAL; up to a quarter less, so not all come at once. */
const REFRESH_MS = 20 * 60_000;
const REFRESH_JITTER = 0.25;
/** More are not fetched: whoever may write a RequestAuthentication makes us dial. */
const SOURCES_MAX = 512;
/** Fetched at a time: somebody who does not answer holds up a few others at most. */
const LANES = 4;

export type JwksKeeperOptions = {
  readonly mesh: Pick<Mesh, 'requestAuthentications'>;
  /** Called after a set has been written into the mesh, to settle what follows. */
  readonly onChanged: () => void;
  readonly fetch: Fetch;
  readonly clock: Clock;
  /** 0 (inclusive) to 1 (exclusive). */
  readonly random: () => number;
  readonly log: Logger;
};

export class JwksKeeper {
  readonly #options: JwksKeeperOptions;
  readonly #lanes: readonly WorkQueue[];
  /** URI → what is in the mesh; undefined: nothing yet. */
  readonly #known = new Map<string, string | undefined>();
  #next = 0;
  readonly #laneOf = new Map<string, WorkQueue>();

  constructor(options: JwksKeeperOptions) {
    this.#options = options;
    this.#lanes = Array.from({ length: LANES }, () => new WorkQueue(options));
    options.mesh.requestAuthentications.jwksSources.follow((uri) => this.#wanted(uri));
  }

  /** Fetches and refreshes until aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const tasks = this.#lanes.map(
      (lane) => (group: AbortSignal) => lane.run((uri) => this.#refresh(uri, group), group),
    );
    await runTasks(signal, tasks);
  }

  /** Somebody's rules name the URI, or nobody's do any more. */
  #wanted(uri: string): void {
    if (!this.#known.has(uri)) {
      if (this.#known.size >= SOURCES_MAX) {
        this.#options.log.error('too many key sets: one is not fetched', { uri, max: SOURCES_MAX });
        return;
      }
      this.#known.set(uri, undefined);
    }
    this.#lane(uri)?.add(uri);
  }

  #lane(uri: string): WorkQueue | undefined {
    const found = this.#laneOf.get(uri) ?? this.#lanes[this.#next++ % LANES];
    if (found) this.#laneOf.set(uri, found);
    return found;
  }

  /** @returns when to look again */
  async #refresh(uri: string, signal: AbortSignal): Promise<number | undefined> {
    const { mesh, fetch, clock, random } = this.#options;
    const source = mesh.requestAuthentications.jwksSources.get(uri);
    if (source === undefined) {
      this.#known.delete(uri);
      this.#laneOf.delete(uri);
      this.#tell(uri, undefined);
      return undefined;
    }
    const jwks = await fetchJwks(source, { fetch, clock, signal });
    if (jwks !== this.#known.get(uri)) this.#tell(uri, jwks);
    this.#known.set(uri, jwks);
    return REFRESH_MS * (1 - REFRESH_JITTER * random());
  }

  #tell(uri: string, jwks: string | undefined): void {
    this.#options.mesh.requestAuthentications.setJwks(uri, jwks);
    this.#options.onChanged();
  }
}
