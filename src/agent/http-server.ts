// The agent's small HTTP servers: readiness, status, and the control socket.
import { chmod, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { OperatorError } from '#base/operator-error.ts';
import { reasonOf } from './files.ts';

/** Answers one request; runs to its end whatever the client does. Throwing is a bug. */
export type HttpHandler = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

export type HttpTarget =
  | { readonly host: string; readonly port: number }
  /** Mode 0600; a socket that nobody listens on any more is replaced. */
  | { readonly path: string };

const CONNECTIONS_MAX = 64;
const REQUEST_TIMEOUT_MS = 10_000;

/** @throws OperatorError ADDRESS_IN_USE */
export async function listenHttp(
  target: HttpTarget,
  handler: HttpHandler,
): Promise<AsyncDisposable> {
  const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS }, (request, response) => {
    request.resume(); // no request of ours has a body that matters
    void handler(request, response);
  });
  server.maxConnections = CONNECTIONS_MAX;
  if ('path' in target) await rm(target.path, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => reject(listenFailure(target, cause)));
    server.listen(target, resolve);
  });
  if ('path' in target) await chmod(target.path, 0o600);
  return {
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

export function answer(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' });
  response.end(body);
}

function listenFailure(target: HttpTarget, cause: Error): OperatorError {
  const where = 'path' in target ? target.path : `${target.host}:${target.port}`;
  return new OperatorError('ADDRESS_IN_USE', `cannot listen on ${where}: ${reasonOf(cause)}`, {
    remedy: 'end the program that has it (ss -ltnp), or give the agent another port',
    cause,
  });
}
