// The one client of /api/v1 for commands: the same that the console uses, as the kubeconfig's user.

/** Query parameters; those that are undefined are left out. */
export type ApiQuery = Readonly<Record<string, string | number | undefined>>;

/** One server-sent event: its type, and its data parsed. */
export type ApiEvent = { readonly type: string; readonly id: string; readonly data: unknown };

/**
 * Failures are OperatorErrors: CONTROL_PLANE_UNREACHABLE, NOT_FOUND (404), and API_REFUSED for
 * every other `ApiProblem`, with its message and remedy.
 */
export interface MeshApi {
  /** The console's address, for messages and links. */
  readonly url: string;
  get(path: string, query?: ApiQuery): Promise<unknown>;
  send(method: 'POST' | 'PUT' | 'DELETE', path: string, body?: unknown): Promise<unknown>;
  /** Server-sent events until `signal` is aborted, the stream ends or breaks. */
  events(path: string, query?: ApiQuery): AsyncGenerator<ApiEvent, void, undefined>;
}
