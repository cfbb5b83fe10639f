// Time that passes only when a test says so. A test can wait until the code armed a timer, so that
// nothing in it depends on how fast the machine is.
import type { Clock } from '#base/clock.ts';

type Sleeper = { readonly wakeAtMs: number; readonly wake: () => void };

export class FakeClock implements Clock {
  #nowMs: number;
  readonly #sleepers = new Set<Sleeper>();
  readonly #armed = new EventTarget();

  constructor(startMs = 0) {
    this.#nowMs = startMs;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    if (signal?.aborted) {
      reject(signal.reason);
      return promise;
    }
    const sleeper = { wakeAtMs: this.#nowMs + delayMs, wake: resolve };
    this.#sleepers.add(sleeper);
    const giveUp = (): void => {
      this.#sleepers.delete(sleeper);
      reject(signal?.reason);
    };
    signal?.addEventListener('abort', giveUp, { once: true });
    this.#armed.dispatchEvent(new Event('armed'));
    return promise;
  }

  /** How far away the due times of all that sleeps are, nearest first. */
  pendingMs(): number[] {
    return [...this.#sleepers]
      .map(({ wakeAtMs }) => wakeAtMs - this.#nowMs)
      .toSorted((a, b) => a - b);
  }

  /** Resolves once something sleeps for just this long from now. */
  async untilSleeping(delayMs: number): Promise<void> {
    while (!this.pendingMs().includes(delayMs)) {
      await new Promise((resolve) => {
        this.#armed.addEventListener('armed', resolve, { once: true });
      });
    }
  }

  /** Lets time pass, waking what is due in order. */
  advance(byMs: number): void {
    const endMs = this.#nowMs + byMs;
    const due = [...this.#sleepers]
      .filter(({ wakeAtMs }) => wakeAtMs <= endMs)
      .toSorted((a, b) => a.wakeAtMs - b.wakeAtMs);
    for (const sleeper of due) {
      this.#nowMs = sleeper.wakeAtMs;
      this.#sleepers.delete(sleeper);
      sleeper.wake();
    }
    this.#nowMs = endMs;
  }
}
