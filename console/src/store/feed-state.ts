// What the top bar and the strip say of the feed, as a value that components can subscribe to.
import type { ApiProblem } from '../api/types.ts';

export type FeedState = {
  /** `lost`: nothing came for longer than a heartbeat may take. */
  readonly connection: 'connecting' | 'live' | 'lost';
  /** When anything came last, by this browser's clock; 0: never. */
  readonly heardMs: number;
  /** Of the last attempt to load the snapshot; null: it did not fail. */
  readonly problem: ApiProblem | null;
  readonly mode: FeedMode;
  /** The server has become another version than the one this console came from. */
  readonly isNewVersion: boolean;
};

export type FeedMode =
  | { readonly kind: 'live' }
  | {
      readonly kind: 'paused';
      readonly sinceMs: number;
      readonly changes: number;
      /** They are too many, or too old, to be kept: going on loads everything anew. */
      readonly isTooLong: boolean;
    }
  | {
      readonly kind: 'past';
      /** What was asked for. */
      readonly atMs: number;
      /** What is shown: the nearest moment that is known. Null: none; undefined: not yet told. */
      readonly shownMs: number | null | undefined;
    };

/** A value, and who is told when it becomes another. */
export class Cell<T> {
  #value: T;
  readonly #listeners = new Set<() => void>();

  constructor(value: T) {
    this.#value = value;
  }

  get = (): T => this.#value;

  set = (value: T): void => {
    if (Object.is(value, this.#value)) return;
    this.#value = value;
    for (const listener of this.#listeners) listener();
  };

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };
}
