// What one stream holds of one resource type: which names, what the client has been told of each,
// what it is owed, and the one response that waits for its answer.
import type { EncodedResource, ResourceKey } from './catalog.ts';
import { removalSize, resourceSize } from './delta-wire.ts';

/** Told instead of a version: there is no such resource. (Versions are never empty.) */
export const ABSENT = '';
/** Told instead of a version: one that is no longer known. (Versions are hashes.) */
export const SOMETHING = '?';

/** One name that the stream holds. */
export type Entry = {
  readonly name: string;
  /** Another when the proxy comes to be of another class. */
  key: ResourceKey;
  readonly subscription: Subscription;
  /** Asked for by this name. */
  isNamed: boolean;
  /** Covered by the wildcard. An entry that is neither leaves when the client has been told. */
  isMember: boolean;
  /** Counts against the quota of names that mean nothing. */
  isUnknown: boolean;
  /** What the client was told last; undefined: nothing yet. */
  told: string | undefined;
  /** The client asked anew, and is to be answered even if nothing has changed. */
  isAnswerDue: boolean;
  /** To be sent once more although nothing has changed, unless the client has refused it. */
  isRepeatDue: boolean;
};

/** A resource version (or ABSENT) as it was sent. */
type Sent = { readonly entry: Entry; readonly version: string };

/** Why the client refused a version. It is not sent again before the resource has changed. */
export type Rejection = {
  readonly name: string;
  readonly version: string;
  readonly message: string;
};

/** `updates`: new content, and answers to what was asked. `removals`: what is gone. */
export type DueKind = 'updates' | 'removals';

export type Batch = {
  readonly resources: readonly EncodedResource[];
  readonly removed: readonly string[];
};

/** What a response is made of, as it is at the moment of sending. */
export type Source = {
  lookup(key: ResourceKey): EncodedResource | undefined;
  /** Stands in for a resource over quota; undefined: the name is answered as absent. */
  standIn(typeUrl: string, name: string): EncodedResource | undefined;
};

/** Enough to halve a few refused responses at once; beyond it all their resources are blamed. */
const SUSPECT_GROUPS_MAX = 64;

export class Subscription {
  readonly typeUrl: string;
  readonly entries = new Map<string, Entry>();
  /** Names over quota, with what the client has of them: answered once, then forgotten. */
  readonly refusals = new Map<string, string | undefined>();
  /** The last refused version of each name, until the client takes another. */
  readonly rejections = new Map<string, Rejection>();
  wildcard: ResourceKey | undefined;
  /** The wildcard's names have changed, or were never read. */
  isWildcardStale = false;
  /** A wildcard is to be answered, when it has been read. */
  isAnswerPending = false;
  /** What the client has from an earlier stream, until the wildcard was read for the first time. */
  initialVersions: ReadonlyMap<string, string> | undefined;
  /** Of those, what no longer exists: to be told as removed. */
  readonly obsolete = new Set<string>();
  /** An answer is due even if there is nothing in it: Envoy waits for it. */
  #isAnswerOwed = false;
  readonly #due = new Set<Entry>();
  #inFlight: { readonly nonce: string; readonly sent: readonly Sent[] } | undefined;
  /** Parts of refused responses that had several resources: one of them at least is bad. */
  readonly #suspects: (readonly Sent[])[] = [];
  #isSuspectsTurn = false;

  constructor(typeUrl: string) {
    this.typeUrl = typeUrl;
  }

  get isInFlight(): boolean {
    return this.#inFlight !== undefined;
  }

  /** Names of the response that the client has not answered yet. */
  get namesInFlight(): readonly string[] {
    return this.#inFlight?.sent.map(({ entry }) => entry.name) ?? [];
  }

  get dueCount(): number {
    return this.#due.size + this.refusals.size + this.obsolete.size;
  }

  /** What the client has of this may be out of date: looked at when there is room to send. */
  touch(entry: Entry): void {
    this.#due.add(entry);
  }

  drop(entry: Entry): void {
    this.entries.delete(entry.name);
    this.rejections.delete(entry.name);
    this.#due.delete(entry);
  }

  /** All that a wildcard stands for has been computed: the client may be answered. */
  owePendingAnswer(): void {
    this.#isAnswerOwed ||= this.isAnswerPending;
    this.isAnswerPending = false;
  }

  isDue(kind: DueKind, source: Source): boolean {
    if (kind === 'updates' ? this.#hasOtherUpdates() : this.obsolete.size > 0) return true;
    for (const entry of this.#due) {
      const kindOfEntry = dueKindOf(entry, source);
      if (kindOfEntry === kind) return true;
      if (kindOfEntry === undefined) this.#due.delete(entry); // changed back before it was sent
    }
    return false;
  }

  /**
   * Takes what is due of one kind as one response, and counts it as told.
   *
   * @param options.bytesMax where the response ends, but for a single resource that is larger
   * @param options.onLeft told of entries whose last word is in this response
   * @returns undefined when nothing was due after all
   */
  take(
    kind: DueKind,
    options: {
      readonly nonce: string;
      readonly bytesMax: number;
      readonly source: Source;
      readonly onLeft: (entry: Entry) => void;
    },
  ): Batch | undefined {
    const { nonce, bytesMax, source, onLeft } = options;
    const batch = new BatchBuilder(bytesMax);
    // Suspects go in responses of their own, in turns with the rest, lest either wait for long.
    this.#isSuspectsTurn = kind === 'updates' && !this.#isSuspectsTurn;
    if (this.#isSuspectsTurn) this.#takeSuspects(batch, source);
    if (batch.isEmpty) {
      if (kind === 'updates') this.#takeRefusals(batch, source);
      else this.#takeObsolete(batch);
      this.#takeDue(kind, { batch, source, onLeft });
    }
    if (batch.isEmpty && kind === 'updates') this.#takeSuspects(batch, source);
    if (batch.isEmpty && !this.#isAnswerOwed) return undefined;
    if (kind === 'updates') this.#isAnswerOwed = false;
    this.#inFlight = { nonce, sent: batch.sent };
    return batch;
  }

  /**
   * The client's answer to a response.
   *
   * @param rejection undefined: it took everything
   */
  answer(nonce: string, rejection: string | undefined): void {
    if (this.#inFlight?.nonce !== nonce) return; // answers something older: says nothing new
    const { sent } = this.#inFlight;
    this.#inFlight = undefined;
    if (rejection === undefined) {
      for (const { entry } of sent) this.rejections.delete(entry.name);
    } else if (sent.length > 1 && this.#suspects.length < SUSPECT_GROUPS_MAX) {
      const middle = Math.ceil(sent.length / 2);
      this.#suspects.push(sent.slice(middle), sent.slice(0, middle));
    } else {
      for (const item of sent) this.#blame(item, rejection);
    }
  }

  /** Has the client taken what it was told of this entry last? */
  isAcknowledged(entry: Entry): boolean {
    if (entry.told === undefined) return false;
    if (this.#inFlight?.sent.some((sent) => sent.entry === entry)) return false;
    return !this.isRejected(entry);
  }

  /** Has the client refused what it was told of this entry last? */
  isRejected(entry: Entry): boolean {
    return entry.told !== undefined && this.rejections.get(entry.name)?.version === entry.told;
  }

  #hasOtherUpdates(): boolean {
    return this.#isAnswerOwed || this.refusals.size > 0 || this.#suspects.length > 0;
  }

  #blame({ entry, version }: Sent, message: string): void {
    if (this.entries.get(entry.name) !== entry) return;
    if (entry.told === version) entry.isRepeatDue = false;
    this.rejections.set(entry.name, { name: entry.name, version, message });
  }

  #takeDue(
    kind: DueKind,
    options: {
      readonly batch: BatchBuilder;
      readonly source: Source;
      readonly onLeft: (entry: Entry) => void;
    },
  ): void {
    const { batch, source, onLeft } = options;
    for (const entry of this.#due) {
      if (dueKindOf(entry, source) !== kind) continue;
      if (!batch.add(entry, contentOf(entry, source))) return;
      this.#due.delete(entry);
      if (isLeaving(entry)) onLeft(entry);
    }
  }

  #takeRefusals(batch: BatchBuilder, source: Source): void {
    for (const [name, told] of this.refusals) {
      const resource = source.standIn(this.typeUrl, name);
      const isKnownToClient = told === (resource?.version ?? ABSENT);
      if (!isKnownToClient && !batch.addUnheld(name, resource)) return;
      this.refusals.delete(name);
    }
  }

  #takeObsolete(batch: BatchBuilder): void {
    for (const name of this.obsolete) {
      if (!batch.addUnheld(name, undefined)) return;
      this.obsolete.delete(name);
    }
  }

  /** The next group of which something is still as it was when it was refused. */
  #takeSuspects(batch: BatchBuilder, source: Source): void {
    while (batch.isEmpty) {
      const group = this.#suspects.pop();
      if (!group) return;
      for (const { entry, version } of group) {
        const isHeld = this.entries.get(entry.name) === entry && entry.told === version;
        const resource = isHeld ? contentOf(entry, source) : undefined;
        const isAsItWas = isHeld && (resource?.version ?? ABSENT) === version;
        // a group fitted into one response before, so it does again
        if (isAsItWas && !this.isRejected(entry)) batch.add(entry, resource);
      }
    }
  }
}

const isLeaving = (entry: Entry): boolean => !entry.isNamed && !entry.isMember;

function contentOf(entry: Entry, source: Source): EncodedResource | undefined {
  return isLeaving(entry) ? undefined : source.lookup(entry.key);
}

function dueKindOf(entry: Entry, source: Source): DueKind | undefined {
  const version = contentOf(entry, source)?.version ?? ABSENT;
  const isAsked = entry.isAnswerDue || entry.isRepeatDue;
  if (version === entry.told && !isAsked) return undefined;
  if (isLeaving(entry)) return 'removals';
  return version === ABSENT && entry.told !== undefined && !isAsked ? 'removals' : 'updates';
}

/** A response under construction. */
class BatchBuilder implements Batch {
  readonly resources: EncodedResource[] = [];
  readonly removed: string[] = [];
  readonly sent: Sent[] = [];
  readonly #bytesMax: number;
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get isEmpty(): boolean {
    return this.resources.length === 0 && this.removed.length === 0;
  }

  /** @returns false: no room, nothing was added */
  add(entry: Entry, resource: EncodedResource | undefined): boolean {
    if (!this.addUnheld(entry.name, resource)) return false;
    entry.told = resource?.version ?? ABSENT;
    entry.isAnswerDue = false;
    entry.isRepeatDue = false;
    this.sent.push({ entry, version: entry.told });
    return true;
  }

  /** Adds what no entry stands behind. */
  addUnheld(name: string, resource: EncodedResource | undefined): boolean {
    const size = resource ? resourceSize(resource) : removalSize(name);
    if (this.#bytes + size > this.#bytesMax && !this.isEmpty) return false;
    this.#bytes += size;
    if (resource) this.resources.push(resource);
    else this.removed.push(name);
    return true;
  }
}
