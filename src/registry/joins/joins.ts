// The joins of this control plane: invitations that were given out, machines that come in, and how
// far each has got.
import type { Join } from '#api/joins.ts';
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { OperatorError } from '#base/operator-error.ts';
import type { Parsed } from '#base/workload-identity.ts';
import { applyEvent, beginJoin, currentStep, type JoinEvent } from './machine.ts';
import type { JoinStore } from './store.ts';
import { createToken, hashOfSecret, isSecret, parseToken, renderToken } from './token.ts';
import { usualDurations, viewJoin, type JoinRecord, type UsualMs } from './view.ts';

/** Who shall join, and who says so. */
export type Invitation = Pick<
  JoinRecord,
  | 'name'
  | 'namespace'
  | 'serviceAccount'
  | 'by'
  | 'host'
  | 'port'
  | 'ports'
  | 'address'
  | 'workload'
  | 'enrolment'
> & {
  readonly ttlMs: number;
  /** Of the root by which the machine knows us. */
  readonly pin: string;
};

export type Invited = {
  readonly join: Join;
  /** A secret: nothing keeps it. */
  readonly token: string;
  readonly expiresAtMs: number;
};

export type JoinsOptions = {
  readonly store: JoinStore;
  readonly clock: Clock;
  readonly randomBytes: (count: number) => Buffer;
  readonly log: Logger;
};

/** Lasting at once. */
export const JOINS_OPEN_MAX = 200;
/** Remembered, the newest. */
const JOINS_MAX = 500;
const TICK_MS = 1_000;
/** What has not come to its end by then will not. */
const GIVEN_UP_MS = 24 * 3_600_000;

/** Nobody is invited any more until some of those that last have ended. */
export class TooManyJoins extends Error {
  override readonly name = 'TooManyJoins';
}

export class Joins {
  readonly #options: JoinsOptions;
  readonly #records = new Map<string, JoinRecord>();
  readonly #listeners = new Set<(join: Join) => void>();
  /** What was told last, so that nothing is told twice. */
  readonly #told = new Map<string, string>();
  #usual: UsualMs;
  #isDirty = false;
  #saving: Promise<void> = Promise.resolve();

  private constructor(options: JoinsOptions, records: readonly JoinRecord[]) {
    this.#options = options;
    for (const record of records) this.#records.set(record.id, record);
    this.#usual = usualDurations(records);
  }

  /** With what an earlier control plane has kept. @throws OperatorError STORE_FAILED */
  static async open(options: JoinsOptions): Promise<Joins> {
    return new Joins(options, await options.store.load());
  }

  /** Newest first. */
  list(): readonly Join[] {
    return [...this.#records.values()]
      .toSorted((a, b) => b.startedAtMs - a.startedAtMs)
      .map((record) => this.#view(record));
  }

  get(id: string): Join | undefined {
    const record = this.#records.get(id);
    return record && this.#view(record);
  }

  record(id: string): JoinRecord | undefined {
    return this.#records.get(id);
  }

  /** Those that last. */
  open(): readonly JoinRecord[] {
    return [...this.#records.values()].filter(({ progress }) => progress.end === undefined);
  }

  /** Told of every join that is seen to be otherwise than before. */
  onChange(listener: (join: Join) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** @throws TooManyJoins, OperatorError STORE_FAILED */
  async invite(invitation: Invitation): Promise<Invited> {
    const { clock, randomBytes } = this.#options;
    const { pin, ttlMs, ...kept } = invitation;
    this.#makeRoom(kept);
    const nowMs = clock.nowMs();
    const token = createToken(randomBytes, pin);
    const minutes = Math.round(ttlMs / 60_000);
    const record: JoinRecord = {
      ...kept,
      id: token.id,
      startedAtMs: nowMs,
      expiresAtMs: nowMs + ttlMs,
      tokenHash: hashOfSecret(token.secret),
      usedAtMs: null,
      entry: '',
      progress: beginJoin(nowMs, `by ${kept.by}, valid ${minutes} min, single use`),
    };
    this.#put(record);
    await this.save();
    const { expiresAtMs } = record;
    return { join: this.#view(record), token: renderToken(token), expiresAtMs };
  }

  /**
   * Takes a token, once: it is spent on disk before this returns.
   *
   * @throws OperatorError STORE_FAILED: it is spent all the same
   */
  async redeem(text: string): Promise<Parsed<JoinRecord>> {
    const parsed = parseToken(text);
    if (!parsed.ok) return parsed;
    const { id, secret } = parsed.value;
    const record = this.#records.get(id);
    // an unknown id takes as long as a wrong secret, and is told the same
    const isKnown = isSecret(secret, record?.tokenHash ?? hashOfSecret(''));
    if (!record || !isKnown) return { ok: false, problem: 'the token is not known here' };
    const problem = this.#whyNot(record);
    if (problem !== undefined) return { ok: false, problem };
    const used = { ...record, usedAtMs: this.#options.clock.nowMs() };
    this.#put(used);
    await this.save();
    return { ok: true, value: used };
  }

  /** The machine has an entry of this name from now on; an earlier join of it is over. */
  bind(id: string, entry: string): void {
    const record = this.#records.get(id);
    if (!record) return;
    const { namespace } = record;
    const former = this.open().filter((one) => one.entry === entry && one.namespace === namespace);
    for (const one of former) {
      if (one.id !== id)
        this.note(one.id, { kind: 'given-up', problem: 'the machine joined anew' });
    }
    this.#put({ ...record, entry });
  }

  note(id: string, event: JoinEvent): void {
    const record = this.#records.get(id);
    if (!record) return;
    const progress = applyEvent(record.progress, event, this.#options.clock.nowMs());
    if (progress === record.progress) return;
    this.#put({ ...record, progress });
    if (progress.end === 'done') this.#usual = usualDurations(this.#records.values());
  }

  /** Watches the time, and keeps what has changed; until aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    try {
      for (;;) {
        await clock.sleep(TICK_MS, signal);
        this.tick();
        if (!this.#isDirty) continue;
        await this.save().catch((error: unknown) => {
          if (!(error instanceof OperatorError)) throw error;
          log.warn('joins not saved', { reason: error.message });
        });
      }
    } finally {
      if (this.#isDirty) await this.save().catch(() => undefined);
    }
  }

  /** Ends what is over by now, tells what has become late. */
  tick(): void {
    const nowMs = this.#options.clock.nowMs();
    for (const record of this.open()) {
      if (record.usedAtMs === null && nowMs >= record.expiresAtMs) {
        this.note(record.id, { kind: 'given-up', problem: 'the token expired before it was used' });
      } else if (nowMs - record.startedAtMs > GIVEN_UP_MS) this.#giveUp(record);
      else this.#tell(record);
    }
  }

  /** One write after the other, each of all there is. @throws OperatorError STORE_FAILED */
  save(): Promise<void> {
    const save = async (): Promise<void> => {
      this.#isDirty = false;
      try {
        await this.#options.store.save([...this.#records.values()]);
      } catch (error) {
        this.#isDirty = true;
        throw error;
      }
    };
    const saved = this.#saving.then(save, save);
    this.#saving = saved;
    return saved;
  }

  #giveUp({ id, progress }: JoinRecord): void {
    const isLast = currentStep(progress) === progress.steps.length - 1;
    const evidence = 'nothing has called it in a day';
    if (isLast) this.note(id, { kind: 'skipped', step: 'first-encrypted-bytes', evidence });
    else this.note(id, { kind: 'given-up', problem: 'it has not come to its end in a day' });
  }

  #whyNot({ usedAtMs, expiresAtMs, progress }: JoinRecord): string | undefined {
    if (progress.end === 'cancelled') return 'the join was cancelled';
    if (usedAtMs !== null) {
      return `the token was used already, at ${new Date(usedAtMs).toISOString()}`;
    }
    if (this.#options.clock.nowMs() >= expiresAtMs) {
      return `the token expired at ${new Date(expiresAtMs).toISOString()}`;
    }
    return undefined;
  }

  /** A new invitation takes the place of one that nobody has followed. */
  #makeRoom({ name, namespace }: Pick<Invitation, 'name' | 'namespace'>): void {
    for (const record of this.open()) {
      const isSame = record.name === name && record.namespace === namespace;
      if (isSame && record.usedAtMs === null) this.note(record.id, { kind: 'cancelled' });
    }
    if (this.open().length >= JOINS_OPEN_MAX) {
      throw new TooManyJoins(`${JOINS_OPEN_MAX} joins last already: cancel some of them`);
    }
    const ended = [...this.#records.values()].filter(({ progress }) => progress.end !== undefined);
    for (const { id } of ended.slice(0, Math.max(0, this.#records.size - JOINS_MAX + 1))) {
      this.#records.delete(id);
      this.#told.delete(id);
    }
  }

  #put(record: JoinRecord): void {
    this.#records.set(record.id, record);
    this.#isDirty = true;
    this.#tell(record);
  }

  #tell(record: JoinRecord): void {
    const join = this.#view(record);
    const text = JSON.stringify(join);
    if (this.#told.get(record.id) === text) return;
    this.#told.set(record.id, text);
    for (const listener of this.#listeners) listener(join);
  }

  #view(record: JoinRecord): Join {
    return viewJoin(record, this.#usual, this.#options.clock.nowMs());
  }
}
