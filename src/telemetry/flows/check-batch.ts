// What a batch may be: whoever sends it holds a certificate of the mesh, and may lie or be broken
// all the same.
import { fromBinary } from '@bufbuild/protobuf';
import type { Durations } from '#base/durations.ts';
import { FlowBatchSchema, type FlowBatch, type FlowEdge } from '#gen/isthmus/v1/flows_pb.js';
import type { FlowConnection, FlowSums } from '#gen/isthmus/v1/flows_pb.js';
import { DELTA_MAX, TEXT_MAX } from './limits.ts';

const EPOCH = /^[\w-]{1,64}$/;
const PROTOCOLS = new Set(['tcp', 'http', 'grpc']);
const SECURITIES = new Set(['mutual', 'tls', 'none', '']);
const PORT_MAX = 65_535;
/** A host name, a node's address, response flags: what others must show. */
const SHORT_MAX = 256;

/** @returns undefined: it is none, and whoever sent it cannot be followed */
export function decodeBatch(bytes: Uint8Array): FlowBatch | undefined {
  let batch: FlowBatch;
  try {
    batch = fromBinary(FlowBatchSchema, bytes);
  } catch {
    return undefined;
  }
  const { epoch, sequence, sentMs, atMs, moved, toServer, toClient } = batch;
  const isTimed = Number.isFinite(sentMs) && Number.isFinite(atMs);
  const isSquare = moved.length === toServer.length && moved.length === toClient.length;
  return EPOCH.test(epoch) && sequence > 0 && isTimed && isSquare ? batch : undefined;
}

/** Is it a count that can be added up? */
export const isCount = (value: number): boolean =>
  Number.isFinite(value) && value >= 0 && value <= DELTA_MAX;

export const isConnection = ({ baseToServer, baseToClient, key }: FlowConnection): boolean =>
  isCount(baseToServer) && isCount(baseToClient) && key.length <= TEXT_MAX;

/**
 * Counts of durations, a bucket and its count by turns.
 *
 * @param into receives them, in place of what was there
 * @returns false: they are nonsense, or of more requests than there were
 */
export function readDurations(
  { durations, requests }: Pick<FlowSums, 'durations' | 'requests'>,
  into: Durations,
): boolean {
  into.fill(0);
  if (durations.length % 2 !== 0 || durations.length > 2 * into.length) return false;
  let total = 0;
  for (let at = 0; at < durations.length; at += 2) {
    const [bucket = 0, count = 0] = [durations[at], durations[at + 1]];
    if (bucket >= into.length) return false;
    into[bucket] = count;
    total += count;
  }
  return total <= requests;
}

export function isEdge(facts: FlowEdge): boolean {
  const { clientPeer, clientPrincipal, serverPeer, serverPrincipal } = facts;
  const { dialled, serviceHost, tlsVersion, tlsCipher } = facts;
  const long = [clientPeer, clientPrincipal, serverPeer, serverPrincipal];
  const short = [dialled, serviceHost, tlsVersion, tlsCipher];
  return (
    facts.port <= PORT_MAX &&
    PROTOCOLS.has(facts.protocol) &&
    SECURITIES.has(facts.security) &&
    long.every((text) => text.length <= TEXT_MAX && isPlain(text)) &&
    short.every((text) => text.length <= SHORT_MAX && isPlain(text))
  );
}

/** Without control characters, and nothing that turns the direction of writing. */
const isPlain = (text: string): boolean => !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(text);

/** Flags and policies' names, cut to what they can be. */
export const shortText = (text: string): string =>
  text.replace(/[^\w,./:|-]/g, '').slice(0, SHORT_MAX);
