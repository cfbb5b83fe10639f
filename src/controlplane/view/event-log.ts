// The last events, so that whoever was away for a while goes on from where they were.
import type { MeshEvent } from '#api/events.ts';

export type LoggedEvent = {
  readonly revision: number;
  readonly type: MeshEvent['type'];
  /** Encoded once, for every stream. */
  readonly json: string;
};

const EVENTS_MAX = 2000;
const CHARACTERS_MAX = 8 << 20;

export class EventLog {
  readonly #events: LoggedEvent[] = [];
  readonly #eventsMax: number;
  #characters = 0;
  #revision: number;

  /** @param revision of the state before the first event */
  constructor(revision: number, options: { readonly eventsMax?: number } = {}) {
    this.#revision = revision;
    this.#eventsMax = options.eventsMax ?? EVENTS_MAX;
  }

  /** Of the last event. */
  get revision(): number {
    return this.#revision;
  }

  add(event: MeshEvent): void {
    this.#revision += 1;
    const json = JSON.stringify(event);
    this.#events.push({ revision: this.#revision, type: event.type, json });
    this.#characters += json.length;
    while (this.#events.length > this.#eventsMax || this.#characters > CHARACTERS_MAX) {
      this.#characters -= this.#events.shift()?.json.length ?? 0;
    }
  }

  /** The next after this revision; undefined: none yet. `lost`: it is none that we remember. */
  after(revision: number): LoggedEvent | 'lost' | undefined {
    if (revision === this.#revision) return undefined;
    const oldest = this.#events[0]?.revision ?? this.#revision + 1;
    if (revision > this.#revision || revision < oldest - 1) return 'lost';
    return this.#events[revision + 1 - oldest];
  }
}
