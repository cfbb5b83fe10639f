// The sockets: TLS, limits and time-outs, bodies in, answers out. Decides nothing.
import { once } from 'node:events';
import { createServer } from 'node:https';
import type { Server } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import type { Clock } from '#base/clock.ts';
import { withDeadline } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { OperatorError } from '#base/operator-error.ts';
import type { ClientCertificate } from '../auth/authenticate.ts';
import { refuseUpgrade } from '../node/tunnel.ts';
import type { Json } from '../object.ts';
import { isJsonObject } from '../object.ts';
import { badRequest, statusOf, tooLarge } from '../status.ts';
import { BODY_BYTES_MAX } from './body.ts';
import type { ApiRequest, ApiResponse, ByteSource } from './message.ts';
import { jsonResponse } from './message.ts';

export type ServerOptions = {
  readonly host: string;
  readonly port: number;
  readonly certificatePem: string;
  readonly keyPem: string;
  /** Signs the client certificates that count. */
  readonly clientAuthorityPem: string;
  readonly handle: (request: ApiRequest) => Promise<ApiResponse>;
  readonly log: Logger;
  readonly clock: Clock;
};

/** Tokens and group lists travel in headers. */
const HEADER_BYTES_MAX = 64 * 1024;
const HEADERS_TIMEOUT_MS = 20_000;
const REQUEST_TIMEOUT_MS = 60_000;
/** Longer than clients keep an idle connection, so that it is they who close it. */
const KEEP_ALIVE_TIMEOUT_MS = 180_000;
const CONNECTIONS_MAX = 4_096;
/** After so long in silence a connection's other end is asked whether it is still there. */
const PROBE_AFTER_MS = 30_000;
/** A client that is this far behind gets nothing more until it has read. */
const WRITE_BUFFER_BYTES = 64 * 1024;
/** Requests that are under way at a shutdown may take so long to end. */
const DRAIN_MS = 3_000;

export class ApiListener implements AsyncDisposable {
  readonly #server: Server;
  readonly #clock: Clock;
  readonly #tunnels: ReadonlySet<Duplex>;

  private constructor(server: Server, clock: Clock, tunnels: ReadonlySet<Duplex>) {
    this.#server = server;
    this.#clock = clock;
    this.#tunnels = tunnels;
  }

  /** @throws OperatorError ADDRESS_IN_USE */
  static async open(options: ServerOptions): Promise<ApiListener> {
    const server = createServer(
      {
        cert: options.certificatePem,
        key: options.keyPem,
        ca: options.clientAuthorityPem,
        minVersion: 'TLSv1.2',
        requestCert: true,
        rejectUnauthorized: false, // tokens are as good; who shows a certificate is judged by it
        maxHeaderSize: HEADER_BYTES_MAX,
        headersTimeout: HEADERS_TIMEOUT_MS,
        requestTimeout: REQUEST_TIMEOUT_MS,
        keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
        keepAlive: true,
        keepAliveInitialDelay: PROBE_AFTER_MS,
        noDelay: true,
        highWaterMark: WRITE_BUFFER_BYTES,
        ALPNProtocols: ['http/1.1'],
      },
      (incoming, outgoing) => void serve(options, incoming, outgoing),
    );
    server.maxConnections = CONNECTIONS_MAX;
    server.on('tlsClientError', (error) => {
      options.log.debug('TLS handshake failed', { why: error.message });
    });
    const tunnels = new Set<Duplex>();
    server.on('upgrade', (incoming, socket, head) => {
      tunnels.add(socket);
      socket.once('close', () => tunnels.delete(socket));
      void serveUpgrade(options, incoming, { socket, head });
    });
    await listen(server, options);
    return new ApiListener(server, options.clock, tunnels);
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  /** Stops listening, lets requests end for a moment, then closes what is left. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeIdleConnections();
    for (const socket of this.#tunnels) socket.destroy();
    const parts = { what: 'the shutdown', limitMs: DRAIN_MS, clock: this.#clock };
    await withDeadline(parts, (signal) => raceAbort(closed, signal)).catch(() => undefined);
    this.#server.closeAllConnections();
    await closed;
  }
}

function raceAbort(work: Promise<unknown>, signal: AbortSignal): Promise<unknown> {
  const aborted = Promise.withResolvers<never>();
  signal.addEventListener('abort', () => aborted.reject(signal.reason), { once: true });
  return Promise.race([work, aborted.promise]);
}

async function listen(server: Server, { host, port }: ServerOptions): Promise<void> {
  server.listen({ host, port });
  try {
    await once(server, 'listening');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code !== 'EADDRINUSE' && code !== 'EACCES' && code !== 'EADDRNOTAVAIL') throw error;
    const problem = {
      EADDRINUSE: 'is in use by another program',
      EACCES: 'may not be used by this user',
      EADDRNOTAVAIL: 'is no address of this machine',
    }[code];
    throw new OperatorError('ADDRESS_IN_USE', `${host}:${port} ${problem}`, {
      remedy: 'stop the other program, or give another address with --listen HOST:PORT',
      cause: error,
    });
  }
}

async function serve(
  options: ServerOptions,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  try {
    const body = await readWhole(incoming);
    const response = body ? await options.handle(requestOf(incoming, body)) : tooLargeResponse();
    send(response, outgoing);
  } catch (error) {
    // The client went away, or this is a bug: either way nothing more can be said on this socket.
    const why = error instanceof Error ? error.message : String(error);
    options.log.debug('request broke off', { path: incoming.url, why });
    outgoing.destroy();
  }
}

/** A request to turn the connection into another protocol: for tunnels to nodes only. */
async function serveUpgrade(
  options: ServerOptions,
  incoming: IncomingMessage,
  { socket, head }: { readonly socket: Duplex; readonly head: Uint8Array },
): Promise<void> {
  socket.on('error', () => undefined); // its end is what counts
  const response = await options.handle(requestOf(incoming, new Uint8Array()));
  if (response.kind === 'tunnel') {
    const { method = 'GET', rawHeaders } = incoming;
    await response.open({ method, rawHeaders, socket, head });
    return;
  }
  const refusal = { code: 400, message: 'this path cannot be upgraded to another protocol' };
  const isText = response.kind === 'whole' && typeof response.body === 'string';
  const said: Json = isText && response.status >= 400 ? JSON.parse(response.body) : refusal;
  refuseUpgrade(socket, { ...refusal, ...(isJsonObject(said) && said) });
}

/** @returns undefined when the body is longer than allowed; the rest of it is then not read */
function readWhole(incoming: IncomingMessage): Promise<Uint8Array | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array | undefined>();
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  incoming.on('data', (chunk: Uint8Array) => {
    bytes += chunk.length;
    if (bytes <= BODY_BYTES_MAX) {
      chunks.push(chunk);
      return;
    }
    incoming.pause();
    resolve(undefined);
  });
  incoming.once('end', () => resolve(Buffer.concat(chunks)));
  incoming.once('error', reject);
  incoming.once('close', () => reject(new Error('the client went away')));
  return promise;
}

function tooLargeResponse(): ApiResponse {
  return jsonResponse(413, statusOf(tooLarge(BODY_BYTES_MAX)), { connection: 'close' });
}

function requestOf(incoming: IncomingMessage, body: Uint8Array): ApiRequest {
  const [path = '/', ...query] = (incoming.url ?? '/').split('?');
  const headers = Object.entries(incoming.headers).map(([name, value]) => [
    name,
    Array.isArray(value) ? value.join(', ') : value,
  ]);
  return {
    method: incoming.method ?? 'GET',
    path,
    query: new URLSearchParams(query.join('?')),
    headers: Object.fromEntries(headers),
    body,
    certificate: certificateOf(incoming),
  };
}

/** What the handshake found out, kept for the connection's further requests. */
const certificates = new WeakMap<object, ClientCertificate>();

function certificateOf({ socket }: IncomingMessage): ClientCertificate {
  const known = certificates.get(socket);
  if (known) return known;
  const found = readCertificate(socket);
  certificates.set(socket, found);
  return found;
}

function readCertificate(socket: IncomingMessage['socket']): ClientCertificate {
  if (!(socket instanceof TLSSocket)) return { kind: 'none' };
  const certificate = socket.getPeerX509Certificate();
  if (!certificate) return { kind: 'none' };
  if (!socket.authorized) return { kind: 'rejected' };
  const { subject } = certificate.toLegacyObject();
  return {
    kind: 'verified',
    commonName: textsOf(subject.CN)[0] ?? '',
    organizations: textsOf(subject.O),
  };
}

/** A name's attribute that may occur several times. */
function textsOf(value: unknown): string[] {
  const values: unknown[] = Array.isArray(value) ? value : [value];
  return values.filter((one) => typeof one === 'string');
}

function send(response: ApiResponse, outgoing: ServerResponse): void {
  if (response.kind === 'tunnel') {
    send(jsonResponse(400, statusOf(badRequest('Upgrade request required'))), outgoing);
    return;
  }
  const headers = Object.entries(response.headers).map(([name, value]) => [
    name,
    typeof value === 'string' ? value : [...value],
  ]);
  outgoing.writeHead(response.status, Object.fromEntries(headers));
  if (response.kind === 'whole') {
    outgoing.end(response.body);
    return;
  }
  outgoing.flushHeaders(); // clients wait for these before the first event
  const source: ByteSource = response.start({
    write: (data) => outgoing.write(data),
    end: () => outgoing.end(),
  });
  outgoing.on('drain', () => source.onDrain());
  if (outgoing.closed) {
    source.onClose(); // gone before anyone listened
    return;
  }
  outgoing.once('close', () => source.onClose());
  source.onDrain();
}
