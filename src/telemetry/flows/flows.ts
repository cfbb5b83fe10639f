// What isthmusd knows of who talks to whom: the joined reports of both ends, and what was. Times
// are milliseconds since the Unix epoch by the control plane's clock, whatever a reporter's clock
// says.
import type { Denial } from '#api/events.ts';
import type { MeshEdge, Sample } from '#api/graph.ts';
import type { EdgeReport } from '#api/edge-report.ts';
import type { Connection, Series, TalkedTo } from '#api/history.ts';

/**
 * An edge as the map shows it. Its nodes are named as `MeshNode.id` is; its `id` follows from its
 * nodes, port and protocol alone, so that it outlives any history; its `index` is never given to
 * another edge of the same history.
 */
export type EdgeState = MeshEdge;

/** A second has passed. */
export type FlowTick = {
  readonly atMs: number;
  /** Edges on which something moved in this second or has just ceased to move. */
  readonly samples: readonly Sample[];
  /** Ids of edges that are new, or of which anything but a number has changed. */
  readonly changed: ReadonlySet<string>;
  /** Ids of edges that are no longer kept in memory; the history still knows them. */
  readonly gone: readonly string[];
};

export type ConnectionEvent = {
  readonly kind: 'opened' | 'moved' | 'closed';
  readonly connection: Connection;
};

/** Of one edge, or of all edges of a node added up; times from (inclusive) to (exclusive). */
export type SeriesQuery = {
  readonly of: { readonly edge: string } | { readonly node: string };
  readonly fromMs: number;
  readonly toMs: number;
  /** Absent: the finest that the history has, of at most 1,200 points. */
  readonly stepSeconds?: number;
};

export type ConnectionQuery = {
  /** Absent: of all. */
  readonly of?: { readonly edge: string } | { readonly node: string };
  /** Newest first; at most 1,000. */
  readonly limit: number;
};

/**
 * A connection that is open, in the words of its server's proxy alone: who lies of a client's
 * connection can lie of no server's.
 */
export type OpenSession = {
  readonly id: string;
  readonly edge: string;
  /** `10.24.2.23:40190` */
  readonly clientAddress: string;
  readonly serverAddress: string;
  /** SPIFFE IDs; empty: none in that session. */
  readonly clientIdentity: string;
  readonly serverIdentity: string;
};

export type Span = { readonly fromMs: number; readonly toMs: number };

/** What traffic on an edge has proved, and when last; 0: not since `isthmusd` started. */
export type EdgeWitness = {
  /** A connection came about between the two machines, or bytes of it arrived. */
  readonly reachedMs: number;
  /** The server said something, on a connection or in answer to a request. */
  readonly answeredMs: number;
};

/** What an edge of a moment gone by is found by. */
export type PastEdge = Pick<MeshEdge, 'index' | 'firstSeenMs'>;

/** Ends the subscription. */
export type Unsubscribe = () => void;

/** Every listener runs within the second's tick or the batch's receipt: it must be quick. */
export interface Flows {
  edges(): Iterable<EdgeState>;
  edge(id: string): EdgeState | undefined;
  /** The last sample of each edge that has one. */
  samples(): readonly Sample[];
  /** Those of a moment gone by; of edges of which nothing is known of then there is none. */
  samplesAt(atMs: number, edges: readonly PastEdge[]): Promise<readonly Sample[]>;
  /** Of an edge that is not known: nothing. */
  witness(id: string): EdgeWitness;
  onTick(listener: (tick: FlowTick) => void): Unsubscribe;
  /** Those that are open, and those that closed not long ago. */
  connections(query: ConnectionQuery): readonly Connection[];
  /** Open connections to a node, of the newest 10,000 of the mesh. */
  openAt(node: string): readonly OpenSession[];
  /** The live tap. */
  onConnection(listener: (event: ConnectionEvent) => void): Unsubscribe;
  /** undefined: it is not at hand. */
  edgeReport(id: string): EdgeReport | undefined;
  /** undefined: the history has never known that edge or node. */
  series(query: SeriesQuery): Promise<Series | undefined>;
  /** Who talked to whom, of the last seven days; hours that the span touches count whole. */
  talkedTo(span: Span): readonly TalkedTo[];
  /** Newest first, at most 1,000; of the last seven days. */
  denials(span: Span): readonly Denial[];
  onDenial(listener: (denial: Denial) => void): Unsubscribe;
  readonly figures: FlowFigures;
}

/** For metrics and for the page that says how the reporting itself does. */
export type FlowFigures = {
  /** Agents that report now. */
  readonly reporters: number;
  readonly edges: number;
  readonly openConnections: number;
  readonly batches: number;
  /** Batches that came again, and were not counted again. */
  readonly repeated: number;
  /** Statements refused: about somebody else, beyond a quota, or nonsense. */
  readonly refused: number;
  /** Bytes of messages received. */
  readonly receivedBytes: number;
};
