// The nodes of the map: workloads of the mesh, and whoever else they talk to. Pure.
import type {
  AgentView,
  CertificateView,
  Instance,
  MeshNode,
  Network,
  NodePort,
} from '#api/graph.ts';
import type { Join } from '#api/joins.ts';
import { spiffeIdOf } from '#base/workload-identity.ts';
import type { Protocol } from '#istio/core/protocol.ts';
import type { Mesh } from '#model/mesh.ts';
import type { Workload } from '#model/workload.ts';
import { identityOf } from '#reach/proxy-identity.ts';
import { workloadName } from '#resolve/identity-metadata.ts';
import { streamId } from '../debug-workloads.ts';
import { nodeIdOf, parseNodeId } from './node-id.ts';

/** What is known besides the mesh's objects. Keys of instances are the streams' (`streamId`). */
export type NodeFacts = {
  readonly agents: ReadonlyMap<string, AgentView>;
  readonly certificateOf: (instance: string) => CertificateView | undefined;
  /** Of the joins that last, by node. */
  readonly joins: ReadonlyMap<string, Join>;
  /** Nodes that edges lead to or from. */
  readonly mentioned: Iterable<string>;
  readonly before: (id: string) => MeshNode | undefined;
  /** Of who has left, as it was last. */
  readonly left: (id: string) => MeshNode | undefined;
  readonly nowMs: number;
};

/** By id. A node whose content is as before is the very one from before. */
export function meshNodes(mesh: Mesh, facts: NodeFacts): ReadonlyMap<string, MeshNode> {
  const workloads = [...mesh.workloads.entries()].map(([, workload]) => workload);
  const nodes = new Map<string, MeshNode>();
  const put = (node: MeshNode): void => void nodes.set(node.id, settled(node, facts));
  for (const [id, instances] of Map.groupBy(workloads, nodeIdOf)) {
    put(workloadNode(mesh, { id, instances }, facts));
  }
  for (const [id, join] of facts.joins) {
    if (!nodes.has(id)) put(ghost(id, join, facts.nowMs));
  }
  for (const id of facts.mentioned) {
    if (!nodes.has(id)) put(stranger(id, facts));
  }
  return nodes;
}

/** When it has changed last is no change by itself. */
function settled(node: MeshNode, { before, nowMs }: NodeFacts): MeshNode {
  const known = before(node.id);
  if (!known) return node;
  const same = { ...node, changedAtMs: known.changedAtMs };
  if (JSON.stringify(same) === JSON.stringify(known)) return known;
  const isOnlySeen = JSON.stringify(unseen(same)) === JSON.stringify(unseen(known));
  return isOnlySeen ? same : { ...node, changedAtMs: nowMs };
}

const unseen = ({ instances, ...rest }: MeshNode): object => ({
  ...rest,
  instances: instances.map(({ agent, ...one }) => ({
    ...one,
    agent: agent && { ...agent, lastSeenMs: 0 },
  })),
});

type Group = { readonly id: string; readonly instances: readonly Workload[] };

function workloadNode(mesh: Mesh, { id, instances: all }: Group, facts: NodeFacts): MeshNode {
  const members = all.toSorted((a, b) => (a.key < b.key ? -1 : 1));
  const [first] = members;
  if (!first) throw new Error(`no workload is ${id}`); // groups have members
  const ports = portsOf(mesh, members);
  const instances = members.map((workload) => instanceOf(workload, facts));
  const join = facts.joins.get(id);
  return {
    id,
    kind: kindOf(members),
    name: workloadName(first),
    namespace: first.namespace,
    network: networkOf(first),
    addresses: [...new Set(members.flatMap(addressesOf))],
    services: [...new Set(ports.map(({ service }) => service))],
    ports,
    version: versionOf(first),
    // a gateway has a proxy though it serves no mesh TLS
    identity:
      first.tlsMode === 'istio' || first.isGateway ? spiffeIdOf(identityOf(mesh, first)) : '',
    instances,
    health: healthOf(members, instances),
    certificate: earliest(members.flatMap((one) => facts.certificateOf(streamId(one)) ?? [])),
    join: join ? joinOf(join) : null,
    state: join && !isAtLeastHealthy(join) ? 'joining' : 'member',
    changedAtMs: Math.max(...members.map(({ createdAtMs }) => createdAtMs)),
  };
}

function kindOf(members: readonly Workload[]): MeshNode['kind'] {
  if (members.some(({ isGateway }) => isGateway)) return 'gateway';
  return members.some(({ kind }) => kind === 'WorkloadEntry') ? 'vm' : 'pod';
}

/** VMs stand apart from the cluster even where one network spans both: by their zone, if known. */
export function networkOf({ kind, network, locality }: Workload): string {
  if (network !== '' || kind === 'Pod') return network;
  const [region = '', zone = ''] = locality.split('/');
  return zone || region || OWN_VMS;
}

const OWN_VMS = 'vms';

const addressesOf = ({ addresses, hostname, socket }: Workload): readonly string[] =>
  addresses.length > 0 ? addresses : [hostname || socket].filter((text) => text !== '');

const versionOf = ({ labels }: Workload): string =>
  labels['service.istio.io/canonical-revision'] ||
  labels['app.kubernetes.io/version'] ||
  labels['version'] ||
  '';

function instanceOf(workload: Workload, { agents }: NodeFacts): Instance {
  const [address = ''] = addressesOf(workload);
  return { key: workload.key, address, agent: agents.get(streamId(workload)) ?? null };
}

/** A VM says how it is through its agent: of one that never called nobody knows. */
function healthOf(
  members: readonly Workload[],
  instances: readonly Instance[],
): MeshNode['health'] {
  if (members.some(({ health }) => health === 'unready')) return 'unhealthy';
  const isUnheard = members.some(
    ({ kind }, index) => kind === 'WorkloadEntry' && instances[index]?.agent === null,
  );
  return isUnheard ? 'unknown' : 'healthy';
}

function portsOf(mesh: Mesh, members: readonly Workload[]): readonly NodePort[] {
  const ports = new Map<number, NodePort>();
  for (const { key } of members) {
    for (const { port, protocol, service } of mesh.inboundPorts(key)) {
      if (ports.has(port)) continue;
      const { portName: name, host } = service;
      ports.set(port, { port, name, protocol: protocolOf(protocol), service: host });
    }
  }
  return [...ports.values()].toSorted((a, b) => a.port - b.port);
}

function protocolOf(protocol: Protocol): NodePort['protocol'] {
  if (protocol === 'grpc' || protocol === 'grpc-web') return 'grpc';
  return protocol === 'http' || protocol === 'http2' || protocol === 'http-proxy' ? 'http' : 'tcp';
}

function earliest(certificates: readonly CertificateView[]): CertificateView | null {
  const [first, ...others] = certificates;
  if (!first) return null;
  return others.reduce((least, one) => (one.notAfterMs < least.notAfterMs ? one : least), first);
}

function joinOf({ id, steps }: Join): NonNullable<MeshNode['join']> {
  const done = steps.filter(({ state }) => state === 'done' || state === 'skipped').length;
  return { id, step: Math.min(done + 1, steps.length), steps: steps.length };
}

const isAtLeastHealthy = ({ steps }: Join): boolean =>
  steps.some(({ name, state }) => name === 'healthy' && state === 'done');

/** A VM that has called in before it is registered. */
function ghost(id: string, join: Join, nowMs: number): MeshNode {
  const { name, namespace } = join;
  const base = { ...NOTHING, id, name, namespace, network: OWN_VMS, changedAtMs: nowMs };
  return { ...base, kind: 'vm', join: joinOf(join), state: 'joining' };
}

/** Somebody whom edges mention: gone from the mesh, outside of it, or unknown. */
function stranger(id: string, { before, left, nowMs }: NodeFacts): MeshNode {
  const known = before(id) ?? left(id);
  if (known) {
    const isOutside = known.kind === 'external' || known.kind === 'unknown';
    return isOutside ? known : { ...known, state: 'gone' };
  }
  const named = parseNodeId(id);
  const base = { ...NOTHING, id, changedAtMs: nowMs };
  switch (named?.kind) {
    case 'workload':
      return { ...base, ...named, kind: 'unknown', state: 'gone' };
    case 'host':
      return { ...base, kind: 'external', name: named.name };
    default:
      return { ...base, name: named?.name ?? id, addresses: named ? [named.name] : [] };
  }
}

const NOTHING: Omit<MeshNode, 'id' | 'name' | 'changedAtMs'> = {
  kind: 'unknown',
  namespace: '',
  network: '',
  addresses: [],
  services: [],
  ports: [],
  version: '',
  identity: '',
  instances: [],
  health: 'unknown',
  certificate: null,
  join: null,
  state: 'member',
};

/** The boxes that these nodes stand in. */
export function meshNetworks(mesh: Mesh, nodes: Iterable<MeshNode>): readonly Network[] {
  const configured = mesh.config().networks;
  const rangesOf = (id: string): readonly string[] =>
    configured.find(({ name }) => name === id)?.ranges ?? [];
  const members = [...nodes].filter(({ kind }) => kind !== 'external' && kind !== 'unknown');
  const inside = Map.groupBy(members, ({ network }) => network);
  if (!inside.has('')) inside.set('', []); // the cluster is there, whoever is in it
  return [...inside]
    .map(([id, nodesThere]) => {
      const hasOnlyVms = nodesThere.every(({ kind }) => kind === 'vm');
      return { id, title: titleOf(id, hasOnlyVms, mesh.clusterId), ranges: rangesOf(id) };
    })
    .toSorted((a, b) => (a.id < b.id ? -1 : 1));
}

function titleOf(id: string, hasOnlyVms: boolean, clusterId: string): string {
  if (id === '') return `Kubernetes: ${clusterId}`;
  if (id === OWN_VMS) return 'Virtual machines';
  return hasOnlyVms ? `VM network: ${id}` : `Network: ${id}`;
}
