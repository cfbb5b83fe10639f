// Would one workload speak mesh TLS to another, and would that be taken? The page behind
// `isthmus tls-check`. What the client does is read from the very configuration that its proxy
// gets; what the server takes, from the policy that its filter chains are made of.
import { fromBinary, type MessageShape } from '@bufbuild/protobuf';
import { ClusterSchema } from '#gen/envoy/config/cluster/v3/cluster_pb.js';
import { ResourceSchema } from '#gen/envoy/service/discovery/v3/discovery_pb.js';
import { assertNever } from '#base/assert-never.ts';
import type { Mesh } from '#model/mesh.ts';
import { isVisibleIn, type Endpoint, type MeshService } from '#model/service.ts';
import { compareText } from '#model/services.ts';
import type { Workload } from '#model/workload.ts';
import { dialledAt } from '#reach/destination.ts';
import { readSecurity } from '#reach/outbound.ts';
import { identityOf } from '#reach/proxy-identity.ts';
import { takesMeshTls } from '#resolve/mtls-mode.ts';
import { destinationClusterName, TYPE_URL } from '#resolve/names.ts';
import { peek, type ConfigParts, type View } from './debug-config.ts';
import { findWorkload, proxyName, type Found } from './debug-workloads.ts';

/** How a client speaks to an endpoint; `own TLS`: what a DestinationRule of the user's says. */
export type ClientTls = 'mTLS' | 'own TLS' | 'plaintext' | 'nothing';

export type TlsRow = {
  /** `db.default.svc.cluster.local:5432`. */
  readonly destination: string;
  /** `10.128.0.14:5432`. */
  readonly endpoint: string;
  /** The workload there; absent for places outside of the mesh. */
  readonly workload?: string;
  readonly server: 'STRICT' | 'PERMISSIVE' | 'DISABLE' | 'no sidecar';
  readonly client: ClientTls;
  readonly status: 'OK' | 'CONFLICT';
  /** Who the client accepts there; empty for anybody of the mesh. */
  readonly accepts: readonly string[];
};

export type TlsCheck = {
  readonly from: string;
  readonly to: string;
  readonly rows: readonly TlsRow[];
};

/** @param to a service (name, `name.namespace` or host) or a workload */
export function checkTls(
  parts: ConfigParts,
  from: Workload,
  to: { readonly text: string; readonly namespace: string },
): Found<TlsCheck> {
  const { mesh } = parts;
  const view: View = { catalog: parts.catalog, identity: identityOf(mesh, from) };
  const found = findTarget(mesh, from, to);
  if (!found.ok) return found;
  const { name, services, workload } = found.value;
  const rows = services.flatMap((service) =>
    service.ports.flatMap(({ number: port }) =>
      checkPort(parts, view, { from, service, port }).filter(
        (row) => workload === undefined || row.workload === proxyName(workload),
      ),
    ),
  );
  return { ok: true, value: { from: proxyName(from), to: name, rows } };
}

type Target = {
  readonly name: string;
  readonly services: readonly MeshService[];
  /** Only endpoints that are this workload. */
  readonly workload?: Workload;
};

function findTarget(
  mesh: Mesh,
  from: Workload,
  { text, namespace }: { readonly text: string; readonly namespace: string },
): Found<Target> {
  const visible = [...mesh.services.entries()]
    .map(([, service]) => service)
    .filter((service) => isVisibleIn(service, from.namespace))
    .toSorted((a, b) => compareText(a.host, b.host));
  const hosts = [text, `${text}.svc.cluster.local`, `${text}.${namespace}.svc.cluster.local`];
  for (const host of hosts) {
    const services = visible.filter((service) => service.host === host);
    if (services.length > 0) return { ok: true, value: { name: host, services } };
  }
  const workload = findWorkload(mesh, text, namespace);
  if (!workload.ok) {
    return {
      ok: false,
      problem: `no service ${text} that ${proxyName(from)} sees, and ${workload.problem}`,
    };
  }
  const { key } = workload.value;
  const keys = new Set(mesh.inboundPorts(key).map(({ service }) => service.key));
  return {
    ok: true,
    value: {
      name: proxyName(workload.value),
      services: visible.filter((service) => keys.has(service.key)),
      workload: workload.value,
    },
  };
}

function checkPort(
  { mesh }: ConfigParts,
  view: View,
  asked: { readonly from: Workload; readonly service: MeshService; readonly port: number },
): readonly TlsRow[] {
  const { from, service, port } = asked;
  const destination = dialledAt(mesh, from.namespace, { service, port });
  const name = destination && destinationClusterName(destination);
  const resource = name && peek(view, TYPE_URL.cluster, [name]).get(name);
  if (!resource) return [];
  const value = fromBinary(ResourceSchema, resource.bytes).resource?.value;
  const cluster = fromBinary(ClusterSchema, value ?? new Uint8Array());
  const endpoints = mesh.endpoints.get(service.key)?.byPort.get(port) ?? [];
  return endpoints.map((endpoint) => {
    const workload =
      endpoint.workload === undefined ? undefined : mesh.workloads.get(endpoint.workload);
    const server = serverMode(mesh, endpoint, workload);
    const isTaken = server !== 'no sidecar' && takesMeshTls(server, endpoint.port);
    const { client, accepts } = from.tlsMode === 'istio' ? clientOf(cluster, isTaken) : NO_SIDECAR;
    return {
      destination: `${service.host}:${port}`,
      endpoint: `${endpoint.address}:${endpoint.port}`,
      ...(workload && { workload: proxyName(workload) }),
      server,
      client,
      status: isUnderstood(server, client, isTaken) ? 'OK' : 'CONFLICT',
      accepts,
    };
  });
}

/** Nobody there to encrypt anything. */
const NO_SIDECAR = { client: 'plaintext', accepts: [] } as const;

function serverMode(
  mesh: Mesh,
  { tlsMode, port }: Endpoint,
  workload: Workload | undefined,
): TlsRow['server'] {
  if (tlsMode !== 'istio') return 'no sidecar';
  // of an endpoint that is no object of its own no policy can be told
  return workload ? mesh.mtlsMode(workload, port) : 'PERMISSIVE';
}

/** A server that takes mesh TLS only is not to be had in clear text, and the other way round. */
function isUnderstood(server: TlsRow['server'], client: ClientTls, isTaken: boolean): boolean {
  switch (client) {
    case 'mTLS':
      return isTaken;
    case 'plaintext':
    case 'own TLS':
      return server !== 'STRICT';
    case 'nothing':
      return false;
    default:
      return assertNever(client);
  }
}

type Cluster = MessageShape<typeof ClusterSchema>;

/** @param takesTls what the endpoint's metadata says, by which the cluster chooses */
function clientOf(
  cluster: Cluster,
  takesTls: boolean,
): { readonly client: ClientTls; readonly accepts: readonly string[] } {
  const hasEndpoints =
    cluster.loadAssignment !== undefined || cluster.edsClusterConfig !== undefined;
  if (!hasEndpoints && cluster.altStatName === 'BlackHoleCluster') {
    return { client: 'nothing', accepts: [] };
  }
  const matched = cluster.transportSocketMatches.find(
    ({ match }) => Object.keys(match ?? {}).length === 0 || takesTls,
  );
  const socket = matched ? matched.transportSocket : cluster.transportSocket;
  const { tls: client, accepts } = readSecurity(socket);
  return { client, accepts };
}
