// Query parameters as routes need them; what cannot be read is refused, never guessed.
import { badRequest } from './route.ts';

const TEXT_LENGTH_MAX = 600;

/** Undefined: it is not there. @throws ApiRefusal 400 */
export function numberParameter(
  query: URLSearchParams,
  name: string,
  { min = 0, max = Number.MAX_SAFE_INTEGER }: { readonly min?: number; readonly max?: number } = {},
): number | undefined {
  const text = query.get(name);
  if (text === null || text === '') return undefined;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= max) return value;
  throw badRequest(`${name} must be a whole number from ${min} to ${max}`);
}

/** Undefined: it is not there. @throws ApiRefusal 400 */
export function textParameter(query: URLSearchParams, name: string): string | undefined {
  const text = query.get(name) ?? undefined;
  if (text !== undefined && text.length > TEXT_LENGTH_MAX) throw badRequest(`${name} is too long`);
  return text === '' ? undefined : text;
}

/**
 * `from` and `to`, in milliseconds; by default the last `defaultMs` until now.
 *
 * @throws ApiRefusal 400
 */
export function spanParameters(
  query: URLSearchParams,
  { nowMs, defaultMs }: { readonly nowMs: number; readonly defaultMs: number },
): { readonly fromMs: number; readonly toMs: number } {
  const toMs = numberParameter(query, 'to') ?? nowMs;
  const fromMs = numberParameter(query, 'from') ?? Math.max(0, toMs - defaultMs);
  if (fromMs > toMs) throw badRequest('from must not be after to');
  return { fromMs, toMs };
}
