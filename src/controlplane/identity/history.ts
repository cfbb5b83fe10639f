// What happened to certificates since this control plane started, newest first. Bounded, in memory.
import type { IdentityEvent } from '#api/identity.ts';
import type { Clock } from '#base/clock.ts';
import type { CertificateLedger } from '../debug-certificates.ts';

const EVENTS_MAX = 1000;
/** Somebody without a proof may ask as often as they like. */
const REFUSALS_MAX = 200;
const REASON_LENGTH_MAX = 200;

export class CertificateHistory {
  readonly #clock: Clock;
  /** Oldest first. */
  #events: IdentityEvent[] = [];
  #refusals: IdentityEvent[] = [];

  constructor(ledger: Pick<CertificateLedger, 'onSeen' | 'onRefused'>, clock: Clock) {
    this.#clock = clock;
    ledger.onSeen((id, { serial, notAfter, seen, rotations }) => {
      // what is only presented was issued before this control plane started
      if (seen !== 'issued') return;
      const kind = rotations > 0 ? 'rotated' : 'issued';
      const text = `serial ${serial}, until ${notAfter}`;
      this.#events = this.#with(this.#events, { kind, workload: id, text }, EVENTS_MAX);
    });
    ledger.onRefused((reason) => {
      const text = reason.slice(0, REASON_LENGTH_MAX);
      const event = { kind: 'refused', workload: '', text } as const;
      this.#refusals = this.#with(this.#refusals, event, REFUSALS_MAX);
    });
  }

  /** Newest first. */
  events(): readonly IdentityEvent[] {
    return [...this.#events, ...this.#refusals].toSorted((a, b) => b.atMs - a.atMs);
  }

  #with(events: IdentityEvent[], event: Omit<IdentityEvent, 'atMs'>, max: number): IdentityEvent[] {
    return [...events.slice(1 - max), { atMs: this.#clock.nowMs(), ...event }];
  }
}
