// What a service is to the mesh, and what stands behind it, whichever kinds of object said so.
import type { Health } from '#istio/core/endpoint-slice.ts';
import type { Protocol } from '#istio/core/protocol.ts';
import type { TrafficDistribution } from '#istio/core/service.ts';

/**
 * How the endpoints of a service are found: `static` are given, `dns` and `dns-round-robin` are
 * names to be looked up, `dynamic-dns` looks up the name that the client asked for, `none` goes to
 * the address that the client dialled.
 */
export type Resolution = 'static' | 'dns' | 'dns-round-robin' | 'dynamic-dns' | 'none';

/** The namespaces whose clients may see something. */
export type Visibility = 'all' | readonly string[];

export type ServicePort = {
  /** The port that clients dial, 1 to 65535. Unique in a service. */
  readonly number: number;
  /** Empty when the only port of a Service has none. */
  readonly name: string;
  readonly protocol: Protocol;
};

/** A Service, ServiceEntries, or both: all that is said of one host in one namespace. */
export type MeshService = {
  /** `namespace/host`: the key in `services` and `endpoints`. */
  readonly key: string;
  readonly namespace: string;
  /** Fully qualified; a ServiceEntry's may begin with `*.`. */
  readonly host: string;
  /** Of the oldest object, 0 when none tells. Milliseconds since the Unix epoch. */
  readonly createdAtMs: number;
  /** Canonical IP addresses and CIDRs: the Service's, then what the ServiceEntries claim. */
  readonly addresses: readonly string[];
  /** Has no address of its own: clients dial its endpoints' addresses. */
  readonly isHeadless: boolean;
  /** The host that it is another name of (a Service of type ExternalName); empty: of none. */
  readonly aliasOf: string;
  /** Ordered by number. */
  readonly ports: readonly ServicePort[];
  readonly resolution: Resolution;
  /** MESH_EXTERNAL: never mesh TLS by itself. */
  readonly isExternal: boolean;
  readonly exportTo: Visibility;
  /** SPIFFE IDs or names that its endpoints' certificates may carry besides those known of them. */
  readonly subjectAltNames: readonly string[];
  readonly trafficDistribution: TrafficDistribution;
  /** Is a client only ever served by what runs on its own node? */
  readonly isNodeLocal: boolean;
  /** The `namespace/name` of the Service in it, if there is one. */
  readonly kubeService: string | undefined;
  /** The `namespace/name` of each ServiceEntry in it, the oldest first. */
  readonly serviceEntries: readonly string[];
};

/** Of a `terminating` endpoint the inbound side stays, for the connections that it has. */
export type EndpointHealth = Health;

export type TlsMode = 'istio' | 'disabled';

export type Endpoint = {
  /**
   * Canonical IP address, or `unix://…`; a host name where the service's resolution is by DNS;
   * empty when only its network is known.
   */
  readonly address: string;
  /** The same workload's in another family; none where clients dial endpoints themselves. */
  readonly secondAddress?: string;
  /** 0 of a Unix socket. */
  readonly port: number;
  /** At least 1. */
  readonly weight: number;
  /** `region/zone/subzone`; empty when unknown. */
  readonly locality: string;
  /** Empty: the same network as everybody without one. */
  readonly network: string;
  /** Empty when unknown. */
  readonly nodeName: string;
  readonly health: EndpointHealth;
  /** Does it take mesh TLS? */
  readonly tlsMode: TlsMode;
  /** Key in `workloads`, when it is known which Pod or WorkloadEntry this is. */
  readonly workload: string | undefined;
  /** The namespace that its identity belongs to. */
  readonly namespace: string;
  /** Empty when unknown: then its identity is, too. */
  readonly serviceAccount: string;
  /** Of an endpoint that is no workload of its own; a workload has its own. */
  readonly labels: Readonly<Record<string, string>>;
};

export type ServiceEndpoints = {
  /** Service port number → endpoints, ordered by address, then port. Every port has an entry. */
  readonly byPort: ReadonlyMap<number, readonly Endpoint[]>;
  /** The addresses by which clients mean one endpoint; empty unless the service is headless. */
  readonly headlessAddresses: readonly string[];
};

/** Is the endpoint to be had at this address and port? */
export function isEndpointAt(
  endpoint: Pick<Endpoint, 'address' | 'secondAddress' | 'port'>,
  { address, port }: { readonly address: string; readonly port: number },
): boolean {
  const isThere = endpoint.address === address || endpoint.secondAddress === address;
  return isThere && endpoint.port === port;
}

/** May clients in this namespace see the service? */
export function isVisibleIn(service: MeshService, clientNamespace: string): boolean {
  return isVisibleTo(service.exportTo, clientNamespace);
}

export function isVisibleTo(visibility: Visibility, clientNamespace: string): boolean {
  return visibility === 'all' || visibility.includes(clientNamespace);
}

/** @param namespace of the object that says so, which `.` stands for */
export function visibilityOf(exportTo: readonly string[], namespace: string): Visibility {
  if (exportTo.includes('*')) return 'all';
  const named = exportTo.filter((entry) => entry !== '~');
  return [...new Set(named.map((entry) => (entry === '.' ? namespace : entry)))].sort();
}
