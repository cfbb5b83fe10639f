// So many, and then so many a minute: for each who asks, and for all together.
import type { Clock } from '#base/clock.ts';

export type Rate = {
  /** At once, by somebody who has been quiet. */
  readonly burst: number;
  readonly perMinute: number;
};

type Bucket = { tokens: number; atMs: number };

/** Of more than these the eldest are forgotten: their next request finds a full bucket. */
const KEYS_MAX = 10_000;

export class RateLimit {
  readonly #rate: Rate;
  readonly #clock: Clock;
  readonly #buckets = new Map<string, Bucket>();

  constructor(rate: Rate, clock: Clock) {
    this.#rate = rate;
    this.#clock = clock;
  }

  /** Would it be let through? Counts nothing. @returns 0, else how many seconds to wait */
  wait(key: string): number {
    const { burst, perMinute } = this.#rate;
    const { tokens, atMs } = this.#buckets.get(key) ?? { tokens: burst, atMs: 0 };
    const elapsedMs = Math.max(0, this.#clock.nowMs() - atMs);
    const now = Math.min(burst, tokens + (elapsedMs * perMinute) / 60_000);
    return now >= 1 ? 0 : Math.ceil(((1 - now) * 60) / perMinute);
  }

  /** @returns 0 when it is let through, else how many seconds to wait */
  take(key: string): number {
    const { burst, perMinute } = this.#rate;
    const nowMs = this.#clock.nowMs();
    const before = this.#buckets.get(key) ?? { tokens: burst, atMs: nowMs };
    const elapsedMs = Math.max(0, nowMs - before.atMs);
    const tokens = Math.min(burst, before.tokens + (elapsedMs * perMinute) / 60_000);
    const isLet = tokens >= 1;
    this.#buckets.delete(key); // to the end of the map's order
    this.#buckets.set(key, { tokens: isLet ? tokens - 1 : tokens, atMs: nowMs });
    const [eldest] = this.#buckets.keys();
    if (this.#buckets.size > KEYS_MAX && eldest !== undefined) this.#buckets.delete(eldest);
    return isLet ? 0 : Math.ceil(((1 - tokens) * 60) / perMinute);
  }
}
