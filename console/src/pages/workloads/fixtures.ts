// Small pieces of a mesh for unit tests: each function fills in what a test does not care about.
import type { CertificateView, Connection, MeshEdge, MeshNode, Series } from '../../api/types.ts';

export const HOUR_MS = 3_600_000;

export function aCertificate(facts: Partial<CertificateView> = {}): CertificateView {
  return {
    identity: 'spiffe://lab/ns/default/sa/postgresql',
    serial: '3f:9a',
    notBeforeMs: 0,
    notAfterMs: 24 * HOUR_MS,
    limitedBy: 'leaf',
    issuer: 'CN=Isthmus CA',
    rotateAtMs: 12 * HOUR_MS,
    rotations: 0,
    source: 'issued',
    ...facts,
  };
}

export function aNode(facts: Partial<MeshNode> = {}): MeshNode {
  return {
    id: 'wl:default/postgresql-1-vm',
    kind: 'vm',
    name: 'postgresql-1-vm',
    namespace: 'default',
    network: 'us-east1-b',
    addresses: ['10.128.0.14'],
    services: ['postgresql-1-vm.default.svc.cluster.local'],
    ports: [],
    version: 'v1',
    identity: 'spiffe://lab/ns/default/sa/postgresql',
    instances: [
      {
        key: 'WorkloadEntry/default/postgresql-1-vm',
        address: '10.128.0.14',
        agent: {
          isConnected: true,
          version: '0.1.0',
          lastSeenMs: 0,
          clockSkewMs: 0,
          acknowledged: 4,
          subscribed: 4,
          rejection: '',
        },
      },
    ],
    health: 'healthy',
    certificate: aCertificate(),
    join: null,
    state: 'member',
    changedAtMs: 0,
    ...facts,
  };
}

export function anEdge(facts: Partial<MeshEdge> = {}): MeshEdge {
  return {
    id: 'e1',
    index: 0,
    from: 'wl:default/postgres-library',
    to: 'wl:default/postgresql-1-vm',
    port: 5432,
    protocol: 'tcp',
    application: 'postgres',
    service: 'postgresql-1-vm.default.svc.cluster.local',
    encryption: {
      state: 'mutual',
      share: 1,
      version: 'TLSv1.3',
      cipher: 'TLS_AES_256_GCM_SHA384',
      clientIdentity: 'spiffe://lab/ns/default/sa/library',
      serverIdentity: 'spiffe://lab/ns/default/sa/postgresql',
      seenAtMs: 0,
    },
    recent: { bytes: 0, encryptedBytes: 0 },
    http: null,
    reporters: ['destination', 'source'],
    disagreement: null,
    failure: null,
    firstSeenMs: 0,
    lastSeenMs: 0,
    ...facts,
  };
}

export function aConnection(facts: Partial<Connection> = {}): Connection {
  return {
    id: '1',
    edge: 'e1',
    openedAtMs: 0,
    closedAtMs: null,
    clientAddress: '10.24.0.5:40112',
    serverAddress: '10.128.0.14:5432',
    toServerBytes: 0,
    toClientBytes: 0,
    encryption: 'tls',
    flags: '',
    seenBy: ['source'],
    ...facts,
  };
}

export function aSeries(points: number, facts: Partial<Series> = {}): Series {
  const column = (value: number | null): (number | null)[] =>
    Array<number | null>(points).fill(value);
  return {
    stepSeconds: 1,
    atMs: Array.from({ length: points }, (_, index) => index * 1000),
    toServerBytes: column(100),
    toClientBytes: column(300),
    open: column(1),
    opened: column(0),
    failed: column(0),
    requests: column(null),
    requestMs: column(null),
    requestErrors: column(null),
    clientErrors: column(null),
    p50Ms: column(null),
    p95Ms: column(null),
    p99Ms: column(null),
    serverP50Ms: column(null),
    serverP95Ms: column(null),
    serverP99Ms: column(null),
    ...facts,
  };
}
