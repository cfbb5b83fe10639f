// Delta xDS for one stream, as a state machine without a socket or a clock: requests and changes
// go in, responses come out when there is room for them (xds-protocol, "Incremental xDS").
//
// It is pulled: `next()` gives one response from the state as it is then, so whatever changes while
// the stream is busy is sent once, in its latest form, and nothing is ever queued.
import assert from 'node:assert/strict';
import type { ResourceKey } from './catalog.ts';
import { REQUEST_NAMES_MAX } from './delta-wire.ts';
import type { DeltaRequest, DeltaResponse } from './delta-wire.ts';
import { PROTOCOL_LIMITS } from './protocol-limits.ts';
import type { ProtocolLimits } from './protocol-limits.ts';
import { nextTurn, queueOf } from './protocol-order.ts';
import { ABSENT, SOMETHING, Subscription } from './protocol-subscription.ts';
import type { Batch, Entry, Source } from './protocol-subscription.ts';
import { CLUSTER_TYPE, ENDPOINTS_TYPE, LISTENER_TYPE } from './type-urls.ts';

/** The catalog as one stream sees it: already bound to its proxy. See `ResourceCatalog`. */
export interface StreamCatalog extends Source {
  acquire(typeUrl: string, name: string): ResourceKey;
  acquireWildcard(typeUrl: string): ResourceKey;
  /** undefined: the proxy's class is for ever. */
  acquireClass(): ResourceKey | undefined;
  keyOf(typeUrl: string, name: string): ResourceKey | undefined;
  release(key: ResourceKey): void;
  wildcardNames(key: ResourceKey): readonly string[];
  isKnown(key: ResourceKey): boolean;
}

/**
 * Answers over quota that wait to be sent: as many as one request can cause. A client that asks on
 * without reading them is cut off.
 */
const REFUSALS_PENDING_MAX = REQUEST_NAMES_MAX;
/** A proxy asks for a handful of types. */
const TYPES_MAX = 16;

/**
 * The types of which a proxy may want whatever there is for it. Only their first request, if empty,
 * means "all": for VHDS Envoy sends an empty one that means nothing yet.
 */
const WILDCARD_TYPES: ReadonlySet<string> = new Set([CLUSTER_TYPE, LISTENER_TYPE]);
const WILDCARD = '*';

export type RequestOutcome =
  | { readonly ok: true }
  /** The client breaks a bound: end the stream. */
  | { readonly ok: false; readonly problem: string };

export type ProtocolCounts = {
  /** Names asked for and held. */
  readonly names: number;
  /** Of these, names that mean nothing (yet). */
  readonly unknown: number;
  /** Names answered without being held, because a quota was full: since the stream began. */
  readonly refusals: number;
};

export class DeltaProtocol {
  readonly #catalog: StreamCatalog;
  readonly #limits: ProtocolLimits;
  readonly #subscriptions = new Map<string, Subscription>();
  #queue = queueOf([]);
  readonly #entries = new Map<ResourceKey, Entry>();
  /** Acquired, but not computed before the catalog settles. */
  readonly #fresh = new Set<Entry>();
  /** Assignments of clusters that were sent before the client said what assignments it has. */
  readonly #warming = new Set<string>();
  readonly #class: ResourceKey | undefined;
  #isClassStale = false;
  #nameCount = 0;
  #unknownCount = 0;
  #refusalCount = 0;
  #nonce = 0;

  constructor(catalog: StreamCatalog, limits: ProtocolLimits = PROTOCOL_LIMITS) {
    this.#catalog = catalog;
    this.#limits = limits;
    this.#class = catalog.acquireClass();
  }

  /** Is there something that the catalog must compute before it can be sent? */
  get isUnsettled(): boolean {
    if (this.#fresh.size > 0 || this.#isClassStale) return true;
    return this.#subscriptions.values().some(({ isWildcardStale }) => isWildcardStale);
  }

  get subscriptions(): ReadonlyMap<string, Subscription> {
    return this.#subscriptions;
  }

  get counts(): ProtocolCounts {
    return { names: this.#nameCount, unknown: this.#unknownCount, refusals: this.#refusalCount };
  }

  /** Takes in one request: an answer to a response, names to let go of, names to hold. */
  request(request: DeltaRequest): RequestOutcome {
    let subscription = this.#subscriptions.get(request.typeUrl);
    const isFirst = subscription === undefined;
    if (!subscription) {
      if (this.#subscriptions.size >= TYPES_MAX) return { ok: false, problem: 'too many types' };
      subscription = new Subscription(request.typeUrl);
      this.#subscriptions.set(request.typeUrl, subscription);
      this.#queue = queueOf(this.#subscriptions.values());
    }
    if (request.nonce !== '') subscription.answer(request.nonce, request.rejection);
    for (const name of request.unsubscribe) this.#unsubscribe(subscription, name);
    if (isFirst) this.#subscribeFirst(subscription, request);
    else for (const name of request.subscribe) this.#subscribe(subscription, name, undefined);
    return subscription.refusals.size > REFUSALS_PENDING_MAX
      ? { ok: false, problem: 'asks for more than it reads' }
      : { ok: true };
  }

  /**
   * The catalog's resource, or wildcard, of this key may have changed.
   *
   * @returns true: a wildcard is to be read anew, so names may have to be acquired
   */
  changed(key: ResourceKey): boolean {
    if (key === this.#class) this.#isClassStale = true;
    const entry = this.#entries.get(key);
    if (entry) {
      if (entry.isUnknown && this.#catalog.isKnown(key)) this.#countKnown(entry);
      this.#touch(entry);
      return false;
    }
    for (const subscription of this.#subscriptions.values()) {
      if (subscription.wildcard === key) subscription.isWildcardStale = true;
    }
    return true;
  }

  /**
   * Reads what wildcards stand for. To be called after the catalog has settled.
   *
   * @returns true: names were acquired, so the catalog must settle once more before `settled()`
   */
  readWildcards(): boolean {
    const hasMoved = this.#isClassStale && this.#reclassify();
    const freshBefore = this.#fresh.size;
    for (const subscription of this.#subscriptions.values()) {
      if (subscription.isWildcardStale) this.#readWildcard(subscription);
    }
    return hasMoved || this.#fresh.size > freshBefore;
  }

  /** All that was acquired has been computed, and may be sent. */
  settled(): void {
    const fresh = [...this.#fresh];
    this.#fresh.clear();
    for (const entry of fresh) {
      if (this.#isOverUnknownQuota(entry)) this.#refuse(entry.subscription, entry.name, entry.told);
      else entry.subscription.touch(entry);
    }
    for (const subscription of this.#subscriptions.values()) subscription.owePendingAnswer();
  }

  /** The next response to send, which from then on counts as sent; undefined: nothing for now. */
  next(): DeltaResponse | undefined {
    for (;;) {
      const turn = nextTurn(this.#queue, this.#catalog);
      if (!turn) return undefined;
      const { typeUrl } = turn.subscription;
      const nonce = String(this.#nonce + 1);
      const batch = turn.subscription.take(turn.kind, {
        nonce,
        bytesMax: this.#limits.responseBytesMax,
        source: this.#catalog,
        onLeft: (entry) => this.#drop(entry),
      });
      if (!batch) continue; // it was not due after all, and no longer says that it is
      this.#nonce += 1;
      if (typeUrl === CLUSTER_TYPE) this.#oweEndpoints(batch);
      return { typeUrl, nonce, resources: batch.resources, removed: batch.removed };
    }
  }

  /** Releases everything; the protocol is then of no more use. */
  close(): void {
    for (const { wildcard } of this.#subscriptions.values()) {
      if (wildcard !== undefined) this.#catalog.release(wildcard);
    }
    for (const key of this.#entries.keys()) this.#catalog.release(key);
    if (this.#class !== undefined) this.#catalog.release(this.#class);
    this.#entries.clear();
    this.#subscriptions.clear();
    this.#queue = queueOf([]);
    this.#fresh.clear();
  }

  /** The first request of a type says what the client has of it from an earlier stream. */
  #subscribeFirst(subscription: Subscription, request: DeltaRequest): void {
    const { typeUrl, subscribe, initialVersions } = request;
    const isWildcard = subscribe.length === 0 || subscribe.includes(WILDCARD);
    if (isWildcard && WILDCARD_TYPES.has(typeUrl)) {
      this.#openWildcard(subscription);
      subscription.initialVersions = initialVersions;
    }
    for (const name of subscribe) {
      if (name !== WILDCARD) this.#subscribe(subscription, name, initialVersions.get(name));
    }
    if (typeUrl !== ENDPOINTS_TYPE) return;
    for (const name of this.#warming) this.#oweRepeat(subscription.entries.get(name));
    this.#warming.clear();
  }

  /** @param told what the client has of it already; undefined: it is owed an answer */
  #subscribe(subscription: Subscription, name: string, told: string | undefined): void {
    if (name === WILDCARD) {
      if (WILDCARD_TYPES.has(subscription.typeUrl)) this.#openWildcard(subscription);
      return;
    }
    const entry = subscription.entries.get(name);
    if (entry?.isNamed) return this.#owe(entry);
    if (this.#nameCount >= this.#limits.namesMax) return this.#refuse(subscription, name, told);
    this.#nameCount += 1;
    if (entry) {
      entry.isNamed = true;
      return this.#owe(entry);
    }
    this.#acquire(subscription, { name, told, isNamed: true, isMember: false });
  }

  #unsubscribe(subscription: Subscription, name: string): void {
    if (name === WILDCARD) return this.#closeWildcard(subscription);
    subscription.refusals.delete(name);
    const entry = subscription.entries.get(name);
    if (!entry?.isNamed) return;
    if (subscription.wildcard === undefined) return this.#drop(entry);
    // The client cannot tell whether the wildcard still covers it, and waits to be told.
    this.#countUnnamed(entry);
    this.#owe(entry);
  }

  #openWildcard(subscription: Subscription): void {
    subscription.wildcard ??= this.#catalog.acquireWildcard(subscription.typeUrl);
    subscription.isWildcardStale = true;
    subscription.isAnswerPending = true;
    for (const entry of subscription.entries.values()) if (entry.isMember) this.#owe(entry);
    // What is on its way of names let go of will look to the client as if the wildcard covered it.
    for (const name of subscription.namesInFlight) {
      if (!subscription.entries.has(name)) subscription.obsolete.add(name);
    }
  }

  #closeWildcard(subscription: Subscription): void {
    if (subscription.wildcard === undefined) return;
    this.#catalog.release(subscription.wildcard);
    subscription.wildcard = undefined;
    for (const entry of subscription.entries.values()) {
      entry.isMember = false;
      if (!entry.isNamed) this.#drop(entry);
    }
  }

  #readWildcard(subscription: Subscription): void {
    const { wildcard, entries, initialVersions } = subscription;
    subscription.isWildcardStale = false;
    if (wildcard === undefined) return;
    const names = new Set(this.#catalog.wildcardNames(wildcard));
    for (const entry of entries.values()) {
      if (!entry.isMember || names.has(entry.name)) continue;
      entry.isMember = false;
      if (!entry.isNamed) this.#leave(entry);
    }
    for (const name of names) {
      const entry = entries.get(name);
      const told = initialVersions?.get(name);
      if (entry) entry.isMember = true;
      else this.#acquire(subscription, { name, told, isNamed: false, isMember: true });
    }
    for (const name of initialVersions?.keys() ?? []) {
      if (!entries.has(name)) subscription.obsolete.add(name);
    }
    subscription.initialVersions = undefined;
  }

  #acquire(
    subscription: Subscription,
    options: Pick<Entry, 'name' | 'told' | 'isNamed' | 'isMember'>,
  ): void {
    const { name } = options;
    const key = this.#catalog.acquire(subscription.typeUrl, name);
    assert(!this.#entries.has(key), 'each name has a key of its own');
    const flags = { isUnknown: false, isAnswerDue: false, isRepeatDue: false };
    const entry: Entry = { ...options, key, subscription, ...flags };
    subscription.entries.set(name, entry);
    // what was to be said of the name before is overtaken by what it is now, if it still is then
    if (subscription.obsolete.delete(name)) entry.told = SOMETHING;
    subscription.refusals.delete(name);
    this.#entries.set(key, entry);
    this.#fresh.add(entry);
  }

  /**
   * The proxy is of another class: the names that it holds may be other resources now.
   *
   * @returns whether any is
   */
  #reclassify(): boolean {
    this.#isClassStale = false;
    let hasMoved = false;
    for (const entry of new Set(this.#entries.values())) {
      const { typeUrl } = entry.subscription;
      if (this.#catalog.keyOf(typeUrl, entry.name) === entry.key) continue;
      this.#entries.delete(entry.key);
      this.#catalog.release(entry.key);
      entry.key = this.#catalog.acquire(typeUrl, entry.name);
      this.#entries.set(entry.key, entry);
      if (entry.isUnknown) this.#countKnown(entry);
      this.#fresh.add(entry);
      hasMoved = true;
    }
    return hasMoved;
  }

  /** Not covered any more: stays until the client has been told. */
  #leave(entry: Entry): void {
    const isNews = entry.told !== undefined && entry.told !== ABSENT;
    if (isNews || entry.isAnswerDue) this.#touch(entry);
    else this.#drop(entry);
  }

  #drop(entry: Entry): void {
    if (entry.isNamed) this.#countUnnamed(entry);
    entry.subscription.drop(entry);
    this.#entries.delete(entry.key);
    this.#fresh.delete(entry);
    this.#catalog.release(entry.key);
  }

  /** Over quota: the name is answered once, with a stand-in, and held by nobody. */
  #refuse(subscription: Subscription, name: string, told: string | undefined): void {
    subscription.refusals.set(name, told);
    this.#refusalCount += 1;
  }

  /** Drops a new entry that means nothing when there are too many of these; else counts it. */
  #isOverUnknownQuota(entry: Entry): boolean {
    if (!entry.isNamed || this.#catalog.isKnown(entry.key)) return false;
    if (this.#unknownCount >= this.#limits.unknownNamesMax) {
      this.#drop(entry);
      return true;
    }
    entry.isUnknown = true;
    this.#unknownCount += 1;
    return false;
  }

  #countKnown(entry: Entry): void {
    entry.isUnknown = false;
    this.#unknownCount -= 1;
  }

  #countUnnamed(entry: Entry): void {
    entry.isNamed = false;
    this.#nameCount -= 1;
    if (entry.isUnknown) this.#countKnown(entry);
  }

  /** The client gets an answer of this name, whatever it has. */
  #owe(entry: Entry): void {
    entry.isAnswerDue = true;
    this.#touch(entry);
  }

  #oweRepeat(entry: Entry | undefined): void {
    if (!entry || entry.subscription.isRejected(entry)) return;
    entry.isRepeatDue = true;
    this.#touch(entry);
  }

  #touch(entry: Entry): void {
    if (!this.#fresh.has(entry)) entry.subscription.touch(entry);
  }

  /**
   * A changed EDS cluster keeps its old settings in force until its assignment arrives again,
   * which Envoy does not ask for: so it is owed after every cluster. (Should the connection be lost
   * between the two, nothing that Envoy says on the next stream tells of it: its own timeout of
   * 15 s, `initial_fetch_timeout`, then puts the cluster in force.)
   */
  #oweEndpoints({ resources }: Batch): void {
    const subscription = this.#subscriptions.get(ENDPOINTS_TYPE);
    for (const { endpoints } of resources) {
      if (endpoints === undefined) continue;
      if (subscription) this.#oweRepeat(subscription.entries.get(endpoints));
      else if (this.#warming.size < this.#limits.namesMax) this.#warming.add(endpoints);
    }
  }
}
