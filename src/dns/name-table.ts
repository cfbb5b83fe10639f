// The names a workload has asked for, as the control plane knows them: learned on demand, kept
// fresh by its pushes, bounded. Names of the mesh and names that mean nothing have a quota each, so
// that a walk through random names cannot push out those in use.
import type { NameRecord } from './zone.ts';

/** Where the server takes what it knows of names from. Names are folded. */
export interface NameSource {
  /** What is known now, without asking. */
  held(name: string): NameRecord | undefined;
  /** Asks where needed; resolves to `unreachable` rather than reject when nobody answers. */
  learn(name: string, signal: AbortSignal): Promise<NameRecord>;
}

export type NameSubscription = {
  /** Asks the control plane for a name, from now on. */
  readonly subscribe: (name: string) => void;
  /** The name is no longer wanted. */
  readonly unsubscribe: (name: string) => void;
};

export type NameQuotas = {
  readonly namesMax: number;
  readonly absentMax: number;
  /** Names asked for and not answered yet. */
  readonly pendingMax: number;
};

const QUOTAS: NameQuotas = { namesMax: 4096, absentMax: 1024, pendingMax: 256 };
const UNREACHABLE: NameRecord = { kind: 'unreachable' };

type Waiting = {
  readonly answered: Promise<NameRecord>;
  readonly resolve: (record: NameRecord) => void;
};

export class NameTable implements NameSource {
  readonly #subscription: NameSubscription;
  readonly #quotas: NameQuotas;
  /** Least recently used first, as Map keeps the order of insertion. */
  readonly #present = new Map<string, NameRecord>();
  readonly #absent = new Map<string, NameRecord>();
  readonly #waiting = new Map<string, Waiting>();
  #isConnected = false;

  constructor(subscription: NameSubscription, quotas: Partial<NameQuotas> = {}) {
    this.#subscription = subscription;
    this.#quotas = { ...QUOTAS, ...quotas };
  }

  held(name: string): NameRecord | undefined {
    for (const table of [this.#present, this.#absent]) {
      const record = table.get(name);
      if (!record) continue;
      table.delete(name);
      table.set(name, record);
      return record;
    }
    return undefined;
  }

  /**
   * What the control plane says of the name. `unreachable` at once while there is no connection or
   * too much is being asked already, and when the signal is aborted first; the question then stays
   * open, and its answer serves the next one who asks.
   */
  async learn(name: string, signal: AbortSignal): Promise<NameRecord> {
    const held = this.held(name);
    if (held) return held;
    const waiting = this.#waiting.get(name) ?? this.#ask(name);
    if (!waiting || signal.aborted) return UNREACHABLE;
    const { promise, resolve } = Promise.withResolvers<NameRecord>();
    const giveUp = (): void => resolve(UNREACHABLE);
    signal.addEventListener('abort', giveUp, { once: true });
    try {
      return await Promise.race([waiting.answered, promise]);
    } finally {
      signal.removeEventListener('abort', giveUp);
    }
  }

  #ask(name: string): Waiting | undefined {
    if (!this.#isConnected || this.#waiting.size >= this.#quotas.pendingMax) return undefined;
    const { promise, resolve } = Promise.withResolvers<NameRecord>();
    const waiting = { answered: promise, resolve };
    this.#waiting.set(name, waiting);
    this.#subscription.subscribe(name);
    return waiting;
  }

  /**
   * The control plane's word on a name: the answer to a question, or a change of what is held.
   * Wildcard hosts (`*.example.com`) are taken unasked; any other name that is not wanted is not.
   */
  apply(name: string, record: NameRecord): void {
    const waiting = this.#waiting.get(name);
    const isHeld = this.#present.delete(name) || this.#absent.delete(name);
    if (!waiting && !isHeld && !name.startsWith('*.')) return;
    this.#waiting.delete(name);
    if (record.kind === 'addresses') this.#keep(this.#present, name, record);
    else if (record.kind === 'absent') this.#keep(this.#absent, name, record);
    waiting?.resolve(record);
  }

  #keep(table: Map<string, NameRecord>, name: string, record: NameRecord): void {
    table.set(name, record);
    const quota = table === this.#present ? this.#quotas.namesMax : this.#quotas.absentMax;
    const [oldest] = table.keys();
    if (table.size <= quota || oldest === undefined) return;
    table.delete(oldest);
    this.#subscription.unsubscribe(oldest);
  }

  /**
   * The connection to the control plane came or went. What is held stays in use while it is away;
   * who waits is told, and unanswered questions are forgotten. A fresh connection is to be asked
   * for all `entries` anew.
   */
  setConnected(isConnected: boolean): void {
    this.#isConnected = isConnected;
    for (const { resolve } of this.#waiting.values()) resolve(UNREACHABLE);
    this.#waiting.clear();
  }

  /** All that is held: names of the mesh, then others, of each the least recently used first. */
  get entries(): readonly (readonly [name: string, record: NameRecord])[] {
    return [...this.#present, ...this.#absent];
  }

  /** Takes what an earlier process has kept; a connection is asked whether it is still so. */
  restore(names: Iterable<readonly [string, NameRecord]>): void {
    for (const [name, record] of names) {
      if (record.kind === 'addresses' && this.#present.size < this.#quotas.namesMax) {
        this.#present.set(name, record);
      }
    }
  }
}
