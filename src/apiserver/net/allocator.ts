// Numbers from a range, each taken at most once: cluster IPs and node ports.

/** Draws a number from 0 (inclusive) to 1 (exclusive). */
export type Random = () => number;

/**
 * Who holds which number. What is free is known from the stored objects alone, so nothing leaks
 * when a write fails and nothing is to be repaired after a restart.
 */
export class NumberAllocator {
  readonly #first: number;
  readonly #size: number;
  readonly #random: Random;
  readonly #holders = new Map<number, string>();

  constructor(options: { readonly first: number; readonly size: number; readonly random: Random }) {
    this.#first = options.first;
    this.#size = options.size;
    this.#random = options.random;
  }

  contains(number: number): boolean {
    return number >= this.#first && number < this.#first + this.#size;
  }

  holderOf(number: number): string | undefined {
    return this.#holders.get(number);
  }

  hold(number: number, holder: string): void {
    this.#holders.set(number, holder);
  }

  release(number: number, holder: string): void {
    if (this.#holders.get(number) === holder) this.#holders.delete(number);
  }

  /**
   * A free number, from a random place on, so that one just given back is not given out at once to
   * whom old clients still take for its former holder.
   */
  draw(isTaken: (number: number) => boolean = () => false): number | undefined {
    const start = Math.floor(this.#random() * this.#size);
    for (let step = 0; step < this.#size; step += 1) {
      const number = this.#first + ((start + step) % this.#size);
      if (!this.#holders.has(number) && !isTaken(number)) return number;
    }
    return undefined;
  }
}
