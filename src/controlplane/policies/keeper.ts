// Writes policies in the name of whoever is signed in, and takes them back: by itself where nobody
// has confirmed in time, on request for a day. A promise to undo is on disk before the write that
// it is about, so that neither a closed browser nor a restart breaks it.
import type { PolicyMode, PolicyReference } from '#api/policies.ts';
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { WorkQueue } from '#base/work-queue.ts';
import type { KubeClient } from '#kube/client.ts';
import type { KubeObject } from '#kube/objects.ts';
import type { ResourceType } from '#kube/resources.ts';
import { isNotFound, KubeStatusError } from '#kube/status.ts';
import type { KubeUser } from '#kube/user.ts';
import { policyType } from '#reach/policy-types.ts';
import { authored, fingerprintOf, keyOf, shadowName, shadowOf } from './objects.ts';
import type { PolicyRecord, PolicyStore } from './store.ts';

export const UNDO_MS = 24 * 3_600_000;
/** How long a shadow is tried before it goes by itself. */
const SHADOW_MS = 24 * 3_600_000;
/** Until an apply that nobody confirms undoes itself. */
export const UNDO_SECONDS = { min: 5, max: 3600, usual: 120 } as const;
/** Of more policies the oldest writes that undo nothing by themselves are forgotten. */
const RECORDS_MAX = 500;

/** What a write is made under: the version that its author has seen. */
export type Condition =
  | { readonly kind: 'version'; readonly resourceVersion: string }
  | { readonly kind: 'new' };

export type Write = {
  readonly ref: PolicyReference;
  /** undefined: it is to be deleted. */
  readonly object: KubeObject | undefined;
  readonly mode: PolicyMode;
  /** Until it undoes itself; undefined: as long as is usual here. */
  readonly ttlSeconds: number | undefined;
  readonly condition: Condition;
};

/** What policies need of a client: everything in a user's name. */
export type PolicyClient = {
  as(user: KubeUser): Pick<KubeClient, 'get' | 'list' | 'create' | 'update' | 'patch' | 'remove'>;
};

export type KeeperParts = {
  readonly client: PolicyClient;
  readonly store: PolicyStore;
  /** Default `UNDO_SECONDS.usual`. */
  readonly undoSeconds?: number;
  readonly clock: Clock;
  /** 0 (inclusive) to 1 (exclusive). */
  readonly random: () => number;
  readonly log: Logger;
};

/** An answer of the keeper that is no success, beside what the API server answers. */
export class PolicyRefusal extends Error {
  override readonly name = 'PolicyRefusal';
  readonly reason: 'conflict' | 'nothing' | 'bad';

  constructor(reason: PolicyRefusal['reason'], message: string) {
    super(message);
    this.reason = reason;
  }
}

export class PolicyKeeper {
  readonly #parts: KeeperParts;
  readonly #records = new Map<string, PolicyRecord>();
  readonly #queue: WorkQueue;
  #loaded: Promise<void> | undefined;
  /** One write at a time, so that what is on disk is what happened. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(parts: KeeperParts) {
    this.#parts = parts;
    this.#queue = new WorkQueue(parts);
  }

  /** Undoes what is due, until aborted. @throws OperatorError STORE_FAILED */
  async run(signal: AbortSignal): Promise<void> {
    await this.#load();
    for (const key of this.#records.keys()) this.#queue.add(key);
    await this.#queue.run((key) => this.#exclusively(() => this.#revertIfDue(key)), signal);
  }

  /** The last write of a policy, while it can be undone. */
  async record(ref: PolicyReference): Promise<PolicyRecord | undefined> {
    await this.#load();
    return this.#recordOf(keyOf(ref));
  }

  /** @throws PolicyRefusal, KubeStatusError, OperatorError */
  write(write: Write, user: KubeUser): Promise<void> {
    return this.#exclusively(async () => {
      await this.#load();
      const { ref, mode, condition } = write;
      const { type, client } = this.#as(user, ref);
      const present = await read(client, type, ref);
      checkCondition(present, condition, ref);
      if (mode === 'shadow') return await this.#shadow(write, { user, type, client });
      const pending = this.#recordOf(keyOf(ref));
      if (pending?.mode === 'shadow') await this.#dropShadow(pending, client, type);
      await this.#apply(write, { user, type, client, present });
    });
  }

  /** What undoes itself stays. @throws PolicyRefusal, OperatorError */
  confirm(ref: PolicyReference): Promise<void> {
    return this.#exclusively(async () => {
      await this.#load();
      const record = this.#recordOf(keyOf(ref));
      if (record === undefined || record.revertsAtMs === null) {
        throw new PolicyRefusal('conflict', 'nothing is pending: it was kept or undone already');
      }
      if (record.mode === 'shadow') {
        throw new PolicyRefusal(
          'bad',
          'a shadow is put in force by applying it, not by keeping it',
        );
      }
      await this.#note({ ...record, mode: 'keep', revertsAtMs: null });
    });
  }

  /** Brings back what was before the last write. @throws PolicyRefusal, KubeStatusError */
  undo(ref: PolicyReference, user: KubeUser): Promise<void> {
    return this.#exclusively(async () => {
      await this.#load();
      const record = this.#recordOf(keyOf(ref));
      if (record === undefined) throw new PolicyRefusal('nothing', 'there is nothing to undo');
      const isDone = await this.#takeBack(record, user);
      if (isDone) return;
      const message = 'it was changed since by somebody else: nothing was undone';
      throw new PolicyRefusal('conflict', message);
    });
  }

  #exclusively<T>(work: () => Promise<T>): Promise<T> {
    const run = this.#last.then(work, work);
    this.#last = run.catch(() => undefined);
    return run;
  }

  #load(): Promise<void> {
    this.#loaded ??= this.#parts.store.load().then((records) => {
      for (const record of records) this.#records.set(keyOf(record.ref), record);
    });
    return this.#loaded;
  }

  #as(user: Pick<KubeUser, 'username' | 'groups'>, ref: PolicyReference): Acting {
    const type = policyType(ref.kind);
    if (type === undefined) throw new PolicyRefusal('bad', `${ref.kind} is no policy`);
    const { username, groups } = user;
    return { type, client: this.#parts.client.as({ username, groups, uid: '', extra: {} }) };
  }

  async #apply(
    { ref, object, mode, ttlSeconds }: Write,
    {
      user,
      type,
      client,
      present,
    }: Acting & { readonly user: KubeUser; readonly present: Present },
  ): Promise<void> {
    const nowMs = this.#parts.clock.nowMs();
    const { username, groups } = user;
    const written = object && authored(object, ref);
    const former = this.#recordOf(keyOf(ref));
    const isUnconfirmed = former?.mode === 'confirm' && former.revertsAtMs !== null;
    const record: PolicyRecord = {
      ref,
      mode,
      by: { username, groups },
      atMs: nowMs,
      // what nobody has confirmed is nothing to go back to
      previous: isUnconfirmed ? former.previous : present ? authored(present, ref) : null,
      written: fingerprintOf(written, ref),
      revertsAtMs: mode === 'confirm' ? nowMs + this.#ttlOf(ttlSeconds) * 1000 : null,
      undoUntilMs: nowMs + UNDO_MS,
    };
    await this.#promised(record, () => put(client, { type, ref, present }, written));
  }

  #ttlOf(seconds: number = this.#parts.undoSeconds ?? UNDO_SECONDS.usual): number {
    return Math.min(Math.max(Math.round(seconds), UNDO_SECONDS.min), UNDO_SECONDS.max);
  }

  /** First the promise, then the deed; what was not done needs no undoing. */
  async #promised(record: PolicyRecord, act: () => Promise<Present>): Promise<void> {
    const key = keyOf(record.ref);
    const former = this.#records.get(key);
    await this.#note(record);
    try {
      const stored = await act();
      const name = record.mode === 'shadow' ? shadowName(record.ref.name) : record.ref.name;
      const written = fingerprintOf(stored, { ...record.ref, name });
      // whoever admits objects may write into them, too
      if (written !== record.written) await this.#note({ ...record, written });
    } catch (error) {
      if (former) await this.#note(former);
      else await this.#forget(key);
      throw error;
    }
    this.#queue.add(key);
  }

  /** Beside what is in force, which stays as it is. */
  async #shadow(
    { ref, object }: Write,
    { user, type, client }: Acting & { readonly user: KubeUser },
  ): Promise<void> {
    if (object === undefined || ref.kind !== 'AuthorizationPolicy') {
      const message = 'only an AuthorizationPolicy can be tried without being in force';
      throw new PolicyRefusal('bad', message);
    }
    const nowMs = this.#parts.clock.nowMs();
    const shadow = { ...ref, name: shadowName(ref.name) };
    const before = await read(client, type, shadow);
    const { username, groups } = user;
    const copy = shadowOf(object, ref);
    const record: PolicyRecord = {
      ref,
      mode: 'shadow',
      by: { username, groups },
      atMs: nowMs,
      previous: null,
      written: fingerprintOf(copy, shadow),
      revertsAtMs: nowMs + SHADOW_MS,
      undoUntilMs: nowMs + UNDO_MS,
    };
    const place = { type, ref: shadow, present: before };
    await this.#promised(record, () => put(client, place, copy));
  }

  async #dropShadow(record: PolicyRecord, client: Client, type: ResourceType): Promise<void> {
    const shadow = { ...record.ref, name: shadowName(record.ref.name) };
    await removeIfThere(client, type, shadow);
  }

  /** @returns when to look again */
  async #revertIfDue(key: string): Promise<number | void> {
    const record = this.#recordOf(key);
    if (record === undefined || record.revertsAtMs === null) return undefined;
    const leftMs = record.revertsAtMs - this.#parts.clock.nowMs();
    if (leftMs > 0) return leftMs;
    const { username } = record.by;
    const audit = { policy: key, by: username, mode: record.mode };
    const { log } = this.#parts;
    const isDone = await this.#takeBack(record, record.by).catch(async (error: unknown) => {
      if (leftMs > -UNDO_MS || !(error instanceof KubeStatusError)) throw error;
      log.error('not undone: for a day the API server refuses it', audit);
      await this.#forget(key);
      return undefined;
    });
    if (isDone === undefined) return undefined;
    if (isDone) log.info('undone: nobody confirmed it in time', audit);
    else log.warn('not undone: it was changed since by somebody else', audit);
    return undefined;
  }

  /** @returns false: what is there now is not what was written */
  async #takeBack(
    record: PolicyRecord,
    user: Pick<KubeUser, 'username' | 'groups'>,
  ): Promise<boolean> {
    const { ref, mode, previous, written } = record;
    const { type, client } = this.#as(user, ref);
    if (mode === 'shadow') {
      await this.#dropShadow(record, client, type);
      await this.#forget(keyOf(ref));
      return true;
    }
    const present = await read(client, type, ref);
    const isOurs = fingerprintOf(present, ref) === written;
    const before = previous ?? undefined;
    const isBack = fingerprintOf(present, ref) === fingerprintOf(before, ref);
    if (isOurs && !isBack) await put(client, { type, ref, present }, before);
    await this.#forget(keyOf(ref));
    return isOurs || isBack;
  }

  #recordOf(key: string): PolicyRecord | undefined {
    const record = this.#records.get(key);
    const isOver = record?.revertsAtMs === null && record.undoUntilMs <= this.#parts.clock.nowMs();
    return isOver ? undefined : record;
  }

  async #note(record: PolicyRecord): Promise<void> {
    const key = keyOf(record.ref);
    this.#records.delete(key); // to the end of the map's order
    this.#records.set(key, record);
    for (const [old, { revertsAtMs }] of this.#records) {
      if (this.#records.size <= RECORDS_MAX) break;
      if (revertsAtMs === null) this.#records.delete(old);
    }
    await this.#parts.store.save([...this.#records.values()]);
  }

  async #forget(key: string): Promise<void> {
    this.#records.delete(key);
    await this.#parts.store.save([...this.#records.values()]);
  }
}

type Client = ReturnType<PolicyClient['as']>;
type Acting = { readonly type: ResourceType; readonly client: Client };
type Present = KubeObject | undefined;

async function read(client: Client, type: ResourceType, ref: PolicyReference): Promise<Present> {
  try {
    return await client.get(type, ref);
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** @throws PolicyRefusal: somebody else was faster */
function checkCondition(present: Present, condition: Condition, { name }: PolicyReference): void {
  if (condition.kind === 'new') {
    if (present) throw new PolicyRefusal('conflict', `there is a ${name} already`);
    return;
  }
  if (present?.metadata.resourceVersion === condition.resourceVersion) return;
  const what = present ? 'was changed' : 'was deleted';
  throw new PolicyRefusal('conflict', `${name} ${what} by somebody else meanwhile`);
}

/** Over what was read just now, and nothing newer. @returns what is stored now */
async function put(
  client: Client,
  { type, ref, present }: { type: ResourceType; ref: PolicyReference; present: Present },
  object: Present,
): Promise<Present> {
  const resourceVersion = present?.metadata.resourceVersion;
  if (object === undefined) {
    if (present === undefined) return undefined;
    const preconditions = resourceVersion === undefined ? {} : { resourceVersion };
    await client.remove(type, ref, { preconditions });
    return undefined;
  }
  if (present === undefined) {
    return await client.create(type, object, { fieldManager: FIELD_MANAGER });
  }
  const metadata = {
    ...object.metadata,
    ...(resourceVersion !== undefined && { resourceVersion }),
  };
  return await client.update(type, { ...object, metadata });
}

const FIELD_MANAGER = 'isthmus-console';

async function removeIfThere(client: Client, type: ResourceType, ref: PolicyReference) {
  try {
    await client.remove(type, ref);
  } catch (error) {
    if (!(error instanceof KubeStatusError) || !isNotFound(error)) throw error;
  }
}
