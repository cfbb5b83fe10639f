// Keeps the store up to date: a snapshot, then events. One tab of the browser holds the only stream
// and hands its events to the others, because a browser opens only six connections to one server.
import { ApiError, get, problemFrom, request } from '../api/client.ts';
import { readEvents, type SseMessage } from '../api/sse.ts';
import type { MeshEvent, Snapshot } from '../api/types.ts';
import { browserClock, onSecond, sleep } from '../base/clock.ts';
import { Cell, type FeedState } from './feed-state.ts';
import { Inbox, type FeedEvent, type Taken } from './inbox.ts';
import type { MeshStore } from './mesh-store.ts';

/** One heartbeat each ten seconds, and five for the way. */
const SILENCE_MAX_MS = 15_000;
const RETRY_FIRST_MS = 1_000;
const RETRY_MAX_MS = 30_000;
/** Most losses are short: for the first minute of one, somebody waits in front of the page. */
const RETRY_SOON_MAX_MS = 4_000;
const SOON_MS = 60_000;
/** Of a longer pause nothing is kept: who goes on then loads everything anew. */
const PAUSE_MAX_MS = 5 * 60_000;
/** Dragged along the time line it would ask for a moment at every pixel. */
const SCRUB_MS = 80;
const NAME = 'isthmus-feed';

/** What the tab with the stream tells the others; `retry` goes the other way. */
type TabMessage =
  | { readonly kind: 'alive' }
  | { readonly kind: 'events'; readonly events: readonly FeedEvent[] }
  | { readonly kind: 'retry' };

export class Feed {
  readonly state = new Cell<FeedState>({
    connection: 'connecting',
    heardMs: 0,
    problem: null,
    mode: { kind: 'live' },
    isNewVersion: false,
  });
  readonly #store: MeshStore;
  readonly #inbox = new Inbox();
  readonly #tabs = new BroadcastChannel(NAME);
  readonly #closing = new AbortController();
  /** Cuts short the wait of the tab that has the stream, or its stream. */
  #again = new AbortController();
  #loading: AbortController | undefined;
  /** Of the newest event that came, taken in or not: where the stream goes on. */
  #received = -1;
  #version = '';
  #isStarted = false;

  constructor(store: MeshStore) {
    this.#store = store;
  }

  /** Once; after signing in anew it goes on by itself. */
  start(): void {
    if (this.#isStarted) return this.retry();
    this.#isStarted = true;
    this.#tabs.addEventListener('message', ({ data }) => this.#hear(data as TabMessage));
    const stopWatch = onSecond(() => this.#watch());
    this.#closing.signal.addEventListener('abort', stopWatch);
    void this.#load(null);
    void this.#competeToLead();
  }

  close(): void {
    this.#closing.abort();
    this.#loading?.abort();
    this.#again.abort();
    this.#tabs.close();
  }

  pause(): void {
    if (this.state.get().mode.kind !== 'live') return;
    this.#inbox.pause();
    const sinceMs = browserClock.nowMs();
    this.#update({ mode: { kind: 'paused', sinceMs, changes: 0, isTooLong: false } });
  }

  /** Back to now, from a pause or from the past. */
  resume(): void {
    const { mode } = this.state.get();
    this.#update({ mode: { kind: 'live' } });
    const taken = this.#inbox.resume();
    if (mode.kind === 'past') void this.#load(null);
    else this.#takeIn(taken);
  }

  /** Shows the mesh as it was. */
  goTo(atMs: number): void {
    this.#inbox.pause();
    this.#update({ mode: { kind: 'past', atMs, shownMs: undefined } });
    void this.#load(atMs);
  }

  retry(): void {
    this.#again.abort();
    this.#tabs.postMessage({ kind: 'retry' } satisfies TabMessage);
    if (!this.#store.isLoaded) void this.#load(null);
  }

  /** The lock ends with the tab, so another takes over at once. */
  async #competeToLead(): Promise<void> {
    const lead = async (): Promise<void> => this.#lead();
    // Without a secure context there are no locks: then each tab has a stream of its own.
    if (!('locks' in navigator)) return lead();
    const { signal } = this.#closing;
    await navigator.locks.request(NAME, { signal }, lead).catch(() => undefined);
  }

  async #lead(): Promise<void> {
    let delayMs = RETRY_FIRST_MS;
    let lostMs = browserClock.nowMs();
    while (!this.#closing.signal.aborted) {
      this.#again = new AbortController();
      const startMs = browserClock.nowMs();
      await this.#follow(this.#again.signal).catch(() => undefined);
      const endMs = browserClock.nowMs();
      const wasGood = this.state.get().heardMs >= startMs;
      if (wasGood || this.#again.signal.aborted) {
        delayMs = RETRY_FIRST_MS;
        lostMs = endMs;
      }
      await sleep(delayMs, AbortSignal.any([this.#again.signal, this.#closing.signal]));
      const isSoon = endMs - lostMs < SOON_MS;
      delayMs = Math.min(delayMs * 2, isSoon ? RETRY_SOON_MAX_MS : RETRY_MAX_MS);
    }
  }

  /** One stream, to its end. */
  async #follow(signal: AbortSignal): Promise<void> {
    if (this.#received < 0) {
      if (!this.#loading) await this.#load(null);
      if (this.#received < 0) return;
    }
    const response = await request(`/api/v1/events?since=${this.#received}`, {
      signal,
      headers: { Accept: 'text/event-stream' },
    });
    const alive = (): void => {
      this.#tabs.postMessage({ kind: 'alive' } satisfies TabMessage);
      this.#heard();
    };
    alive();
    await readEvents(response, {
      onAlive: alive,
      onMessages: (messages) => {
        const events = messages.map((message) => this.#eventOf(message)).filter((e) => e !== null);
        this.#tabs.postMessage({ kind: 'events', events } satisfies TabMessage);
        this.#deliver(events);
      },
    });
  }

  #eventOf(message: SseMessage): FeedEvent | null {
    try {
      const event = JSON.parse(message.data) as MeshEvent;
      const revision = message.id === '' ? this.#received : Number(message.id);
      if (Number.isSafeInteger(revision)) this.#received = Math.max(this.#received, revision);
      return { revision, event };
    } catch {
      // Half an event is a loss: the snapshot will tell.
      return { revision: this.#received, event: { type: 'reset', reason: 'unreadable event' } };
    }
  }

  #hear(message: TabMessage): void {
    if (message.kind === 'retry') return this.#again.abort();
    this.#heard();
    if (message.kind !== 'events') return undefined;
    for (const { revision } of message.events) {
      this.#received = Math.max(this.#received, revision);
    }
    return this.#deliver(message.events);
  }

  #deliver(events: readonly FeedEvent[]): void {
    this.#takeIn(this.#inbox.take(events));
    const { mode } = this.state.get();
    if (mode.kind !== 'paused') return;
    const { held: changes, hasLost: isTooLong } = this.#inbox;
    if (changes !== mode.changes || isTooLong !== mode.isTooLong) {
      this.#update({ mode: { ...mode, changes, isTooLong } });
    }
  }

  #takeIn({ events, isSnapshotNeeded }: Taken): void {
    this.#store.apply(events);
    this.#noticeVersion();
    if (isSnapshotNeeded) void this.#load(null);
  }

  /** Files that the page still lacks are another version's now. */
  isOutdated(): void {
    this.#update({ isNewVersion: true });
  }

  #noticeVersion(): void {
    if (this.state.get().mode.kind === 'past') return; // that version is of then
    const version = this.#store.status?.version ?? '';
    if (this.#version === '') this.#version = version;
    else if (version !== '' && version !== this.#version) this.#update({ isNewVersion: true });
  }

  /** Only one load at a time; a later one replaces it. Tries until it succeeds. */
  async #load(atMs: number | null): Promise<void> {
    this.#loading?.abort();
    const loading = new AbortController();
    this.#loading = loading;
    if (atMs === null) this.#inbox.loading();
    let delayMs = RETRY_FIRST_MS;
    // While somebody moves along the time line only where they stop is of interest.
    if (atMs !== null) await sleep(SCRUB_MS, loading.signal);
    while (!loading.signal.aborted) {
      try {
        const path = atMs === null ? '/api/v1/snapshot' : `/api/v1/snapshot?at=${atMs}`;
        const snapshot = await get<Snapshot>(path, { signal: loading.signal });
        return this.#loaded(snapshot, atMs);
      } catch (error) {
        if (loading.signal.aborted) return undefined;
        this.#update({ problem: problemFrom(error) });
        if (error instanceof ApiError && error.status === 401) return undefined;
        await sleep(delayMs, loading.signal);
        delayMs = Math.min(delayMs * 2, RETRY_MAX_MS);
      }
    }
    return undefined;
  }

  #loaded(snapshot: Snapshot, atMs: number | null): void {
    this.#loading = undefined;
    const pastMs = atMs === null ? null : (snapshot.atMs ?? null);
    this.#store.load(snapshot, { browserMs: browserClock.nowMs(), pastMs });
    // Of the past it is where the stream goes on only if there is no better place.
    if (atMs === null || this.#received < 0) {
      this.#received = Math.max(this.#received, snapshot.revision);
    }
    const { mode } = this.state.get();
    if (mode.kind === 'past') this.#update({ mode: { ...mode, shownMs: pastMs } });
    this.#heard();
    if (this.state.get().problem) this.#update({ problem: null });
    if (atMs === null) this.#takeIn(this.#inbox.loaded(snapshot.revision));
  }

  #heard(): void {
    const { connection, heardMs } = this.state.get();
    const nowMs = browserClock.nowMs();
    // Components follow this: once a second is enough for an age in seconds.
    if (connection === 'live' && nowMs - heardMs < 1_000) return;
    this.#update({ connection: 'live', heardMs: nowMs });
  }

  #watch(): void {
    const { connection, heardMs, mode } = this.state.get();
    const nowMs = browserClock.nowMs();
    if (connection === 'live' && nowMs - heardMs > SILENCE_MAX_MS) {
      this.#update({ connection: 'lost' });
      this.#again.abort(); // a stream that only looks alive
    }
    const isTooLong = mode.kind === 'paused' && nowMs - mode.sinceMs > PAUSE_MAX_MS;
    if (!isTooLong || mode.isTooLong) return;
    this.#inbox.letGo();
    this.#update({ mode: { ...mode, isTooLong } });
  }

  #update(change: Partial<FeedState>): void {
    this.state.set({ ...this.state.get(), ...change });
  }
}
