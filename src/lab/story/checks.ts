// What the story's evidence proves, claim by claim, each with its figures. Pure.
import { type AccessLogLine, parseAccessLogLine } from '../access-log.ts';
import { type Connection, countMarker, isTlsOnly } from '../connections.ts';
import type { Evidence, Identity } from './evidence.ts';

export type Figure = string | number | boolean | readonly string[];

export type Check = {
  readonly name: string;
  readonly ok: boolean;
  /** What was seen, or what was not: one sentence. */
  readonly says: string;
  readonly figures: Readonly<Record<string, Figure>>;
};

/** Fewer rows, or fewer connections of a kind, would prove little. */
const ROWS_MIN = 4;
const ENCRYPTED_CONNECTIONS_MIN = 2;
/** Envoy looks for drained connections at intervals, and this machine is busy. */
const DRAIN_TOLERANCE_MS = 3_000;

/** All of the story's claims, in the order in which they are told. */
export function judge(evidence: Evidence): Check[] {
  return [
    judgeRows(evidence.rows),
    judgeAccessLog(evidence.accessLog),
    judgeClearText(evidence.wire),
    judgeEncryption(evidence.wire),
    judgeIdentities(evidence.identities),
    judgeWitness(evidence.witness),
    judgeDrain(evidence.drain),
  ];
}

function judgeRows({ inserted, committed, isFinished, failures }: Evidence['rows']): Check {
  const missing = inserted.filter((title) => !committed.includes(title));
  const untold = committed.filter((title) => !inserted.includes(title));
  const isEqual =
    missing.length === 0 && untold.length === 0 && inserted.length === committed.length;
  const isEnough = committed.length >= ROWS_MIN;
  const says = ((): string => {
    if (missing.length > 0) return `${missing[0]} was called inserted but is not in PostgreSQL`;
    if (untold.length > 0) return `${untold[0]} is in PostgreSQL but was not called inserted`;
    if (!isEqual) return `${inserted.length} ✅ lines, but ${committed.length} rows in PostgreSQL`;
    if (!isEnough) return `only ${committed.length} rows arrived, ${ROWS_MIN} were expected`;
    if (!isFinished) return 'the client ended without finishing its last book';
    return `${committed.length} rows in PostgreSQL, the same that the client called inserted`;
  })();
  return {
    name: 'rows',
    ok: isEqual && isEnough && isFinished,
    says,
    figures: { rows: committed.length, inserted: inserted.length, failures: failures.length },
  };
}

/** A pair of lines is of one connection: the address that one Envoy dialled from, the other saw. */
function judgeAccessLog({ vm, client }: Evidence['accessLog']): Check {
  const name = 'access log';
  const server = parseLines(vm).filter(({ cluster }) => cluster.startsWith('inbound|5432|tcp|'));
  const outbound = parseLines(client).filter(({ cluster }) =>
    cluster.startsWith('outbound|5432||'),
  );
  const figures = { vmLines: server.length, clientLines: outbound.length };
  const pairs = server.flatMap((line) => {
    const other = outbound.find((o) => o.upstreamLocalAddress === line.downstreamRemoteAddress);
    return other && isMeshTls(line) ? [{ line, other }] : [];
  });
  const pair = pairs.at(-1);
  if (pair) {
    const lines = { vmLine: pair.line.text, clientLine: pair.other.text };
    const says = `${pairs.length} encrypted connections stand in both logs, in Istio's format`;
    return { name, ok: true, says, figures: { ...figures, pairs: pairs.length, ...lines } };
  }
  const says = ((): string => {
    if (vm.length === 0) return 'the VM has no line in /var/log/istio/istio.log';
    if (server.length === 0) return `no line of the VM is for inbound|5432|tcp|…: ${vm.at(-1)}`;
    if (outbound.length === 0) return 'the client has no line for outbound|5432||…';
    return 'no connection with a server name stands in both logs';
  })();
  return { name, ok: false, says, figures: { ...figures, pairs: 0 } };
}

const parseLines = (lines: readonly string[]): AccessLogLine[] =>
  lines.flatMap((line) => parseAccessLogLine(line) ?? []);

const isMeshTls = ({ serverName }: AccessLogLine): boolean =>
  serverName.startsWith('outbound_.5432_._.');

function judgeClearText({ connections, marker, askedAtMs }: Evidence['wire']): Check {
  const before = connections.filter(({ openedAtMs }) => openedAtMs < askedAtMs);
  const readable = before.filter((connection) => countMarker(connection, marker) > 0);
  const occurrences = before.reduce((sum, it) => sum + countMarker(it, marker), 0);
  const ok = readable.length > 0;
  return {
    name: 'clear text',
    ok,
    says: ok
      ? `with enableAutoMtls: false the marker is readable on the wire, ${occurrences} times`
      : `the capture of ${before.length} plaintext connections does not hold the marker`,
    figures: { connections: before.length, readable: readable.length, occurrences },
  };
}

function judgeEncryption(wire: Evidence['wire']): Check {
  const { connections, marker, inForceAtMs, droppedPackets } = wire;
  const after = connections.filter(({ openedAtMs }) => openedAtMs > inForceAtMs);
  const occurrences = after.reduce((sum, it) => sum + countMarker(it, marker), 0);
  const other = after.filter((connection) => !isTlsOnly(connection));
  const missingBytes = after.reduce((sum, it) => sum + it.missingBytes, 0);
  const bytes = after.reduce((sum, it) => sum + bytesOf(it), 0);
  const says = ((): string => {
    if (droppedPackets > 0) return `the capture lost ${droppedPackets} packets and proves nothing`;
    if (missingBytes > 0) return `the capture lacks ${missingBytes} bytes and proves nothing`;
    if (after.length < ENCRYPTED_CONNECTIONS_MIN) {
      return `only ${after.length} connections were opened after mutual TLS was in force`;
    }
    if (occurrences > 0) return `the marker is readable ${occurrences} times in spite of STRICT`;
    if (other.length > 0)
      return `${other[0]?.client} spoke something else than TLS in spite of STRICT`;
    return `with mutual TLS in force, not one byte of it: ${bytes} bytes, all TLS records`;
  })();
  const isProof = droppedPackets === 0 && missingBytes === 0;
  return {
    name: 'encryption',
    ok:
      isProof &&
      after.length >= ENCRYPTED_CONNECTIONS_MIN &&
      occurrences === 0 &&
      other.length === 0,
    says,
    figures: { connections: after.length, bytes, occurrences, droppedPackets, missingBytes },
  };
}

const bytesOf = ({ fromClient, fromServer }: Connection): number =>
  fromClient.length + fromServer.length;

function judgeIdentities({ vm, client, expected }: Evidence['identities']): Check {
  const problems = [
    ...identityProblems('VM', vm.after, expected.vm),
    ...identityProblems('client', client.after, expected.client),
  ];
  const figures = {
    vm: vm.after?.spiffeId ?? '',
    client: client.after?.spiffeId ?? '',
    vmSerialNumbers: serialNumbers(vm),
    clientSerialNumbers: serialNumbers(client),
  };
  const says = problems[0] ?? `${figures.client} → ${figures.vm}`;
  return { name: 'identities', ok: problems.length === 0, says, figures };
}

function identityProblems(who: string, found: Identity | undefined, expected: string): string[] {
  if (!found) return [`the ${who}'s Envoy serves no certificate`];
  if (found.spiffeId === expected) return [];
  return [`the ${who}'s certificate is of ${found.spiffeId}, not of ${expected}`];
}

const serialNumbers = (seen: Evidence['identities']['vm']): readonly string[] =>
  [seen.before, seen.after].flatMap((identity) => identity?.serialNumber ?? []);

function judgeWitness({ backend, steps, rows }: Evidence['witness']): Check {
  const lost = steps.find((step) => !step.isAlive || step.backend !== backend);
  const isWhole = rows === steps.length;
  const changes = steps.map(({ change }) => change);
  const says = ((): string => {
    if (lost) return `the witness session was cut by this change: ${lost.change}`;
    if (!isWhole) return `the witness wrote ${steps.length} rows, PostgreSQL has ${rows} of them`;
    return `one session lived through: ${changes.join(', ')}; then it committed`;
  })();
  const ok = !lost && isWhole && steps.length > 0;
  return { name: 'witness', ok, says, figures: { changes, rows, backend } };
}

export function judgeDrain({
  announcedMs,
  wasAliveInForce,
  endedAfterMs,
}: Evidence['drain']): Check {
  const isInTime = endedAfterMs !== undefined && endedAfterMs <= announcedMs + DRAIN_TOLERANCE_MS;
  const says = ((): string => {
    if (!wasAliveInForce) return 'the plaintext session was cut at once instead of drained';
    if (endedAfterMs === undefined) return 'the plaintext session outlived its drain time';
    if (!isInTime)
      return `the plaintext session lived ${endedAfterMs} ms, announced: ${announcedMs}`;
    return (
      `a plaintext session from before lived ${(endedAfterMs / 1000).toFixed(1)} s longer, ` +
      `as announced (drain time ${announcedMs / 1000} s), and was then cut`
    );
  })();
  return {
    name: 'drain',
    ok: wasAliveInForce && isInTime,
    says,
    figures: { announcedMs, wasAliveInForce, endedAfterMs: endedAfterMs ?? -1 },
  };
}
