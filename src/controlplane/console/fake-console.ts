// For tests: the real server on a port of its own, before a Kubernetes API that knows two tokens.
import { mkdtemp, rm, writeFile, mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '#base/clock.ts';
import { createLogger } from '#base/log.ts';
import type { KubeClient } from '#kube/client.ts';
import { FakeKubeClient } from '#kube/fake-kube-client.ts';
import type { AccessQuestion, KubeUser, UserReview } from '#kube/user.ts';
import { createConsole } from './console.ts';
import { notFound, ok, STREAMED, type ApiRoute } from './route.ts';
import type { ServingCertificate } from './server.ts';

export const VIEWER = 'viewer-token';
export const EDITOR = 'editor-token';
const PAGE = '<!doctype html><meta property="csp-nonce" nonce="%CSP_NONCE%"><div id="root"></div>';

const userOf = (username: string): KubeUser => ({ username, uid: '', groups: [], extra: {} });

type FakedVerbs = 'get' | 'list' | 'reviewUser' | 'reviewAccess';

/** Tokens can be revoked; reviews are counted. */
export class FakeReviews implements Pick<KubeClient, FakedVerbs> {
  readonly objects = new FakeKubeClient();
  readonly tokens = new Map([
    [VIEWER, userOf('vera')],
    [EDITOR, userOf('ed')],
  ]);
  /** Whether ed may still do what editors may. */
  isEditor = true;
  isViewer = true;
  reviews = 0;
  readonly questions: AccessQuestion[] = [];

  get: KubeClient['get'] = (type, ref) => this.objects.get(type, ref);
  list: KubeClient['list'] = (type, options) => this.objects.list(type, options);

  reviewUser = (token: string): Promise<UserReview> => {
    this.reviews += 1;
    const user = this.tokens.get(token);
    return Promise.resolve(
      user
        ? { isAuthenticated: true, user }
        : { isAuthenticated: false, problem: 'invalid bearer token' },
    );
  };

  reviewAccess = ({ username }: KubeUser, question: AccessQuestion): Promise<boolean> => {
    this.questions.push(question);
    if (question.verb === 'get') return Promise.resolve(this.isViewer);
    return Promise.resolve(this.isEditor && username === 'ed');
  };
}

const LOOK = { verb: 'get', resource: 'flows' } as const;
const CHANGE = { verb: 'create', resource: 'joins' } as const;

export type FakeConsole = AsyncDisposable & {
  readonly url: string;
  readonly reviews: FakeReviews;
  readonly log: readonly string[];
  /** Every call of `PUT /api/v1/things/:namespace/:name`: who, on what. */
  readonly changes: readonly string[];
  /** Sends an event to every stream of `GET /api/v1/ticks`. */
  tick(json: string): boolean;
  ask(path: string, init?: RequestInit): Promise<Response>;
  /** Another serving certificate, from the next connection on. */
  setTls(tls: ServingCertificate): void;
  /** Signs in. @returns what a page then sends along with changes */
  signIn(token: string): Promise<{ readonly cookie: string; readonly csrf: string }>;
};

export async function startFakeConsole(
  clock: Clock,
  options: {
    readonly isBuilt?: boolean;
    readonly tls?: ServingCertificate;
    /** Besides those that are always there. */
    readonly routes?: readonly ApiRoute[];
    readonly embedders?: readonly string[];
  } = {},
): Promise<FakeConsole> {
  const { isBuilt = true, tls, routes = [], embedders = [] } = options;
  const folder = await mkdtemp(join(tmpdir(), 'console-'));
  if (isBuilt) {
    await mkdir(join(folder, 'assets'));
    await writeFile(join(folder, 'index.html'), PAGE);
    await writeFile(join(folder, 'assets', 'index-a1b2.js'), 'export {};'.repeat(300));
  }
  const log: string[] = [];
  const changes: string[] = [];
  const streams = new Set<(json: string) => boolean>();
  const reviews = new FakeReviews();
  const server = await createConsole({
    listen: { host: '127.0.0.1', port: 0 },
    tls,
    routes: [...routesOf(changes, streams), ...routes],
    undoSeconds: 120,
    client: reviews,
    acting: { groups: undefined },
    embedders,
    clock,
    log: createLogger('console', { sink: (line) => void log.push(line) }),
    folder,
  });
  const stop = new AbortController();
  const running = server.run(stop.signal);
  const url = tls ? `https://localhost:${server.port}` : `http://127.0.0.1:${server.port}`;
  const ask = (path: string, init: RequestInit = {}): Promise<Response> => fetch(url + path, init);
  return {
    url,
    reviews,
    log,
    changes,
    tick: (json) => [...streams].map((send) => send(json)).every(Boolean),
    ask,
    setTls: (next) => server.setTls(next),
    signIn: async (token) => {
      const answer = await ask('/api/v1/session', posted({ token }));
      const cookie = answer.headers.get('set-cookie')?.split(';')[0] ?? '';
      const session: unknown = await answer.json();
      const hasToken = typeof session === 'object' && session !== null && 'csrfToken' in session;
      return { cookie, csrf: hasToken ? String(session.csrfToken) : '' };
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
      await rm(folder, { recursive: true });
    },
  };
}

export const posted = (body: unknown, headers: Record<string, string> = {}): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json', ...headers },
  body: JSON.stringify(body),
});

function routesOf(changes: string[], streams: Set<(json: string) => boolean>): ApiRoute[] {
  return [
    {
      method: 'GET',
      path: '/api/v1/things',
      allow: LOOK,
      handle: () => Promise.resolve(ok(['thing'])),
    },
    {
      method: 'PUT',
      path: '/api/v1/things/:namespace/:name',
      allow: CHANGE,
      handle: ({ user, params, body }) => {
        changes.push(`${user.username} ${params['namespace']}/${params['name']}`);
        return Promise.resolve(ok(body));
      },
    },
    {
      method: 'GET',
      path: '/api/v1/things/:name',
      allow: LOOK,
      handle: ({ params }) => Promise.reject(notFound(`thing ${params['name']}`)),
    },
    {
      method: 'GET',
      path: '/api/v1/broken',
      allow: 'signed-in',
      handle: () => Promise.reject(new Error('the secret is 4711')),
    },
    {
      method: 'GET',
      path: '/api/v1/ticks',
      allow: LOOK,
      handle: async (call) => {
        const stream = call.stream();
        const send = (json: string): boolean => stream.send({ type: 'tick', json });
        streams.add(send);
        await new Promise((resolve) => stream.ended.addEventListener('abort', resolve));
        streams.delete(send);
        return STREAMED;
      },
    },
  ];
}
