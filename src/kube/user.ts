// Users as a Kubernetes API server knows them, for whoever acts in their name.

/** https://kubernetes.io/docs/reference/access-authn-authz/authentication/ : UserInfo. */
export type KubeUser = {
  readonly username: string;
  /** Empty: the authenticator gave none. */
  readonly uid: string;
  readonly groups: readonly string[];
  readonly extra: Readonly<Record<string, readonly string[]>>;
};

export type UserReview =
  | { readonly isAuthenticated: true; readonly user: KubeUser }
  | { readonly isAuthenticated: false; readonly problem: string };

/** The resourceAttributes of a SubjectAccessReview. */
export type AccessQuestion = {
  readonly verb: string;
  readonly group: string;
  /** `policies` or `proxies/logs`. */
  readonly resource: string;
  /** Absent or empty: everywhere. */
  readonly namespace?: string;
  readonly name?: string;
};

/**
 * The headers of a request in another's name. The user's `extra` and uid stay away: each would be
 * a right of its own for whoever impersonates, and RBAC decides by neither.
 * https://kubernetes.io/docs/reference/access-authn-authz/user-impersonation/
 */
export const impersonationHeaders = ({
  username,
  groups,
}: KubeUser): Readonly<Record<string, string | string[]>> => ({
  'impersonate-user': username,
  ...(groups.length > 0 && { 'impersonate-group': [...groups] }),
});
