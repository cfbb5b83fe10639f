// The library story as the control plane would tell it: an application in Kubernetes, a frontend
// before it, and PostgreSQL on a VM in a network of its own.
import type {
  AgentView,
  CertificateView,
  Encryption,
  MeshEdge,
  MeshNode,
  Sample,
  Snapshot,
} from '#api/graph.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

export const agentOf = (nowMs: number, change: Partial<AgentView> = {}): AgentView => ({
  isConnected: true,
  version: '0.6.0',
  lastSeenMs: nowMs - 800,
  clockSkewMs: 12,
  acknowledged: 4,
  subscribed: 4,
  rejection: '',
  ...change,
});

export const certificateOf = (
  nowMs: number,
  identity: string,
  leftMs: number,
): CertificateView => ({
  identity,
  serial: '3f:9a:07:c1:5d:22:90:ee',
  notBeforeMs: nowMs + leftMs - 24 * HOUR_MS,
  notAfterMs: nowMs + leftMs,
  limitedBy: 'leaf',
  issuer: 'O=cluster.local, CN=Isthmus CA',
  rotateAtMs: nowMs + leftMs - 12 * HOUR_MS,
  rotations: 12,
  source: 'agent',
});

export type NodeDraft = Pick<MeshNode, 'name' | 'kind'> & Partial<MeshNode>;

export function nodeOf(nowMs: number, draft: NodeDraft): MeshNode {
  const namespace = draft.namespace ?? 'inventory';
  const isVm = draft.kind === 'vm';
  const id = draft.id ?? `wl:${namespace}/${draft.name}`;
  const key = isVm
    ? `WorkloadEntry/${namespace}/${draft.name}`
    : `Pod/${namespace}/${draft.name}-0`;
  const identity = draft.identity ?? `spiffe://cluster.local/ns/${namespace}/sa/${draft.name}`;
  return {
    id,
    namespace,
    network: isVm ? 'us-east1-b' : '',
    addresses: ['10.24.0.12'],
    services: [],
    ports: [],
    version: 'v1',
    identity,
    instances: [{ key, address: '10.24.0.12', agent: agentOf(nowMs, { hasAppLog: isVm }) }],
    health: 'healthy',
    certificate: certificateOf(nowMs, identity, 22 * HOUR_MS + 14 * MINUTE_MS),
    join: null,
    state: 'member',
    changedAtMs: nowMs - 2 * HOUR_MS,
    ...draft,
  };
}

export const mutual = (nowMs: number, from: MeshNode, to: MeshNode): Encryption => ({
  state: 'mutual',
  share: 1,
  version: 'TLSv1.3',
  cipher: 'TLS_AES_256_GCM_SHA384',
  clientIdentity: from.identity,
  serverIdentity: to.identity,
  seenAtMs: nowMs - 2_000,
});

export type EdgeDraft = { readonly index: number; readonly port: number } & Partial<MeshEdge>;

export function edgeOf(nowMs: number, from: MeshNode, to: MeshNode, draft: EdgeDraft): MeshEdge {
  return {
    id: `${from.id}>${to.id}:${draft.port}/${draft.protocol ?? 'tcp'}`,
    from: from.id,
    to: to.id,
    protocol: 'tcp',
    application: '',
    service: to.services[0] ?? '',
    encryption: mutual(nowMs, from, to),
    recent: { bytes: 1_398_000, encryptedBytes: 1_398_000 },
    http: null,
    reporters: ['source', 'destination'],
    disagreement: null,
    failure: null,
    firstSeenMs: nowMs - 2 * HOUR_MS,
    lastSeenMs: nowMs - 1_000,
    ...draft,
  };
}

const SERVICE = 'postgresql-1-vm.inventory.svc.cluster.local';

export function storyNodes(nowMs: number): Record<'frontend' | 'library' | 'vm', MeshNode> {
  return {
    frontend: nodeOf(nowMs, {
      name: 'frontend',
      kind: 'pod',
      addresses: ['10.24.0.11'],
      services: ['frontend.inventory.svc.cluster.local'],
    }),
    library: nodeOf(nowMs, {
      name: 'postgres-library',
      kind: 'pod',
      services: ['postgres-library.inventory.svc.cluster.local'],
      ports: [{ port: 8080, name: 'http', protocol: 'http', service: 'postgres-library' }],
    }),
    vm: nodeOf(nowMs, {
      name: 'postgresql-1-vm',
      kind: 'vm',
      addresses: ['10.128.0.14'],
      services: [SERVICE],
      identity: 'spiffe://cluster.local/ns/inventory/sa/postgresql',
      ports: [{ port: 5432, name: 'tcp-postgres', protocol: 'tcp', service: SERVICE }],
    }),
  };
}

export const STORY_SAMPLES: readonly Sample[] = [
  [0, 118, 2_310, 2, 0, 0, 3.2, 8.4, 0.012, 0, 4.2, 31, 84],
  [1, 1_240, 3_420, 4, 0, 0, 0, 0],
];

/** The whole story, with everything as it should be. */
export function libraryStory(nowMs: number): Snapshot {
  const { frontend, library, vm } = storyNodes(nowMs);
  return {
    revision: 4182,
    nowMs,
    mesh: { trustDomain: 'cluster.local', clusterId: 'cluster-1' },
    networks: [
      { id: '', title: 'Kubernetes: cluster-1', ranges: ['10.24.0.0/14'] },
      { id: 'us-east1-b', title: 'VM network: us-east1-b', ranges: ['10.128.0.0/20'] },
    ],
    nodes: [frontend, library, vm],
    edges: [
      edgeOf(nowMs, frontend, library, {
        index: 0,
        port: 8080,
        protocol: 'http',
        application: 'http',
      }),
      edgeOf(nowMs, library, vm, { index: 1, port: 5432, application: 'postgres' }),
    ],
    samples: STORY_SAMPLES,
    alerts: [],
    status: {
      proxies: 3,
      proxiesInSync: 3,
      silent: [],
      plaintextEdges: 0,
      nextExpiryMs: nowMs + 22 * HOUR_MS + 14 * MINUTE_MS,
      version: '0.6.0',
    },
  };
}

/** A mesh in which nothing has joined. */
export function emptyMesh(nowMs: number): Snapshot {
  const story = libraryStory(nowMs);
  const status = { ...story.status, proxies: 0, proxiesInSync: 0, nextExpiryMs: null };
  return { ...story, networks: [], nodes: [], edges: [], samples: [], status };
}
