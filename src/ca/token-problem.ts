// Why a token is refused, in words that say what to do. The API server's own answer is often just
// "invalid bearer token"; the token itself tells more. For messages only: nothing here is verified.
import { isRecord } from '#kube/objects.ts';

const AUDIENCES_SHOWN_MAX = 5;

/** @param reported what the API server's TokenReview said */
export function describeTokenProblem(
  token: string,
  options: {
    readonly audiences: readonly string[];
    readonly reported: string;
    readonly nowMs: number;
  },
): string {
  const claims = readClaims(token);
  if (!claims) return 'the bearer token is not a service account token';
  const { exp, aud } = claims;
  if (typeof exp === 'number' && exp * 1000 <= options.nowMs) {
    return `the bearer token expired at ${renderTime(exp)}; get a new one`;
  }
  const meantFor = (Array.isArray(aud) ? aud : [aud]).filter((it) => typeof it === 'string');
  if (!meantFor.some((audience) => options.audiences.includes(audience))) {
    const wanted = options.audiences.join(' or ');
    const shown = meantFor.slice(0, AUDIENCES_SHOWN_MAX).join(', ') || 'nobody';
    return `the bearer token is meant for ${shown}; get one with audience ${wanted}`;
  }
  return `the bearer token is not accepted: ${options.reported}`;
}

function readClaims(token: string): Record<string, unknown> | undefined {
  const [, payload, ...rest] = token.split('.');
  if (payload === undefined || rest.length !== 1) return undefined;
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
    return isRecord(claims) ? claims : undefined;
  } catch {
    return undefined; // not a JWT
  }
}

/** A date out of JavaScript's range is shown as its number. */
function renderTime(epochSeconds: number): string {
  const date = new Date(epochSeconds * 1000);
  return Number.isNaN(date.getTime()) ? String(epochSeconds) : date.toISOString();
}
