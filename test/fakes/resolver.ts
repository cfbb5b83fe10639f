// A DNS resolver whose answers a test scripts, and which remembers what it was asked.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import type { Transport } from '#dns/reply.ts';
import { FrameReader, frame } from '#dns/tcp-frames.ts';

export type Asked = {
  readonly bytes: Uint8Array;
  readonly transport: Transport;
  /** The asker's port. */
  readonly port: number;
};

/** The replies to a query, none to stay silent. */
export type Script = (asked: Asked) => readonly Uint8Array[];

export interface FakeResolver extends AsyncDisposable {
  readonly address: string;
  readonly port: number;
  /** All queries so far, as they came over the wire. */
  readonly asked: readonly Asked[];
}

/** @param at where it listens; on any free port of the loopback when left out */
export async function startFakeResolver(
  script: Script,
  at: { readonly address: string; readonly port: number } = { address: '127.0.0.1', port: 0 },
): Promise<FakeResolver> {
  const asked: Asked[] = [];
  const open = new Set<Socket>();
  const answer = (query: Asked): readonly Uint8Array[] => {
    asked.push(query);
    return script(query);
  };

  const tcp = createServer((socket) => {
    const frames = new FrameReader();
    open.add(socket);
    socket.on('error', () => undefined).on('close', () => open.delete(socket));
    socket.on('data', (chunk) => {
      for (const bytes of frames.push(chunk)) {
        const query: Asked = { bytes, transport: 'tcp', port: socket.remotePort ?? 0 };
        for (const reply of answer(query)) socket.write(frame(reply));
      }
    });
  });
  tcp.listen(at.port, at.address);
  await once(tcp, 'listening');
  const bound = tcp.address();
  const port = typeof bound === 'object' && bound ? bound.port : 0;

  const udp = createSocket('udp4');
  udp.on('message', (bytes, peer) => {
    for (const reply of answer({ bytes, transport: 'udp', port: peer.port })) {
      udp.send(reply, peer.port, peer.address);
    }
  });
  udp.bind(port, at.address);
  await once(udp, 'listening');

  return {
    address: at.address,
    port,
    asked,
    async [Symbol.asyncDispose]() {
      udp.close();
      for (const socket of open) socket.destroy();
      tcp.close();
      await once(tcp, 'close');
    },
  };
}
