// What many edges carried together, by steps of time: only sums are kept, whatever is added.
import {
  addQuantities,
  FAILED,
  noQuantities,
  type Quantities,
} from '#telemetry/flows/quantities.ts';
import { addEndDurations, type EndDurations } from '#telemetry/flows/pending.ts';
import type { Point } from './points.ts';

export type StepSum = {
  readonly sums: Quantities;
  /** Connections open at the end of the step. */
  open: number;
  /** Requests that failed: of what fails without being a request, `sums` has more. */
  failedRequests: number;
  readonly durations: EndDurations;
};

type LastOpen = { at: number; open: number };

export class StepSums {
  readonly #step: number;
  readonly #isHttp: (edge: number) => boolean;
  readonly #sums = new Map<number, StepSum>();
  /** Of each edge in the step that was added last: the number at its end is that of the step. */
  readonly #open = new Map<number, LastOpen>();

  /**
   * @param step seconds
   * @param isHttp whether what fails on an edge are requests; absent: nobody asks
   */
  constructor(step: number, isHttp: (edge: number) => boolean = () => false) {
    this.#step = step;
    this.#isHttp = isHttp;
  }

  /** In the order of time, as far as open connections are told. */
  add(edge: number, second: number, { sums, open, durations }: Point): void {
    const at = second - (second % this.#step);
    const sum = this.#sumOf(at);
    addQuantities(sum.sums, sums);
    if (this.#isHttp(edge)) sum.failedRequests += sums[FAILED] ?? 0;
    if (open !== undefined) this.#openAt(edge, at, open);
    if (durations?.source) addEndDurations(sum.durations, 'source', durations.source);
    if (durations?.destination) {
      addEndDurations(sum.durations, 'destination', durations.destination);
    }
  }

  /** By second, once everything is added. */
  finish(): ReadonlyMap<number, StepSum> {
    for (const { at, open } of this.#open.values()) this.#sumOf(at).open += open;
    this.#open.clear();
    return this.#sums;
  }

  #openAt(edge: number, at: number, open: number): void {
    const last = this.#open.get(edge);
    if (!last) {
      this.#open.set(edge, { at, open });
      return;
    }
    if (at < last.at) return; // what comes late says nothing of the end of its step
    if (at > last.at) this.#sumOf(last.at).open += last.open;
    last.at = at;
    last.open = open;
  }

  #sumOf(at: number): StepSum {
    const known = this.#sums.get(at);
    if (known) return known;
    const sum: StepSum = { sums: noQuantities(), open: 0, failedRequests: 0, durations: {} };
    this.#sums.set(at, sum);
    return sum;
  }
}
