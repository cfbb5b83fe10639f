// An upgraded connection (WebSocket, SPDY) between a client and a node: the request is passed on,
// and from then on every byte, in both directions.
import type { Duplex } from 'node:stream';
import { statusOf } from '../status.ts';
import type { NodeClient } from './node-client.ts';
import type { NodeAddress } from './node-target.ts';

/** A client that asked for an upgrade. */
export type UpgradingClient = {
  readonly method: string;
  /** Names and values in turn, as they came. */
  readonly rawHeaders: readonly string[];
  readonly socket: Duplex;
  /** What the client sent after its headers. */
  readonly head: Uint8Array;
};

/** What is between client and server, and none of the node's business. */
const PRIVATE_HEADERS = /^(?:authorization|cookie|host|impersonate-.*)$/i;

export async function openTunnel(
  client: UpgradingClient,
  nodes: NodeClient,
  target: { readonly node: NodeAddress; readonly path: string },
): Promise<void> {
  const { socket } = client;
  socket.on('error', () => undefined); // its end is what counts
  try {
    const upstream = await nodes.connect(target.node);
    upstream.on('error', () => undefined);
    upstream.once('close', () => socket.destroy());
    socket.once('close', () => upstream.destroy());
    upstream.write(renderRequest(client, target));
    upstream.write(client.head);
    socket.pipe(upstream);
    upstream.pipe(socket);
  } catch (error) {
    refuseUpgrade(socket, statusOf(error));
  }
}

function renderRequest(
  { method, rawHeaders }: UpgradingClient,
  { node, path }: { readonly node: NodeAddress; readonly path: string },
): string {
  const lines = [`${method} ${path} HTTP/1.1`, `Host: ${node.host}:${node.port}`];
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? '';
    if (!PRIVATE_HEADERS.test(name)) lines.push(`${name}: ${rawHeaders[index + 1] ?? ''}`);
  }
  return `${lines.join('\r\n')}\r\n\r\n`;
}

/** An answer to a client that hoped for an upgrade. */
export function refuseUpgrade(
  socket: Duplex,
  status: { readonly code: number; readonly message?: string },
): void {
  const body = JSON.stringify(status);
  socket.end(
    [
      `HTTP/1.1 ${status.code} Refused`,
      'Content-Type: application/json',
      `Content-Length: ${Buffer.byteLength(body)}`,
      'Connection: close',
      '',
      body,
    ].join('\r\n'),
  );
}
