// Istio's rules for the headers that a route sets, adds and removes.
import type { Reading } from '../schema/reading.ts';
import type { Headers } from './http-schema.ts';

export function checkHeaders(headers: Headers | undefined, at: Reading): void {
  for (const side of ['request', 'response'] as const) {
    const operations = headers?.[side];
    if (operations === undefined) continue;
    const place = at.property(side);
    for (const name of ['set', 'add'] as const) {
      for (const [header, value] of Object.entries(operations[name] ?? {})) {
        const entry = place.property(name).key(header);
        checkName(header, entry);
        if (!isFormat(value)) {
          entry.refuse(
            `Invalid value: ${at.quote(value)}: % must be doubled, or begin an operator`,
          );
        }
      }
    }
    for (const [index, header] of (operations.remove ?? []).entries()) {
      checkName(header, place.property('remove').item(index));
    }
  }
}

function checkName(header: string, at: Reading): void {
  if (header === '') at.refuse('Invalid value: a header has a name');
  else if (!/^:?[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(header)) {
    at.refuse(`Invalid value: ${at.quote(header)}: not a header's name`);
  }
}

/**
 * Would Envoy take the value as a format (`%REQ(NAME)%`)? It refuses the whole table otherwise.
 * Which operators there are only it knows; that each `%` has its end can be told here.
 */
export function isFormat(value: string): boolean {
  return /^(?:[^%\0\r\n]|%%|%[A-Z0-9_]+(?:\([^\0\r\n]*?\))?(?::\d+)?%)*$/.test(value);
}
