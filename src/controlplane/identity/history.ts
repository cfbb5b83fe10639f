// What happened to certificates, newest first: kept with the past of the mesh.
import type { IdentityEvent } from '#api/identity.ts';
import type { Clock } from '#base/clock.ts';
import { printable } from '#base/printable.ts';
import type { CertificateLedger } from '../debug-certificates.ts';
import type { Past } from '../past/past.ts';

/** Somebody without a proof may ask as often as they like: so many in a minute are told. */
const REFUSALS_PER_MINUTE = 20;
const REASON_LENGTH_MAX = 300;
const NAME_LENGTH_MAX = 63;

export class CertificateHistory {
  readonly #past: Pick<Past, 'noteCertificate' | 'certificateEvents'>;
  readonly #clock: Clock;
  #refusals = { minute: 0, count: 0 };

  constructor(
    ledger: Pick<CertificateLedger, 'onSeen' | 'onRefused'>,
    past: Pick<Past, 'noteCertificate' | 'certificateEvents'>,
    clock: Clock,
  ) {
    this.#past = past;
    this.#clock = clock;
    ledger.onSeen((id, { serial, notAfter, seen, rotations }) => {
      // what is only presented was issued before this control plane started
      if (seen !== 'issued') return;
      const kind = rotations > 0 ? 'rotated' : 'issued';
      this.#note({ kind, workload: id, text: `serial ${serial}, until ${notAfter}` });
    });
    ledger.onRefused(({ reason, remote, entry }) => {
      if (!this.#mayTellRefusal()) return;
      const said = printable(`${reason} (from ${remote})`, REASON_LENGTH_MAX);
      this.#note({ kind: 'refused', workload: printable(entry, NAME_LENGTH_MAX), text: said });
    });
  }

  /** Newest first, up to that moment. */
  events(toMs: number): readonly IdentityEvent[] {
    return this.#past.certificateEvents(toMs).toSorted((a, b) => b.atMs - a.atMs);
  }

  #note(event: Omit<IdentityEvent, 'atMs'>): void {
    this.#past.noteCertificate({ atMs: this.#clock.nowMs(), ...event });
  }

  #mayTellRefusal(): boolean {
    const minute = Math.floor(this.#clock.nowMs() / 60_000);
    if (minute !== this.#refusals.minute) this.#refusals = { minute, count: 0 };
    this.#refusals.count += 1;
    return this.#refusals.count <= REFUSALS_PER_MINUTE;
  }
}
