// The console's server: /api/v1 and the page that uses it, on one port. Loopback by default; TLS
// where it is to be reached from elsewhere.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { HostPort } from '#base/flags.ts';
import { OperatorError } from '#base/operator-error.ts';
import { aborted } from '#base/tasks.ts';
import { dispatch, type DispatchParts } from './dispatch.ts';
import type { ConsolePages } from './pages.ts';
import { securityHeaders } from './security-headers.ts';

const HEADERS_BYTES_MAX = 32 << 10;
const URL_LENGTH_MAX = 8 << 10;
const CONNECTIONS_MAX = 512;
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 30_000;
const KEEP_ALIVE_MS = 60_000;
const API = /^\/api(\/|$)/;

/** As node:tls takes them. */
export type ServingCertificate = { readonly cert: string; readonly key: string };

export type ConsoleOptions = {
  readonly listen: HostPort;
  /** Undefined: plain HTTP, for loopback. */
  readonly tls: ServingCertificate | undefined;
  readonly pages: ConsolePages;
  readonly api: DispatchParts;
};

export interface ConsoleServer {
  readonly port: number;
  /** Of a TLS server: from the next connection on. */
  setTls(tls: ServingCertificate): void;
  /** Serves until aborted; open streams then end. */
  run(signal: AbortSignal): Promise<void>;
}

/** @throws OperatorError ADDRESS_IN_USE */
export async function openConsole(options: ConsoleOptions): Promise<ConsoleServer> {
  const stop = new AbortController();
  const limits = {
    maxHeaderSize: HEADERS_BYTES_MAX,
    headersTimeout: HEADERS_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
  };
  const answer = (request: IncomingMessage, response: ServerResponse): void =>
    void serve(options, { request, response, stop: stop.signal });
  const tlsServer =
    options.tls && createTlsServer({ ...limits, ...options.tls, minVersion: 'TLSv1.2' }, answer);
  const server: Server | TlsServer = tlsServer ?? createServer(limits, answer);
  server.maxConnections = CONNECTIONS_MAX;
  server.on('clientError', refuseGarbage);
  const port = await bind(server, options.listen);
  return {
    port,
    setTls: (tls) => tlsServer?.setSecureContext(tls),
    run: async (signal) => {
      await aborted(signal);
      stop.abort(new DOMException('the server stops', 'AbortError'));
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

/** What is no HTTP gets the shortest of answers. */
function refuseGarbage(_: Error, socket: Duplex): void {
  if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n');
  else socket.destroy();
}

async function serve(
  { api, pages }: ConsoleOptions,
  exchange: {
    readonly request: IncomingMessage;
    readonly response: ServerResponse;
    readonly stop: AbortSignal;
  },
): Promise<void> {
  const { request, response, stop } = exchange;
  const gone = new AbortController();
  response.once('close', () => gone.abort(new DOMException('the client has gone', 'AbortError')));
  const signal = AbortSignal.any([gone.signal, stop]);
  if (isPromised(request)) response.setHeader('strict-transport-security', PROMISE);
  const headers = securityHeaders();
  const { url: text = '/' } = request;
  const url = text.length > URL_LENGTH_MAX ? null : URL.parse(text, 'http://console');
  if (!url) return void response.writeHead(400, headers).end('this is no URL of the console\n');
  if (API.test(url.pathname)) {
    await dispatch(api, { request, response, url, headers, signal });
    return;
  }
  try {
    await pages.serve(request, response, url.pathname);
  } catch (error) {
    const problem = error instanceof Error ? (error.stack ?? error.message) : String(error);
    api.log.error('a page failed', { problem });
    response.destroy();
  }
}

/** Half a year: for a browser that came by TLS, and trusts the certificate, without TLS no more. */
const PROMISE = `max-age=${180 * 86_400}`;
const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])(:\d+)?$/i;

/** What is said of this machine's own name would hold for all other servers on it, too. */
function isPromised({ socket, headers: { host = '' } }: IncomingMessage): boolean {
  return 'encrypted' in socket && !LOOPBACK.test(host);
}

function bind(server: Server | TlsServer, { host, port }: HostPort): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      const remedy = 'end the program that has it (ss -ltnp), or choose another with --console';
      const message = `cannot listen on ${host}:${port}: ${cause.message}`;
      reject(new OperatorError('ADDRESS_IN_USE', message, { remedy, cause }));
    });
    server.listen(port, host, () => {
      const address: AddressInfo | string | null = server.address();
      resolve(typeof address === 'object' && address ? address.port : port);
    });
  });
}
