// Who somebody is by what they show: a token of the API server's, or an assertion that the key of a
// client certificate has signed.
import type { Clock } from '#base/clock.ts';
import type { KubeClient } from '#kube/client.ts';
import { isRecord } from '#kube/objects.ts';
import { CONFIG_MAP } from '#kube/resources.ts';
import { isNotFound } from '#kube/status.ts';
import { isAssertion, verifyAssertion } from './client-assertion.ts';
import type { SignedIn } from './sessions.ts';
import type { TokenReviews } from './token-reviews.ts';

export type Identified =
  | { readonly ok: true; readonly who: SignedIn }
  | { readonly ok: false; readonly problem: string };

/** Where every API server says whose client certificates it takes. */
const AUTHORITIES = { namespace: 'kube-system', name: 'extension-apiserver-authentication' };
const AUTHORITIES_KEY = 'client-ca-file';
const REMEMBERED_MS = 60_000;
/** Far above what people and their commands make in two minutes. */
const USED_MAX = 20_000;

export class Identifier {
  readonly #client: Pick<KubeClient, 'get'>;
  readonly #reviews: TokenReviews;
  readonly #clock: Clock;
  /** Assertions that were used, and until when they could be again. */
  readonly #used = new Map<string, number>();
  #authorities: { readonly pem: string; readonly untilMs: number } | undefined;

  constructor(options: {
    readonly client: Pick<KubeClient, 'get'>;
    readonly reviews: TokenReviews;
    readonly clock: Clock;
  }) {
    this.#client = options.client;
    this.#reviews = options.reviews;
    this.#clock = options.clock;
  }

  /** @throws OperatorError API_SERVER_UNREACHABLE, KubeStatusError */
  async identify(token: string): Promise<Identified> {
    if (isAssertion(token)) return await this.#assertion(token);
    const review = await this.#reviews.review(token);
    if (!review.isAuthenticated) return { ok: false, problem: review.problem };
    return { ok: true, who: { user: review.user, credential: { kind: 'token', token } } };
  }

  async #assertion(token: string): Promise<Identified> {
    const authoritiesPem = await this.#authoritiesPem();
    if (authoritiesPem === '') {
      const problem = 'the cluster does not say whose client certificates are good: use a token';
      return { ok: false, problem };
    }
    const nowMs = this.#clock.nowMs();
    const found = verifyAssertion(token, { authoritiesPem, nowMs });
    if (!found.ok) return found;
    if (!this.#useOnce(found.id, { nowMs, untilMs: found.forgetAtMs })) {
      return { ok: false, problem: 'the assertion was used before' };
    }
    const { user, endsAtMs } = found;
    return { ok: true, who: { user, credential: { kind: 'certificate', endsAtMs } } };
  }

  #useOnce(id: string, { nowMs, untilMs }: { nowMs: number; untilMs: number }): boolean {
    for (const [key, until] of this.#used) {
      if (until > nowMs) break; // in the order of their use, and so nearly of their end
      this.#used.delete(key);
    }
    if (this.#used.has(id) || this.#used.size >= USED_MAX) return false;
    this.#used.set(id, untilMs);
    return true;
  }

  async #authoritiesPem(): Promise<string> {
    const nowMs = this.#clock.nowMs();
    if (this.#authorities && this.#authorities.untilMs > nowMs) return this.#authorities.pem;
    const pem = await this.#readAuthorities();
    this.#authorities = { pem, untilMs: nowMs + REMEMBERED_MS };
    return pem;
  }

  async #readAuthorities(): Promise<string> {
    try {
      const { data } = await this.#client.get(CONFIG_MAP, AUTHORITIES);
      const pem = isRecord(data) ? data[AUTHORITIES_KEY] : undefined;
      return typeof pem === 'string' ? pem : '';
    } catch (error) {
      if (isNotFound(error)) return '';
      throw error;
    }
  }
}
