// Istio's rules for the matches of VirtualService's http.
import { isRe2 } from '../re2.ts';
import type { Reading } from '../schema/reading.ts';
import { checkOrigin } from './check-destination.ts';
import type { HttpMatch, StringMatch } from './http-schema.ts';

export function checkHttpMatch(match: HttpMatch, at: Reading): void {
  checkOrigin(match, at);
  for (const name of ['uri', 'scheme', 'method', 'authority'] as const) {
    checkStringMatch(match[name], at.property(name));
  }
  for (const name of ['headers', 'withoutHeaders', 'queryParams'] as const) {
    for (const [key, value] of Object.entries(match[name] ?? {})) {
      const place = at.property(name).key(key);
      if (key === '') place.refuse('Invalid value: must have a name');
      if (/[\0\r\n]/.test(key)) place.refuse('Invalid value: must be a single line');
      else if (name !== 'queryParams' && !isHeaderName(key) && key !== '') {
        place.refuse(`Invalid value: ${at.quote(key)}: not a header's name`);
      }
      checkStringMatch(value, place);
    }
  }
}

/** Of tokens' claims there are "headers", too: `@request.auth.claims.groups`. */
export const isClaim = (name: string): boolean =>
  /^@request\.auth\.claims(\..+|\[.+\])$/i.test(name);

const PSEUDO_HEADERS = new Set([':method', ':scheme', ':authority', ':path', ':status']);

const isHeaderName = (name: string): boolean =>
  isClaim(name) || PSEUDO_HEADERS.has(name) || isToken(name);

/** RFC 9110 §5.6.2: what names of headers are made of. */
export const isToken = (text: string): boolean => /^[-_A-Za-z0-9!#$%&'*+.^`|~]+$/.test(text);

/** An empty prefix or expression would match everything: never what was meant. */
export function checkStringMatch(match: StringMatch | undefined, at: Reading): void {
  if (match?.prefix === '') at.property('prefix').refuse('Invalid value: must not be empty');
  if (match?.regex === '') at.property('regex').refuse('Invalid value: must not be empty');
  // of headers and parameters, `*` means that they are there, whatever their value
  const isPresence = match?.regex === '*';
  if (match?.regex !== undefined && !isPresence && !isRe2(match.regex)) {
    const { regex } = match;
    at.property('regex').refuse(
      `Invalid value: ${at.quote(regex)}: not a regular expression of RE2`,
    );
  }
}
