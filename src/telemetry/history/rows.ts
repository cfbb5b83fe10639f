// Rows of the database as what they mean.
import type { SQLOutputValue } from 'node:sqlite';
import type { TalkedTo } from '#api/history.ts';
import type { StoredEdge } from '#telemetry/flows/edge-record.ts';

type Row = Readonly<Record<string, SQLOutputValue>>;

export const textOf = (value: SQLOutputValue | undefined): string =>
  typeof value === 'string' ? value : '';

export const bytesOf = (value: SQLOutputValue | undefined): Uint8Array =>
  value instanceof Uint8Array ? value : new Uint8Array();

const protocolOf = (row: Row): StoredEdge['protocol'] => {
  const text = row['protocol'];
  return text === 'http' || text === 'grpc' ? text : 'tcp';
};

/** A stretch of time, both ends in it. */
export type Seconds = { readonly from: number; readonly to: number };

export const secondsOf = (row: Row): Seconds => ({
  from: Number(row['from_s']),
  to: Number(row['to_s']),
});

export const edgeOf = (row: Row): StoredEdge => ({
  id: textOf(row['id']),
  index: Number(row['idx']),
  from: textOf(row['client']),
  to: textOf(row['server']),
  port: Number(row['port']),
  protocol: protocolOf(row),
  application: textOf(row['application']),
  service: textOf(row['service']),
  firstSeenMs: Number(row['first_ms']),
  lastSeenMs: Number(row['last_ms']),
});

export const talkedOf = (row: Row): TalkedTo => ({
  from: textOf(row['client']),
  to: textOf(row['server']),
  port: Number(row['port']),
  clientIdentity: textOf(row['client_identity']),
  serverIdentity: textOf(row['server_identity']),
  service: textOf(row['service']),
  protocol: protocolOf(row),
  toServerBytes: Number(row['to_server']),
  toClientBytes: Number(row['to_client']),
  connections: Number(row['opened']),
  lastSeenMs: Number(row['last_s']) * 1000,
});
