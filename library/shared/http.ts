// HTTP in a few lines: a table of routes in, JSON out, limits on what comes in, an orderly end.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { deadline, systemClock } from './clock.ts';

export type HttpRequest = {
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
};

export type HttpReply = {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
};

/** `GET /path` → what answers it. `HEAD` is answered as `GET`, without the body. */
export type Routes = Readonly<
  Record<string, (request: HttpRequest) => HttpReply | Promise<HttpReply>>
>;

const BODY_BYTES_MAX = 16 << 10;
/** A client that is slower than this is not one of ours. */
const REQUEST_TIMEOUT_MS = 10_000;
const CONNECTIONS_MAX = 1000;
/** How long requests under way may take once the server is to stop. */
const DRAIN_MS = 3000;
/** How long another service may take to answer. */
const CALL_TIMEOUT_MS = 3000;
/** Another service's answer, at most. */
const ANSWER_BYTES_MAX = 4 << 20;

export const json = (status: number, value: unknown): HttpReply => ({
  status,
  headers: { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' },
  body: `${JSON.stringify(value)}\n`,
});

export class HttpService implements AsyncDisposable {
  readonly #server: Server;

  constructor(server: Server) {
    this.#server = server;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address ? address.port : 0;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Stops taking connections, lets requests under way end, and cuts what takes too long. */
  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeIdleConnections();
    const ended = new AbortController();
    const patience = systemClock.sleep(DRAIN_MS, ended.signal).catch(() => undefined);
    await Promise.race([closed, patience]);
    ended.abort();
    this.#server.closeAllConnections();
    await closed;
  }
}

/** Serves the routes and `GET /healthz`. Port 0 takes a free one. */
export async function serve(options: {
  readonly port: number;
  readonly host?: string;
  readonly routes: Routes;
}): Promise<HttpService> {
  const routes: Routes = { 'GET /healthz': () => json(200, { status: 'ok' }), ...options.routes };
  const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS }, (request, response) => {
    void answer(routes, request, response);
  });
  server.maxConnections = CONNECTIONS_MAX;
  server.listen(options.port, options.host); // without a host: all addresses of both families
  await once(server, 'listening');
  return new HttpService(server);
}

async function answer(routes: Routes, request: IncomingMessage, response: ServerResponse) {
  let reply: HttpReply;
  try {
    reply = await route(routes, request);
  } catch (error) {
    if (request.destroyed && !request.complete) return; // the client went away
    const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
    process.stderr.write(`${request.method} ${request.url} failed: ${detail}\n`);
    reply = json(500, { error: 'Something went wrong here. It has been logged.' });
  }
  response.writeHead(reply.status, { 'x-content-type-options': 'nosniff', ...reply.headers });
  response.end(request.method === 'HEAD' ? undefined : reply.body);
}

async function route(routes: Routes, request: IncomingMessage): Promise<HttpReply> {
  const [path = '/'] = (request.url ?? '/').split('?');
  const method = request.method === 'HEAD' ? 'GET' : (request.method ?? 'GET');
  const handler = routes[`${method} ${path}`];
  if (!handler) {
    const allowed = Object.keys(routes).filter((key) => key.endsWith(` ${path}`));
    if (allowed.length === 0) return json(404, { error: `There is nothing at ${path}.` });
    const allow = allowed.map((key) => key.split(' ')[0]).join(', ');
    const refusal = json(405, { error: `${path} takes ${allow} only.` });
    return { ...refusal, headers: { ...refusal.headers, allow } };
  }
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > BODY_BYTES_MAX) {
      const refusal = json(413, { error: `At most ${BODY_BYTES_MAX} bytes.` });
      return { ...refusal, headers: { ...refusal.headers, connection: 'close' } };
    }
    chunks.push(chunk);
  }
  return handler({ headers: request.headers, body: Buffer.concat(chunks) });
}

/** The body as JSON; undefined when it is none. */
export function jsonOf(request: HttpRequest): unknown {
  try {
    return JSON.parse(request.body.toString('utf8'));
  } catch {
    return undefined;
  }
}

export type CallResult =
  | { readonly ok: true; readonly status: number; readonly body: unknown }
  | { readonly ok: false; readonly reason: string };

/** Calls another service. What comes back is a value, also when nothing does. */
export async function call(
  url: string,
  options: {
    readonly method?: string;
    readonly body?: unknown;
    readonly signal?: AbortSignal;
  } = {},
): Promise<CallResult> {
  const { method = 'GET', body, signal } = options;
  const limit = deadline(CALL_TIMEOUT_MS);
  try {
    const response = await fetch(url, {
      method,
      redirect: 'error',
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
      ...(body !== undefined && {
        body: JSON.stringify(body),
        headers: { 'content-type': 'application/json' },
      }),
    });
    const text = await response.text();
    if (text.length > ANSWER_BYTES_MAX) return { ok: false, reason: 'the answer is too long' };
    return { ok: true, status: response.status, body: text === '' ? undefined : JSON.parse(text) };
  } catch (error) {
    return { ok: false, reason: reasonOf(error) };
  }
}

/** What went wrong in a few words: the innermost cause, as `fetch failed` says nothing. */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  if (!(error instanceof Error)) return String(error);
  if (error.cause !== undefined) return reasonOf(error.cause);
  return error.message === '' ? error.name : error.message;
}
