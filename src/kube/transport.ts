// HTTPS to a Kubernetes API server: kept-alive connections, bounded bodies, deadlines, and one
// place that tells "the server refused" from "the server could not be reached".
import { readFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { Agent, request as httpsRequest, type RequestOptions } from 'node:https';
import { withDeadline, type Clock } from '#base/clock.ts';
import { OperatorError } from '#base/operator-error.ts';
import type { KubeConfig } from './kubeconfig.ts';
import { KubeStatusError, parseStatus } from './status.ts';
import { impersonationHeaders, type KubeUser } from './user.ts';

/** Watches hold one connection for each kind; this leaves room for many requests beside them. */
const CONNECTIONS_MAX = 128;
const IDLE_CONNECTIONS_MAX = 4;
/** libuv then probes each second, ten times: a dead path is noticed after 25 s. */
const TCP_KEEPALIVE_AFTER_MS = 15_000;
const REQUEST_TIMEOUT_MS = 30_000;
/** A page of 500 objects of 128 KiB; etcd's own limit for one object is 1.5 MiB. */
const BODY_BYTES_MAX = 64 << 20;
const FAILURE_BODY_BYTES_MAX = 1 << 20;
/** A projected token is renewed long before it expires; reading it once a minute is enough. */
const TOKEN_FILE_CACHE_MS = 60_000;

export type KubeRequest = {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly body?: unknown;
  /** Of the body; default `application/json`. */
  readonly contentType?: string;
  /** May be sent again when a kept-alive connection turns out to have been closed meanwhile. */
  readonly isRepeatable: boolean;
  readonly signal?: AbortSignal | undefined;
};

export class KubeTransport {
  readonly #config: KubeConfig;
  readonly #url: URL;
  readonly #agent: Agent;
  readonly #clock: Clock;
  readonly #as: KubeUser | undefined;
  #token: { readonly text: string; readonly readAtMs: number } | undefined;

  /** @param options.as in whose name; `options.agent`: whose connections to share */
  constructor(
    config: KubeConfig,
    options: { readonly clock: Clock; readonly as?: KubeUser; readonly agent?: Agent },
  ) {
    this.#config = config;
    this.#url = new URL(config.server);
    this.#clock = options.clock;
    this.#as = options.as;
    this.#agent = options.agent ?? KubeTransport.#newAgent(config);
  }

  static #newAgent(config: KubeConfig): Agent {
    const { certificate } = config.credentials;
    return new Agent({
      keepAlive: true,
      keepAliveMsecs: TCP_KEEPALIVE_AFTER_MS,
      maxSockets: CONNECTIONS_MAX,
      maxFreeSockets: IDLE_CONNECTIONS_MAX,
      minVersion: 'TLSv1.2',
      ...(config.caPem !== undefined && { ca: config.caPem }),
      ...(config.serverName !== undefined && { servername: config.serverName }),
      ...(certificate && { cert: certificate.certificatePem, key: certificate.keyPem }),
    });
  }

  /** The same connections, in that user's name. */
  as(user: KubeUser): KubeTransport {
    return new KubeTransport(this.#config, { clock: this.#clock, as: user, agent: this.#agent });
  }

  /** One request, its answer read whole and decoded from JSON. */
  exchange(request: KubeRequest): Promise<unknown> {
    return this.#limited(request, async (signal) => {
      const response = await this.#send({ ...request, signal });
      return parseBody(await readBody(response, BODY_BYTES_MAX));
    });
  }

  /**
   * One request, its answer's body left to be read by `read`. The deadline covers the answer's
   * beginning only; leaving the loop closes the connection.
   */
  async *stream<T>(
    request: KubeRequest,
    read: (body: AsyncIterable<Uint8Array>) => AsyncGenerator<T, void, undefined>,
  ): AsyncGenerator<T, void, undefined> {
    const response = await this.#limited(request, (signal) => this.#send({ ...request, signal }));
    const items = read(response);
    try {
      for (;;) {
        const next = await this.#explained(request.signal, () => items.next());
        if (next.done) return;
        yield next.value;
      }
    } finally {
      await items.return();
      response.destroy();
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  /**
   * Runs `work` under the request's deadline. The signal that it gets outlives it (an answer may
   * still be read), but after its end follows the request's own signal alone.
   */
  #limited<T>(request: KubeRequest, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const limits = {
      what: `${request.method} ${request.path}`,
      limitMs: REQUEST_TIMEOUT_MS,
      clock: this.#clock,
      parent: request.signal,
    };
    return this.#explained(request.signal, () =>
      withDeadline(limits, async (signal) => {
        try {
          return await work(signal);
        } catch (error) {
          signal.throwIfAborted(); // the reason says more than Node's own AbortError
          throw error;
        }
      }),
    );
  }

  /** @returns a successful answer; any other is thrown as KubeStatusError */
  async #send(request: KubeRequest): Promise<IncomingMessage> {
    const token = await this.#bearerToken();
    const body = request.body === undefined ? undefined : JSON.stringify(request.body);
    const options: RequestOptions = {
      agent: this.#agent,
      host: this.#url.hostname.replace(/^\[(.*)\]$/, '$1'),
      port: this.#url.port || 443,
      method: request.method,
      path: this.#url.pathname.replace(/\/$/, '') + request.path + renderQuery(request.query),
      headers: {
        accept: 'application/json',
        'user-agent': 'isthmus',
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(this.#as && impersonationHeaders(this.#as)),
        ...(body !== undefined && {
          'content-type': request.contentType ?? 'application/json',
          'content-length': Buffer.byteLength(body),
        }),
      },
      ...(request.signal && { signal: request.signal }),
    };
    const response = await sendOnce(options, body).catch((error: unknown) => {
      if (!(error instanceof StaleConnectionError && request.isRepeatable)) throw error;
      return sendOnce(options, body);
    });
    const code = response.statusCode ?? 0;
    if (code >= 200 && code < 300) return response;
    throw new KubeStatusError(parseStatus(code, await readBody(response, FAILURE_BODY_BYTES_MAX)));
  }

  async #bearerToken(): Promise<string | undefined> {
    const { token, tokenFile } = this.#config.credentials;
    if (tokenFile === undefined) return token;
    const nowMs = this.#clock.nowMs();
    if (!this.#token || nowMs - this.#token.readAtMs > TOKEN_FILE_CACHE_MS) {
      this.#token = { text: (await readFile(tokenFile, 'utf8')).trim(), readAtMs: nowMs };
    }
    return this.#token.text;
  }

  /** Runs `work`; failures of the network become OperatorErrors, an abort the signal's reason. */
  async #explained<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    try {
      signal?.throwIfAborted();
      return await work();
    } catch (cause) {
      signal?.throwIfAborted();
      if (cause instanceof KubeStatusError || cause instanceof OperatorError) throw cause;
      if (!(cause instanceof Error)) throw cause;
      throw new OperatorError(
        'API_SERVER_UNREACHABLE',
        `the API server at ${this.#config.server} cannot be reached: ${describe(cause)}`,
        { remedy: remedyFor(cause), cause },
      );
    }
  }
}

/** The server had closed a kept-alive connection before the request on it arrived. */
class StaleConnectionError extends Error {
  override readonly name = 'StaleConnectionError';
}

function sendOnce(options: RequestOptions, body: string | undefined): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const outgoing = httpsRequest(options, resolve);
    outgoing.on('error', (error: NodeJS.ErrnoException) => {
      const isStale = outgoing.reusedSocket && /^(ECONNRESET|EPIPE)$/.test(error.code ?? '');
      reject(isStale ? new StaleConnectionError(error.message, { cause: error }) : error);
    });
    outgoing.end(body);
  });
}

async function readBody(response: IncomingMessage, bytesMax: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (bytes > bytesMax) {
      response.destroy();
      throw new Error(`the answer is larger than ${bytesMax} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parseBody(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Error('the answer is not JSON', { cause });
  }
}

function renderQuery(query: KubeRequest['query'] = {}): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) parameters.append(name, value);
  }
  return parameters.size > 0 ? `?${parameters.toString()}` : '';
}

/** Connecting to several addresses fails with an AggregateError, whose own message is empty. */
function describe(error: Error): string {
  const first: unknown = error instanceof AggregateError ? error.errors[0] : undefined;
  return first instanceof Error ? first.message : error.message;
}

const REMEDY_CONNECT =
  "check that the API server runs and that the kubeconfig's server address is right";
const REMEDY_TRUST =
  'take a fresh kubeconfig of this server: its certificate does not fit the certificate authority ' +
  "or the name in the present one (or this machine's clock is wrong)";

function remedyFor(error: Error): string {
  const code = 'code' in error ? String(error.code) : '';
  return /CERT|SIGNATURE|ISSUER|ERR_TLS/.test(code) ? REMEDY_TRUST : REMEDY_CONNECT;
}

/** The answer is JSON, but nothing that an API server says. */
export function foreignAnswer(server: string, expected: string): OperatorError {
  return new OperatorError(
    'API_SERVER_UNREACHABLE',
    `${server} answered with something that is not ${expected}`,
    { remedy: "check that the kubeconfig's server address is that of a Kubernetes API server" },
  );
}
