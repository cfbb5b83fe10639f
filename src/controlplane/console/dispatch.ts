// One request of /api/v1: which route, who asks, may they, and what is answered.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import type { AccessReviews } from './access.ts';
import {
  ANONYMOUS,
  authenticate,
  isChange,
  stillUser,
  type AuthenticateParts,
  type Caller,
} from './authenticate.ts';
import type { RouteTable, Match } from './paths.ts';
import { refusalOf } from './problems.ts';
import { cookieNameFor, headerOf, ifMatchOf, isForeign, readJson } from './request.ts';
import {
  ApiRefusal,
  STREAMED,
  type ApiAnswer,
  type ApiCall,
  type ApiRoute,
  type Right,
} from './route.ts';
import type { SecurityHeaders } from './security-headers.ts';
import { openSse } from './sse.ts';
import type { StreamQuota } from './stream-quota.ts';

export type DispatchParts = AuthenticateParts & {
  readonly table: RouteTable;
  readonly access: AccessReviews;
  readonly streams: StreamQuota;
  readonly clock: Clock;
  readonly log: Logger;
};

export type Exchange = {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly url: URL;
  readonly headers: SecurityHeaders;
  /** Aborted when the client has gone or the server stops. */
  readonly signal: AbortSignal;
};

/** Never rejects: whatever goes wrong is answered. */
export async function dispatch(parts: DispatchParts, exchange: Exchange): Promise<void> {
  const { request, response, headers } = exchange;
  try {
    const answer = await answerOf(parts, exchange);
    if (answer === STREAMED) return void response.end();
    writeJson(response, { ...headers, ...answer.headers }, answer.status, answer.body);
  } catch (error) {
    const refusal = refusalOf(error);
    if (!refusal) {
      const problem = error instanceof Error ? (error.stack ?? error.message) : String(error);
      parts.log.error('a request failed', { method: request.method, problem });
    }
    if (response.headersSent) return void response.destroy();
    const { status, problem, headers: more } = refusal ?? BUG;
    writeJson(response, { ...headers, ...more }, status, problem);
  }
}

const BUG = new ApiRefusal(500, {
  code: 'internal',
  message: 'isthmusd has failed to answer',
  remedy: 'read its log, and report it',
});

function writeJson(
  response: ServerResponse,
  headers: Readonly<Record<string, string>>,
  status: number,
  body: unknown,
): void {
  const text = body === undefined ? '' : `${JSON.stringify(body)}\n`;
  response.writeHead(status, {
    'cache-control': 'no-store',
    ...(text !== '' && { 'content-type': 'application/json' }),
    'content-length': Buffer.byteLength(text),
    ...headers,
  });
  response.end(text);
}

async function answerOf(parts: DispatchParts, exchange: Exchange): Promise<ApiAnswer> {
  const { request, url } = exchange;
  const match = matchOf(parts.table, request, url.pathname);
  const { route } = match;
  if (isChange(request) && isForeign(request)) throw FOREIGN;
  const caller = route.allow === 'anyone' ? ANONYMOUS : await authenticate(request, parts);
  await checkAccess(parts, caller, match);
  const body = isChange(request) ? await readJson(request) : undefined;
  const call = callOf(parts, exchange, { match, caller, body });
  if (!isChange(request)) return await route.handle(call);
  return await audited(parts.log, call, { route, run: () => route.handle(call) });
}

/** Also of who is not signed in: nobody is to be signed in by another page. */
const FOREIGN = new ApiRefusal(403, {
  code: 'foreign-origin',
  message: 'the request comes from a page of another origin',
});

function matchOf(table: RouteTable, request: IncomingMessage, pathname: string): Match {
  const method = request.method === 'HEAD' ? 'GET' : (request.method ?? '');
  const found = table.find(method, pathname);
  if (found.kind === 'found') return found.match;
  if (found.kind === 'nothing') {
    throw new ApiRefusal(404, { code: 'not-found', message: 'the API has no such path' });
  }
  const allow = [...new Set(found.methods)].join(', ');
  const message = `here is only ${allow}`;
  throw new ApiRefusal(405, { code: 'method', message }, { allow });
}

async function checkAccess(
  { access }: DispatchParts,
  { user }: Caller,
  { route, params }: Match,
): Promise<void> {
  const { allow } = route;
  if (typeof allow === 'string') return;
  if (await access.may(user, allow, params['namespace'] ?? '')) return;
  throw forbidden(user.username, allow);
}

const forbidden = (username: string, { verb, resource }: Right): ApiRefusal =>
  new ApiRefusal(403, {
    code: 'forbidden',
    message: `${username} may not ${verb} ${resource} of isthmus.dev`,
    remedy: `bind one of the ClusterRoles isthmus-viewer and isthmus-editor to ${username}`,
  });

function callOf(
  parts: DispatchParts,
  { request, response, url, headers, signal: gone }: Exchange,
  {
    match,
    caller,
    body,
  }: { readonly match: Match; readonly caller: Caller; readonly body: unknown },
): ApiCall {
  const { user, session } = caller;
  const { params, route } = match;
  const namespace = params['namespace'] ?? '';
  const signal = session ? AbortSignal.any([gone, session.over]) : gone;
  return {
    params,
    query: url.searchParams,
    body,
    ifMatch: ifMatchOf(request),
    isOnlyNew: headerOf(request, 'if-none-match') === '*',
    lastEventId: headerOf(request, 'last-event-id'),
    user,
    credential: caller.credential,
    session,
    signal,
    remoteAddress: request.socket.remoteAddress ?? '',
    cookieName: cookieNameFor(request),
    isEncrypted: 'encrypted' in request.socket,
    may: (right, within = namespace) => parts.access.may(user, right, within),
    stream: () => {
      const { clock } = parts;
      const over = new AbortController();
      const ending = AbortSignal.any([signal, over.signal]);
      parts.streams.take(user.username, ending);
      const stream = openSse({ response, headers, clock, signal: ending });
      stream.ended.addEventListener('abort', () => over.abort(), { once: true });
      void superviseStream(parts, { caller, route, namespace, over });
      return stream;
    },
  };
}

/** How long somebody may go on reading whose right to it has been taken away. */
const SUPERVISION_MS = 60_000;

async function superviseStream(
  { clock, access, reviews, log }: DispatchParts,
  stream: {
    readonly caller: Caller;
    readonly route: ApiRoute;
    readonly namespace: string;
    readonly over: AbortController;
  },
): Promise<void> {
  const { caller, route, namespace, over } = stream;
  const { allow } = route;
  for (;;) {
    const isAwake = await clock.sleep(SUPERVISION_MS, over.signal).then(
      () => true,
      () => false, // the stream has ended
    );
    if (!isAwake) return;
    try {
      const user = await stillUser(caller, reviews);
      const isAllowed =
        user && (typeof allow === 'string' || (await access.may(user, allow, namespace)));
      if (!isAllowed) over.abort();
    } catch (error) {
      // An API server that is away takes nobody's rights away.
      log.warn('a stream goes on unchecked', { problem: String(error) });
    }
  }
}

async function audited(
  log: Logger,
  { user, params, remoteAddress }: ApiCall,
  { route, run }: { readonly route: ApiRoute; readonly run: () => Promise<ApiAnswer> },
): Promise<ApiAnswer> {
  const note = (outcome: string | number): void =>
    log.info('audit', {
      user: user.username,
      action: `${route.method} ${route.path}`,
      on: Object.values(params).join('/') || undefined,
      from: remoteAddress,
      outcome,
    });
  try {
    const answer = await run();
    note(answer === STREAMED ? 200 : answer.status);
    return answer;
  } catch (error) {
    note(refusalOf(error)?.status ?? 500);
    throw error;
  }
}
