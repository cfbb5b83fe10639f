// From what a connection and its headers carry to a user, or to a refusal.
import { unauthorized } from '../status.ts';
import type { Store } from '../store/store.ts';
import type { TokenSigner } from './jwt.ts';
import { ISSUER, verifyToken } from './service-account-token.ts';
import { ANONYMOUS, GROUP_AUTHENTICATED } from './user.ts';
import type { UserInfo } from './user.ts';

/** What TLS found out about the client. */
export type ClientCertificate =
  | { readonly kind: 'none' }
  /** Not signed by this server's authority, or expired. */
  | { readonly kind: 'rejected' }
  | {
      readonly kind: 'verified';
      readonly commonName: string;
      readonly organizations: readonly string[];
    };

export type Authenticator = (credentials: {
  readonly certificate: ClientCertificate;
  /** The `Authorization` header. */
  readonly authorization: string | undefined;
}) => UserInfo;

/** @throws StatusError Unauthorized from the function it returns, when credentials are no good */
export function createAuthenticator(context: {
  readonly signer: TokenSigner;
  readonly store: Store;
  readonly nowMs: () => number;
}): Authenticator {
  const { signer, store, nowMs } = context;
  return ({ certificate, authorization }) => {
    if (certificate.kind === 'verified' && certificate.commonName !== '') {
      return {
        username: certificate.commonName,
        groups: [...certificate.organizations, GROUP_AUTHENTICATED],
      };
    }
    const token = /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1];
    if (token !== undefined) {
      const verified = verifyToken(token, [ISSUER], { signer, store, nowMs: nowMs() });
      if (verified) return verified.user;
    }
    // Wrong credentials are not the same as none: they are never quietly anonymous.
    if (certificate.kind === 'none' && authorization === undefined) return ANONYMOUS;
    throw unauthorized();
  };
}
