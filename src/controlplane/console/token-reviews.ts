// Whose token it is, asked of the API server, and remembered for so long as a revoked one may still
// work.
import { createHash } from 'node:crypto';
import type { Clock } from '#base/clock.ts';
import type { KubeClient } from '#kube/client.ts';
import type { UserReview } from '#kube/user.ts';

const REMEMBERED_MS = 30_000;
const TOKENS_MAX = 2000;
/** Kubernetes' own are a few kilobytes at most. */
const TOKEN_LENGTH_MAX = 16 << 10;

type Remembered = { readonly review: Promise<UserReview>; readonly untilMs: number };

export class TokenReviews {
  readonly #client: Pick<KubeClient, 'reviewUser'>;
  readonly #clock: Clock;
  /** By the token's digest: a token is kept only where it is needed to ask again. */
  readonly #reviews = new Map<string, Remembered>();

  constructor(client: Pick<KubeClient, 'reviewUser'>, clock: Clock) {
    this.#client = client;
    this.#clock = clock;
  }

  /** @throws OperatorError API_SERVER_UNREACHABLE, KubeStatusError */
  async review(token: string): Promise<UserReview> {
    if (token.length > TOKEN_LENGTH_MAX || !/^[\x21-\x7e]+$/.test(token)) {
      return { isAuthenticated: false, problem: 'this is no token' };
    }
    const key = createHash('sha256').update(token).digest('base64url');
    const nowMs = this.#clock.nowMs();
    const known = this.#reviews.get(key);
    if (known && known.untilMs > nowMs) return await known.review;
    const review = this.#client.reviewUser(token);
    this.#reviews.delete(key); // to the end of the map's order
    this.#reviews.set(key, { review, untilMs: nowMs + REMEMBERED_MS });
    const [eldest] = this.#reviews.keys();
    if (this.#reviews.size > TOKENS_MAX && eldest !== undefined) this.#reviews.delete(eldest);
    try {
      return await review;
    } catch (error) {
      this.#reviews.delete(key); // a question that failed is asked again
      throw error;
    }
  }
}
