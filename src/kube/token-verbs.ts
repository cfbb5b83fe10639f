// Asking for tokens of service accounts, and whose token one is: TokenRequest and TokenReview.
import type { IssuedToken, KubeClient, TokenRequestOptions, TokenReviewResult } from './client.ts';
import { isRecord, type ObjectRef } from './objects.ts';
import { apiVersionOf, resourcePath, SERVICE_ACCOUNT, TOKEN_REVIEW } from './resources.ts';
import { foreignAnswer, type KubeRequest, type KubeTransport } from './transport.ts';

/** The token verbs of a client to the server at this address. */
export function tokenVerbs(
  transport: KubeTransport,
  server: string,
): Pick<KubeClient, 'createToken' | 'reviewToken'> {
  return {
    createToken: async (serviceAccount, options) => {
      const answer = await transport.exchange(tokenRequest(serviceAccount, options));
      const token = parseIssuedToken(answer);
      if (!token) throw foreignAnswer(server, 'a TokenRequest');
      return token;
    },
    reviewToken: async (token, { audiences, signal }) => {
      const path = resourcePath(TOKEN_REVIEW);
      const { kind } = TOKEN_REVIEW;
      const body = { apiVersion: apiVersionOf(TOKEN_REVIEW), kind, spec: { token, audiences } };
      const request = { method: 'POST', path, body, isRepeatable: true, signal } as const;
      const result = parseTokenReview(await transport.exchange(request), audiences);
      if (!result) throw foreignAnswer(server, 'a TokenReview');
      return result;
    },
  };
}

function tokenRequest(serviceAccount: ObjectRef, options: TokenRequestOptions): KubeRequest {
  const { audiences, expirationSeconds, boundPod, signal } = options;
  const boundObjectRef = boundPod && { apiVersion: 'v1', kind: 'Pod', ...boundPod };
  return {
    method: 'POST',
    path: resourcePath(SERVICE_ACCOUNT, { ...serviceAccount, subresource: 'token' }),
    body: {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: { audiences, expirationSeconds, ...(boundObjectRef && { boundObjectRef }) },
    },
    isRepeatable: true, // an unused token expires by itself
    signal,
  };
}

function parseIssuedToken(answer: unknown): IssuedToken | undefined {
  if (!isRecord(answer) || !isRecord(answer['status'])) return undefined;
  const { token, expirationTimestamp } = answer['status'];
  if (typeof token !== 'string' || typeof expirationTimestamp !== 'string') return undefined;
  const expiresAtMs = Date.parse(expirationTimestamp);
  return Number.isNaN(expiresAtMs) ? undefined : { token, expiresAtMs };
}

/**
 * A server that knows nothing of audiences answers without any: its "authenticated" is then not
 * about ours, and does not count (TokenReview API, status.audiences).
 */
function parseTokenReview(
  answer: unknown,
  wanted: readonly string[],
): TokenReviewResult | undefined {
  if (!isRecord(answer) || !isRecord(answer['status'])) return undefined;
  const { authenticated, user, error, audiences } = answer['status'];
  if (authenticated !== true) {
    const problem = typeof error === 'string' && error !== '' ? error : 'invalid bearer token';
    return { isAuthenticated: false, problem };
  }
  if (!isRecord(user) || typeof user['username'] !== 'string') return undefined;
  const common = textsOf(audiences).filter((audience) => wanted.includes(audience));
  if (common.length === 0) {
    return { isAuthenticated: false, problem: `token is not meant for ${wanted.join(' or ')}` };
  }
  const extra = isRecord(user['extra']) ? user['extra'] : {};
  return {
    isAuthenticated: true,
    username: user['username'],
    groups: textsOf(user['groups']),
    extra: Object.fromEntries(Object.entries(extra).map(([key, it]) => [key, textsOf(it)])),
    audiences: common,
  };
}

const textsOf = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
