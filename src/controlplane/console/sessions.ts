// Who is signed in, in memory: a restart of isthmusd signs everybody out. And codes that work once,
// for links: whoever has one is signed in as whoever asked for it.
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Clock } from '#base/clock.ts';
import type { KubeUser } from '#kube/user.ts';

/** What a session stands on: it ends no later. */
export type Credential =
  /** Asked about again and again: a token that was revoked signs out whoever came with it. */
  | { readonly kind: 'token'; readonly token: string }
  | { readonly kind: 'certificate'; readonly endsAtMs: number };

export type SignedIn = { readonly user: KubeUser; readonly credential: Credential };

export type OpenSession = SignedIn & {
  readonly id: string;
  readonly csrfToken: string;
  readonly endsAtMs: number;
  /** Aborted when it ends. */
  readonly over: AbortSignal;
};

const SESSION_MS = 12 * 3_600_000;
const SESSIONS_MAX = 1000;
export const CODE_SECONDS = { default: 60, max: 3600 } as const;
const CODES_MAX = 100;
/** 256 bits, nothing to guess. */
const SECRET_BYTES = 32;

type Kept = OpenSession & { readonly controller: AbortController };
type Code = SignedIn & { readonly endsAtMs: number };

export class Sessions {
  readonly #clock: Clock;
  readonly #randomBytes: (size: number) => Uint8Array;
  /** By the digest of what the cookie carries. */
  readonly #sessions = new Map<string, Kept>();
  /** By the code's digest. */
  readonly #codes = new Map<string, Code>();

  constructor(options: {
    readonly clock: Clock;
    readonly randomBytes: (size: number) => Uint8Array;
  }) {
    this.#clock = options.clock;
    this.#randomBytes = options.randomBytes;
  }

  open({ user, credential }: SignedIn): OpenSession {
    const controller = new AbortController();
    const nowMs = this.#clock.nowMs();
    const limitMs = credential.kind === 'certificate' ? credential.endsAtMs : Infinity;
    const id = this.#secret();
    const session: Kept = {
      id,
      csrfToken: this.#secret(),
      user,
      credential,
      endsAtMs: Math.min(nowMs + SESSION_MS, limitMs),
      over: controller.signal,
      controller,
    };
    this.#sessions.set(digestOf(id), session);
    for (const [key, eldest] of this.#sessions) {
      if (this.#sessions.size <= SESSIONS_MAX && eldest.endsAtMs > nowMs) break;
      this.#end(key);
    }
    return session;
  }

  /** @param id as the cookie says */
  find(id: string): OpenSession | undefined {
    const key = digestOf(id);
    const session = this.#sessions.get(key);
    if (!session) return undefined;
    if (session.endsAtMs > this.#clock.nowMs()) return session;
    this.#end(key);
    return undefined;
  }

  close(id: string): void {
    this.#end(digestOf(id));
  }

  /** A code for a link. The eldest is forgotten when there are too many. */
  issueCode(
    { user, credential }: SignedIn,
    lifeSeconds: number = CODE_SECONDS.default,
  ): { readonly code: string; readonly endsAtMs: number } {
    const code = this.#secret();
    const endsAtMs = this.#clock.nowMs() + Math.min(lifeSeconds, CODE_SECONDS.max) * 1000;
    this.#codes.set(digestOf(code), { user, credential, endsAtMs });
    const [eldest] = this.#codes.keys();
    if (this.#codes.size > CODES_MAX && eldest !== undefined) this.#codes.delete(eldest);
    return { code, endsAtMs };
  }

  /** Works once. */
  redeem(code: string): SignedIn | undefined {
    const key = digestOf(code);
    const found = this.#codes.get(key);
    this.#codes.delete(key);
    return found && found.endsAtMs > this.#clock.nowMs() ? found : undefined;
  }

  #end(key: string): void {
    this.#sessions.get(key)?.controller.abort(new DOMException('signed out', 'AbortError'));
    this.#sessions.delete(key);
  }

  #secret(): string {
    return Buffer.from(this.#randomBytes(SECRET_BYTES)).toString('base64url');
  }
}

const digestOf = (secret: string): string =>
  createHash('sha256').update(secret).digest('base64url');

/** Takes as long for a wrong secret as for the right one. */
export function isSameSecret(given: string, wanted: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(wanted));
}
