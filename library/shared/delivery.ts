// Carries the books of a log to where they belong: one at a time, oldest first, each for as long as
// it takes. When the far side is away, that is so for every book, so the others wait behind it.
import type { BookLog } from './book-log.ts';
import type { Book } from './book.ts';
import type { Clock } from './clock.ts';

export type Outcome =
  | { readonly kind: 'done' }
  /** It may work later. */
  | { readonly kind: 'retry'; readonly reason: string }
  /** This book can never be delivered. */
  | { readonly kind: 'refused'; readonly reason: string };

/** The book that is being tried again. */
export type Trouble = {
  readonly id: string;
  readonly attempts: number;
  readonly reason: string;
  readonly retryAtMs: number;
};

export type DeliveryOptions = {
  readonly log: BookLog;
  readonly deliver: (book: Book, signal: AbortSignal) => Promise<Outcome>;
  /** Told of each outcome, before the log is. */
  readonly report: (book: Book, outcome: Outcome) => void;
  readonly clock: Clock;
  /** From 0 (inclusive) to 1 (exclusive). */
  readonly random: () => number;
};

/** A far side that comes back is noticed within two seconds. */
const BACKOFF_FIRST_MS = 250;
const BACKOFF_MAX_MS = 2000;

export class Delivery {
  readonly #options: DeliveryOptions;
  #trouble: Trouble | undefined;

  constructor(options: DeliveryOptions) {
    this.#options = options;
  }

  get trouble(): Trouble | undefined {
    return this.#trouble;
  }

  /** Runs until the signal is aborted; the attempt under way is brought to its end. */
  async run(signal: AbortSignal): Promise<void> {
    const { log, deliver, report, clock, random } = this.#options;
    try {
      for (;;) {
        const book = await log.next(signal);
        const outcome = await deliver(book, signal);
        report(book, outcome);
        if (outcome.kind === 'retry') {
          const attempts = (this.#trouble?.attempts ?? 0) + 1;
          const delayMs = backoffMs(attempts, random());
          const retryAtMs = clock.nowMs() + delayMs;
          this.#trouble = { id: book.id, attempts, reason: outcome.reason, retryAtMs };
          await clock.sleep(delayMs, signal);
        } else {
          this.#trouble = undefined;
          if (outcome.kind === 'done') log.finish(book.id);
          else log.refuse(book.id, outcome.reason);
        }
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }
}

/** Doubles up to its limit; the upper half is left to chance, so that nobody marches in step. */
export function backoffMs(attempts: number, random: number): number {
  const boundMs = Math.min(BACKOFF_FIRST_MS * 2 ** Math.min(attempts - 1, 20), BACKOFF_MAX_MS);
  return boundMs * (0.5 + random / 2);
}
