// The one way to the control plane's API. Reading needs the session's cookie only; what changes
// something also carries the session's CSRF token.
import type { ApiProblem } from './types.ts';

/** The answer was no success; `problem` says why in words to show. */
export class ApiError extends Error {
  readonly status: number;
  readonly problem: ApiProblem;

  constructor(status: number, problem: ApiProblem) {
    super(problem.message);
    this.status = status;
    this.problem = problem;
  }
}

let csrfToken = '';
let onSignedOut: () => void = () => undefined;

export function setCsrfToken(token: string): void {
  csrfToken = token;
}

/** Called when an answer says that nobody is signed in any more. */
export function whenSignedOut(listener: () => void): void {
  onSignedOut = listener;
}

export type RequestOptions = {
  readonly signal?: AbortSignal | undefined;
  readonly headers?: Readonly<Record<string, string>>;
};

const UNREACHABLE: ApiProblem = {
  code: 'unreachable',
  message: 'The control plane does not answer.',
  remedy: 'Check that isthmusd runs and that this browser reaches it; then retry.',
};

async function problemOf(response: Response): Promise<ApiProblem> {
  const fallback = {
    code: `http-${response.status}`,
    message: `The control plane answered ${response.status}.`,
    remedy: '',
  };
  try {
    const body = (await response.json()) as Partial<ApiProblem>;
    return { ...fallback, ...body };
  } catch {
    return fallback;
  }
}

/** A successful response, whatever its body; throws ApiError otherwise. */
export async function request(path: string, init: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, { credentials: 'same-origin', cache: 'no-store', ...init });
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new ApiError(0, UNREACHABLE);
  }
  if (response.ok) return response;
  const problem = await problemOf(response);
  if (response.status === 401) onSignedOut();
  throw new ApiError(response.status, problem);
}

async function json<T>(response: Response): Promise<T> {
  if (response.status === 204) return undefined as T;
  return (await response.json()) as T;
}

export async function get<T>(path: string, options: RequestOptions = {}): Promise<T> {
  const { signal = null, headers = {} } = options;
  return json<T>(await request(path, { signal, headers }));
}

export async function send<T>(
  method: 'POST' | 'PUT' | 'DELETE',
  path: string,
  body?: unknown,
  options: RequestOptions = {},
): Promise<T> {
  const { signal = null, headers = {} } = options;
  const init: RequestInit = {
    method,
    signal,
    headers: { 'Content-Type': 'application/json', 'X-CSRF-Token': csrfToken, ...headers },
  };
  if (body !== undefined) init.body = JSON.stringify(body);
  return json<T>(await request(path, init));
}

export const post = <T>(path: string, body: unknown, options?: RequestOptions): Promise<T> =>
  send<T>('POST', path, body, options);

/** What to show of any failure. */
export function problemFrom(error: unknown): ApiProblem {
  if (error instanceof ApiError) return error.problem;
  const message = error instanceof Error ? error.message : String(error);
  return { code: 'console', message: `The console failed: ${message}`, remedy: 'Reload the page.' };
}
