// The console's server without a mesh: the same API, answered from a mesh that the test changes as it
// likes, by a clock that the test may hold in its hand.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { MeshEvent } from '#api/events.ts';
import type { Snapshot } from '#api/graph.ts';
import type { Abilities, Session } from '#api/session.ts';
import { systemClock, type Clock } from '#base/clock.ts';
import { securityHeaders } from '#controlplane/console/security-headers.ts';
import { MockMesh } from './mesh.ts';
import { matchPath, problem, type MockAnswer, type MockRoute } from './routes.ts';
import { libraryStory } from './story.ts';
import { ROUTES } from './topics.ts';

const DIST =
  process.env['ISTHMUS_CONSOLE_DIST'] ??
  fileURLToPath(new URL('../../../console/dist/', import.meta.url));
const HEARTBEAT_MS = 10_000;

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.json': 'application/json',
};

export type MockOptions = {
  /** The library story when absent. */
  readonly snapshot?: Snapshot;
  readonly clock?: Clock;
  readonly role?: Session['role'];
  /** The one namespace in which an editor is one; absent: all of them. */
  readonly editsOnly?: string;
  /** Nobody is signed in until a token or a code (any but `wrong`) comes. */
  readonly isSignedOut?: boolean;
  readonly port?: number;
};

const abilitiesOf = (isEditor: boolean): Abilities => ({
  probe: isEditor,
  join: isEditor,
  policies: isEditor,
  proxy: true,
  logs: true,
});

const sessionOf = ({ role = 'editor', editsOnly }: MockOptions, nowMs: number): Session => {
  const isEditor = role === 'editor';
  return {
    user: isEditor ? 'kim' : 'robin',
    role,
    can: abilitiesOf(isEditor && editsOnly === undefined),
    canSomewhere: abilitiesOf(isEditor),
    readOnlyReason: '',
    csrfToken: 'mock-csrf-token',
    endsAtMs: nowMs + 8 * 3_600_000,
    undoSeconds: 120,
  };
};

export class MockConsole {
  readonly mesh: MockMesh;
  /** `GET /api/v1/snapshot`, in the order of their coming. */
  readonly requests: string[] = [];
  /** While true, whoever asks for the stream is refused. */
  isStreamRefused = false;
  /** While true, nobody hears anything, but connections stay open. */
  isSilent = false;
  /** `fails`: everything but the session is an error; `hangs`: it is never answered. */
  mood: 'works' | 'fails' | 'hangs' = 'works';
  isSignedIn: boolean;
  /** What was otherwise at a moment; absent: nothing was. */
  pastOf: ((atMs: number) => Partial<Snapshot>) | undefined;
  readonly #clock: Clock;
  readonly #options: MockOptions;
  readonly #streams = new Set<ServerResponse>();
  readonly #memory = new Map<string, unknown>();
  readonly #own: MockRoute[] = [];
  readonly #closing = new AbortController();
  readonly #server = createServer((request, response) => {
    this.#answer(request, response).catch(() => response.destroy());
  });

  constructor(options: MockOptions = {}) {
    this.#clock = options.clock ?? systemClock;
    this.#options = options;
    this.isSignedIn = options.isSignedOut !== true;
    this.mesh = new MockMesh(options.snapshot ?? libraryStory(this.#clock.nowMs()));
  }

  get url(): string {
    const address = this.#server.address();
    assert(address !== null && typeof address === 'object', 'the mock listens on no port');
    return `http://127.0.0.1:${address.port}`;
  }

  /** Open streams of events. */
  get streams(): number {
    return this.#streams.size;
  }

  get session(): Session {
    return sessionOf(this.#options, this.#clock.nowMs());
  }

  async listen(port = 0): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.listen(port, '127.0.0.1', resolve);
    });
    void this.#beat();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#server.closeAllConnections();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }

  /** A test's own answer, before all others. */
  route(route: MockRoute): void {
    this.#own.unshift(route);
  }

  emit = (...events: readonly MeshEvent[]): void => {
    for (const event of events) {
      const { revision } = this.mesh.apply(event);
      const id = event.type === 'sample' ? '' : `id: ${revision}\n`;
      this.#write(`${id}event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
    }
  };

  dropStreams(): void {
    for (const stream of this.#streams) stream.destroy();
  }

  countOf(request: string): number {
    return this.requests.filter((one) => one === request).length;
  }

  #write(text: string): void {
    if (this.isSilent) return;
    for (const stream of this.#streams) stream.write(text);
  }

  async #beat(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      await this.#clock.sleep(HEARTBEAT_MS, signal).catch(() => undefined);
      this.#write(': heartbeat\n\n');
    }
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.url);
    for (const [name, value] of Object.entries(securityHeaders())) response.setHeader(name, value);
    if (!url.pathname.startsWith('/api/')) return serveFile(url.pathname, response);
    const sent = await text(request);
    const body: unknown = sent === '' ? undefined : JSON.parse(sent);
    this.requests.push(`${request.method} ${url.pathname}`);
    if (url.pathname === '/api/v1/session') {
      return reply(response, this.#session(request.method, body));
    }
    if (this.mood === 'hangs') return undefined;
    if (this.mood === 'fails') {
      return reply(response, problem(503, 'unavailable', 'The mesh model is not ready yet.'));
    }
    if (!this.isSignedIn) return reply(response, problem(401, 'signed-out', 'Sign in first.'));
    if (request.method !== 'GET' && request.headers['x-csrf-token'] !== 'mock-csrf-token') {
      return reply(response, problem(403, 'csrf', 'The CSRF token is missing.'));
    }
    if (url.pathname === '/api/v1/session/can') {
      const namespace = url.searchParams.get('namespace') ?? '';
      const { editsOnly = namespace, role } = this.#options;
      const can = abilitiesOf(role !== 'viewer' && namespace === editsOnly);
      return reply(response, { json: { namespace, can } });
    }
    if (url.pathname === '/api/v1/events') return this.#stream(url, response);
    return reply(response, this.#routed(request, url, body));
  }

  #session(method: string | undefined, body: unknown): MockAnswer {
    if (method === 'POST') {
      const [given] = Object.values(Object(body));
      if (given === 'wrong') return problem(401, 'unauthorized', 'This token is not accepted.');
      this.isSignedIn = true;
    }
    if (method === 'DELETE') this.isSignedIn = false;
    if (!this.isSignedIn) return problem(401, 'signed-out', 'Sign in first.');
    return { json: this.session };
  }

  #routed(request: IncomingMessage, url: URL, body: unknown): MockAnswer {
    const nowMs = this.#clock.nowMs();
    for (const route of [...this.#own, ...ROUTES]) {
      const params = matchPath(route.path, url.pathname);
      if (!params || route.method !== request.method) continue;
      return route.handle({
        params,
        query: url.searchParams,
        body,
        headers: request.headers,
        mesh: this.mesh,
        session: this.session,
        nowMs,
        memory: this.#memory,
        emit: this.emit,
      });
    }
    if (url.pathname !== '/api/v1/snapshot') return problem(404, 'not-found', 'No such thing.');
    const at = url.searchParams.get('at');
    const now = this.mesh.snapshot(nowMs);
    if (at === null) return { json: now };
    return { json: { ...now, atMs: Number(at), ...this.pastOf?.(Number(at)) } };
  }

  #stream(url: URL, response: ServerResponse): void {
    if (this.isStreamRefused) return reply(response, problem(503, 'unavailable', 'Not now.'));
    startEvents(response);
    this.#streams.add(response);
    response.on('close', () => this.#streams.delete(response));
    const { samples } = this.mesh.snapshot(0);
    if (samples.length > 0) {
      // As isthmusd: whoever begins to listen hears the last of every edge.
      const event: MeshEvent = { type: 'sample', atMs: this.#clock.nowMs(), samples };
      response.write(`event: sample\ndata: ${JSON.stringify(event)}\n\n`);
    }
    const missed = this.mesh.since(Number(url.searchParams.get('since')));
    if (!missed) {
      const reset: MeshEvent = { type: 'reset', reason: 'that is too long ago' };
      response.write(`event: reset\ndata: ${JSON.stringify(reset)}\n\n`);
    }
    for (const { revision, event } of missed ?? []) {
      response.write(`id: ${revision}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
    }
  }
}

function startEvents(response: ServerResponse): void {
  response.writeHead(200, {
    'Content-Type': 'text/event-stream',
    'Cache-Control': 'no-cache, no-transform',
    'X-Accel-Buffering': 'no',
  });
  response.write(': connected\n\n');
}

function reply(response: ServerResponse, answer: MockAnswer): void {
  if (answer.events || answer.stream) {
    startEvents(response);
    const send = (event: string, data: unknown): void => {
      response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
    };
    for (const { event = 'message', data } of answer.events ?? []) send(event, data);
    answer.stream?.(send);
    return;
  }
  const isJson = answer.text === undefined;
  response.writeHead(answer.status ?? 200, {
    'Content-Type': answer.type ?? (isJson ? 'application/json' : 'text/plain; charset=utf-8'),
    'Cache-Control': 'no-store',
    ...answer.headers,
  });
  response.end(isJson ? JSON.stringify(answer.json ?? {}) : answer.text);
}

/** A file of the build, or the page itself for every path of the console's own. */
function serveFile(path: string, response: ServerResponse): void {
  const wanted = extname(path) === '' ? '/index.html' : normalize(path);
  try {
    const bytes = readFileSync(join(DIST, wanted));
    const isPage = wanted === '/index.html';
    // As isthmusd: the page carries the nonce of the styles that its editor makes.
    const nonce = isPage ? randomBytes(18).toString('base64url') : undefined;
    const headers = {
      ...securityHeaders(nonce ? { nonce } : {}),
      'Content-Type': TYPES[extname(wanted)],
    };
    response.writeHead(200, headers);
    response.end(nonce ? bytes.toString('utf8').replaceAll('%CSP_NONCE%', nonce) : bytes);
  } catch {
    response.writeHead(404).end();
  }
}

export async function startMock(options: MockOptions = {}): Promise<MockConsole> {
  const mock = new MockConsole(options);
  await mock.listen(options.port);
  return mock;
}
