// Who is signed in, and what they may do. `GET|POST|DELETE /api/v1/session`,
// `GET /api/v1/session/can?namespace=`.

export type Session = {
  readonly user: string;
  /** Says what the top bar shows; each action is decided by Kubernetes' RBAC for itself. */
  readonly role: 'viewer' | 'editor';
  /** In all namespaces. */
  readonly can: Abilities;
  /** In one at least, maybe: what is to be offered, and then asked about for its namespace. */
  readonly canSomewhere: Abilities;
  /** Why nothing can be written in this user's name, whatever their rights; empty: it can. */
  readonly readOnlyReason: string;
  /** To be sent with every request that changes something, as `X-CSRF-Token`. */
  readonly csrfToken: string;
  readonly endsAtMs: number;
  /** An applied policy that nobody confirms undoes itself after so long. */
  readonly undoSeconds: number;
};

export type Ability = 'probe' | 'join' | 'policies' | 'proxy' | 'logs';

export type Abilities = Readonly<Record<Ability, boolean>>;

/** What the one who asks may do in a namespace. */
export type NamespaceAbilities = { readonly namespace: string; readonly can: Abilities };

/** A token of a Kubernetes user or service account, or a code that works once. */
export type SignIn = { readonly token: string } | { readonly code: string };

/** Every answer that is no success, whatever its status. */
export type ApiProblem = {
  /** `forbidden`, `not-found`, `conflict`, … */
  readonly code: string;
  /** One sentence. */
  readonly message: string;
  /** What can be done about it; empty: nothing. */
  readonly remedy: string;
};
