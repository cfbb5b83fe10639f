// Requests to the console, with or without TLS.
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { OperatorError } from '#base/operator-error.ts';
import { systemClock, withDeadline } from '#base/clock.ts';
import type { Credential } from './credential.ts';

/** Until the answer begins: a probe of Reach takes a few seconds. */
const ANSWER_LIMIT_MS = 60_000;
const BODY_BYTES_MAX = 64 << 20;

export type ApiRequest = {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** With the query. */
  readonly path: string;
  readonly body?: unknown;
  /** Beside those of every request. */
  readonly headers?: Readonly<Record<string, string>>;
};

export type ApiResponse = {
  readonly status: number;
  readonly body: AsyncIterable<Uint8Array>;
  text(): Promise<string>;
  close(): void;
};

export class MeshApiTransport {
  readonly #url: URL;
  readonly #credential: Credential;
  readonly #caPem: string | undefined;
  readonly #signal: AbortSignal;

  constructor(parts: {
    readonly url: string;
    readonly credential: Credential;
    readonly caPem: string | undefined;
    readonly signal: AbortSignal;
  }) {
    this.#url = new URL(parts.url);
    this.#credential = parts.credential;
    this.#caPem = parts.caPem;
    this.#signal = parts.signal;
  }

  /** @throws OperatorError CONTROL_PLANE_UNREACHABLE */
  async send(request: ApiRequest): Promise<ApiResponse> {
    const token = await this.#credential();
    const limits = {
      what: this.#url.href,
      limitMs: ANSWER_LIMIT_MS,
      clock: systemClock,
      parent: this.#signal,
    };
    try {
      return responseOf(await withDeadline(limits, (signal) => this.#dial(request, token, signal)));
    } catch (error) {
      this.#signal.throwIfAborted();
      throw this.unreachable(error);
    }
  }

  unreachable(cause: unknown): OperatorError {
    const reason = cause instanceof Error ? describe(cause) : String(cause);
    const remedy =
      'start isthmusd, or name its console with --console-url; of one in a cluster first run ' +
      '"kubectl -n istio-system port-forward deploy/istiod 8080"';
    const message = `the console at ${this.#url.origin} does not answer: ${reason}`;
    return new OperatorError('CONTROL_PLANE_UNREACHABLE', message, { remedy, cause });
  }

  #dial(
    { method, path, body, headers }: ApiRequest,
    token: string,
    signal: AbortSignal,
  ): Promise<IncomingMessage> {
    const isTls = this.#url.protocol === 'https:';
    const text = body === undefined ? undefined : JSON.stringify(body);
    const options = {
      method,
      signal,
      headers: {
        accept: 'application/json',
        'user-agent': 'isthmus',
        authorization: `Bearer ${token}`,
        ...(text !== undefined && {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(text),
        }),
        ...headers,
      },
      ...(this.#caPem !== undefined && { ca: this.#caPem }),
    };
    const url = new URL(this.#url.pathname.replace(/\/$/, '') + path, this.#url);
    return new Promise((resolve, reject) => {
      const outgoing = (isTls ? httpsRequest : httpRequest)(url, options, resolve);
      outgoing.on('error', reject);
      outgoing.end(text);
    });
  }
}

function responseOf(incoming: IncomingMessage): ApiResponse {
  const body = incoming as AsyncIterable<Uint8Array>;
  return {
    status: incoming.statusCode ?? 0,
    body,
    text: async () => {
      const chunks: Uint8Array[] = [];
      let bytes = 0;
      for await (const chunk of body) {
        bytes += chunk.length;
        if (bytes > BODY_BYTES_MAX)
          throw new Error(`an answer of more than ${BODY_BYTES_MAX} bytes`);
        chunks.push(chunk);
      }
      return Buffer.concat(chunks).toString('utf8');
    },
    close: () => incoming.destroy(),
  };
}

/** Connecting to several addresses fails with an AggregateError, whose own message is empty. */
function describe(error: Error): string {
  const first: unknown = error instanceof AggregateError ? error.errors[0] : undefined;
  return first instanceof Error ? first.message : error.message;
}
