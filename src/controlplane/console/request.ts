// What is read of a request, within limits.
import type { IncomingMessage } from 'node:http';
import { ApiRefusal, badRequest } from './route.ts';

export const BODY_BYTES_MAX = 256 << 10;
const JSON_TYPE = /^application\/json\s*(;|$)/i;

/**
 * The body, parsed. Only as `application/json`, which no form can send, and no page of another
 * origin without being asked first.
 *
 * @returns undefined when there is none
 * @throws ApiRefusal 400, 413, 415
 */
export async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (bytes > BODY_BYTES_MAX) {
      const message = `a request has at most ${BODY_BYTES_MAX} bytes`;
      throw new ApiRefusal(413, { code: 'too-large', message }, { connection: 'close' });
    }
    chunks.push(chunk);
  }
  if (bytes === 0) return undefined;
  if (!JSON_TYPE.test(request.headers['content-type'] ?? '')) {
    throw new ApiRefusal(415, { code: 'not-json', message: 'send application/json' });
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    throw badRequest('the body is not JSON');
  }
}

/** RFC 6265 §5.4; the first of several with one name, which is the one with the longest path. */
export function cookieOf({ headers }: IncomingMessage, name: string): string | undefined {
  for (const pair of (headers.cookie ?? '').split(';')) {
    const [key = '', ...value] = pair.split('=');
    if (key.trim() === name) return value.join('=').trim();
  }
  return undefined;
}

/**
 * What a session's cookie is called. Cookies know hosts, but no ports: consoles side by side on
 * loopback have names of their own, by the port that the browser knows. Over TLS browsers hold
 * `__Host-` to what it promises.
 */
export function cookieNameFor(request: IncomingMessage): string {
  if ('encrypted' in request.socket) return '__Host-isthmus';
  const [, port = '80'] = /:(\d{1,5})$/.exec(request.headers.host ?? '') ?? [];
  return `isthmus-${port}`;
}

export function bearerOf({ headers }: IncomingMessage): string | undefined {
  return /^bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1];
}

/** `If-Match: "4182"` or `W/"4182"`: what stands between the quotation marks. */
export function ifMatchOf({ headers }: IncomingMessage): string | undefined {
  const text = headers['if-match'];
  return text === undefined ? undefined : (/^(?:W\/)?"(.*)"$/.exec(text.trim())?.[1] ?? text);
}

/** Did a page of another origin send it? Programs that are no browsers say nothing of origins. */
export function isForeign({ headers }: IncomingMessage): boolean {
  const { origin, host } = headers;
  const site = headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return true;
  if (origin === undefined) return false;
  return !URL.canParse(origin) || new URL(origin).host !== host;
}

/** A cookie's or header's value that came twice comes as a list. */
export const headerOf = ({ headers }: IncomingMessage, name: string): string | undefined => {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
};
