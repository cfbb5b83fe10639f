// The webhooks' HTTPS server: AdmissionReviews in, AdmissionReviews out.
import { createServer, type Server } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { HostPort } from '#base/flags.ts';
import { OperatorError } from '#base/operator-error.ts';
import {
  parseAdmissionReview,
  renderAdmissionReview,
  type AdmissionRequest,
  type Verdict,
} from './admission-review.ts';

/** Path → what decides there. */
export type Webhooks = Readonly<Record<string, (request: AdmissionRequest) => Verdict>>;

export type WebhookServer = AsyncDisposable & {
  readonly port: number;
  /** For connections from now on. */
  readonly setCertificate: (certificate: { readonly cert: string; readonly key: string }) => void;
};

/** An object of at most 1.5 MiB (etcd's limit), twice, in JSON. */
const BODY_BYTES_MAX = 8 << 20;
const REQUEST_TIMEOUT_MS = 10_000;
const CONNECTIONS_MAX = 256;

/** @throws OperatorError ADDRESS_IN_USE */
export async function listenForReviews(
  listen: HostPort,
  certificate: { readonly cert: string; readonly key: string },
  webhooks: Webhooks,
): Promise<WebhookServer> {
  const options = {
    ...certificate,
    minVersion: 'TLSv1.2',
    requestTimeout: REQUEST_TIMEOUT_MS,
  } as const;
  const server = createServer(options, (request, response) => {
    void answer(request, response, webhooks);
  });
  server.maxConnections = CONNECTIONS_MAX;
  const port = await bind(server, listen);
  return {
    port,
    setCertificate: ({ cert, key }) => server.setSecureContext({ cert, key }),
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  webhooks: Webhooks,
): Promise<void> {
  const end = (status: number, text: string): void => {
    response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(`${text}\n`);
  };
  response.on('error', () => undefined); // who asked has gone
  const path = request.url?.split('?')[0] ?? '';
  if (path === '/ready') return end(200, 'ok');
  const decide = webhooks[path];
  if (!decide) return end(404, `the webhooks are ${Object.keys(webhooks).join(', ')}`);
  if (request.method !== 'POST') return end(405, 'only POST');
  const body = await readBody(request);
  if (body === undefined) return end(413, `at most ${BODY_BYTES_MAX} bytes`);
  const review = parseAdmissionReview(parseJson(body));
  if (!review) return end(400, 'the body is not an AdmissionReview of admission.k8s.io/v1');
  const text = JSON.stringify(renderAdmissionReview(review, decide(review)));
  response.writeHead(200, { 'content-type': 'application/json' }).end(text);
}

/** Undefined when it is too large, or breaks off. */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of request) {
      if (!Buffer.isBuffer(chunk)) return undefined;
      bytes += chunk.length;
      if (bytes > BODY_BYTES_MAX) return undefined;
      chunks.push(chunk);
    }
  } catch {
    return undefined; // broken off: nobody reads the answer
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // the caller says that it is no AdmissionReview
  }
}

function bind(server: Server, { host, port }: HostPort): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      const remedy = 'end the program that has it (ss -ltnp), or choose another with --webhooks';
      const message = `cannot listen on ${host}:${port}: ${cause.message}`;
      reject(new OperatorError('ADDRESS_IN_USE', message, { remedy, cause }));
    });
    server.listen(port, host, () => {
      const address = server.address();
      resolve(typeof address === 'object' && address ? address.port : port);
    });
  });
}
