// What the library's story has seen, and what that proves. Pure.
import { type Check, judgeDrain } from './checks.ts';
import type { Evidence as MeshEvidence } from './evidence.ts';
import { judgeVisit, judgeWayIn, type Visit, type WayIn } from './way-in-checks.ts';
import { judgeRequest, type RequestPair } from './request-log.ts';
import { type Connection, countMarker, isTlsOnly } from '../connections.ts';

export type Evidence = {
  /** What every book's transaction says, looked for on the wire. */
  readonly marker: string;
  readonly connections: readonly Connection[];
  readonly droppedPackets: number;
  /** Wall-clock milliseconds: when the policies were applied, and when they were seen in force. */
  readonly askedAtMs: number;
  readonly inForceAtMs: number;
  /** Titles by the inventory's `✅` lines, and in PostgreSQL. */
  readonly inserted: readonly string[];
  readonly committed: readonly string[];
  readonly failuresAfterFirst: readonly string[];
  /** SPIFFE IDs of the certificates that the two Envoys serve. */
  readonly identities: { readonly client: string; readonly vm: string };
  /** A plaintext session that was open before the policies. */
  readonly drain: MeshEvidence['drain'];
  /** Lines of the VM's Envoy about the database's port. */
  readonly vmLog: readonly string[];
  readonly visit: Visit;
  readonly request: RequestPair;
  readonly wayIn: WayIn;
};

const IDENTITIES = {
  client: 'spiffe://cluster.local/ns/library/sa/inventory',
  vm: 'spiffe://cluster.local/ns/default/sa/postgresql-1-vm',
} as const;

/** The story's claims, in the order in which it makes them. */
export function judgeLibrary(evidence: Evidence): readonly Check[] {
  return [
    judgeVisit(evidence.visit, evidence.committed),
    judgeRequest(evidence.request),
    judgeWayIn(evidence.wayIn),
    judgeBooks(evidence),
    judgeClearText(evidence),
    judgeEncryption(evidence),
    judgeIdentities(evidence),
    judgeDrain(evidence.drain),
  ];
}

function judgeBooks({ inserted, committed, failuresAfterFirst }: Evidence): Check {
  const missing = inserted.filter((title) => !committed.includes(title)).length;
  const ok = missing === 0 && inserted.length === committed.length && inserted.length > 0;
  const [failure] = failuresAfterFirst;
  const says = ok
    ? `${committed.length} in PostgreSQL, each once, the same that the inventory called inserted`
    : `${inserted.length} ✅ lines, ${committed.length} rows, ${missing} of them missing`;
  const isUndisturbed = failure === undefined;
  return {
    name: 'books',
    ok: ok && isUndisturbed,
    says: isUndisturbed ? says : `refused after the first was in: ${failure}`,
    figures: { rows: committed.length, inserted: inserted.length },
  };
}

function judgeClearText({ connections, marker, askedAtMs }: Evidence): Check {
  const before = connections.filter(({ openedAtMs }) => openedAtMs < askedAtMs);
  const occurrences = sum(before.map((connection) => countMarker(connection, marker)));
  const says = `"${marker}" is read ${occurrences} times between the regions before the policies`;
  const figures = { occurrences, connections: before.length };
  return { name: 'clear text', ok: occurrences > 0, says, figures };
}

function judgeEncryption({ connections, marker, inForceAtMs, droppedPackets }: Evidence): Check {
  const after = connections.filter(({ openedAtMs }) => openedAtMs >= inForceAtMs);
  const isAllTls = after.length > 0 && after.every(isTlsOnly);
  const occurrences = sum(after.map((connection) => countMarker(connection, marker)));
  const ok = isAllTls && occurrences === 0 && droppedPackets === 0;
  const says = ok
    ? `${after.length} connections after the policies, nothing but TLS in both directions`
    : `${after.filter(isTlsOnly).length} of ${after.length} connections after them are TLS`;
  return { name: 'encryption', ok, says, figures: { connections: after.length, occurrences } };
}

function judgeIdentities({ identities: { client, vm } }: Evidence): Check {
  const ok = client === IDENTITIES.client && vm === IDENTITIES.vm;
  const says = ok
    ? `${client} → ${vm}`
    : `the client is "${client}", not ${IDENTITIES.client}, or the VM "${vm}", not ${IDENTITIES.vm}`;
  return { name: 'identities', ok, says, figures: { client, vm } };
}

const sum = (numbers: readonly number[]): number =>
  numbers.reduce((total, number) => total + number, 0);
