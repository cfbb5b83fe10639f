// Connections one by one, as the console lists them: both ends' reports of one are one line.
// Bounded: beyond that they are still counted, but no longer listed.
import type { Reporter } from '#api/graph.ts';
import type { Connection } from '#api/history.ts';
import type { EdgeRecord } from './edge-record.ts';
import type { ConnectionEvent, ConnectionQuery, OpenSession, Unsubscribe } from './flows.ts';

const LISTED_MAX = 10_000;
/** Of them, when there is no more room: one by one would cost more. */
const FORGOTTEN_AT_ONCE = 1000;
const LIMIT_MAX = 1000;
/** The two ends' reports of one connection begin within this of each other. */
const SAME_MS = 60_000;

export type LiveConnection = {
  readonly id: string;
  readonly edge: EdgeRecord;
  readonly openedAtMs: number;
  /** When it carried a byte last, or was first told of. */
  movedAtMs: number;
  closedAtMs: number | null;
  /** How long its server took to be reached, by the client's proxy if it tells; null: unknown. */
  connectMs: number | null;
  readonly client: string;
  readonly server: string;
  encryption: Connection['encryption'];
  /** By who reports them. */
  readonly principals: Partial<Record<Reporter, Principals>>;
  flags: string;
  /** By who reports them. */
  readonly bytes: Partial<Record<Reporter, { toServer: number; toClient: number }>>;
};

/** SPIFFE IDs of both ends; empty: none in that session. */
export type Principals = { readonly clientIdentity: string; readonly serverIdentity: string };

export type Opening = {
  readonly edge: EdgeRecord;
  readonly reporter: Reporter;
  readonly openedAtMs: number;
  readonly movedAtMs: number;
  readonly connectMs: number | null;
  readonly client: string;
  readonly server: string;
  readonly encryption: Connection['encryption'];
  readonly principals: Principals;
  /** What it has carried so far. */
  readonly toServer: number;
  readonly toClient: number;
};

export class LiveConnections {
  /** The oldest first. */
  readonly #listed = new Map<string, LiveConnection>();
  readonly #byAddresses = new Map<string, LiveConnection>();
  readonly #listeners = new Set<(event: ConnectionEvent) => void>();
  #last = 0;

  onEvent(listener: (event: ConnectionEvent) => void): Unsubscribe {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  open(opening: Opening): LiveConnection {
    const { edge, reporter, openedAtMs, client, server, encryption } = opening;
    const { principals, toServer, toClient } = opening;
    const addresses = `${client} ${server}`;
    const known = this.#byAddresses.get(addresses);
    if (
      known?.edge === edge &&
      known.bytes[reporter] === undefined &&
      Math.abs(known.openedAtMs - openedAtMs) < SAME_MS
    ) {
      known.bytes[reporter] = { toServer, toClient };
      known.principals[reporter] = principals;
      if (known.encryption === 'unknown') known.encryption = encryption;
      if (reporter === 'source') known.connectMs = opening.connectMs ?? known.connectMs;
      return known;
    }
    this.#last += 1;
    const connection: LiveConnection = {
      id: `c${this.#last}`,
      edge,
      openedAtMs,
      movedAtMs: opening.movedAtMs,
      closedAtMs: null,
      connectMs: opening.connectMs,
      client,
      server,
      encryption,
      principals: { [reporter]: principals },
      flags: '',
      bytes: { [reporter]: { toServer, toClient } },
    };
    if (this.#listed.size >= LISTED_MAX) this.#makeRoom();
    this.#listed.set(connection.id, connection);
    if (client !== '' && server !== '') this.#byAddresses.set(addresses, connection);
    this.#tell('opened', connection);
    return connection;
  }

  move(
    connection: LiveConnection,
    reporter: Reporter,
    { toServer, toClient }: { readonly toServer: number; readonly toClient: number },
    atMs: number,
  ): void {
    const said = (connection.bytes[reporter] ??= { toServer, toClient });
    said.toServer = toServer;
    said.toClient = toClient;
    connection.movedAtMs = Math.max(connection.movedAtMs, atMs);
    if (this.#listeners.size > 0) this.#tell('moved', connection);
  }

  /** @param flags of the end that says so; those of either are kept */
  close(connection: LiveConnection, atMs: number, flags: string): void {
    if (flags !== '') connection.flags = flags;
    if (connection.closedAtMs !== null) return;
    connection.closedAtMs = atMs;
    this.#tell('closed', connection);
  }

  list({ of, limit }: ConnectionQuery): readonly Connection[] {
    const wanted = Math.min(limit, LIMIT_MAX);
    const found: Connection[] = [];
    const newestFirst = [...this.#listed.values()].toReversed();
    for (const connection of newestFirst) {
      if (found.length >= wanted) break;
      if (of === undefined || isOf(connection.edge, of)) found.push(view(connection));
    }
    return found;
  }

  /** Those to a workload that are open as far as its own proxy has told. */
  openAt(server: string): readonly OpenSession[] {
    return [...this.#listed.values()].flatMap((one) => {
      const { id, edge, client: clientAddress, server: serverAddress, principals } = one;
      if (edge.to !== server || one.closedAtMs !== null || !principals.destination) return [];
      const { clientIdentity, serverIdentity } = principals.destination;
      return [{ id, edge: edge.id, clientAddress, serverAddress, clientIdentity, serverIdentity }];
    });
  }

  /** What is listed of an edge, the oldest first. */
  *of(edge: EdgeRecord): Iterable<LiveConnection> {
    for (const connection of this.#listed.values()) if (connection.edge === edge) yield connection;
  }

  #tell(kind: ConnectionEvent['kind'], connection: LiveConnection): void {
    if (this.#listeners.size === 0) return;
    const event = { kind, connection: view(connection) };
    for (const listener of this.#listeners) listener(event);
  }

  /** Those that are over first: the oldest that are open are those that a pool keeps. */
  #makeRoom(): void {
    for (const isOverOnly of [true, false]) {
      for (const connection of this.#listed.values()) {
        if (this.#listed.size <= LISTED_MAX - FORGOTTEN_AT_ONCE) return;
        if (!isOverOnly || connection.closedAtMs !== null) this.#forget(connection);
      }
    }
  }

  #forget(connection: LiveConnection): void {
    this.#listed.delete(connection.id);
    const addresses = `${connection.client} ${connection.server}`;
    if (this.#byAddresses.get(addresses) === connection) this.#byAddresses.delete(addresses);
  }
}

const isOf = (edge: EdgeRecord, of: NonNullable<ConnectionQuery['of']>): boolean =>
  'edge' in of ? edge.id === of.edge : edge.from === of.node || edge.to === of.node;

function view(connection: LiveConnection): Connection {
  const { id, edge, openedAtMs, closedAtMs, client, server, encryption, flags } = connection;
  const { source, destination } = connection.bytes;
  return {
    id,
    edge: edge.id,
    openedAtMs,
    closedAtMs,
    clientAddress: client,
    serverAddress: server,
    toServerBytes: Math.max(source?.toServer ?? 0, destination?.toServer ?? 0),
    toClientBytes: Math.max(source?.toClient ?? 0, destination?.toClient ?? 0),
    encryption,
    flags,
    seenBy: [
      ...(source ? ['source' as const] : []),
      ...(destination ? ['destination' as const] : []),
    ],
  };
}
