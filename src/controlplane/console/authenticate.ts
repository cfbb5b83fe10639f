// Who asks: by a session's cookie, or by a bearer token that comes with each request.
import type { IncomingMessage } from 'node:http';
import type { KubeUser } from '#kube/user.ts';
import type { Identifier } from './identify.ts';
import type { RateLimit } from './rate-limit.ts';
import { bearerOf, cookieNameFor, cookieOf, headerOf } from './request.ts';
import { ApiRefusal } from './route.ts';
import { isSameSecret, type OpenSession, type Sessions, type SignedIn } from './sessions.ts';
import type { TokenReviews } from './token-reviews.ts';

export type Caller = SignedIn & {
  /** Undefined: a bearer token. */
  readonly session: OpenSession | undefined;
};

export type AuthenticateParts = {
  readonly sessions: Sessions;
  readonly identifier: Identifier;
  readonly reviews: TokenReviews;
  /** Of tokens that were refused, by address: each costs the API server a review. */
  readonly refusals: RateLimit;
};

const NOBODY: KubeUser = { username: '', uid: '', groups: [], extra: {} };

/** Who has not said who they are: for signing in only. */
export const ANONYMOUS: Caller = {
  user: NOBODY,
  credential: { kind: 'certificate', endsAtMs: 0 },
  session: undefined,
};

export const tooMany = (seconds: number): ApiRefusal =>
  new ApiRefusal(
    429,
    { code: 'too-many', message: `too many attempts: wait ${seconds} s` },
    { 'retry-after': String(seconds) },
  );

export const unauthorized = (message: string): ApiRefusal =>
  new ApiRefusal(
    401,
    { code: 'unauthorized', message, remedy: 'sign in; from a shell: isthmus dashboard' },
    { 'www-authenticate': 'Bearer' },
  );

/** @throws ApiRefusal 401; 429; 403 for a change that a session's page did not vouch for */
export async function authenticate(
  request: IncomingMessage,
  { sessions, identifier, reviews, refusals }: AuthenticateParts,
): Promise<Caller> {
  const token = bearerOf(request);
  if (token !== undefined) {
    const address = request.socket.remoteAddress ?? '';
    const waitSeconds = refusals.wait(address);
    if (waitSeconds > 0) throw tooMany(waitSeconds);
    const found = await identifier.identify(token);
    if (found.ok) return { ...found.who, session: undefined };
    refusals.take(address);
    throw unauthorized(`the token is refused: ${found.problem}`);
  }
  const id = cookieOf(request, cookieNameFor(request));
  const session = id === undefined ? undefined : sessions.find(id);
  if (!session) {
    throw unauthorized(id === undefined ? 'nobody is signed in' : 'the session has ended');
  }
  if (isChange(request)) checkVouched(request, session);
  const user = await stillUser(session, reviews);
  if (user) return { user, credential: session.credential, session };
  sessions.close(session.id);
  throw unauthorized('the token of this session is no longer good');
}

export const isChange = ({ method }: IncomingMessage): boolean =>
  method !== 'GET' && method !== 'HEAD';

/** A token's user as of now; undefined: the API server takes the token no more. */
export async function stillUser(
  { credential, user }: SignedIn,
  reviews: TokenReviews,
): Promise<KubeUser | undefined> {
  if (credential.kind === 'certificate') return user;
  const review = await reviews.review(credential.token);
  return review.isAuthenticated ? review.user : undefined;
}

/** A browser sends cookies along with whatever any page makes it send; the token only this page. */
function checkVouched(request: IncomingMessage, { csrfToken }: OpenSession): void {
  if (isSameSecret(headerOf(request, 'x-csrf-token') ?? '', csrfToken)) return;
  const message = 'the request does not come from this console';
  throw new ApiRefusal(403, { code: 'csrf', message, remedy: 'reload the page' });
}
