// Where a pod's node answers for it (the kubelet's own API), and under which path.
import type { JsonObject, KubeObject } from '../object.ts';
import { numberAt, objectAt, objectsAt, stringAt } from '../object.ts';
import { badRequest, notFoundError, StatusError } from '../status.ts';
import type { Store } from '../store/store.ts';

export type NodeAddress = { readonly node: string; readonly host: string; readonly port: number };

const PODS = { group: '', plural: 'pods' };
/** Best first: the address within the cluster before a name that may not resolve here. */
const ADDRESS_TYPES = ['InternalIP', 'ExternalIP', 'Hostname'];

export function findPod(store: Store, namespace: string, name: string): KubeObject {
  const pod = store.get({ resource: 'pods', namespace, name });
  if (!pod) throw notFoundError(PODS, name);
  return pod;
}

/** @throws StatusError when the pod is on no node, or the node on no address */
export function nodeOf(store: Store, pod: KubeObject): NodeAddress {
  const name = stringAt(objectAt(pod, 'spec'), 'nodeName');
  if (name === '') throw badRequest(`pod ${pod.metadata.name} does not have a host assigned`);
  const node = store.get({ resource: 'nodes', namespace: '', name });
  if (!node) throw notFoundError({ group: '', plural: 'nodes' }, name);
  const status = objectAt(node, 'status');
  const host = bestAddress(objectsAt(status, 'addresses'));
  const endpoint = objectAt(objectAt(status, 'daemonEndpoints'), 'kubeletEndpoint');
  const port = numberAt(endpoint, 'Port') ?? 0;
  if (host !== '' && port > 0) return { node: name, host, port };
  const why = `node ${name} does not say where it can be asked: its status lacks addresses or daemonEndpoints`;
  throw new StatusError(500, 'InternalError', why);
}

function bestAddress(addresses: readonly JsonObject[]): string {
  for (const type of ADDRESS_TYPES) {
    const found = addresses.find((address) => address['type'] === type);
    if (found) return stringAt(found, 'address');
  }
  return '';
}

/**
 * The container that is meant: the only one when none is named.
 *
 * @throws StatusError when there is no such container, or several and none is named
 */
export function containerOf(pod: KubeObject, named: string): string {
  const spec = objectAt(pod, 'spec');
  const names = (field: string) => objectsAt(spec, field).map((one) => stringAt(one, 'name'));
  const [containers, inits] = [names('containers'), names('initContainers')];
  const all = [...containers, ...inits, ...names('ephemeralContainers')];
  const { name } = pod.metadata;
  if (named !== '') {
    if (all.includes(named)) return named;
    throw badRequest(`container ${named} is not valid for pod ${name}`);
  }
  const [first, second] = containers;
  if (first !== undefined && second === undefined) return first;
  const choice = `choose one of: [${containers.join(' ')}]`;
  const rest = inits.length === 0 ? '' : ` or one of the init containers: [${inits.join(' ')}]`;
  throw badRequest(`a container name must be specified for pod ${name}, ${choice}${rest}`);
}

const LOG_OPTIONS = [
  'follow',
  'previous',
  'timestamps',
  'sinceSeconds',
  'sinceTime',
  'tailLines',
  'limitBytes',
];

/** The API calls the streams stdin, stdout and stderr; the kubelet input, output and error. */
const STREAM_OPTIONS: readonly (readonly [string, string])[] = [
  ['stdin', 'input'],
  ['stdout', 'output'],
  ['stderr', 'error'],
  ['tty', 'tty'],
];

export function logPath(pod: KubeObject, container: string, query: URLSearchParams): string {
  const kept = new URLSearchParams();
  for (const name of LOG_OPTIONS) {
    const value = query.get(name);
    if (value !== null) kept.set(name, value);
  }
  return pathOf('containerLogs', pod, container, kept);
}

export type StreamVerb = 'exec' | 'attach';

export function streamPath(
  verb: StreamVerb,
  target: { readonly pod: KubeObject; readonly container: string },
  query: URLSearchParams,
): string {
  const kept = new URLSearchParams();
  for (const command of query.getAll('command')) kept.append('command', command);
  for (const [name, kubelets] of STREAM_OPTIONS) {
    if (query.get(name) === 'true' || query.get(name) === '1') kept.set(kubelets, '1');
  }
  return pathOf(verb, target.pod, target.container, kept);
}

export function portForwardPath(pod: KubeObject, query: URLSearchParams): string {
  const kept = new URLSearchParams();
  for (const port of query.getAll('ports')) kept.append('port', port);
  return pathOf('portForward', pod, '', kept);
}

function pathOf(verb: string, pod: KubeObject, container: string, query: URLSearchParams): string {
  const { namespace = '', name } = pod.metadata;
  const parts = [verb, namespace, name, ...(container === '' ? [] : [container])];
  const path = parts.map((part) => encodeURIComponent(part)).join('/');
  return query.size === 0 ? `/${path}` : `/${path}?${query.toString()}`;
}
