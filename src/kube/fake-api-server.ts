// A fake API server on a real TLS socket, whose answers each test writes itself: for tests of what
// the client does with connections, bodies and failures.
import { once } from 'node:events';
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { Server } from 'node:net';

export type ReceivedRequest = {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
};

/** @param count of requests so far, this one included */
export type Answer = (
  request: ReceivedRequest,
  response: ServerResponse,
  count: number,
) => void | Promise<void>;

export type FakeApiServer = AsyncDisposable & {
  readonly port: number;
  readonly received: readonly ReceivedRequest[];
};

/** Listens on a free port of 127.0.0.1. Client certificates are asked for, not demanded. */
export async function startFakeApiServer(
  tls: { readonly cert: string; readonly key: string; readonly ca: string },
  answer: Answer,
): Promise<FakeApiServer> {
  const received: ReceivedRequest[] = [];
  const options = { ...tls, requestCert: true, rejectUnauthorized: false };
  const server = createServer(options, (request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      const arrived = { method, url, headers, body };
      received.push(arrived);
      void answer(arrived, response, received.length);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: portOf(server),
    received,
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

export function answerJson(response: ServerResponse, code: number, body: unknown): void {
  response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

export function portOf(server: Server): number {
  const address = server.address();
  if (typeof address !== 'object' || !address) throw new Error('the server listens on no port');
  return address.port;
}
