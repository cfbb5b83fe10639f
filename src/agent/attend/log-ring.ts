// The agent's own last log lines, kept so that they can be asked for from afar.

/** Some 200 KiB. */
const LINES_MAX = 1_000;
const LINE_LENGTH_MAX = 8 << 10;

export class LogRing {
  readonly #lines: string[] = [];
  readonly #listeners = new Set<(line: string) => void>();

  /** Takes a line as it is written. */
  add(line: string): void {
    const cut = line.slice(0, LINE_LENGTH_MAX);
    this.#lines.push(cut);
    if (this.#lines.length > LINES_MAX) this.#lines.shift();
    for (const listener of this.#listeners) listener(cut);
  }

  /** Oldest first. */
  last(count: number): readonly string[] {
    return count === 0 ? [] : this.#lines.slice(-count);
  }

  /** @returns stops it */
  follow(listener: (line: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
