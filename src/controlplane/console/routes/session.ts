// Signing in and out, and what the user may do: `GET|POST|DELETE /api/v1/session`, and
// `GET /api/v1/session/can?namespace=`; and codes that sign in once, for links: `POST
// /api/v1/session/code`.
import type { NamespaceAbilities, Session } from '#api/session.ts';
import type { Clock } from '#base/clock.ts';
import { isNamespaceName } from '#base/workload-identity.ts';
import { isRecord } from '#kube/objects.ts';
import type { KubeUser } from '#kube/user.ts';
import type { AbilityReviews } from '../abilities.ts';
import { tooMany, unauthorized } from '../authenticate.ts';
import type { Identifier } from '../identify.ts';
import { RateLimit } from '../rate-limit.ts';
import { badRequest, ok, type ApiAnswer, type ApiCall, type ApiRoute } from '../route.ts';
import { CODE_SECONDS, type OpenSession, type Sessions, type SignedIn } from '../sessions.ts';

export type SessionParts = {
  readonly sessions: Sessions;
  readonly identifier: Identifier;
  readonly abilities: AbilityReviews;
  readonly undoSeconds: number;
  readonly clock: Clock;
};

const PATH = '/api/v1/session';
/** Of one address, and of all: a secret has 256 bits, so this only spares the API server. */
const ATTEMPTS = { burst: 10, perMinute: 20 };
const ALL_ATTEMPTS = { burst: 60, perMinute: 120 };
const EVERYBODY = '*';

/** Of one user: each costs the API server some reviews, where they are not remembered. */
const QUESTIONS = { burst: 100, perMinute: 120 };

export function sessionRoutes(parts: SessionParts): readonly ApiRoute[] {
  const { sessions, clock } = parts;
  const attempts = new RateLimit(ATTEMPTS, clock);
  const allAttempts = new RateLimit(ALL_ATTEMPTS, clock);
  const questions = new RateLimit(QUESTIONS, clock);
  return [
    {
      method: 'GET',
      path: PATH,
      allow: 'signed-in',
      handle: async ({ user, session }) => ok(await describe(parts, user, session)),
    },
    {
      method: 'GET',
      path: `${PATH}/can`,
      allow: 'signed-in',
      handle: async (call) => {
        const waitSeconds = questions.take(call.user.username);
        if (waitSeconds > 0) throw tooMany(waitSeconds);
        return ok(await abilitiesIn(parts, call));
      },
    },
    {
      method: 'POST',
      path: PATH,
      allow: 'anyone',
      handle: async ({ body, remoteAddress, cookieName, isEncrypted }) => {
        const waitSeconds = Math.max(attempts.take(remoteAddress), allAttempts.take(EVERYBODY));
        if (waitSeconds > 0) throw tooMany(waitSeconds);
        const session = sessions.open(await signIn(parts, body));
        const { user, id, endsAtMs } = session;
        const lifeSeconds = Math.max(0, Math.floor((endsAtMs - clock.nowMs()) / 1000));
        const cookie = cookieText(cookieName, id, { lifeSeconds, isEncrypted });
        return created(await describe(parts, user, session), cookie);
      },
    },
    {
      method: 'DELETE',
      path: PATH,
      allow: 'signed-in',
      handle: ({ session, cookieName, isEncrypted }) => {
        if (session) sessions.close(session.id);
        const cookie = cookieText(cookieName, '', { lifeSeconds: 0, isEncrypted });
        return Promise.resolve({ status: 204, headers: { 'set-cookie': cookie } });
      },
    },
    {
      method: 'POST',
      path: `${PATH}/code`,
      allow: 'signed-in',
      handle: ({ user, credential, body }) => {
        const { lifeSeconds = CODE_SECONDS.default } = isRecord(body) ? body : {};
        if (typeof lifeSeconds !== 'number' || !(lifeSeconds > 0)) {
          throw badRequest(`lifeSeconds is a number up to ${CODE_SECONDS.max}`);
        }
        const code = sessions.issueCode({ user, credential }, lifeSeconds);
        return Promise.resolve({ status: 201, body: code });
      },
    },
  ];
}

const created = (body: Session, cookie: string): ApiAnswer => ({
  status: 201,
  body,
  headers: { 'set-cookie': cookie },
});

/** @throws ApiRefusal 400, 401 */
async function signIn({ sessions, identifier }: SessionParts, body: unknown): Promise<SignedIn> {
  const { token, code } = isRecord(body) ? body : {};
  if (typeof code === 'string') {
    const who = sessions.redeem(code);
    if (who) return who;
    throw unauthorized('the link was used before, or is older than a minute');
  }
  if (typeof token !== 'string') throw badRequest('sign in with {"token": …} or {"code": …}');
  const found = await identifier.identify(token.trim());
  if (found.ok) return found.who;
  throw unauthorized(`the token is refused: ${found.problem}`);
}

/** Unread by scripts, and never sent along from another site. Secure wherever there is TLS. */
function cookieText(
  name: string,
  value: string,
  { lifeSeconds, isEncrypted }: { readonly lifeSeconds: number; readonly isEncrypted: boolean },
): string {
  const secure = isEncrypted ? '; Secure' : '';
  return `${name}=${value}; Path=/; Max-Age=${lifeSeconds}; HttpOnly; SameSite=Strict${secure}`;
}

async function abilitiesIn(
  { abilities }: SessionParts,
  { user, query }: ApiCall,
): Promise<NamespaceAbilities> {
  const namespace = query.get('namespace') ?? '';
  if (!isNamespaceName(namespace)) throw badRequest(`"${namespace}" is no namespace`);
  return { namespace, can: await abilities.in(user, namespace) };
}

async function describe(
  { abilities, undoSeconds }: SessionParts,
  user: KubeUser,
  session: OpenSession | undefined,
): Promise<Session> {
  const can = await abilities.in(user, '');
  const canSomewhere = await abilities.somewhere(user, can);
  const { probe, join, policies } = canSomewhere;
  return {
    user: user.username,
    role: probe || join || policies ? 'editor' : 'viewer',
    can,
    canSomewhere,
    readOnlyReason: abilities.readOnlyReason(user),
    csrfToken: session?.csrfToken ?? '',
    endsAtMs: session?.endsAtMs ?? 0,
    undoSeconds,
  };
}
