// Who is signed in, and what they may do. `GET|POST|DELETE /api/v1/session`.

export type Session = {
  readonly user: string;
  /** Says what the top bar shows; each action is decided by Kubernetes' RBAC for itself. */
  readonly role: 'viewer' | 'editor';
  readonly can: Readonly<Record<Ability, boolean>>;
  /** To be sent with every request that changes something, as `X-CSRF-Token`. */
  readonly csrfToken: string;
  readonly endsAtMs: number;
  /** An applied policy that nobody confirms undoes itself after so long. */
  readonly undoSeconds: number;
};

export type Ability = 'probe' | 'join' | 'policies' | 'proxy' | 'logs';

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
