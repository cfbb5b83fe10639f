// The one client of /api/v1 for commands: the same API that the console uses, asked as the user of
// the kubeconfig.
import { systemClock } from '#base/clock.ts';
import { usageError } from '#base/flags.ts';
import { OperatorError } from '#base/operator-error.ts';
import { isRecord } from '#kube/objects.ts';
import { DEFAULT_CONSOLE } from '../common-flags.ts';
import { loadKube } from '../kube.ts';
import { credentialOf, type Credential } from './credential.ts';
import { MeshApiTransport, type ApiResponse } from './transport.ts';
import { readEvents } from './sse.ts';
import { meshRoots } from './roots.ts';

/** Query parameters; those that are undefined are left out. */
export type ApiQuery = Readonly<Record<string, string | number | undefined>>;

/** One server-sent event: its type, and its data parsed. */
export type ApiEvent = { readonly type: string; readonly id: string; readonly data: unknown };

/**
 * Failures are OperatorErrors: CONTROL_PLANE_UNREACHABLE, NOT_FOUND (404), USAGE (400), and
 * CONTROL_PLANE_REFUSED for every other `ApiProblem`, with its message and remedy.
 */
export interface MeshApi {
  /** The console's address without a slash at the end, for messages and links. */
  readonly url: string;
  get(path: string, query?: ApiQuery): Promise<unknown>;
  send(
    method: 'POST' | 'PUT' | 'DELETE',
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ): Promise<unknown>;
  /** Server-sent events until the command's signal is aborted, or the stream ends or breaks. */
  events(path: string, query?: ApiQuery): AsyncGenerator<ApiEvent, void, undefined>;
}

/** The values of `meshApiFlags`. */
export type MeshApiWords = {
  readonly 'console-url': string | undefined;
  readonly kubeconfig: string | undefined;
  readonly context: string | undefined;
};

type Surroundings = {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
};

const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

/** @throws OperatorError USAGE */
export function consoleUrl(
  words: Pick<MeshApiWords, 'console-url'>,
  env: Surroundings['env'],
): string {
  const text = words['console-url'] ?? (env['ISTHMUS_CONSOLE'] || DEFAULT_CONSOLE);
  const usage = `--console-url ${DEFAULT_CONSOLE}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') {
    throw usageError(`${text} is no address of a console`, usage);
  }
  if (url.protocol === 'http:' && !LOOPBACK.test(url.hostname)) {
    throw usageError(`${text} would carry your credentials in clear text`, usage);
  }
  return url.href.replace(/\/+$/, '');
}

/** @throws OperatorError USAGE, CONFIG_INVALID, FILE_UNREADABLE, API_SERVER_UNREACHABLE */
export async function openMeshApi(
  words: MeshApiWords,
  { env, signal }: Surroundings,
): Promise<MeshApi> {
  const url = consoleUrl(words, env);
  const config = await loadKube({ ...words, namespace: undefined }, env);
  const caPem = url.startsWith('https:') ? await meshRoots(config, signal) : undefined;
  return meshApi({ url, credential: credentialOf(config, systemClock), caPem, signal });
}

/** For tests, which have no kubeconfig. */
export function meshApi(parts: {
  readonly url: string;
  readonly credential: Credential;
  readonly caPem: string | undefined;
  readonly signal: AbortSignal;
}): MeshApi {
  const { url, signal } = parts;
  const transport = new MeshApiTransport(parts);
  return {
    url,
    get: async (path, query) =>
      await decoded(await transport.send({ method: 'GET', path: withQuery(path, query) })),
    send: async (method, path, body, headers = {}) =>
      await decoded(await transport.send({ method, path, body, headers })),
    async *events(path, query) {
      const response = await transport.send({ method: 'GET', path: withQuery(path, query) });
      if (response.status !== 200) throw await refusal(response);
      try {
        yield* readEvents(response.body);
      } catch (error) {
        signal.throwIfAborted();
        throw transport.unreachable(error);
      } finally {
        response.close();
      }
    },
  };
}

function withQuery(path: string, query: ApiQuery = {}): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) parameters.append(name, String(value));
  }
  return parameters.size > 0 ? `${path}?${parameters.toString()}` : path;
}

const HTTP_BAD_REQUEST = 400;
const HTTP_NOT_FOUND = 404;

async function decoded(response: ApiResponse): Promise<unknown> {
  if (response.status >= 300) throw await refusal(response);
  const text = await response.text();
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw foreign(response.status, cause);
  }
}

async function refusal(response: ApiResponse): Promise<OperatorError> {
  const { status } = response;
  const problem = parseProblem(await response.text());
  if (!problem) return foreign(status);
  const { message, remedy } = problem;
  if (status === HTTP_NOT_FOUND) {
    return new OperatorError('NOT_FOUND', message, { remedy: remedy || 'see isthmus graph' });
  }
  if (status === HTTP_BAD_REQUEST) return new OperatorError('USAGE', message, { remedy });
  return new OperatorError('CONTROL_PLANE_REFUSED', message, {
    remedy: remedy || 'mend what the message names, or run the command again',
  });
}

function parseProblem(text: string): { message: string; remedy: string } | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const { message, remedy = '' } = isRecord(value) ? value : {};
    return typeof message === 'string' ? { message, remedy: String(remedy) } : undefined;
  } catch {
    return undefined; // not JSON: no isthmusd's answer
  }
}

const foreign = (status: number, cause?: unknown): OperatorError =>
  new OperatorError(
    'CONTROL_PLANE_UNREACHABLE',
    `what answers there with status ${status} is no console of isthmusd's`,
    { remedy: 'name the console with --console-url', cause },
  );
