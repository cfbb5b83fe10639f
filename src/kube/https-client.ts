// The Kubernetes client over HTTPS: verbs to requests, answers to values.
import { systemClock, type Clock } from '#base/clock.ts';
import type { OperatorError } from '#base/operator-error.ts';
import type { KubeClient, KubeList, ListOptions, PatchOptions, Selection } from './client.ts';
import type { KubeConfig } from './kubeconfig.ts';
import { isKubeObject, isRecord, type KubeObject } from './objects.ts';
import { apiVersionOf, POD, resourcePath, type ResourceType } from './resources.ts';
import { tokenVerbs } from './token-verbs.ts';
import { foreignAnswer, KubeTransport, type KubeRequest } from './transport.ts';
import { logVerb } from './log-verb.ts';
import { userVerbs } from './user-verbs.ts';
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
  return clientOver(new KubeTransport(config, { clock: options.clock ?? systemClock }), config);
}

function clientOver(transport: KubeTransport, config: KubeConfig): KubeClient {
  const { server } = config;
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
    create: (type, body, { fieldManager, isDryRun, signal } = {}) => {
      const path = resourcePath(type, { namespace: body.metadata.namespace });
      const typed = { apiVersion: apiVersionOf(type), kind: type.kind, ...body };
      const query = { fieldManager, dryRun: isDryRun ? 'All' : undefined };
      const request = { method: 'POST', path, query, body: typed } as const;
      return object(type, { ...request, isRepeatable: false, signal });
    },
    bind: async ({ namespace, name, uid }, nodeName, { signal } = {}) => {
      const path = resourcePath(POD, { namespace, name, subresource: 'binding' });
      const metadata = { name, namespace, uid };
      const target = { apiVersion: 'v1', kind: 'Node', name: nodeName };
      const body = { apiVersion: 'v1', kind: 'Binding', metadata, target };
      await transport.exchange({ method: 'POST', path, body, isRepeatable: false, signal });
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
    remove: async (type, ref, { signal, ...options } = {}) => {
      const path = resourcePath(type, ref);
      const body = { kind: 'DeleteOptions', apiVersion: 'v1', ...options };
      await transport.exchange({ method: 'DELETE', path, body, isRepeatable: false, signal });
    },
    ...tokenVerbs(transport, server),
    ...userVerbs(transport, server),
    ...logVerb(transport),
    as: (user) => ({ ...clientOver(transport.as(user), config), close: () => undefined }),
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
