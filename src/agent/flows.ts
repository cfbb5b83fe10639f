// What connections have carried, from the entries of Envoy's access log. Entries repeat a
// connection's bytes since its beginning; here they become counters that only grow. Pure but for
// its own tables, which are bounded.

/** One access-log entry of a TCP connection, reduced to what is counted. */
export type TcpEntry = {
  /** Which of Envoy's loggers wrote it: tells the side of the call. */
  readonly logName: string;
  /** Envoy's id of the connection, the same in each of its entries. */
  readonly streamId: string;
  readonly kind: 'connected' | 'periodic' | 'end';
  readonly startedAtMs: number;
  readonly upstreamCluster: string;
  /** SPIFFE IDs of the TLS session with the downstream, empty without one. */
  readonly localPrincipal: string;
  readonly peerPrincipal: string;
  /** Envoy's custom tags: who the connection went to. */
  readonly tags: Readonly<Record<string, string>>;
  /** Since the connection began. */
  readonly receivedBytes: number;
  readonly sentBytes: number;
};

/** Everything of an entry that names a counter. */
export type FlowLabels = Pick<
  TcpEntry,
  'logName' | 'upstreamCluster' | 'localPrincipal' | 'peerPrincipal' | 'tags'
>;

export type Flow = {
  readonly labels: FlowLabels;
  connectionsOpened: number;
  connectionsClosed: number;
  /** From the downstream, and to it. */
  receivedBytes: number;
  sentBytes: number;
};

/** Above Envoy's own limit of open connections, so that only lost ends can fill it. */
const CONNECTIONS_MAX = 65_536;
/** A proxy talks to fewer peers than this; beyond it, the rest is counted together. */
const FLOWS_MAX = 10_000;
const OTHER: FlowLabels = {
  logName: 'other',
  upstreamCluster: 'other',
  localPrincipal: '',
  peerPrincipal: '',
  tags: {},
};

type Connection = { readonly flow: Flow; receivedBytes: number; sentBytes: number };

export class Flows {
  readonly #sinceMs: number;
  readonly #flows = new Map<string, Flow>();
  /** Open connections, those with the oldest entry first. */
  readonly #connections = new Map<string, Connection>();

  /** @param sinceMs when counting began: what older connections carried before is not counted */
  constructor(sinceMs: number) {
    this.#sinceMs = sinceMs;
  }

  get openConnections(): number {
    return this.#connections.size;
  }

  list(): readonly Readonly<Flow>[] {
    return [...this.#flows.values()];
  }

  record(entry: TcpEntry): void {
    const key = `${entry.logName} ${entry.streamId}`;
    const known = this.#connections.get(key);
    this.#connections.delete(key);
    const connection = known ?? this.#open(entry);
    const { flow } = connection;
    // a counter never goes back, whatever an entry says
    flow.receivedBytes += Math.max(0, entry.receivedBytes - connection.receivedBytes);
    flow.sentBytes += Math.max(0, entry.sentBytes - connection.sentBytes);
    if (entry.kind === 'end') {
      flow.connectionsClosed += 1;
      return;
    }
    connection.receivedBytes = Math.max(connection.receivedBytes, entry.receivedBytes);
    connection.sentBytes = Math.max(connection.sentBytes, entry.sentBytes);
    if (this.#connections.size >= CONNECTIONS_MAX) this.#forgetOldest();
    this.#connections.set(key, connection);
  }

  /**
   * A connection that an earlier agent has counted is taken up where it stands now: nothing is
   * counted twice, and what it carried since that agent's last entry is not counted at all.
   */
  #open(entry: TcpEntry): Connection {
    const flow = this.#flowOf(entry);
    if (entry.startedAtMs < this.#sinceMs) {
      return { flow, receivedBytes: entry.receivedBytes, sentBytes: entry.sentBytes };
    }
    flow.connectionsOpened += 1;
    return { flow, receivedBytes: 0, sentBytes: 0 };
  }

  #flowOf(entry: TcpEntry): Flow {
    const { logName, upstreamCluster, localPrincipal, peerPrincipal, tags } = entry;
    const labels = { logName, upstreamCluster, localPrincipal, peerPrincipal, tags };
    const tagTexts = Object.keys(tags)
      .sort()
      .map((name) => [name, tags[name]]);
    const key = JSON.stringify([logName, upstreamCluster, localPrincipal, peerPrincipal, tagTexts]);
    const known = this.#flows.get(key);
    if (known) return known;
    if (this.#flows.size >= FLOWS_MAX && entry.logName !== OTHER.logName) {
      return this.#flowOf({ ...entry, ...OTHER });
    }
    const flow = {
      labels,
      connectionsOpened: 0,
      connectionsClosed: 0,
      receivedBytes: 0,
      sentBytes: 0,
    };
    this.#flows.set(key, flow);
    return flow;
  }

  /** Its end was lost with a stream of the log; open connections report at short intervals. */
  #forgetOldest(): void {
    for (const key of this.#connections.keys()) {
      this.#connections.delete(key);
      return;
    }
  }
}
