// May this user do that? Kubernetes decides; its answers are remembered for a short while, because
// a page asks many questions at once.
import type { Clock } from '#base/clock.ts';
import type { KubeClient } from '#kube/client.ts';
import type { AccessQuestion, KubeUser } from '#kube/user.ts';
import type { Right } from './route.ts';

/** Of the virtual resources that the rights are on. */
export const RIGHTS_GROUP = 'isthmus.dev';
const REMEMBERED_MS = 10_000;
const ANSWERS_MAX = 5000;

type Answer = { readonly isAllowed: Promise<boolean>; readonly untilMs: number };

export class AccessReviews {
  readonly #client: Pick<KubeClient, 'reviewAccess'>;
  readonly #clock: Clock;
  readonly #answers = new Map<string, Answer>();

  constructor(client: Pick<KubeClient, 'reviewAccess'>, clock: Clock) {
    this.#client = client;
    this.#clock = clock;
  }

  /** @param namespace empty: everywhere */
  async may(user: KubeUser, { verb, resource }: Right, namespace: string): Promise<boolean> {
    return await this.ask(user, { verb, group: RIGHTS_GROUP, resource, namespace });
  }

  /** @throws OperatorError API_SERVER_UNREACHABLE, KubeStatusError */
  async ask(user: KubeUser, question: AccessQuestion): Promise<boolean> {
    const key = JSON.stringify([user, question]);
    const nowMs = this.#clock.nowMs();
    const known = this.#answers.get(key);
    if (known && known.untilMs > nowMs) return await known.isAllowed;
    const isAllowed = this.#client.reviewAccess(user, question);
    this.#answers.delete(key); // to the end of the map's order
    this.#answers.set(key, { isAllowed, untilMs: nowMs + REMEMBERED_MS });
    const [eldest] = this.#answers.keys();
    if (this.#answers.size > ANSWERS_MAX && eldest !== undefined) this.#answers.delete(eldest);
    try {
      return await isAllowed;
    } catch (error) {
      this.#answers.delete(key); // a question that failed is asked again
      throw error;
    }
  }
}
