// Do both ends count the same bytes? Compared over ten seconds, by the times that reports are of;
// an entry that fell into the next ten at one end only makes the two differ one way and then the
// other, so that only two in a row that differ the same way are a disagreement.

const WINDOW_MS = 10_000;
/** Of the larger one. */
const TOLERATED_SHARE = 0.1;
/** Rather less is not worth a word. */
const BYTES_MIN = 10_000;

type Window = { start: number; source: number; destination: number };

export class ByteAgreement {
  #now: Window = { start: 0, source: 0, destination: 0 };
  #previous: Window = { start: 0, source: 0, destination: 0 };
  /** Which end was ahead in the last window, by more than is tolerated. */
  #ahead = 0;
  #shown: { readonly source: string; readonly destination: string } | undefined;

  count(reporter: 'source' | 'destination', bytes: number, atMs: number): void {
    const start = Math.floor(atMs / WINDOW_MS);
    if (start > this.#now.start) {
      if (this.#now.start === start - 1) this.#previous = this.#now;
      else this.#previous = { start: start - 1, source: 0, destination: 0 };
      this.#now = { start, source: 0, destination: 0 };
    }
    if (start === this.#now.start) this.#now[reporter] += bytes;
    else if (start === this.#previous.start) this.#previous[reporter] += bytes;
  }

  /**
   * Both ends have told all there is up to `completeMs`: what is over is judged.
   *
   * @param reportBoth whether both ends have somebody who reports
   */
  judge(completeMs: number, reportBoth: boolean): void {
    const { start, source, destination } = this.#previous;
    if (start === 0 || completeMs < (start + 1) * WINDOW_MS) return;
    this.#previous = { start: 0, source: 0, destination: 0 };
    const most = Math.max(source, destination);
    if (!reportBoth || most < BYTES_MIN) {
      if (!reportBoth) this.#shown = undefined;
      this.#ahead = 0;
      return;
    }
    const difference = source - destination;
    const ahead = Math.abs(difference) > most * TOLERATED_SHARE ? Math.sign(difference) : 0;
    const isAgain = ahead !== 0 && ahead === this.#ahead;
    this.#ahead = ahead;
    if (ahead === 0) this.#shown = undefined;
    if (!isAgain) return;
    this.#shown = { source: rateText(source), destination: rateText(destination) };
  }

  disagreement(): { readonly source: string; readonly destination: string } | undefined {
    return this.#shown;
  }
}

const rateText = (bytes: number): string =>
  `${Math.round(bytes / (WINDOW_MS / 1000)).toLocaleString('en-US')} B/s`;
