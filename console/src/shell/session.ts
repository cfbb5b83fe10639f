// Signing in and out. A code from a link leaves the address bar before anything else happens, so
// that neither the history nor a copied link carries it.
import { ApiError, get, post, send, setCsrfToken, whenSignedOut } from '../api/client.ts';
import type { Session, SignIn } from '../api/types.ts';
import { feed, session } from '../store/hooks.ts';

function welcome(signedIn: Session): void {
  setCsrfToken(signedIn.csrfToken);
  session.set(signedIn);
}

/** The code of `#code=…`, taken out of the address; undefined: there is none. */
function takeCode(): string | undefined {
  const code = new URLSearchParams(location.hash.slice(1)).get('code');
  if (location.hash !== '') {
    history.replaceState(null, '', location.pathname + location.search);
  }
  return code ?? undefined;
}

export async function signIn(by: SignIn): Promise<void> {
  welcome(await post<Session>('/api/v1/session', by));
}

export async function signOut(): Promise<void> {
  await send('DELETE', '/api/v1/session').catch(() => undefined);
  feed.close();
  location.reload();
}

/** Finds out who is signed in. A code that does not work is as none: the page asks. */
export async function openSession(): Promise<void> {
  const code = takeCode();
  whenSignedOut(() => session.set(null));
  if (code !== undefined) {
    const isIn = await signIn({ code }).then(
      () => true,
      () => false,
    );
    if (isIn) return;
  }
  try {
    welcome(await get<Session>('/api/v1/session'));
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    session.set(null);
  }
}
