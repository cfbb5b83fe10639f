// Capture as a thing with a life: put in place, kept up to date, looked after. It outlives the
// agent: only `removeCapture`, on a deliberate leave, takes it away.
import { createHash } from 'node:crypto';
import type { Logger } from '#base/log.ts';
import { OperatorError } from '#base/operator-error.ts';
import type { CaptureConfig } from '../config.ts';
import { parseState, readFileIfPresent, writeFileAtomic } from '../files.ts';
import type { CaptureSets } from './addresses.ts';
import { listingFingerprint } from './listing.ts';
import type { Nft } from './nft.ts';
import { planCapture, planDnsServers, planSetUpdate, type OwnPorts } from './plan.ts';

export type CaptureOptions = {
  readonly config: CaptureConfig;
  readonly ownPorts: OwnPorts;
  readonly nft: Nft;
  /** Remembers what was put in place, so that a restarted agent need not touch it. */
  readonly stateFile: string;
  readonly log: Logger;
};

/** What is in place: the plan that was applied, and how the kernel listed it right afterwards. */
type InPlace = { readonly plan: string; readonly listing: string };

/** Calls must not overlap: the owner makes one after the other. */
export class Capture {
  readonly #options: CaptureOptions;
  #sets: CaptureSets;
  #inPlace: InPlace | undefined;

  private constructor(options: CaptureOptions, sets: CaptureSets) {
    this.#options = options;
    this.#sets = sets;
  }

  /**
   * Puts the rules in place, unless they already are: those of an earlier agent stay untouched.
   *
   * @throws OperatorError CAPTURE_FAILED, TOOL_MISSING
   */
  static async start(options: CaptureOptions, sets: CaptureSets): Promise<Capture> {
    const capture = new Capture(options, sets);
    const { plan, listing } = parseState(await readFileIfPresent(options.stateFile));
    if (plan === capture.#planHash() && typeof listing === 'string') {
      capture.#inPlace = { plan, listing };
    }
    if (await capture.isInPlace()) options.log.info('capture rules adopted');
    else await capture.restore();
    return capture;
  }

  /** Does the kernel hold exactly what was put there? */
  async isInPlace(): Promise<boolean> {
    if (!this.#inPlace) return false;
    return (await this.#fingerprint()) === this.#inPlace.listing;
  }

  /** Replaces whatever the table holds, in one transaction. */
  async restore(): Promise<void> {
    await this.#options.nft.apply(this.#plan());
    await this.#remember();
    const elements = Object.values(this.#sets).reduce((sum, set) => sum + set.length, 0);
    this.#options.log.info('capture rules put in place', { elements });
  }

  /** Changes the sets; rules, Envoy and open sessions are not touched. */
  async update(sets: CaptureSets): Promise<void> {
    const script = planSetUpdate(this.#sets, sets);
    if (script === undefined) return;
    this.#sets = sets;
    try {
      await this.#options.nft.apply(script);
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error;
      // somebody changed the sets meanwhile: the whole plan does not depend on what was there
      this.#options.log.warn('sets changed by others, putting all in place', {
        reason: error.message,
      });
      return this.restore();
    }
    await this.#remember();
  }

  /**
   * Captures the queries to these DNS servers for a while: without another call the kernel lets
   * them pass by itself, so that names resolve on a machine whose agent is dead.
   */
  async holdDns(servers: readonly string[]): Promise<void> {
    const { config, nft } = this.#options;
    if (config.dns) await nft.apply(planDnsServers(servers));
  }

  #plan(): string {
    const { config, ownPorts } = this.#options;
    return planCapture({ config, ownPorts, sets: this.#sets });
  }

  #planHash(): string {
    return createHash('sha256').update(this.#plan()).digest('hex');
  }

  async #fingerprint(): Promise<string | undefined> {
    const listing = await this.#options.nft.list();
    return listing === undefined ? undefined : listingFingerprint(listing);
  }

  async #remember(): Promise<void> {
    const listing = await this.#fingerprint();
    this.#inPlace = listing === undefined ? undefined : { plan: this.#planHash(), listing };
    try {
      await writeFileAtomic(this.#options.stateFile, JSON.stringify(this.#inPlace ?? {}));
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error;
      // costs the next agent one needless transaction, no more
      this.#options.log.warn('capture state not saved', { reason: error.message });
    }
  }
}
