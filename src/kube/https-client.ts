// The Kubernetes client over HTTPS: verbs to requests, answers to values.
import { systemClock, type Clock } from '#base/clock.ts';
import { OperatorError } from '#base/operator-error.ts';
import type {
  IssuedToken,
  KubeClient,
  KubeList,
  ListOptions,
  PatchOptions,
  Selection,
  TokenRequestOptions,
  TokenReviewResult,
} from './client.ts';
import type { KubeConfig } from './kubeconfig.ts';
import { isKubeObject, isRecord, type KubeObject, type ObjectRef } from './objects.ts';
import {
  apiVersionOf,
  resourcePath,
  SERVICE_ACCOUNT,
  TOKEN_REVIEW,
  type ResourceType,
} from './resources.ts';
import { KubeTransport, type KubeRequest } from './transport.ts';
import { readWatchEvents } from './watch-stream.ts';

const PATCH_TYPES: Readonly<Record<PatchOptions['kind'], string>> = {
  merge: 'application/merge-patch+json',
  json: 'application/json-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml', // JSON is YAML
};

/** A client that opens its first connection with its first request. Close it when done. */
export function createKubeClient(
  config: KubeConfig,
  options: { readonly clock?: Clock } = {},
): KubeClient {
  const { server } = config;
  const transport = new KubeTransport(config, { clock: options.clock ?? systemClock });
  const object = async (type: ResourceType, request: KubeRequest): Promise<KubeObject> => {
    const answer = await transport.exchange(request);
    if (isKubeObject(answer)) return answer;
    throw foreignAnswer(server, `a ${type.kind}`);
  };
  const get = { method: 'GET', isRepeatable: true } as const;
  return {
    server,
    get: (type, ref, { signal } = {}) =>
      object(type, { ...get, path: resourcePath(type, ref), signal }),
    list: async (type, options = {}) => {
      const path = resourcePath(type, { namespace: options.namespace });
      const query = listQuery(options);
      const answer = await transport.exchange({ ...get, path, query, signal: options.signal });
      return parseList(answer, () => foreignAnswer(server, `a list of ${type.plural}`));
    },
    watch: (type, options) => {
      const path = resourcePath(type, { namespace: options.namespace });
      const query = {
        ...selectionQuery(options),
        watch: 'true',
        allowWatchBookmarks: 'true',
        resourceVersion: options.resourceVersion,
        timeoutSeconds: String(options.timeoutSeconds),
      };
      return transport.stream({ ...get, path, query, signal: options.signal }, readWatchEvents);
    },
    create: (type, body, { signal } = {}) => {
      const path = resourcePath(type, { namespace: body.metadata.namespace });
      const typed = { apiVersion: apiVersionOf(type), kind: type.kind, ...body };
      return object(type, { method: 'POST', path, body: typed, isRepeatable: false, signal });
    },
    update: (type, body, { subresource, signal } = {}) => {
      const { namespace, name } = body.metadata;
      const path = resourcePath(type, { namespace, name, subresource });
      const typed = { apiVersion: apiVersionOf(type), kind: type.kind, ...body };
      return object(type, { method: 'PUT', path, body: typed, isRepeatable: false, signal });
    },
    patch: (type, ref, body, { kind, subresource, fieldManager, isForced, signal }) => {
      const path = resourcePath(type, { ...ref, subresource });
      const query = { fieldManager, force: isForced ? 'true' : undefined };
      const contentType = PATCH_TYPES[kind];
      const request = { method: 'PATCH', path, query, body, contentType, signal } as const;
      return object(type, { ...request, isRepeatable: false });
    },
    remove: async (type, ref, { preconditions, signal } = {}) => {
      const path = resourcePath(type, ref);
      const body = preconditions && { kind: 'DeleteOptions', apiVersion: 'v1', preconditions };
      const request = { method: 'DELETE', path, isRepeatable: false, signal } as const;
      await transport.exchange(body ? { ...request, body } : request);
    },
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
    close: () => transport.close(),
  };
}

const selectionQuery = ({ labelSelector, fieldSelector }: Selection) => ({
  labelSelector,
  fieldSelector,
});

const listQuery = (options: ListOptions) => ({
  ...selectionQuery(options),
  limit: options.limit?.toString(),
  continue: options.continueToken,
});

function parseList(answer: unknown, failure: () => OperatorError): KubeList {
  if (!isRecord(answer) || !isRecord(answer['metadata'])) throw failure();
  const { resourceVersion, continue: continueToken } = answer['metadata'];
  // the API writes a list without objects as null in some kinds
  const items: unknown = answer['items'] ?? [];
  if (typeof resourceVersion !== 'string' || !Array.isArray(items)) throw failure();
  if (!items.every(isKubeObject)) throw failure();
  const hasMore = typeof continueToken === 'string' && continueToken !== '';
  return { items, resourceVersion, continueToken: hasMore ? continueToken : undefined };
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

function foreignAnswer(server: string, expected: string): OperatorError {
  return new OperatorError(
    'API_SERVER_UNREACHABLE',
    `${server} answered with something that is not ${expected}`,
    { remedy: "check that the kubeconfig's server address is that of a Kubernetes API server" },
  );
}
