// Who a request comes from.

export type UserInfo = {
  readonly username: string;
  readonly uid?: string;
  readonly groups: readonly string[];
  readonly extra?: { readonly [key: string]: readonly string[] };
};

export const GROUP_MASTERS = 'system:masters';
export const GROUP_AUTHENTICATED = 'system:authenticated';
export const GROUP_UNAUTHENTICATED = 'system:unauthenticated';

export const ANONYMOUS: UserInfo = {
  username: 'system:anonymous',
  groups: [GROUP_UNAUTHENTICATED],
};

/** The server's own controllers. */
export const SERVER_USER: UserInfo = {
  username: 'system:apiserver',
  groups: [GROUP_MASTERS, GROUP_AUTHENTICATED],
};
