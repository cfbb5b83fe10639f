// All running watches: told of each write by the store, in the same call, by resource.
import type { Clock } from '#base/clock.ts';
import { tooManyRequests } from '../status.ts';
import type { Store } from '../store/store.ts';
import { Watcher } from './watcher.ts';
import type { WatcherOptions } from './watcher.ts';

/** Each holds a connection and its TLS state: some 50 KiB. */
const WATCHES_MAX = 2_000;
const RETRY_AFTER_SECONDS = 10;
/** As often as Kubernetes sends them. */
const BOOKMARK_INTERVAL_MS = 60_000;

export class WatchHub {
  readonly #store: Store;
  readonly #watchers = new Map<string, Set<Watcher>>();
  readonly #unsubscribe: () => void;
  #count = 0;

  constructor(store: Store) {
    this.#store = store;
    this.#unsubscribe = store.subscribe((event) => {
      for (const watcher of this.#watchers.get(event.key.resource) ?? []) watcher.observe(event);
    });
  }

  get count(): number {
    return this.#count;
  }

  /**
   * Registers a watch; it sends nothing before `resume`.
   *
   * @throws StatusError TooManyRequests
   */
  add(options: Omit<WatcherOptions, 'store'>): Watcher {
    if (this.#count >= WATCHES_MAX) {
      throw tooManyRequests(`there are ${WATCHES_MAX} watches already`, RETRY_AFTER_SECONDS);
    }
    const watcher = new Watcher({ ...options, store: this.#store });
    const others = this.#watchers.get(options.resource) ?? new Set();
    this.#watchers.set(options.resource, others.add(watcher));
    this.#count += 1;
    return watcher;
  }

  /** Ends the watch, if it has not ended, and forgets it. */
  remove(watcher: Watcher): void {
    if (this.#watchers.get(watcher.resource)?.delete(watcher)) this.#count -= 1;
    watcher.end();
  }

  /** A kind is gone: so are its watches. */
  endAll(resource?: string): void {
    for (const [name, watchers] of this.#watchers) {
      if (resource !== undefined && name !== resource) continue;
      for (const watcher of watchers) this.remove(watcher);
    }
  }

  async runBookmarks(clock: Clock, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await clock.sleep(BOOKMARK_INTERVAL_MS, signal);
      for (const watchers of this.#watchers.values()) {
        for (const watcher of watchers) watcher.bookmark();
      }
    }
  }

  close(): void {
    this.#unsubscribe();
    this.endAll();
  }
}
