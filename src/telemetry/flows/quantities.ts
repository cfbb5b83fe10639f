// What is counted of an edge, as columns of numbers: sums, by addition.

/** Names of the columns, in their order. */
export const QUANTITIES = [
  'toServer',
  'toClient',
  'opened',
  'failed',
  'requests',
  'requestMs',
  'clientErrors',
] as const;

/** One number for each quantity. */
export type Quantities = Float64Array;

export const TO_SERVER = 0;
export const TO_CLIENT = 1;
export const OPENED = 2;
export const FAILED = 3;
export const REQUESTS = 4;
export const REQUEST_MS = 5;
export const CLIENT_ERRORS = 6;

/** Up to eight of them V8 keeps with its objects, beyond apart: a second makes thousands. */
export const noQuantities = (): Quantities => new Float64Array(QUANTITIES.length);

export function addQuantities(to: Quantities, more: Quantities): void {
  for (let at = 0; at < to.length; at++) to[at] = (to[at] ?? 0) + (more[at] ?? 0);
}

/** Loops rather than iterators: every edge is asked several times a second. */
export function isNothing(quantities: Quantities): boolean {
  for (let at = 0; at < quantities.length; at++) if (quantities[at] !== 0) return false;
  return true;
}
