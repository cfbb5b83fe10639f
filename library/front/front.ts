// The library's front: the page, and what it needs to know, gathered from the other services.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { SHELVES } from '../shared/book.ts';
import { systemClock, type Clock } from '../shared/clock.ts';
import {
  call,
  json,
  jsonOf,
  serve,
  type HttpReply,
  type HttpRequest,
  type Routes,
} from '../shared/http.ts';
import {
  portSetting,
  urlSetting,
  type Environment,
  type RunningService,
} from '../shared/program.ts';
import { parseShelves } from '../shared/shelves.ts';
import { buildView, parseInventory, parsePicks, type LibraryView } from './view.ts';

export type FrontConfig = {
  readonly port: number;
  readonly catalogueUrl: string;
  readonly recommendationsUrl: string;
  readonly inventoryUrl: string;
};

/** So long one gathering serves all who ask: any number of open pages costs the same. */
const FRESH_MS = 400;

const PAGE_FILES: Readonly<Record<string, { readonly file: string; readonly type: string }>> = {
  '/': { file: 'index.html', type: 'text/html; charset=utf-8' },
  '/style.css': { file: 'style.css', type: 'text/css; charset=utf-8' },
  '/app.js': { file: 'app.js', type: 'text/javascript; charset=utf-8' },
  '/spines.js': { file: 'spines.js', type: 'text/javascript; charset=utf-8' },
  '/favicon.svg': { file: 'favicon.svg', type: 'image/svg+xml' },
};

/** Nothing from elsewhere, nothing inline: a title cannot become a script. */
const SECURITY_HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; " +
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
};

/** @throws SettingError */
export function frontConfig(env: Environment): FrontConfig {
  return {
    port: portSetting(env, 'PORT', 8080),
    catalogueUrl: urlSetting(env, 'CATALOGUE_URL'),
    recommendationsUrl: urlSetting(env, 'RECOMMENDATIONS_URL'),
    inventoryUrl: urlSetting(env, 'INVENTORY_URL'),
  };
}

export function startFront(
  config: FrontConfig,
  clock: Clock = systemClock,
): Promise<RunningService> {
  const view = shared(() => gather(config), clock);
  return serve({
    port: config.port,
    routes: {
      ...pageRoutes(),
      'GET /api/library': async (request) => withTag(request, kept(json(200, await view()))),
      'GET /api/shelves': () => json(200, { shelves: SHELVES }),
      'POST /api/books': (request) => addBook(config, request),
    },
  });
}

function pageRoutes(): Routes {
  const entries = Object.entries(PAGE_FILES).map(([path, { file, type }]) => {
    const body = readFileSync(new URL(`page/${file}`, import.meta.url));
    const headers = { ...SECURITY_HEADERS, 'content-type': type };
    const reply = kept({ status: 200, headers, body });
    return [`GET ${path}`, (request: HttpRequest) => withTag(request, reply)] as const;
  });
  return Object.fromEntries(entries);
}

/** To be kept by the client, and used after asking whether it still holds. */
const kept = (reply: HttpReply): HttpReply => ({
  ...reply,
  headers: { ...reply.headers, 'cache-control': 'no-cache' },
});

/** What a client has already is not sent again. */
function withTag(request: HttpRequest, reply: HttpReply): HttpReply {
  const etag = `"${createHash('sha256')
    .update(reply.body ?? '')
    .digest('base64url')}"`;
  const headers = { ...reply.headers, etag };
  const isHeld = request.headers['if-none-match'] === etag;
  return isHeld ? { status: 304, headers } : { ...reply, headers };
}

/** One run of the work for all who ask while it is under way or fresh. */
function shared<T>(work: () => Promise<T>, clock: Clock): () => Promise<T> {
  let latest: Promise<T> | undefined;
  let startedAtMs = 0;
  return () => {
    if (!latest || clock.nowMs() - startedAtMs >= FRESH_MS) {
      startedAtMs = clock.nowMs();
      latest = work();
    }
    return latest;
  };
}

/** Asks all services at once; one that does not answer leaves a gap, not an error. */
async function gather(config: FrontConfig): Promise<LibraryView> {
  const ask = async (url: string): Promise<unknown> => {
    const result = await call(url);
    return result.ok && result.status === 200 ? result.body : undefined;
  };
  const [shelves, queue, inserted, picks] = await Promise.all([
    ask(`${config.catalogueUrl}/shelves`),
    ask(`${config.inventoryUrl}/queue`),
    ask(`${config.inventoryUrl}/inserted`),
    ask(`${config.recommendationsUrl}/recommendations`),
  ]);
  return buildView(parseShelves(shelves), parseInventory(queue, inserted), parsePicks(picks));
}

/** The catalogue judges the book; its answer goes back as it is. */
async function addBook(config: FrontConfig, request: HttpRequest): Promise<HttpReply> {
  const result = await call(`${config.catalogueUrl}/books`, {
    method: 'POST',
    body: jsonOf(request) ?? {},
  });
  if (result.ok) return json(result.status, result.body);
  process.stderr.write(`front: the catalogue does not answer: ${result.reason}\n`);
  return json(503, { error: 'The catalogue does not answer. Please try again in a moment.' });
}
