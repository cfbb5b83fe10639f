// What a request is about, read from its method, path and query.
import { booleanOption } from '../registry/list-options.ts';
import { badRequest } from '../status.ts';
import type { ApiRequest } from './message.ts';

export type ResourceInfo = {
  readonly isResource: true;
  /** Kubernetes' verb: get, list, watch, create, update, patch, delete, deletecollection. */
  readonly verb: string;
  readonly group: string;
  readonly version: string;
  /** Empty for cluster-scoped resources and requests over all namespaces. */
  readonly namespace: string;
  /** The plural. */
  readonly resource: string;
  readonly subresource: string;
  /** What follows the subresource, for proxies; empty for all others. */
  readonly rest: string;
  readonly name: string;
};

export type PathInfo = {
  readonly isResource: false;
  readonly verb: string;
  readonly path: string;
};

export type RequestInfo = ResourceInfo | PathInfo;

/** Subresources of namespaces; any other third segment is a resource within the namespace. */
const NAMESPACE_SUBRESOURCES: ReadonlySet<string> = new Set(['status', 'finalize']);

/** @throws StatusError BadRequest when the path is not percent-encoded UTF-8 */
export function parseRequestInfo({ method, path, query }: ApiRequest): RequestInfo {
  const segments = path.split('/').slice(1).map(decodeSegment);
  if (segments.at(-1) === '') segments.pop();
  const place = resourcePlace(segments);
  if (!place) return { isResource: false, verb: method.toLowerCase(), path };
  const { group, version, parts } = place;
  const { namespace, resource, name, subresource, rest } = placeInNamespace(parts);
  const verb = verbOf(method, name, query);
  return { isResource: true, verb, group, version, namespace, resource, subresource, rest, name };
}

function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw badRequest('the path is not percent-encoded UTF-8');
  }
}

/** `/api/v1/…` or `/apis/GROUP/VERSION/…` with at least a resource. */
function resourcePlace(
  segments: readonly string[],
): { group: string; version: string; parts: readonly string[] } | undefined {
  const [root, first = '', second = ''] = segments;
  if (root === 'api' && segments.length > 2) {
    return { group: '', version: first, parts: segments.slice(2) };
  }
  if (root === 'apis' && segments.length > 3) {
    return { group: first, version: second, parts: segments.slice(3) };
  }
  return undefined;
}

type Parts = Pick<ResourceInfo, 'namespace' | 'resource' | 'name' | 'subresource' | 'rest'>;

function placeInNamespace(parts: readonly string[]): Parts {
  const [root = '', namespace = '', resource = ''] = parts;
  const isWithin = root === 'namespaces' && parts.length > 2;
  if (isWithin && !NAMESPACE_SUBRESOURCES.has(resource)) {
    return { namespace, ...named(parts.slice(2)) };
  }
  // A namespace is its own namespace: so rules for a namespace cover it as well.
  const own = root === 'namespaces' ? namespace : '';
  return { namespace: own, ...named(parts) };
}

function named([resource = '', name = '', subresource = '', ...rest]: readonly string[]) {
  return { resource, name, subresource, rest: rest.join('/') };
}

function verbOf(method: string, name: string, query: URLSearchParams): string {
  switch (method) {
    case 'POST':
      return 'create';
    case 'PUT':
      return 'update';
    case 'PATCH':
      return 'patch';
    case 'DELETE':
      return name === '' ? 'deletecollection' : 'delete';
    case 'GET':
    case 'HEAD':
      if (booleanOption(query, 'watch') === true) return 'watch';
      return name === '' ? 'list' : 'get';
    default:
      return method.toLowerCase();
  }
}
