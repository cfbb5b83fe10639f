// A DNS proxy on the loopback with a small mesh of its own, and clients that speak to it in bytes.
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { Resolver as NodeResolver } from 'node:dns/promises';
import { on } from 'node:events';
import { connect } from 'node:net';
import { systemClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { NameTable } from '#dns/name-table.ts';
import { TYPE, parseMessage, renderMessage, type DnsMessage } from '#dns/packet.ts';
import { startDnsServer, type DnsServer, type DnsServerOptions } from '#dns/server.ts';
import { FrameReader, frame } from '#dns/tcp-frames.ts';
import type { NameRecord, ZoneConfig } from '#dns/zone.ts';
import type { Script } from './resolver.ts';

export const ZONE: ZoneConfig = {
  namespace: 'library',
  clusterDomain: 'cluster.local',
  search: ['library.svc.cluster.local'],
  authoritative: ['cluster.local'],
};
export const DATABASE = 'postgresql-1-vm.default.svc.cluster.local';
const MESH: Readonly<Record<string, NameRecord>> = {
  [DATABASE]: { kind: 'addresses', ipv4: ['240.240.0.5'], ipv6: [] },
  'many.library.svc.cluster.local': {
    kind: 'addresses',
    ipv4: Array.from({ length: 200 }, (_, index) => `10.0.1.${index}`),
    ipv6: [],
  },
};

/** A control plane that answers every subscription at once, from the table above. */
export function connectedNames(): NameTable {
  const names: NameTable = new NameTable({
    subscribe: (name) => queueMicrotask(() => names.apply(name, MESH[name] ?? { kind: 'absent' })),
    unsubscribe: () => undefined,
  });
  names.setConnected(true);
  return names;
}

export function start(options: Partial<DnsServerOptions> = {}): Promise<DnsServer> {
  return startDnsServer({
    listen: [{ address: '127.0.0.1', port: 0 }],
    zone: ZONE,
    names: connectedNames(),
    upstreams: [],
    clock: systemClock,
    log: silentLogger,
    ...options,
  });
}

export const portOf = (server: DnsServer): number => server.endpoints[0]?.port ?? 0;

export function clientOf(server: DnsServer): NodeResolver {
  const client = new NodeResolver({ timeout: 5000, tries: 1 });
  client.setServers([`127.0.0.1:${portOf(server)}`]);
  return client;
}

export function query(name: string, options: { id?: number; type?: number; opcode?: number } = {}) {
  const { id = 0x1234, type = TYPE.A, opcode = 0 } = options;
  return renderMessage({
    header: {
      id,
      isResponse: false,
      opcode,
      isAuthoritative: false,
      isTruncated: false,
      recursionDesired: true,
      recursionAvailable: false,
      authenticData: false,
      checkingDisabled: false,
      rcode: 0,
    },
    questions: [{ name, type, class: 1 }],
    answers: [],
    authorities: [],
    additionals: [],
  });
}

export function read(bytes: Uint8Array): DnsMessage {
  const parsed = parseMessage(bytes);
  assert(parsed.ok, parsed.ok ? '' : parsed.problem);
  return parsed.value;
}

/** Sends all queries from one socket at once, as musl does, and collects as many replies. */
export async function exchangeByUdp(
  server: DnsServer,
  queries: readonly Uint8Array[],
  count = queries.length,
): Promise<Buffer[]> {
  const socket = createSocket('udp4');
  try {
    const arriving = on(socket, 'message', { signal: AbortSignal.timeout(8000) });
    for (const bytes of queries) socket.send(bytes, portOf(server), '127.0.0.1');
    const replies: Buffer[] = [];
    for await (const received of arriving) {
      const bytes: unknown = received[0];
      if (Buffer.isBuffer(bytes)) replies.push(bytes);
      if (replies.length === count) break;
    }
    return replies;
  } finally {
    socket.close();
  }
}

/** Sends all queries on one connection and reads until `count` replies came or it was closed. */
export async function exchangeByTcp(
  server: DnsServer,
  queries: readonly Uint8Array[],
  count = queries.length,
): Promise<Uint8Array[]> {
  const socket = connect({ host: '127.0.0.1', port: portOf(server) });
  const frames = new FrameReader();
  const replies: Uint8Array[] = [];
  for (const bytes of queries) socket.write(frame(bytes));
  for await (const chunk of socket as AsyncIterable<Uint8Array>) {
    replies.push(...frames.push(chunk));
    if (replies.length >= count) break;
  }
  socket.destroy();
  return replies;
}

/** Turns a query into a reply with bytes that no codec of ours would write. */
export const strangeReply: Script = ({ bytes }) => {
  const reply = Buffer.concat([
    bytes,
    Buffer.from('c00c ffee 0001 00000001 0003 616263'.replaceAll(' ', ''), 'hex'),
  ]);
  reply[2] = 0x81;
  reply[3] = 0xa0;
  reply[7] = 1;
  return [reply];
};
