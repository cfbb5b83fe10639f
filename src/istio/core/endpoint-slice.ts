// An EndpointSlice of discovery.k8s.io: what Kubernetes says stands behind a Service.
import { canonicalIp } from '#base/ip.ts';
import type { KubeObject } from '#kube/objects.ts';
import { parseMeta } from '../object.ts';
import type { ParsedMeta } from '../object.ts';
import { fieldsOf, objectsAt, portAt, textAt, textsAt } from './fields.ts';

/** `terminating` takes no new connection, but those it has go on. */
export type Health = 'ready' | 'unready' | 'terminating';

export type SliceEndpoint = {
  /** Canonical. They are one endpoint's, and equal. */
  readonly addresses: readonly string[];
  readonly health: Health;
  readonly nodeName: string;
  /** The Pod it is, in the slice's namespace; empty when it is none or not said. */
  readonly pod: string;
};

export type EndpointSlice = ParsedMeta & {
  /** Of the same namespace; empty when the slice belongs to none. */
  readonly serviceName: string;
  /** Which port of the endpoints each port of the Service, by name, is. */
  readonly ports: ReadonlyMap<string, number>;
  readonly endpoints: readonly SliceEndpoint[];
};

const SERVICE_NAME = 'kubernetes.io/service-name';

export function parseEndpointSlice(object: KubeObject): EndpointSlice {
  const meta = parseMeta(object);
  const ports = objectsAt(object, 'ports').flatMap((port) => {
    const number = portAt(port, 'port');
    const isTcp = (textAt(port, 'protocol') || 'TCP') === 'TCP';
    return number !== undefined && isTcp ? [[textAt(port, 'name'), number] as const] : [];
  });
  return {
    ...meta,
    serviceName: meta.labels[SERVICE_NAME] ?? '',
    ports: new Map(ports),
    endpoints: objectsAt(object, 'endpoints').map(endpointOf),
  };
}

function endpointOf(endpoint: Readonly<Record<string, unknown>>): SliceEndpoint {
  const target = fieldsOf(endpoint['targetRef']);
  return {
    addresses: textsAt(endpoint, 'addresses').flatMap((address) => canonicalIp(address) ?? []),
    health: healthOf(fieldsOf(endpoint['conditions'])),
    nodeName: textAt(endpoint, 'nodeName'),
    pod: textAt(target, 'kind') === 'Pod' ? textAt(target, 'name') : '',
  };
}

/** Conditions that are not said are the good ones. */
function healthOf(conditions: Readonly<Record<string, unknown>>): Health {
  if (conditions['terminating'] === true) return 'terminating';
  return conditions['ready'] === false ? 'unready' : 'ready';
}
