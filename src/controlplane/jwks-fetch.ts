// One key set over HTTP, as JwtRule.jwksUri names it or as its issuer's description does (OpenID
// Connect Discovery 1.0). What is fetched is somebody else's: small, and nothing but keys.
import { withDeadline, type Clock } from '#base/clock.ts';
import { parseKeySet } from '#istio/requestauthentication/key-set.ts';
import type { JwksSource } from '#istio/requestauthentication/request-authentication.ts';
import { isRecord } from '#kube/objects.ts';

/** Rules may ask for longer; whoever is this slow is not there. */
const TIMEOUT_MS_MAX = 30_000;
const BODY_BYTES_MAX = 1 << 20;

export type Fetch = (
  url: string,
  init: { readonly signal: AbortSignal; readonly headers: Readonly<Record<string, string>> },
) => Promise<Response>;

/**
 * @returns the set as JSON, with its public keys and nothing else
 * @throws Error with the reason, for the log: the content is never part of it
 */
export async function fetchJwks(
  source: JwksSource,
  options: { readonly fetch: Fetch; readonly clock: Clock; readonly signal: AbortSignal },
): Promise<string> {
  const { fetch, clock, signal } = options;
  const limitMs = Math.min(source.timeoutMs, TIMEOUT_MS_MAX);
  return withDeadline({ what: source.uri, limitMs, clock, parent: signal }, async (signal) => {
    const uri = source.isDiscovery ? await keysOfIssuer(source.uri, fetch, signal) : source.uri;
    const keys = parseKeySet(await textFrom(uri, fetch, signal));
    if (keys === undefined) throw new Error('what was fetched is no JSON Web Key Set with a key');
    return JSON.stringify({ keys });
  });
}

async function keysOfIssuer(uri: string, fetch: Fetch, signal: AbortSignal): Promise<string> {
  const description: unknown = JSON.parse(await textFrom(uri, fetch, signal));
  const found = isRecord(description) ? description['jwks_uri'] : undefined;
  if (typeof found === 'string' && /^https?:\/\//i.test(found)) return found;
  throw new Error('the issuer describes no jwks_uri');
}

async function textFrom(uri: string, fetch: Fetch, signal: AbortSignal): Promise<string> {
  const response = await fetch(uri, { signal, headers: { accept: 'application/json' } });
  if (!response.ok || response.body === null) {
    await response.body?.cancel();
    throw new Error(`answered ${response.status}`);
  }
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body) {
    bytes += chunk.length;
    if (bytes > BODY_BYTES_MAX) throw new Error(`longer than ${BODY_BYTES_MAX} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
