// What the map shows: workloads, and who talks to whom. `GET /api/v1/snapshot` (`?at=<ms>`: as it
// was then) and the events that follow it (events.ts). Times are milliseconds since the Unix
// epoch, by the control plane's clock.

/**
 * Where a statement comes from: seen in traffic, from the CA's records, from resources, from an
 * active test, or from what an agent says of its own machine.
 */
export type Source = 'observed' | 'issued' | 'configured' | 'probed' | 'agent';

/** `external` has a name but no agent; `unknown` is an address that means nothing to the mesh. */
export type NodeKind = 'pod' | 'vm' | 'gateway' | 'external' | 'unknown';

/** One workload, however many instances run of it, or a peer from outside of the mesh. */
export type MeshNode = {
  /** `wl:<namespace>/<workload>`, `host:<name>` of what is external, `ip:<address>` of a stranger. */
  readonly id: string;
  readonly kind: NodeKind;
  readonly name: string;
  /** Empty of what is in none. */
  readonly namespace: string;
  /** The network it is in, as Istio's; empty is the mesh's own. */
  readonly network: string;
  readonly addresses: readonly string[];
  /** Hosts of the services that it serves. */
  readonly services: readonly string[];
  /** Its ports that services name. */
  readonly ports: readonly NodePort[];
  readonly version: string;
  /** SPIFFE ID; empty: not known. */
  readonly identity: string;
  readonly instances: readonly Instance[];
  readonly health: 'healthy' | 'unhealthy' | 'unknown';
  /** The certificate that ends first among its instances; null: not known, which is not "none". */
  readonly certificate: CertificateView | null;
  /** The join that brings it in, while it lasts. */
  readonly join: { readonly id: string; readonly step: number; readonly steps: number } | null;
  readonly state: 'member' | 'joining' | 'gone';
  readonly changedAtMs: number;
};

export type NodePort = {
  readonly port: number;
  /** As the service calls it: `tcp-postgres`, `http`. */
  readonly name: string;
  readonly protocol: 'tcp' | 'http' | 'grpc';
  readonly service: string;
};

/** A Pod or a VM. */
export type Instance = {
  /** `Pod/<namespace>/<name>` or `WorkloadEntry/<namespace>/<name>`. */
  readonly key: string;
  readonly address: string;
  /** null: its agent has never called. */
  readonly agent: AgentView | null;
};

export type AgentView = {
  readonly isConnected: boolean;
  readonly version: string;
  readonly lastSeenMs: number;
  /** Agent's clock minus the control plane's. */
  readonly clockSkewMs: number;
  /** Types of configuration that are in force, of those that it asked for. */
  readonly acknowledged: number;
  readonly subscribed: number;
  /** What Envoy said of the configuration that it refused; empty: it refused none. */
  readonly rejection: string;
  /** Its machine's owner lets the application's own log be read; absent: not said. */
  readonly hasAppLog?: boolean;
};

export type CertificateView = {
  readonly identity: string;
  /** Hexadecimal, pairs with colons between. */
  readonly serial: string;
  readonly notBeforeMs: number;
  /** The earliest end of the leaf and of those that signed it. */
  readonly notAfterMs: number;
  readonly limitedBy: 'leaf' | 'intermediate' | 'root';
  readonly issuer: string;
  /** When the agent is to have renewed it. */
  readonly rotateAtMs: number;
  readonly rotations: number;
  readonly source: Source;
};

/** All connections from one workload to one port of another. */
export type MeshEdge = {
  /** Stable while the history remembers it. */
  readonly id: string;
  /** Its place in samples; never given to another edge while `isthmusd` runs. */
  readonly index: number;
  readonly from: string;
  readonly to: string;
  readonly port: number;
  readonly protocol: 'tcp' | 'http' | 'grpc';
  /** `postgres`, from the port's name; empty: not said. */
  readonly application: string;
  /** Host of the service that was called; empty: none. */
  readonly service: string;
  readonly encryption: Encryption;
  /** Bytes of the last five minutes, both ways, as far as it is known if they were encrypted. */
  readonly recent: { readonly bytes: number; readonly encryptedBytes: number };
  /** null: there were no requests in the last minute. */
  readonly http: EdgeHttp | null;
  /** Newest first; empty: none of this kind was seen. */
  readonly reporters: readonly Reporter[];
  /** What the two ends say differently; null: they agree, or only one has reported. */
  readonly disagreement: Disagreement | null;
  /** Why connections failed last; null: none did as far as is known, or it has worked since. */
  readonly failure: Failure | null;
  readonly firstSeenMs: number;
  readonly lastSeenMs: number;
};

export type Reporter = 'source' | 'destination';

/**
 * - `mutual`: both ends saw the session and both identities
 * - `one-sided`: one end reported it, the other has reported nothing
 * - `plaintext`: no session, by all who reported
 * - `mixed`: some connections are, some are not
 * - `unknown`: nobody has reported yet
 */
export type Encryption = {
  readonly state: 'mutual' | 'one-sided' | 'plaintext' | 'mixed' | 'unknown';
  /** Of the bytes of the last five minutes, 0 to 1; null: there were none. */
  readonly share: number | null;
  /** `TLSv1.3`; empty: not known. */
  readonly version: string;
  readonly cipher: string;
  readonly clientIdentity: string;
  readonly serverIdentity: string;
  /** When a session was last reported. */
  readonly seenAtMs: number;
};

/** Requests of the last minute, of an edge of HTTP or gRPC. */
export type EdgeHttp = {
  readonly requests: number;
  /** Answered 5xx, refused by a policy, or not answered; gRPC's codes that mean as much. */
  readonly failed: number;
  /** Answered 4xx, without those that failed; null: no agent of either end tells. */
  readonly clientErrors: number | null;
  /** How long they took by the client's proxy: what its user feels; null: it does not tell. */
  readonly client: Percentiles | null;
  /** By the server's proxy: the difference is between the two. */
  readonly server: Percentiles | null;
};

export type Percentiles = {
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
};

export type Disagreement = {
  readonly about: 'bytes' | 'encryption';
  readonly source: string;
  readonly destination: string;
};

export type Failure = {
  /** Envoy's response flags. */
  readonly flags: string;
  /** What they mean, in words. */
  readonly text: string;
  readonly atMs: number;
  /** Which end's proxy says so; absent: not known. */
  readonly reporter?: Reporter;
};

/**
 * One edge in one second: its index, bytes per second from the client to the server and back
 * (smoothed over 3 s), open connections, connections opened, connections or requests that failed,
 * requests, all but the open ones per second, and the mean duration of requests in milliseconds (0
 * without requests). If there were requests in the last minute, of that minute: the share that
 * failed, the share answered 4xx, and percentiles of their duration, by the client's proxy if it
 * tells, else by the server's; null: nobody tells.
 */
export type Sample = readonly [
  edge: number,
  toServerBytes: number,
  toClientBytes: number,
  open: number,
  opened: number,
  failed: number,
  requests: number,
  requestMs: number,
  errorShare?: number,
  clientErrorShare?: number | null,
  p50Ms?: number | null,
  p95Ms?: number | null,
  p99Ms?: number | null,
];

/** A box around nodes. */
export type Network = {
  /** Empty: the cluster's own. */
  readonly id: string;
  /** `Kubernetes: cluster-1`, `VM network: us-east1-b`. */
  readonly title: string;
  readonly ranges: readonly string[];
};

/** What the strip at the bottom says. */
export type MeshStatus = {
  readonly proxies: number;
  readonly proxiesInSync: number;
  /** Proxies that have not reported for longer than they should: keys of instances. */
  readonly silent: readonly string[];
  /** Since when each of them has not, in the same order; absent: an older control plane. */
  readonly silentSinceMs?: readonly number[];
  readonly plaintextEdges: number;
  /** Null: no certificate is known. */
  readonly nextExpiryMs: number | null;
  readonly version: string;
};

export type Snapshot = {
  readonly revision: number;
  /** Of the control plane, so that ages can be told by whoever's clock is wrong. */
  readonly nowMs: number;
  /** Of an answer to `?at=<ms>`: the moment that it shows, which is the nearest that is known. */
  readonly atMs?: number;
  readonly mesh: { readonly trustDomain: string; readonly clusterId: string };
  readonly networks: readonly Network[];
  readonly nodes: readonly MeshNode[];
  readonly edges: readonly MeshEdge[];
  /** The last of each edge that has one. */
  readonly samples: readonly Sample[];
  readonly alerts: readonly Alert[];
  readonly status: MeshStatus;
};

export type Alert = {
  readonly id: string;
  readonly severity: 'warning' | 'error';
  readonly text: string;
  readonly sinceMs: number;
  /** What it is about: a node's or an edge's id; empty: the mesh. */
  readonly about: string;
};
