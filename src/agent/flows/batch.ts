// What one stretch of time added to the account, before it is told. Pure data and its addition.
import { addDurations, durationBucket, noDurations, type Durations } from '#base/durations.ts';
import type { EdgeFacts } from './edge-facts.ts';

export type Edge = { readonly number: number; readonly key: string; readonly facts: EdgeFacts };

/** A connection that the agent has an account of. */
export type ConnectionRecord = {
  readonly number: number;
  readonly key: string;
  readonly edge: Edge;
  readonly openedMs: number;
  /** How long it took to reach the server; 0: not known. */
  readonly connectMs: number;
  readonly client: string;
  readonly server: string;
  /** Bytes that were told and acknowledged, or not for this agent to tell. */
  baseToServer: number;
  baseToClient: number;
};

export type Moved = { toServer: number; toClient: number };

export type Closing = {
  readonly atMs: number;
  readonly flags: string;
  readonly deniedBy: string;
  readonly hasFailed: boolean;
};

/** What is told of an edge as a whole. */
export type Sums = {
  opened: number;
  failed: number;
  requests: number;
  requestMs: number;
  /** Undefined: no requests. */
  durations: Durations | undefined;
  /** Requests that the server did not take: 4xx, without those that failed. */
  clientErrors: number;
  toServer: number;
  toClient: number;
  flags: string;
  deniedBy: string;
  denied: number;
};

export const noSums = (): Sums => ({
  opened: 0,
  failed: 0,
  requests: 0,
  requestMs: 0,
  durations: undefined,
  clientErrors: 0,
  toServer: 0,
  toClient: 0,
  flags: '',
  deniedBy: '',
  denied: 0,
});

export class Batch {
  readonly fromMs: number;
  /** The end of what it tells of. */
  atMs: number;
  readonly opened = new Set<ConnectionRecord>();
  readonly moved = new Map<ConnectionRecord, Moved>();
  readonly closed = new Map<ConnectionRecord, Closing>();
  readonly sums = new Map<Edge, Sums>();

  constructor(fromMs: number) {
    this.fromMs = fromMs;
    this.atMs = fromMs;
  }

  get spanMs(): number {
    return Math.max(0, this.atMs - this.fromMs);
  }

  /** What it costs to keep, and to send. */
  get entries(): number {
    return this.opened.size + this.moved.size + this.closed.size + this.sums.size;
  }

  move(connection: ConnectionRecord, toServer: number, toClient: number): void {
    if (toServer === 0 && toClient === 0) return;
    const moved = this.moved.get(connection);
    if (!moved) {
      this.moved.set(connection, { toServer, toClient });
      return;
    }
    moved.toServer += toServer;
    moved.toClient += toClient;
  }

  sumsOf(edge: Edge): Sums {
    const known = this.sums.get(edge);
    if (known) return known;
    const sums = noSums();
    this.sums.set(edge, sums);
    return sums;
  }

  /** Adds what came directly after. */
  absorb(later: Batch): void {
    this.atMs = Math.max(this.atMs, later.atMs);
    for (const connection of later.opened) this.opened.add(connection);
    for (const [connection, { toServer, toClient }] of later.moved) {
      this.move(connection, toServer, toClient);
    }
    for (const [connection, closing] of later.closed) this.closed.set(connection, closing);
    for (const [edge, sums] of later.sums) addSums(this.sumsOf(edge), sums);
  }

  /** Connections that began and ended within it are told as sums from now on. */
  collapse(): void {
    for (const connection of this.closed.keys()) this.collapseOne(connection);
  }

  /** @returns false: the connection is not wholly in this batch */
  collapseOne(connection: ConnectionRecord): boolean {
    const closing = this.closed.get(connection);
    if (!closing || !this.opened.has(connection)) return false;
    const sums = this.sumsOf(connection.edge);
    sums.opened += 1;
    const moved = this.moved.get(connection);
    sums.toServer += moved?.toServer ?? 0;
    sums.toClient += moved?.toClient ?? 0;
    countFailure(sums, closing);
    this.opened.delete(connection);
    this.moved.delete(connection);
    this.closed.delete(connection);
    return true;
  }
}

export function countRequest(sums: Sums, durationMs: number): void {
  sums.requests += 1;
  sums.requestMs += durationMs;
  sums.durations ??= noDurations();
  const bucket = durationBucket(durationMs);
  sums.durations[bucket] = (sums.durations[bucket] ?? 0) + 1;
}

export function countFailure(
  sums: Sums,
  { hasFailed, flags, deniedBy }: Pick<Closing, 'hasFailed' | 'flags' | 'deniedBy'>,
): void {
  if (!hasFailed) return;
  sums.failed += 1;
  sums.flags = flags;
  if (deniedBy === '') return;
  sums.denied += 1;
  sums.deniedBy = deniedBy;
}

function addSums(to: Sums, more: Sums): void {
  to.opened += more.opened;
  to.failed += more.failed;
  to.requests += more.requests;
  to.requestMs += more.requestMs;
  to.clientErrors += more.clientErrors;
  if (more.durations) addDurations((to.durations ??= noDurations()), more.durations);
  to.toServer += more.toServer;
  to.toClient += more.toClient;
  to.denied += more.denied;
  to.flags = more.flags || to.flags;
  to.deniedBy = more.deniedBy || to.deniedBy;
}
