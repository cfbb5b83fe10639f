// A registered workload as Kubernetes objects: what a user would otherwise write by hand. Pure.
//
// A Service and a ServiceEntry of one host are one service: its cluster IP comes from the first,
// its endpoints from the second, which selects the WorkloadEntries. The ServiceAccount is the
// workload's identity. WorkloadGroup and Sidecar make Kiali take the VM for a workload in the mesh.
import type { KubeObject } from '#kube/objects.ts';
import {
  apiVersionOf,
  SERVICE,
  SERVICE_ACCOUNT,
  SERVICE_ENTRY,
  SIDECAR,
  WORKLOAD_ENTRY,
  WORKLOAD_GROUP,
  type ResourceType,
} from '#kube/resources.ts';
import type { RegisteredPort, Registration } from './request.ts';

/** An object and the kind by which the API is asked for it. */
export type Manifest = { readonly type: ResourceType; readonly object: KubeObject };

/** On everything that `register` makes; its value is the registration's name. */
export const REGISTERED_BY = 'isthmus.dev/registered-by';
/** Istio's: the workload that an instance of it belongs to, in metrics and on the map. */
export const WORKLOAD_NAME = 'service.istio.io/workload-name';
/** Istio's: clients speak mesh TLS to it. */
const TLS_MODE = 'security.istio.io/tlsMode';
/** What Kubernetes puts after `svc` in the names of Services. */
const CLUSTER_DOMAIN = 'cluster.local';

/** Everything that all addresses of a registration have in common, in the order of making. */
export const SHARED_KINDS: readonly ResourceType[] = [
  SERVICE_ACCOUNT,
  SERVICE,
  SERVICE_ENTRY,
  WORKLOAD_GROUP,
  SIDECAR,
];

/** Without these a VM is in the mesh all the same; only pictures of it lack something. */
export const OPTIONAL_KINDS: ReadonlySet<ResourceType> = new Set([WORKLOAD_GROUP, SIDECAR]);

export const hostOf = ({ name, namespace }: { name: string; namespace: string }): string =>
  `${name}.${namespace}.svc.${CLUSTER_DOMAIN}`;

/**
 * As Istio names the entries that it makes itself: `<group>-<address>`, colons as hyphens. A name
 * ends with a letter or digit, which `2001:db8::` does not.
 */
export function entryName({ name, address }: { name: string; address: string }): string {
  return `${name}-${address.replaceAll(':', '-')}`.replace(/-$/, '-0');
}

/** What shall be there, in the order of making: the endpoint last, when all it needs stands. */
export function registrationObjects(registration: Registration): readonly Manifest[] {
  const { name } = registration;
  return [
    manifest(registration, SERVICE_ACCOUNT, { name: registration.serviceAccount }),
    manifest(registration, SERVICE, { name, spec: serviceSpec(registration) }),
    manifest(registration, SERVICE_ENTRY, { name, spec: serviceEntrySpec(registration) }),
    manifest(registration, WORKLOAD_GROUP, { name, spec: workloadGroupSpec(registration) }),
    manifest(registration, SIDECAR, { name, spec: sidecarSpec(registration) }),
    manifest(registration, WORKLOAD_ENTRY, {
      name: entryName(registration),
      spec: workloadEntrySpec(registration),
    }),
  ];
}

function manifest(
  registration: Registration,
  type: ResourceType,
  object: { readonly name: string; readonly spec?: unknown },
): Manifest {
  const { name: registrationName, namespace, labels } = registration;
  const { app = registrationName } = labels;
  // Kiali matches a Sidecar with the labels of a WorkloadGroup itself, not with its template's.
  const selected = type === WORKLOAD_GROUP ? selectorOf(registration) : {};
  const own = { app, ...selected, [REGISTERED_BY]: registrationName };
  const { name, spec } = object;
  return {
    type,
    object: {
      apiVersion: apiVersionOf(type),
      kind: type.kind,
      metadata: { name, namespace, labels: own },
      ...(spec !== undefined && { spec }),
    },
  };
}

/** Without a selector: who serves it is the ServiceEntry's to say. */
const serviceSpec = ({ ports }: Registration) => ({
  ports: ports.map(({ port, name, protocol, isProtocolInName }) => ({
    name,
    port,
    protocol: 'TCP',
    ...(!isProtocolInName && { appProtocol: protocol }),
  })),
});

const serviceEntrySpec = (registration: Registration) => ({
  hosts: [hostOf(registration)],
  location: 'MESH_INTERNAL',
  resolution: 'STATIC',
  ports: registration.ports.map(({ port, name, protocol }) => ({
    name,
    number: port,
    protocol: protocol.toUpperCase(),
  })),
  workloadSelector: { labels: selectorOf(registration) },
});

/**
 * Not by `app`, which others may have as well: what is registered under the name is behind it, and
 * nothing else.
 */
const selectorOf = ({ name }: Registration) => ({ [WORKLOAD_NAME]: name });

const workloadGroupSpec = ({ name, labels, serviceAccount, ports }: Registration) => ({
  metadata: { labels: { ...labels, [WORKLOAD_NAME]: name } },
  template: { serviceAccount, ports: portMap(ports) },
});

/** Restricts nothing: it is there to say that the workload has a sidecar. */
const sidecarSpec = (registration: Registration) => ({
  workloadSelector: { labels: selectorOf(registration) },
  egress: [{ hosts: ['*/*'] }],
});

const workloadEntrySpec = ({ name, address, labels, serviceAccount, ports }: Registration) => ({
  address,
  labels: { ...labels, [WORKLOAD_NAME]: name, [TLS_MODE]: 'istio' },
  ports: portMap(ports),
  serviceAccount,
});

const portMap = (ports: readonly RegisteredPort[]): Record<string, number> =>
  Object.fromEntries(ports.map(({ name, port }) => [name, port]));
