// Keeps a local copy of one kind: list, then watch from there, for ever. After a gap it goes on
// from the last version seen; when that is too old it lists again. So the copy is always a state
// that the server was in, and what was deleted while nobody watched is gone after the next list.
import { backoffDelayMs } from '#base/backoff.ts';
import { withDeadline, type Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { OperatorError } from '#base/operator-error.ts';
import type { ChangeType, KubeClient, Selection, WatchEvent } from './client.ts';
import { objectKey, type KubeObject } from './objects.ts';
import { resourceName, type ResourceType } from './resources.ts';
import { isExpired, isNotFound, KubeStatusError } from './status.ts';

/** Called in order, never concurrently; what it throws is a bug and ends the reflector. */
export type ReflectorStore = {
  /** These are all the objects there are now: what is missing here is gone. */
  replace(items: readonly KubeObject[]): void;
  apply(type: ChangeType, object: KubeObject): void;
};

export type ReflectorOptions = {
  readonly client: Pick<KubeClient, 'list' | 'watch'>;
  readonly type: ResourceType;
  readonly selection?: Selection;
  /**
   * A server that does not know the kind (404: its CRD is not installed) counts as one without
   * such objects, as long as none has been seen. Otherwise it is a failure like any other.
   */
  readonly isOptional?: boolean;
  readonly clock: Clock;
  /** 0 (inclusive) to 1 (exclusive): spreads retries and the ends of watches. */
  readonly random: () => number;
  readonly log: Logger;
  readonly store: ReflectorStore;
};

export type Reflector = {
  /** Resolves after the first `replace`; never rejects, and stays open if that never comes. */
  readonly synced: Promise<void>;
  /** Runs until aborted; call it once. */
  run(signal: AbortSignal): Promise<void>;
};

const PAGE_OBJECTS = 500;
const RETRY = { firstMs: 100, maxMs: 5000 };
/** How long a server that asks for time (Retry-After) gets at most. */
const RETRY_AFTER_MAX_MS = 30_000;
/** A kind that the server does not know is asked for again this often. */
const ABSENT_KIND_RETRY_MS = 30_000;
/** The server ends each watch after a time in this range, as in client-go: it balances servers. */
const WATCH_SECONDS_MIN = 300;
const WATCH_SECONDS_MAX = 600;
/** A server that has not ended its watch by then is not there any more. */
const WATCH_GRACE_MS = 30_000;
/** A watch that lived this long was healthy: the next failure starts the backoff afresh. */
const WATCH_HEALTHY_MS = 10_000;

/** A reflector that starts with `run`; see `runReflector` where nobody waits for the first list. */
export function createReflector(options: ReflectorOptions): Reflector {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { synced: promise, run: (signal) => new ReflectorLoop(options, resolve).run(signal) };
}

/** Reflects until aborted. */
export function runReflector(options: ReflectorOptions, signal: AbortSignal): Promise<void> {
  return createReflector(options).run(signal);
}

/** The watch is of no more use, but nothing is wrong: list again. */
class RelistNeeded extends Error {
  override readonly name = 'RelistNeeded';
}

class ReflectorLoop {
  readonly #options: ReflectorOptions;
  readonly #onSynced: () => void;
  readonly #log: Logger;
  /** The last version seen, or undefined when a list must come first. */
  #position: string | undefined;
  #isSynced = false;
  /** Failures in a row. */
  #failures = 0;
  #lastProblem = '';

  constructor(options: ReflectorOptions, onSynced: () => void) {
    this.#options = options;
    this.#onSynced = onSynced;
    this.#log = options.log.with({ resource: resourceName(options.type) });
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    while (!signal.aborted) {
      const startMs = clock.nowMs();
      let delayMs: number;
      try {
        if (this.#position === undefined) await this.#list(signal);
        else if (this.#failures > 0) await this.#checkHistory(this.#position, signal);
        const isEventful = await this.#watch(signal);
        const isHealthy = isEventful || clock.nowMs() - startMs >= WATCH_HEALTHY_MS;
        delayMs = isHealthy ? this.#succeed() : this.#retryDelayMs();
      } catch (error) {
        if (signal.aborted) return;
        if (clock.nowMs() - startMs >= WATCH_HEALTHY_MS) this.#failures = 0;
        delayMs = this.#fail(error);
      }
      if (delayMs > 0) await clock.sleep(delayMs, signal).catch(() => undefined); // aborted
    }
  }

  async #list(signal: AbortSignal): Promise<void> {
    const { store } = this.#options;
    const { items, resourceVersion } = await this.#listAll(signal);
    store.replace(items);
    this.#position = resourceVersion;
    if (!this.#isSynced) this.#log.info('listed', { objects: items.length, resourceVersion });
    this.#isSynced = true;
    this.#onSynced();
  }

  /** All pages of one list; they show one state of the server, that of the first. */
  async #listAll(
    signal: AbortSignal,
  ): Promise<{ items: readonly KubeObject[]; resourceVersion: string }> {
    const { client, type, selection, isOptional } = this.#options;
    try {
      const first = await client.list(type, { ...selection, limit: PAGE_OBJECTS, signal });
      const items = [...first.items];
      let { continueToken } = first;
      while (continueToken !== undefined) {
        const limit = PAGE_OBJECTS;
        const page = await client.list(type, { ...selection, limit, continueToken, signal });
        for (const item of page.items) items.push(item);
        ({ continueToken } = page);
      }
      return { items, resourceVersion: first.resourceVersion };
    } catch (error) {
      // The pages took longer than the server keeps its history: all at once, then.
      if (isExpired(error)) return client.list(type, { ...selection, signal });
      if (isNotFound(error) && isOptional && !this.#isSynced) {
        this.#options.store.replace([]);
        this.#onSynced();
      }
      throw error;
    }
  }

  /**
   * A server restored from a backup counts from an earlier version. A watch from a version that is
   * yet to come would say nothing for days, while the server's objects are others.
   */
  async #checkHistory(position: string, signal: AbortSignal): Promise<void> {
    const { client, type, selection } = this.#options;
    const { resourceVersion } = await client.list(type, { ...selection, limit: 1, signal });
    if (!isEarlier(resourceVersion, position)) return;
    this.#log.warn('the server has gone back in time, listing again', { position });
    await this.#list(signal);
  }

  /** @returns whether anything was heard before the server ended the watch */
  async #watch(signal: AbortSignal): Promise<boolean> {
    const { client, type, selection, clock, random } = this.#options;
    const range = WATCH_SECONDS_MAX - WATCH_SECONDS_MIN;
    const timeoutSeconds = Math.round(WATCH_SECONDS_MIN + range * random());
    const limitMs = timeoutSeconds * 1000 + WATCH_GRACE_MS;
    const what = `the watch of ${resourceName(type)}`;
    let isEventful = false;
    await withDeadline({ what, limitMs, clock, parent: signal }, async (limited) => {
      const resourceVersion = this.#position;
      const options = { ...selection, resourceVersion, timeoutSeconds, signal: limited };
      for await (const event of client.watch(type, options)) {
        // A closing connection may still hold events; after an abort the store may be gone.
        if (signal.aborted) return;
        this.#accept(event);
        isEventful = true;
        this.#succeed();
      }
    });
    return isEventful;
  }

  #accept(event: WatchEvent): void {
    const version =
      event.type === 'BOOKMARK' ? event.resourceVersion : event.object.metadata.resourceVersion;
    if (version === undefined) throw new RelistNeeded('an event without a resourceVersion');
    if (this.#position !== undefined && isEarlier(version, this.#position)) {
      throw new RelistNeeded(`version ${version} came after ${this.#position}`);
    }
    if (event.type !== 'BOOKMARK') {
      this.#log.debug('changed', { change: event.type, key: objectKey(event.object.metadata) });
      this.#options.store.apply(event.type, event.object);
    }
    this.#position = version;
  }

  #succeed(): 0 {
    if (this.#lastProblem !== '') this.#log.info('watching again', { failures: this.#failures });
    this.#failures = 0;
    this.#lastProblem = '';
    return 0;
  }

  /** @returns how long to wait before the next attempt */
  #fail(error: unknown): number {
    const isRelistNeeded = isExpired(error) || error instanceof RelistNeeded;
    if (isRelistNeeded) this.#position = undefined;
    else if (!isForeseen(error)) throw error;
    const problem = error instanceof Error ? error.message : String(error);
    if (problem !== this.#lastProblem) this.#log.warn('interrupted', { problem });
    this.#lastProblem = problem;
    if (isNotFound(error) && this.#options.isOptional) return ABSENT_KIND_RETRY_MS;
    const askedSeconds =
      error instanceof KubeStatusError ? (error.status.details.retryAfterSeconds ?? 0) : 0;
    return Math.max(this.#retryDelayMs(), Math.min(askedSeconds * 1000, RETRY_AFTER_MAX_MS));
  }

  #retryDelayMs(): number {
    this.#failures += 1;
    return backoffDelayMs(this.#failures - 1, this.#options.random(), RETRY);
  }
}

/** The server refused, could not be reached, or kept silent. Anything else is a bug. */
function isForeseen(error: unknown): boolean {
  if (error instanceof KubeStatusError) return true;
  if (error instanceof OperatorError) return true;
  return error instanceof DOMException && error.name === 'TimeoutError';
}

/**
 * Versions of one kind are comparable as numbers (KEP-5504 makes a promise of what always was so);
 * versions that are none are never earlier.
 */
function isEarlier(version: string, than: string): boolean {
  const isNumber = /^[0-9]{1,20}$/;
  return isNumber.test(version) && isNumber.test(than) && BigInt(version) < BigInt(than);
}
