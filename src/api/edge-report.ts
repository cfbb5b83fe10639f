// One edge, looked at closely. `GET /api/v1/edges/{id}`.
import type { MeshEdge } from './graph.ts';

export type EdgeReport = {
  /** Of the control plane. */
  readonly nowMs: number;
  /** As it is now: events tell what changes of it every few seconds only. */
  readonly edge: MeshEdge;
  /** null: of HTTP, whose connections are not told. */
  readonly open: OpenConnections | null;
  /** Of the last connections; null: of none is it known how long its server took to be reached. */
  readonly connect: ConnectTimes | null;
};

/** Connections that are open, of those that are known one by one. */
export type OpenConnections = {
  readonly count: number;
  /** Open, too, but not known one by one: the mesh has too many. */
  readonly others: number;
  /** Nothing has been carried for longer than `idleAfterMs`: in a pool, waiting. */
  readonly idle: number;
  readonly idleAfterMs: number;
  readonly ages: readonly AgeCount[];
  /** null: none is open. */
  readonly oldestMs: number | null;
};

/** How many are at most so old, and older than the bound before. */
export type AgeCount = {
  /** null: however old. */
  readonly upToMs: number | null;
  readonly count: number;
};

/** From the client's connection until its proxy had one to the server, without TLS. */
export type ConnectTimes = {
  readonly count: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly maxMs: number;
};
