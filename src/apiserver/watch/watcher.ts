// One watch: the events of one resource, filtered, as frames for one slow or fast client.
import type { KubeObject } from '../object.ts';
import type { Status } from '../status.ts';
import { statusOf } from '../status.ts';
import type { Store, StoreEvent, StoreEventType } from '../store/store.ts';

export type WatchFrame =
  | { readonly type: StoreEventType; readonly object: KubeObject }
  | {
      readonly type: 'BOOKMARK';
      readonly revision: number;
      /** All objects that existed when the watch began have been sent. */
      readonly isInitialEnd: boolean;
    }
  | { readonly type: 'ERROR'; readonly status: Status };

/** Where frames go. */
export type WatchSink = {
  /** @returns false when no more should be written until `Watcher.resume` is called */
  write(frame: WatchFrame): boolean;
  end(): void;
};

export type WatcherOptions = {
  readonly store: Store;
  readonly resource: string;
  /** Only this namespace; undefined for all. */
  readonly namespace: string | undefined;
  readonly matches: (object: KubeObject) => boolean;
  readonly sink: WatchSink;
  readonly wantsBookmarks: boolean;
  /** Only events of later revisions. */
  readonly after: number;
  /** Objects to send as ADDED before any event: the state at `after`. */
  readonly initial: readonly KubeObject[];
  /** Marks the end of the initial objects with a bookmark. */
  readonly marksInitialEnd: boolean;
};

/** Events read back at a time for a client that fell behind. */
const BATCH_EVENTS = 100;

/**
 * A client that reads too slowly costs no memory: the watcher stops, remembers its place and later
 * reads on from the store's history. One that falls behind that history is told `Expired`.
 */
export class Watcher {
  readonly #options: WatcherOptions;
  /** Every event up to here was sent or does not concern this watch. */
  #after: number;
  #initialSent = 0;
  #isInitialEndDue: boolean;
  #isBlocked = true;
  #isEnded = false;

  constructor(options: WatcherOptions) {
    this.#options = options;
    this.#after = options.after;
    this.#isInitialEndDue = options.marksInitialEnd;
  }

  get resource(): string {
    return this.#options.resource;
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** A write happened. Called in the order of revisions, for this watcher's resource only. */
  observe(event: StoreEvent): void {
    if (this.#isBlocked || this.#isEnded) return; // read back later
    if (event.revision <= this.#after) return; // the client asked for a state still to come
    this.#after = event.revision;
    this.#deliver(event);
  }

  /** Begins, or goes on after the sink could take no more. */
  resume(): void {
    if (this.#isEnded) return;
    this.#isBlocked = false;
    this.#sendInitial();
    this.#catchUp();
  }

  /** Tells a client that is up to date how far it is, so that it need not begin anew later. */
  bookmark(): void {
    const { store, wantsBookmarks } = this.#options;
    if (!wantsBookmarks || this.#isBlocked || this.#isEnded) return;
    this.#after = store.revision;
    this.#write({ type: 'BOOKMARK', revision: store.revision, isInitialEnd: false });
  }

  end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#options.sink.end();
  }

  #sendInitial(): void {
    const { initial, after } = this.#options;
    while (!this.#isBlocked && this.#initialSent < initial.length) {
      const object = initial[this.#initialSent];
      this.#initialSent += 1;
      if (object) this.#write({ type: 'ADDED', object });
    }
    if (this.#isBlocked || !this.#isInitialEndDue) return;
    this.#isInitialEndDue = false;
    this.#write({ type: 'BOOKMARK', revision: after, isInitialEnd: true });
  }

  #catchUp(): void {
    const { store, resource, namespace } = this.#options;
    while (!this.#isBlocked && !this.#isEnded && this.#after < store.revision) {
      const events = this.#read({ resource, namespace, after: this.#after, limit: BATCH_EVENTS });
      for (const event of events) {
        this.#after = event.revision;
        this.#deliver(event);
        if (this.#isBlocked) return;
      }
      if (events.length < BATCH_EVENTS) this.#after = store.revision;
    }
  }

  #read(query: Parameters<Store['events']>[0]): readonly StoreEvent[] {
    try {
      return this.#options.store.events(query);
    } catch (error) {
      this.#write({ type: 'ERROR', status: statusOf(error) });
      this.end();
      return [];
    }
  }

  #deliver(event: StoreEvent): void {
    const { matches, namespace } = this.#options;
    if (namespace !== undefined && event.key.namespace !== namespace) return;
    const { previous, object, type } = event;
    const matched = previous !== undefined && matches(previous);
    if (type === 'DELETED') {
      if (matched) this.#write({ type, object });
    } else if (matches(object)) {
      this.#write({ type: matched ? 'MODIFIED' : 'ADDED', object });
    } else if (matched) {
      this.#write({ type: 'DELETED', object: withVersionOf(previous, object) });
    }
  }

  #write(frame: WatchFrame): void {
    if (!this.#options.sink.write(frame)) this.#isBlocked = true;
  }
}

/** An object that no longer matches goes as it last matched, at the revision of the change. */
function withVersionOf(previous: KubeObject, { metadata }: KubeObject): KubeObject {
  const { resourceVersion } = metadata;
  return {
    ...previous,
    metadata: { ...previous.metadata, ...(resourceVersion !== undefined && { resourceVersion }) },
  };
}
