// What the webhooks were asked, and what they said: for metrics.
import { textAt } from '#kube/fields.ts';
import type { AdmissionRequest, Verdict } from './admission-review.ts';
import type { Webhooks } from './server.ts';

/** Since the start; only ever growing. */
export class WebhookCounters {
  readonly injection = { injected: 0, skipped: 0, refused: 0 };
  /** By `group/version/Kind`. */
  readonly validation = new Map<string, { passed: number; failed: number }>();

  /** The same webhooks; what they say is counted. */
  watch({
    inject,
    validate,
  }: {
    readonly inject: Webhooks[string];
    readonly validate: Webhooks[string];
  }): Webhooks {
    return {
      '/inject': (request) => this.#noteInjection(inject(request)),
      '/validate': (request) => this.#noteValidation(request, validate(request)),
    };
  }

  #noteInjection(verdict: Verdict): Verdict {
    if (!verdict.isAllowed) this.injection.refused += 1;
    else if (verdict.patch === undefined) this.injection.skipped += 1;
    else this.injection.injected += 1;
    return verdict;
  }

  #noteValidation({ object }: AdmissionRequest, verdict: Verdict): Verdict {
    const kind = `${textAt(object ?? {}, 'apiVersion')}/${textAt(object ?? {}, 'kind')}`;
    const isRoomy = this.validation.has(kind) || this.validation.size < KINDS_MAX;
    const name = isRoomy && KIND.test(kind) ? kind : OTHER;
    const counts = this.validation.get(name) ?? { passed: 0, failed: 0 };
    if (verdict.isAllowed) counts.passed += 1;
    else counts.failed += 1;
    this.validation.set(name, counts);
    return verdict;
  }
}

/** Whoever reaches the port says what kind an object is: each would be a series for ever. */
const KINDS_MAX = 64;
const KIND = /^[a-z0-9.-]{1,100}\/[a-z0-9]{1,20}\/[A-Za-z]{1,60}$/;
const OTHER = 'other/other/other';
