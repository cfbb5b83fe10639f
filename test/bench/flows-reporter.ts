// Agents that report flows, without Envoys: each with its connection, account and outbox, as the
// real ones, fed with what Envoy would have written.
import { setInterval } from 'node:timers/promises';
import { ConnectionAccount } from '#telemetry/connection-account.ts';
import { FLOW_METHOD } from '#telemetry/flows/limits.ts';
import type { CallKind } from '#telemetry/report.ts';
import { FlowAccount } from '#agent/flows/account.ts';
import { decodeAck, StreamEncoder } from '#agent/flows/encode.ts';
import { Outbox } from '#agent/flows/outbox.ts';
import { systemClock } from '#base/clock.ts';
import type { GrpcClientCall } from '#grpc/call.ts';
import { connectGrpc, type GrpcChannel } from '#grpc/client.ts';
import type { ProxyCredentials } from './xds-mesh.ts';

const PORT = 5432;
const BYTES_PER_SECOND = 10_000;

type Side = { readonly end: 'source' | 'destination'; readonly other: number };

const addressOf = (index: number): string => `10.30.${index >> 8}.${index % 256}`;
const peerOf = (index: number): string => `cert|cluster.local|default|default|Pod|proxy-${index}`;
const SPIFFE_ID = 'spiffe://cluster.local/ns/default/sa/default';
const NOBODY = { spiffeId: '', subject: '' };

export class Reporter implements AsyncDisposable {
  readonly #index: number;
  readonly #sides: readonly Side[];
  readonly #channel: GrpcChannel;
  readonly #call: GrpcClientCall;
  readonly #connections = new ConnectionAccount(0);
  readonly #account = new FlowAccount(systemClock.nowMs());
  readonly #outbox = new Outbox();
  readonly #encoder = new StreamEncoder();
  readonly #startedMs = systemClock.nowMs();
  #underWay = 0;
  #seconds = 0;
  sentBytes = 0;
  batches = 0;

  /** @param sides whom it dials, and who dials it */
  constructor(
    index: number,
    sides: readonly Side[],
    at: { readonly port: number; readonly credentials: ProxyCredentials },
  ) {
    const { ca, serverName, key, specs } = at.credentials;
    this.#index = index;
    this.#sides = sides;
    this.#channel = connectGrpc({
      target: { host: '127.0.0.1', port: at.port },
      tls: { ca, serverName, key, cert: specs[index]?.cert ?? '' },
    });
    this.#call = this.#channel.stream(FLOW_METHOD);
    this.#call.onMessage = (bytes) => {
      const sequence = decodeAck(bytes)?.sequence ?? 0;
      this.#outbox.acknowledge(sequence);
      this.#underWay = 0;
    };
  }

  /** What a second adds: every connection moves. */
  second(): void {
    this.#seconds += 1;
    for (const side of this.#sides) this.#carry(side);
    const nowMs = systemClock.nowMs();
    this.#outbox.add(this.#account.take(nowMs));
    const head = this.#outbox.head();
    if (!head || this.#underWay > 0) return;
    const open = this.batches === 0 ? this.#account.open() : undefined;
    const envelope = { epoch: `bench-${this.#startedMs}`, sentMs: nowMs, open, metrics: [] };
    const bytes = this.#encoder.encode(head, envelope);
    this.#underWay = head.sequence;
    this.sentBytes += bytes.length;
    this.batches += 1;
    this.#call.send(bytes);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#channel.close();
  }

  #carry({ end, other }: Side): void {
    const [client, server] = end === 'source' ? [this.#index, other] : [other, this.#index];
    const bytes = this.#seconds * BYTES_PER_SECOND;
    const entry = {
      logName: end,
      streamId: `${client} ${server}`,
      stage: this.#seconds === 1 ? ('connected' as const) : ('periodic' as const),
      startedAtMs: this.#startedMs,
      receivedBytes: bytes,
      sentBytes: bytes * 2,
    };
    const kind: CallKind = {
      reporter: end,
      source: { peer: peerOf(client), principal: SPIFFE_ID },
      destination: { peer: peerOf(server), principal: SPIFFE_ID },
      service: { host: `proxy-${server}.default.svc.cluster.local`, name: '', namespace: '' },
      protocol: 'tcp',
      security: 'mutual_tls',
      responseFlags: '-',
      responseCode: '',
      grpcStatus: '',
    };
    const ports = { downstreamRemotePort: 40_000 + server, downstreamLocalPort: PORT };
    const wire = {
      ...ports,
      upstreamLocalPort: ports.downstreamRemotePort,
      upstreamRemotePort: PORT,
      tlsVersion: 'TLSv1.3',
      tlsCipher: 'TLS_AES_128_GCM_SHA256',
      deniedBy: '',
    };
    const facts = {
      logName: end,
      tags: {},
      downstreamPeer: NOBODY,
      downstreamLocal: NOBODY,
      sni: '',
      downstreamRemoteAddress: addressOf(client),
      downstreamLocalAddress: addressOf(server),
      upstreamRemoteAddress: addressOf(server),
      upstreamLocalAddress: addressOf(client),
      responseCode: undefined,
      routeName: '',
    };
    this.#account.connection(kind, facts, { entry, delta: this.#connections.record(entry), wire });
  }
}

/** Each talks to so many that follow it. */
export function reporters(
  count: number,
  used: number,
  at: { readonly port: number; readonly credentials: ProxyCredentials },
): readonly Reporter[] {
  return Array.from({ length: count }, (_, index) => {
    const steps = Array.from({ length: used }, (_, step) => step + 1);
    const sides: readonly Side[] = [
      ...steps.map((step) => ({ end: 'source' as const, other: (index + step) % count })),
      ...steps.map((step) => ({
        end: 'destination' as const,
        other: (index - step + count) % count,
      })),
    ];
    return new Reporter(index, sides, at);
  });
}

/** Lets all of them report once a second, spread over the second as agents are. */
export async function runSeconds(all: readonly Reporter[], seconds: number): Promise<void> {
  const slices = 20;
  let slice = 0;
  for await (const _ of setInterval(1000 / slices)) {
    for (const [index, reporter] of all.entries())
      if (index % slices === slice % slices) reporter.second();
    slice += 1;
    if (slice >= seconds * slices) return;
  }
}
