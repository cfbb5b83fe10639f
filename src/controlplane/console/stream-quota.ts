// How many streams are open at once, of one user and in all.
import { ApiRefusal } from './route.ts';

const USER_MAX = 16;
const ALL_MAX = 200;

export class StreamQuota {
  readonly #open = new Map<string, number>();
  #all = 0;

  /**
   * Counts a stream until its end.
   *
   * @throws ApiRefusal 429
   */
  take(username: string, ended: AbortSignal): void {
    if (ended.aborted) return;
    const own = this.#open.get(username) ?? 0;
    if (own >= USER_MAX || this.#all >= ALL_MAX) {
      const whose = own >= USER_MAX ? 'this user has' : 'there are';
      const message = `${whose} too many streams open`;
      const remedy = 'close a page or a command that follows the mesh';
      throw new ApiRefusal(429, { code: 'too-many', message, remedy }, { 'retry-after': '10' });
    }
    this.#count(username, 1);
    ended.addEventListener('abort', () => this.#count(username, -1), { once: true });
  }

  get open(): number {
    return this.#all;
  }

  #count(username: string, by: 1 | -1): void {
    this.#all += by;
    const own = (this.#open.get(username) ?? 0) + by;
    if (own > 0) this.#open.set(username, own);
    else this.#open.delete(username);
  }
}
