// A Kubernetes API server as seen by its clients: the verbs that the mesh uses, and nothing more.
//
// Failures are of two kinds. The server refused: KubeStatusError with its Status. The server could
// not be reached, or broke off: OperatorError API_SERVER_UNREACHABLE. An aborted signal rejects
// with the signal's reason. Objects come back as they are on the wire: the reader of a kind parses.
import type { LogOptions } from './log-verb.ts';
import type { KubeObject, ObjectRef } from './objects.ts';
import type { ResourceType } from './resources.ts';
import type { AccessQuestion, KubeUser, UserReview } from './user.ts';

export type RequestOptions = { readonly signal?: AbortSignal | undefined };

export type Selection = {
  /** Absent: all namespaces. */
  readonly namespace?: string | undefined;
  /** Such as `app=inventory,tier!=cache`. */
  readonly labelSelector?: string | undefined;
  /** Such as `metadata.name=istio`. */
  readonly fieldSelector?: string | undefined;
};

export type ListOptions = Selection &
  RequestOptions & {
    /** Objects per page; absent: all at once. */
    readonly limit?: number | undefined;
    /** From the page before. It may expire: KubeStatusError 410. */
    readonly continueToken?: string | undefined;
  };

export type KubeList = {
  readonly items: readonly KubeObject[];
  /** The state that the list shows: where a watch goes on from. */
  readonly resourceVersion: string;
  readonly continueToken: string | undefined;
};

export type WatchOptions = Selection &
  RequestOptions & {
    /** Only what happens after this; absent: the present objects come first as ADDED. */
    readonly resourceVersion?: string | undefined;
    /** The server ends the watch cleanly after this long. */
    readonly timeoutSeconds: number;
  };

export type ChangeType = 'ADDED' | 'MODIFIED' | 'DELETED';

export type WatchEvent =
  | { readonly type: ChangeType; readonly object: KubeObject }
  /** Nothing happened up to this version. */
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string };

export type PatchOptions = RequestOptions & {
  /** `apply` is server-side apply and needs `fieldManager`. */
  readonly kind: 'merge' | 'json' | 'strategic' | 'apply';
  readonly subresource?: string | undefined;
  readonly fieldManager?: string | undefined;
  /** Take over fields that another manager owns (`apply` only). */
  readonly isForced?: boolean | undefined;
};

export type IssuedToken = { readonly token: string; readonly expiresAtMs: number };

export type TokenRequestOptions = RequestOptions & {
  readonly audiences: readonly string[];
  /** The server refuses less than 600. */
  readonly expirationSeconds: number;
  /** The Pod whose end is the token's end, too. */
  readonly boundPod?: { readonly name: string; readonly uid: string } | undefined;
};

/** A TokenReview's answer. `username` is `system:serviceaccount:<namespace>:<name>` for ours. */
export type TokenReviewResult =
  | {
      readonly isAuthenticated: true;
      readonly username: string;
      readonly groups: readonly string[];
      readonly extra: Readonly<Record<string, readonly string[]>>;
      /** Those asked for that the token is meant for; never empty. */
      readonly audiences: readonly string[];
    }
  | { readonly isAuthenticated: false; readonly problem: string };

export interface KubeClient {
  /** The API server's address, for messages. */
  readonly server: string;

  get(type: ResourceType, ref: ObjectRef, options?: RequestOptions): Promise<KubeObject>;
  list(type: ResourceType, options?: ListOptions): Promise<KubeList>;
  /**
   * Events in the server's order, each exactly once. Ends when the server ends the watch; throws
   * KubeStatusError (410 when the version is too old) or API_SERVER_UNREACHABLE when it breaks.
   * Leaving the loop closes the connection.
   */
  watch(type: ResourceType, options: WatchOptions): AsyncGenerator<WatchEvent, void, undefined>;
  /** Into the namespace that the object names. */
  create(
    type: ResourceType,
    object: KubeObject,
    options?: RequestOptions & {
      readonly fieldManager?: string | undefined;
      /** Everything happens, admission included, but the write. */
      readonly isDryRun?: boolean;
    },
  ): Promise<KubeObject>;
  /** Gives a Pod to a node (its `binding`): once, and only the Pod with this uid. */
  bind(
    pod: ObjectRef & { readonly uid?: string | undefined },
    nodeName: string,
    options?: RequestOptions,
  ): Promise<void>;
  /** Replaces the object; refused with a conflict when its resourceVersion is not the present. */
  update(
    type: ResourceType,
    object: KubeObject,
    options?: RequestOptions & { readonly subresource?: string | undefined },
  ): Promise<KubeObject>;
  patch(
    type: ResourceType,
    ref: ObjectRef,
    patch: unknown,
    options: PatchOptions,
  ): Promise<KubeObject>;
  remove(
    type: ResourceType,
    ref: ObjectRef,
    options?: RequestOptions & {
      readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
      /** How long the object gets to end; 0: it has ended. Default: as the object says. */
      readonly gracePeriodSeconds?: number;
    },
  ): Promise<void>;
  /** A token of this service account (TokenRequest). */
  createToken(serviceAccount: ObjectRef, options: TokenRequestOptions): Promise<IssuedToken>;
  /** Whose token is it, and is it meant for one of these audiences (TokenReview)? */
  reviewToken(
    token: string,
    options: RequestOptions & { readonly audiences: readonly string[] },
  ): Promise<TokenReviewResult>;
  /** Whose token is it, of those that are meant for the API server itself (TokenReview)? */
  reviewUser(token: string, options?: RequestOptions): Promise<UserReview>;
  /** May that user do this (SubjectAccessReview)? */
  reviewAccess(
    user: KubeUser,
    question: AccessQuestion,
    options?: RequestOptions,
  ): Promise<boolean>;
  /**
   * The same connections, used in that user's name: the server decides by what the user may do.
   * Closing it does nothing.
   */
  as(user: KubeUser): KubeClient;
  /** The lines of a container's log; leaving the loop closes the connection. */
  podLog(ref: ObjectRef, options: LogOptions): AsyncIterable<string>;
  /** Closes idle connections and breaks off what is under way. */
  close(): void;
}
