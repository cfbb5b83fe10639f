// A Service as the endpoint controllers see it, and which Pods stand behind it.
import { isIP } from 'node:net';
import { fieldsOf, numberAt, objectsAt, textAt, textMapOf, type Fields } from '#kube/fields.ts';
import { labelsMatch } from '#kube/label-selector.ts';
import type { KubeObject } from '#kube/objects.ts';
import { isDeleting } from '../owners.ts';
import { hasEnded, isReady } from '../pods.ts';

export type ServicePort = {
  readonly name: string;
  readonly protocol: string;
  readonly appProtocol: string;
  /** A number, or the name of a container's port. */
  readonly target: number | string;
};

/** Without a selector its endpoints are somebody else's; ExternalName has none. */
export function isSelecting({ spec }: KubeObject): boolean {
  const fields = fieldsOf(spec);
  const hasSelector = Object.keys(textMapOf(fields['selector'])).length > 0;
  return hasSelector && textAt(fields, 'type') !== 'ExternalName';
}

export const isHeadless = ({ spec }: KubeObject): boolean =>
  textAt(fieldsOf(spec), 'clusterIP') === 'None';

/** IP families in which the Service is served; IPv4 when it does not say. */
export function familiesOf({ spec }: KubeObject): readonly ('IPv4' | 'IPv6')[] {
  const named: unknown = fieldsOf(spec)['ipFamilies'];
  const families = Array.isArray(named) ? named : [];
  const known = (['IPv4', 'IPv6'] as const).filter((family) => families.includes(family));
  return known.length === 0 ? ['IPv4'] : known;
}

export function portsOf({ spec }: KubeObject): readonly ServicePort[] {
  return objectsAt(fieldsOf(spec), 'ports').map((port) => {
    const target = numberAt(port, 'targetPort') || textAt(port, 'targetPort');
    return {
      name: textAt(port, 'name'),
      protocol: textAt(port, 'protocol') || 'TCP',
      appProtocol: textAt(port, 'appProtocol'),
      target: target || (numberAt(port, 'port') ?? 0),
    };
  });
}

export type Backend = {
  readonly pod: KubeObject;
  readonly isReady: boolean;
  /** Ready, whether it is being asked to end or not: traffic may go on for want of others. */
  readonly isServing: boolean;
  readonly isTerminating: boolean;
};

/** The Pods that the Service selects and that have an address, in the order of their names. */
export function backendsOf(service: KubeObject, pods: readonly KubeObject[]): readonly Backend[] {
  const isSelected = labelsMatch(fieldsOf(service.spec)['selector']);
  const publishesUnready = fieldsOf(service.spec)['publishNotReadyAddresses'] === true;
  return pods
    .filter((pod) => isSelected(pod.metadata.labels) && !hasEnded(pod) && hasAddress(pod))
    .toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
    .map((pod) => {
      const isTerminating = isDeleting(pod);
      const isServing = isReady(pod);
      const isReadyFor = publishesUnready || (isServing && !isTerminating);
      return { pod, isReady: isReadyFor, isServing, isTerminating };
    });
}

const hasAddress = (pod: KubeObject): boolean => addressesOf(pod, 'IPv4', 'IPv6').length > 0;

/** The Pod's addresses of these families, its primary one first. */
export function addressesOf(
  { status }: KubeObject,
  ...families: readonly ('IPv4' | 'IPv6')[]
): readonly string[] {
  const fields = fieldsOf(status);
  const all = [
    textAt(fields, 'podIP'),
    ...objectsAt(fields, 'podIPs').map((entry) => textAt(entry, 'ip')),
  ];
  const versions = new Set(families.map((family): number => (family === 'IPv4' ? 4 : 6)));
  return [...new Set(all)].filter((address) => versions.has(isIP(address)));
}

export type EndpointPort = {
  readonly name: string;
  readonly protocol: string;
  readonly port: number;
  readonly appProtocol?: string;
};

/** The ports of a Service as this Pod has them; one whose name no container has is left out. */
export function endpointPorts(ports: readonly ServicePort[], pod: KubeObject): EndpointPort[] {
  return ports.flatMap(({ name, protocol, appProtocol, target }) => {
    const port = typeof target === 'number' ? target : namedPort(pod, target, protocol);
    if (port === undefined) return [];
    return [{ name, protocol, port, ...(appProtocol !== '' && { appProtocol }) }];
  });
}

function namedPort(pod: KubeObject, name: string, protocol: string): number | undefined {
  const isIt = (port: Fields): boolean =>
    textAt(port, 'name') === name && (textAt(port, 'protocol') || 'TCP') === protocol;
  const found = containersOf(pod)
    .flatMap((container) => objectsAt(container, 'ports'))
    .find(isIt);
  return found && numberAt(found, 'containerPort');
}

/** Containers that run beside one another: sidecars among the init containers, too. */
function containersOf({ spec }: KubeObject): readonly Fields[] {
  const fields = fieldsOf(spec);
  const isSidecar = (container: Fields): boolean => textAt(container, 'restartPolicy') === 'Always';
  return [
    ...objectsAt(fields, 'containers'),
    ...objectsAt(fields, 'initContainers').filter(isSidecar),
  ];
}

/** What an endpoint refers to, as an ObjectReference. */
export function referenceTo({ metadata }: KubeObject) {
  const { namespace = '', name, uid = '' } = metadata;
  return { kind: 'Pod', namespace, name, uid };
}

/** The name that the Pod has within a headless Service's domain, if any. */
export function hostnameOf(pod: KubeObject, service: KubeObject): string {
  const spec = fieldsOf(pod.spec);
  return textAt(spec, 'subdomain') === service.metadata.name ? textAt(spec, 'hostname') : '';
}
