// Both ends of connections, each with its agent, and isthmusd between a wire that loses and a disk
// that keeps: the real account, outbox, messages, table and history, without time or network.
import assert from 'node:assert/strict';
import { ConnectionAccount, type ConnectionEntry } from '#telemetry/connection-account.ts';
import { decodeBatch } from '#telemetry/flows/check-batch.ts';
import { FlowTable } from '#telemetry/flows/flow-table.ts';
import type { FlowNames } from '#telemetry/flows/naming.ts';
import type { AgentIdentity } from '#telemetry/flows/reporters.ts';
import { History } from '#telemetry/history/history.ts';
import type { CallKind } from '#telemetry/report.ts';
import { FlowAccount } from '#agent/flows/account.ts';
import { StreamEncoder } from '#agent/flows/encode.ts';
import { Outbox } from '#agent/flows/outbox.ts';
import type { WireFacts } from '#agent/flows/wire-facts.ts';
import type { CallFacts } from '#agent/call-kind.ts';

export type End = 'source' | 'destination';
export const ENDS: readonly End[] = ['source', 'destination'];

export const CLIENT = agentOf('Pod', 'inventory');
export const SERVER = agentOf('WorkloadEntry', 'postgresql');
const PORT = 5432;

export function agentOf(kind: 'Pod' | 'WorkloadEntry', name: string): AgentIdentity {
  return {
    key: `${kind}/default/${name}`,
    peer: `cert|cluster.local|default|${name}|${kind}|${name}`,
    spiffeId: `spiffe://cluster.local/ns/default/sa/${name}`,
  };
}

/** A mesh that knows every certificate of its namespace, and no address. */
export const NAMES: FlowNames = {
  nodeOf: (peer) => {
    const name = peer.split('|').at(-1) ?? '';
    return peer.startsWith('cert|cluster.local|default|') ? `wl:default/${name}` : undefined;
  },
  dialledNode: () => undefined,
  applicationOf: () => 'postgres',
};

type Truth = {
  readonly id: number;
  readonly openedMs: number;
  toServer: number;
  toClient: number;
  isOpen: boolean;
};

/** What Envoy and the agent of one end do. */
class FakeEnd {
  readonly end: End;
  readonly identity: AgentIdentity;
  connections = new ConnectionAccount(0);
  account = new FlowAccount(0);
  outbox = new Outbox();
  epoch = 0;
  /** Entries that Envoy has written, and the agent has not read. */
  entries: ConnectionEntry[] = [];
  stream: { encoder: StreamEncoder; isFirst: boolean } | undefined;
  wire: Uint8Array[] = [];
  acks: number[] = [];

  constructor(end: End) {
    this.end = end;
    this.identity = end === 'source' ? CLIENT : SERVER;
  }

  restart(nowMs: number): void {
    this.epoch += 1;
    this.connections = new ConnectionAccount(nowMs);
    this.account = new FlowAccount(nowMs);
    this.outbox = new Outbox();
    this.entries = [];
    this.disconnect();
  }

  disconnect(): void {
    this.stream = undefined;
    this.wire = [];
    this.acks = [];
  }

  read(): void {
    for (const entry of this.entries) {
      const delta = this.connections.record(entry);
      const { kind, facts, wire } = said(this.end, entry.streamId);
      this.account.connection(kind, facts, { entry, delta, wire });
    }
    this.entries = [];
  }

  send(nowMs: number): void {
    this.stream ??= { encoder: new StreamEncoder(), isFirst: true };
    const head = this.outbox.head();
    if (!head || this.wire.length > 0 || this.acks.length > 0) return;
    const { encoder, isFirst } = this.stream;
    const open = isFirst ? this.account.open() : undefined;
    const epoch = `run-${this.epoch}`;
    this.wire.push(encoder.encode(head, { epoch, sentMs: nowMs, open, metrics: [] }));
    this.stream.isFirst = false;
  }
}

export class FlowWorld implements Disposable {
  nowMs = 10_000_000;
  readonly history = new History(':memory:');
  readonly ends: Readonly<Record<End, FakeEnd>> = {
    source: new FakeEnd('source'),
    destination: new FakeEnd('destination'),
  };
  readonly truth: Truth[] = [];
  table: FlowTable;
  #streams = new Map<FakeEnd, ReturnType<FlowTable['open']>>();
  #unacknowledged: (() => void)[] = [];

  constructor() {
    this.table = this.#newTable();
  }

  [Symbol.dispose](): void {
    this.history[Symbol.dispose]();
  }

  open(): void {
    const id = this.truth.length;
    this.truth.push({ id, openedMs: this.nowMs - 1, toServer: 0, toClient: 0, isOpen: true });
    this.#write(id, 'connected');
  }

  carry(which: number, toServer: number, toClient: number): void {
    const connection = this.#pick(which);
    if (!connection) return;
    connection.toServer += toServer;
    connection.toClient += toClient;
  }

  close(which: number): void {
    const connection = this.#pick(which);
    if (!connection) return;
    connection.isOpen = false;
    this.#write(connection.id, 'end');
  }

  /** Envoy's entries of what is open, once a second. */
  period(end: End): void {
    for (const { id, isOpen } of this.truth) if (isOpen) this.#write(id, 'periodic', [end]);
  }

  tick(end: End): void {
    const each = this.ends[end];
    each.read();
    this.nowMs += 500;
    each.outbox.add(each.account.take(this.nowMs));
  }

  send(end: End): void {
    this.ends[end].send(this.nowMs);
  }

  /** What the agent has sent arrives. */
  deliver(end: End): void {
    const each = this.ends[end];
    const bytes = each.wire.shift();
    if (!bytes) return;
    const batch = decodeBatch(bytes);
    assert(batch, 'a batch of our own');
    let stream = this.#streams.get(each);
    if (!stream) this.#streams.set(each, (stream = this.table.open(each.identity)));
    this.table.apply(stream, batch, this.nowMs);
    const on = each.stream;
    this.#unacknowledged.push(() => {
      if (each.stream === on) each.acks.push(batch.sequence);
    });
  }

  store(): void {
    this.history.store(this.table.pending, () => this.table.behind(), this.nowMs);
    this.table.clearPending();
    for (const acknowledge of this.#unacknowledged) acknowledge();
    this.#unacknowledged = [];
  }

  acknowledge(end: End): void {
    const each = this.ends[end];
    const sequence = each.acks.shift();
    if (sequence !== undefined) each.outbox.acknowledge(sequence);
  }

  disconnect(end: End): void {
    this.ends[end].disconnect();
    this.#streams.delete(this.ends[end]);
  }

  /** What is not stored is lost, and so is every connection. */
  restartIsthmusd(): void {
    for (const end of ENDS) this.disconnect(end);
    this.#unacknowledged = [];
    this.table = this.#newTable();
  }

  restartAgent(end: End): void {
    this.disconnect(end);
    this.ends[end].restart(this.nowMs);
  }

  /** Everything that is known gets through. */
  drain(): void {
    for (const end of ENDS) {
      this.period(end);
      this.tick(end);
      while (this.ends[end].outbox.size > 0) {
        this.send(end);
        this.deliver(end);
        this.store();
        this.acknowledge(end);
      }
    }
  }

  /** What the week's record says of all together. */
  told(): { readonly connections: number; readonly toServer: number; readonly toClient: number } {
    const sum = { connections: 0, toServer: 0, toClient: 0 };
    for (const talked of this.history.talkedTo({ fromMs: 0, toMs: this.nowMs + 1000 })) {
      sum.connections += talked.connections;
      sum.toServer += talked.toServerBytes;
      sum.toClient += talked.toClientBytes;
    }
    return sum;
  }

  carried(): {
    readonly connections: number;
    readonly toServer: number;
    readonly toClient: number;
  } {
    const sum = { connections: this.truth.length, toServer: 0, toClient: 0 };
    for (const { toServer, toClient } of this.truth) {
      sum.toServer += toServer;
      sum.toClient += toClient;
    }
    return sum;
  }

  #newTable(): FlowTable {
    const table = new FlowTable({ store: this.history, names: NAMES, nowMs: this.nowMs });
    table.restore({ edges: this.history.recentEdges(0, 1000), behind: this.history.behind() });
    return table;
  }

  #pick(which: number): Truth | undefined {
    const open = this.truth.filter(({ isOpen }) => isOpen);
    return open[which % Math.max(1, open.length)];
  }

  #write(id: number, stage: ConnectionEntry['stage'], ends: readonly End[] = ENDS): void {
    const connection = this.truth[id];
    assert(connection);
    const { toServer, toClient, openedMs } = connection;
    for (const end of ends) {
      this.ends[end].entries.push({
        logName: end,
        streamId: String(id),
        stage,
        startedAtMs: openedMs,
        receivedBytes: toServer,
        sentBytes: toClient,
      });
    }
  }
}

const NOBODY = { spiffeId: '', subject: '' };

/** What Envoy says of a connection of the two, seen from one end. */
function said(end: End, id: string): { kind: CallKind; facts: CallFacts; wire: WireFacts } {
  const kind: CallKind = {
    reporter: end,
    source: { peer: CLIENT.peer, principal: CLIENT.spiffeId },
    destination: { peer: SERVER.peer, principal: SERVER.spiffeId },
    service: { host: 'postgresql.default.svc.cluster.local', name: 'p', namespace: 'default' },
    protocol: 'tcp',
    security: 'mutual_tls',
    responseFlags: '-',
    responseCode: '',
    grpcStatus: '',
  };
  const facts: CallFacts = {
    logName: end,
    tags: {},
    downstreamPeer: NOBODY,
    downstreamLocal: NOBODY,
    sni: '',
    downstreamRemoteAddress: '10.0.0.1',
    downstreamLocalAddress: '10.0.0.2',
    upstreamRemoteAddress: '10.0.0.2',
    upstreamLocalAddress: '10.0.0.1',
    responseCode: undefined,
    routeName: '',
  };
  const wire: WireFacts = {
    downstreamRemotePort: 10_000 + Number(id),
    downstreamLocalPort: PORT,
    upstreamRemotePort: PORT,
    upstreamLocalPort: 10_000 + Number(id),
    tlsVersion: 'TLSv1.3',
    tlsCipher: '',
    deniedBy: '',
  };
  return { kind, facts, wire };
}
