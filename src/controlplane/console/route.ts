// What a route of /api/v1 is: a path, who may use it, and what it answers. Each topic adds its own
// (routes/*.ts), the server (server.ts) does the rest: sign-in, CSRF, limits, errors, streams.
import type { ApiProblem } from '#api/session.ts';
import type { KubeUser } from '#kube/user.ts';
import type { Credential, OpenSession } from './sessions.ts';

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

/**
 * A right on a virtual resource of the group `isthmus.dev`, asked of Kubernetes (a
 * SubjectAccessReview). In the namespace that the path names as `:namespace`, else everywhere.
 */
export type Right = {
  readonly verb: 'get' | 'create';
  readonly resource:
    | 'flows'
    | 'proxies/config'
    | 'proxies/logs'
    | 'proxies/probe'
    | 'proxies/sessions'
    | 'joins';
};

/**
 * Who may use a route. `signed-in`: every user; for what Kubernetes itself then decides because it
 * is done in the user's name, and for what is the user's own. `anyone`: for signing in only.
 */
export type Access = Right | 'signed-in' | 'anyone';

export type ApiCall = {
  /** What the path's `:names` stand for, decoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** Parsed JSON of at most 256 KiB; undefined: the request had no body. */
  readonly body: unknown;
  /** `If-Match`, without quotation marks; undefined: it was not sent. */
  readonly ifMatch: string | undefined;
  /** `If-None-Match: *`: only if there is none yet. */
  readonly isOnlyNew: boolean;
  /** `Last-Event-ID`, of a browser that resumes a stream. */
  readonly lastEventId: string | undefined;
  /** Whoever asks, as the API server said; `client.as(user)` acts in their name. */
  readonly user: KubeUser;
  /** What the user has shown: what is done for them ends no later. */
  readonly credential: Credential;
  /** The session that a cookie stands for; undefined: a bearer token came with the request. */
  readonly session: OpenSession | undefined;
  /** Aborted when the client has gone or the server stops. */
  readonly signal: AbortSignal;
  /** Where the client is, for audit lines: an IP address. */
  readonly remoteAddress: string;
  /** Of a session's cookie. */
  readonly cookieName: string;
  /** Did it come by TLS? */
  readonly isEncrypted: boolean;
  /** May this user do that, too? @param namespace default: the route's own, else everywhere */
  may(right: Right, namespace?: string): Promise<boolean>;
  /**
   * Answers with server-sent events instead: the handler then returns `STREAMED` once it is done.
   * Refused (ApiRefusal 429) when the user or the server has too many open.
   */
  stream(): SseStream;
};

export type ServerSentEvent = {
  /** What a client that comes back says that it has seen. */
  readonly id?: string;
  readonly type: string;
  /** One line of JSON. */
  readonly json: string;
};

/** Heartbeats go by themselves. Everything after the end is dropped. */
export interface SseStream {
  /** Aborted when the client has gone, was too slow, or the server stops. */
  readonly ended: AbortSignal;
  /** @returns false: the client reads slowly; wait for `drained` before the next */
  send(event: ServerSentEvent): boolean;
  /** Resolves when all that was sent is on its way, or the stream has ended. */
  drained(): Promise<void>;
  end(): void;
}

export type ApiAnswer =
  | {
      readonly status: number;
      /** Sent as JSON; undefined: no body. */
      readonly body?: unknown;
      readonly headers?: Readonly<Record<string, string>>;
    }
  | typeof STREAMED;

export const STREAMED = Symbol('the answer was a stream');

export type ApiRoute = {
  readonly method: Method;
  /** `/api/v1/workloads/:namespace/:name/proxy`: a segment that begins with `:` is a name. */
  readonly path: `/api/v1/${string}`;
  readonly allow: Access;
  /**
   * Throwing ApiRefusal is an answer; KubeStatusError and OperatorError are translated; anything
   * else is a bug: logged, and answered with 500.
   */
  readonly handle: (call: ApiCall) => Promise<ApiAnswer>;
};

/** An answer that is no success, thrown from however deep. */
export class ApiRefusal extends Error {
  override readonly name = 'ApiRefusal';
  readonly status: number;
  readonly problem: ApiProblem;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    problem: Omit<ApiProblem, 'remedy'> & { readonly remedy?: string },
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(problem.message);
    this.status = status;
    this.problem = { remedy: '', ...problem };
    this.headers = headers;
  }
}

export const ok = (body: unknown): ApiAnswer => ({ status: 200, body });

/** @param what `workload default/books` */
export const notFound = (what: string): ApiRefusal =>
  new ApiRefusal(404, { code: 'not-found', message: `there is no ${what}` });

export const badRequest = (message: string, remedy = ''): ApiRefusal =>
  new ApiRefusal(400, { code: 'bad-request', message, remedy });
