// The applications of the HTTP tests: servers of each protocol that say what they have heard, and
// clients that know of no mesh.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2';
import type { IncomingHttpHeaders as Http2Headers } from 'node:http2';
import { connect, createServer as createTcpServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { systemClock, withDeadline } from '#base/clock.ts';

const LOOPBACK = '127.0.0.1';
const ANSWER_MS_MAX = 20_000;

/** What a server heard. */
export type Heard = {
  readonly server: string;
  readonly protocol: string;
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly bodyBytes: number;
};

async function listen(t: TestContext, server: Server, address = LOOPBACK, port = 0) {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
  });
  server.listen(port, address);
  await once(server, 'listening');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const bound = server.address();
  assert(typeof bound === 'object' && bound !== null);
  return bound.port;
}

async function bodyBytes(stream: AsyncIterable<Buffer>): Promise<number> {
  let count = 0;
  for await (const chunk of stream) count += chunk.length;
  return count;
}

type Place = { readonly address?: string; readonly port?: number };

/** HTTP/1.1; takes any upgrade, and from then on echoes. */
export function startHttp1(t: TestContext, name: string, place: Place = {}): Promise<number> {
  const answer = async (message: IncomingMessage): Promise<Heard> => ({
    server: name,
    protocol: `HTTP/${message.httpVersion}`,
    method: message.method ?? '',
    url: message.url ?? '',
    headers: message.headers,
    bodyBytes: await bodyBytes(message),
  });
  const server = createServer((message, response) => {
    response.setHeader('server', 'its own');
    void answer(message).then((heard) => response.end(JSON.stringify(heard)));
  });
  server.on('upgrade', (_, socket) => {
    socket.write(
      'HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n',
    );
    socket.pipe(socket);
  });
  return listen(t, server, place.address, place.port);
}

/** HTTP/2 with prior knowledge; what comes as gRPC is answered with trailers. */
export function startHttp2(t: TestContext, name: string, place: Place = {}): Promise<number> {
  const server = createHttp2Server();
  server.on('stream', (stream, headers) => {
    stream.on('error', () => undefined);
    const isGrpc = headers['content-type'] === 'application/grpc';
    if (isGrpc) {
      stream.respond(
        { ':status': 200, 'content-type': 'application/grpc' },
        { waitForTrailers: true },
      );
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      stream.pipe(stream);
      return;
    }
    void bodyBytes(stream).then((count) => {
      const heard: Heard = {
        server: name,
        protocol: 'HTTP/2',
        method: headers[':method'] ?? '',
        url: headers[':path'] ?? '',
        headers,
        bodyBytes: count,
      };
      stream.respond({ ':status': 200 });
      stream.end(JSON.stringify(heard));
    });
  });
  return listen(t, server, place.address, place.port);
}

/** Speaks first, then says back what it hears. */
export async function startGreeter(t: TestContext, greeting: string): Promise<number> {
  const server = createTcpServer((socket) => {
    socket.write(greeting);
    socket.pipe(socket);
  });
  return listen(t, server);
}

export type Answer = {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly heard: Heard | undefined;
};

export type Call = {
  readonly address: string;
  readonly port: number;
  /** As the client writes it; by default the address and port that it dials. */
  readonly host?: string;
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
  /** Pause in the middle of the body. */
  readonly pauseMs?: number;
};

/** One request of HTTP/1.1 on a connection of its own. */
export async function callHttp1(call: Call): Promise<Answer> {
  const { address, port, host = `${address}:${port}`, body, pauseMs = 0 } = call;
  return withDeadline({ what: `an answer of ${host}`, limitMs: ANSWER_MS_MAX }, async (signal) => {
    const message = request({
      host: address,
      port,
      path: call.path ?? '/',
      method: call.method ?? (body ? 'POST' : 'GET'),
      headers: { host, connection: 'close', ...call.headers },
      agent: false,
      signal,
    });
    const answered = once(message, 'response');
    const half = Math.floor((body?.length ?? 0) / 2);
    if (body) message.write(body.subarray(0, half));
    if (pauseMs > 0) await systemClock.sleep(pauseMs, signal);
    message.end(body?.subarray(half));
    const [response]: IncomingMessage[] = await answered;
    assert(response);
    let text = '';
    for await (const chunk of response) text += String(chunk);
    const { statusCode: status = 0, headers } = response;
    return { status, headers, heard: text.startsWith('{') ? JSON.parse(text) : undefined };
  });
}

export type Http2Answer = {
  readonly status: number;
  readonly body: Buffer;
  readonly trailers: Http2Headers;
};

/** One request of HTTP/2 with prior knowledge. */
export async function callHttp2(call: Call): Promise<Http2Answer> {
  const { address, port, host = `${address}:${port}` } = call;
  return withDeadline({ what: `an answer of ${host}`, limitMs: ANSWER_MS_MAX }, async (signal) => {
    const session = connectHttp2(`http://${address}:${port}`);
    try {
      const stream = session.request(
        {
          ':method': call.method ?? 'POST',
          ':path': call.path ?? '/',
          ':authority': host,
          ...call.headers,
        },
        { signal },
      );
      let trailers: Http2Headers = {};
      stream.on('trailers', (headers) => (trailers = headers));
      stream.end(call.body);
      const [headers]: Http2Headers[] = await once(stream, 'response');
      const chunks: Buffer[] = [];
      for await (const chunk of stream) chunks.push(chunk);
      return { status: Number(headers?.[':status']), body: Buffer.concat(chunks), trailers };
    } finally {
      session.close();
    }
  });
}

/** Connects, says what there is to say, and waits for so much to come back. */
export async function talkTcp(
  place: { readonly address: string; readonly port: number },
  { say, hear }: { readonly say: string; readonly hear: number },
): Promise<{ readonly heard: string; readonly afterMs: number }> {
  const { address: host, port } = place;
  return withDeadline({ what: `${hear} bytes`, limitMs: ANSWER_MS_MAX }, async (signal) => {
    const startMs = systemClock.nowMs();
    const socket = connect({ host, port, signal });
    try {
      if (say !== '') socket.write(say);
      let heard = '';
      for await (const chunk of socket) {
        heard += String(chunk);
        if (heard.length >= hear) break;
      }
      return { heard, afterMs: systemClock.nowMs() - startMs };
    } finally {
      socket.destroy();
    }
  });
}
